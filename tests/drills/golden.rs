//! A vault and a backup of each format that was written: every later version opens them, reads
//! every value, writes on, and leaves a later format alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::sandbox::{Said, Sandbox, command_in, run};
use super::world::refused;

const NEWEST: &str = "1";
const FORMATS: &[&str] = &["1"];

/// Secret, version, value: what `fixtures/golden/make` stored.
const VALUES: &[(&str, &str, &[u8])] = &[
    ("acme/main", "1", b"golden-1"),
    ("acme/main", "2", b"golden-2"),
    ("acme/main", "3", b"golden-3"),
    ("acme/main --profile prod", "1", b"golden-prod"),
    ("acme/binary", "1", b"\xff\x01golden\x80"),
    ("acme/text", "1", "golden \"quoted\" \\ line\nnext\ttab \u{e9}".as_bytes()),
    ("acme/fields#id", "1", b"golden-id"),
    ("acme/fields#key", "1", b"golden-key"),
];

/// A golden folder copied to where it may be written.
struct Golden(Sandbox);

impl Golden {
    fn copy(format: &str) -> Self {
        let sandbox = Sandbox::in_memory();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden").join(format);
        copy(&from, &sandbox.path("golden"));
        Self(sandbox)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path("golden").join(name)
    }

    /// A call on a home with one of the keys.
    fn call(&self, home: &Path, key: &str, words: &str, input: &[u8]) -> Said {
        let flag = if key == "passphrase.txt" { "--passphrase-file" } else { "--identity" };
        let key = self.path(key);
        let words: Vec<&str> = words.split(' ').collect();
        run(&mut command_in(home, &[&[flag, key.to_str().unwrap()], &words[..]].concat()), input)
    }

    /// Every value, history, lists, policy; then a change, and everything once more in order.
    fn examine(&self, home: &Path, key: &str) {
        let call = |words: &str| {
            let said = self.call(home, key, words, b"");
            assert_eq!(said.code(), Some(0), "{key}: {words}: {}", said.err);
            said.out
        };
        for (name, version, value) in VALUES {
            let found = call(&format!("get {name} --version {version}"));
            assert!(found == *value, "{key}: {name}, version {version}, is other");
        }
        let shown: serde_json::Value =
            serde_json::from_slice(&call("history acme/main --json")).unwrap();
        let stages = shown["versions"].as_array().unwrap().iter().map(|v| v["stage"].clone());
        assert_eq!(stages.collect::<Vec<_>>(), ["retired", "current", "previous"]);
        let removed = call("list --removed");
        assert!(removed.starts_with(b"acme/gone"), "{removed:?}");
        assert_eq!(call("policy show"), b"[agents.golden]\nsecrets = [\"acme/*\"]\n");
        assert_eq!(call("run --as golden -- printenv ACME_KEY"), b"golden-2\n");
        let set = self.call(home, key, "set acme/new", b"value-new");
        assert_eq!(set.code(), Some(0), "{}", set.err);
        assert_eq!(call("rollback acme/gone"), b"");
        assert_eq!(call("get acme/gone"), b"golden-gone");
        self.call(home, key, "log --verify", b"").sound("log --verify");
        self.call(home, key, "doctor", b"").sound("doctor");
    }
}

#[test]
fn a_golden_vault_opens_with_each_of_its_keys() {
    for format in FORMATS {
        for key in ["identity.txt", "recovery.txt", "passphrase.txt"] {
            let golden = Golden::copy(format);
            let log = golden.call(&golden.path("vault"), key, "log --json", b"").out;
            let log = String::from_utf8(log).unwrap();
            for event in ["init", "set", "rekey", "rollback", "get", "backup"] {
                assert!(log.contains(&format!("\"event\":\"{event}\"")), "no {event} in the log");
            }
            golden.examine(&golden.path("vault"), key);
        }
    }
}

#[test]
fn a_golden_backup_is_restored_with_each_of_its_keys() {
    for format in FORMATS {
        for key in ["identity.txt", "recovery.txt", "passphrase.txt"] {
            let golden = Golden::copy(format);
            let (clean, backup) = (golden.0.path("clean"), golden.path("backup.age"));
            let restore = format!("restore {}", backup.display());
            for words in [format!("{restore} --check"), restore] {
                let said = golden.call(&clean, key, &words, b"");
                assert_eq!(said.code(), Some(0), "{key}: {}", said.err);
            }
            golden.examine(&clean, key);
        }
    }
}

#[test]
fn an_older_golden_backup_goes_over_its_vault() {
    let golden = Golden::copy(NEWEST);
    let vault = golden.path("vault");
    let set = golden.call(&vault, "identity.txt", "set acme/since", b"value-since");
    assert_eq!(set.code(), Some(0), "{}", set.err);
    let restore = format!("restore {} --older", golden.path("backup.age").display());
    let said = golden.call(&vault, "identity.txt", &restore, b"");
    assert_eq!(said.code(), Some(0), "{}", said.err);
    golden.examine(&vault, "recovery.txt");
}

#[test]
fn a_later_format_is_left_untouched() {
    let golden = Golden::copy(NEWEST);
    let home = golden.path("vault");
    let header = fs::read_to_string(home.join("vault.toml")).unwrap();
    let later = header.replace("format = 1", "format = 2").replace("[[slot]]", "[[novel]]");
    assert_ne!(later, header);
    fs::write(home.join("vault.toml"), later).unwrap();
    let before = files(&home);
    for words in ["list", "set acme/main", "get acme/main", "rekey", "policy show"] {
        let what = refused(&golden.call(&home, "identity.txt", words, b"value"), &[7]);
        assert_eq!(what, "the vault has format 2; this clawvault knows format 1", "{words}");
    }
    for words in ["doctor", "doctor --repair", "doctor --accept-rollback"] {
        assert_eq!(golden.call(&home, "identity.txt", words, b"").code(), Some(7), "{words}");
    }
    let restore = format!("restore {} --older", golden.path("backup.age").display());
    refused(&golden.call(&home, "identity.txt", &restore, b""), &[5, 7]);
    refused(&golden.call(&home, "identity.txt", "init", b""), &[7]);
    assert!(files(&home) == before, "something was written");
}

/// Copies a folder as a vault demands it: for its owner alone.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, PermissionsExt::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).expect("the golden folder is there") {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
            fs::set_permissions(&target, PermissionsExt::from_mode(0o600)).unwrap();
        }
    }
}

/// Every file below a folder with its bytes, but for the lock.
fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            all.extend(files(&path));
        } else if !path.ends_with("lock") {
            all.push((path.clone(), fs::read(path).unwrap()));
        }
    }
    all
}
