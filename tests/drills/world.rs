//! A vault with everything in it, and all that can be asked of one.

use std::path::{Path, PathBuf};

use super::sandbox::{Said, Sandbox, command_in, run};

/// Bytes that are no text, and text that a document has to escape.
pub(crate) const BINARY: &[u8] = b"\xff\x01\xfe binary \x80";
pub(crate) const ODD: &[u8] =
    "quotes \" and \\ tabs \t lines\n\u{1}\u{7f} \u{e9} \u{1f511} end".as_bytes();

/// Fills a vault: versions, profiles, fields, a removed secret, an admin, a policy.
pub(crate) fn fill(home: &Path, key: &[&str]) {
    let call = |arguments: &[&str], input: &[u8]| {
        let said = run(&mut command_in(home, &[key, arguments].concat()), input);
        assert_eq!(said.code(), Some(0), "{arguments:?}: {}", said.err);
    };
    for number in 1..=4 {
        call(&["set", "acme/many", "--env", "ACME_MANY"], format!("value-{number}").as_bytes());
    }
    call(&["set", "acme/binary", "--env", "ACME_BINARY"], BINARY);
    call(&["set", "acme/odd", "--env", "ACME_ODD"], ODD);
    call(&["set", "acme/fields", "--fields"], br#"{"id":"A","key_b64":"B","key":"C"}"#);
    call(&["set", "acme/many", "--profile", "prod"], b"value-prod");
    call(&["set", "acme/large"], "x\u{e9}\"".repeat(50_000).as_bytes());
    call(&["set", "acme/back"], b"value-old");
    call(&["set", "acme/back"], b"value-bad");
    call(&["rollback", "acme/back"], b"");
    call(&["set", "acme/gone"], b"value-gone");
    call(&["rm", "acme/gone", "--yes"], b"");
    let policy = home.with_extension("policy");
    std::fs::write(&policy, "# kept to the letter\n[agents.a]\nsecrets = [\"acme/*\"]\n").unwrap();
    call(&["policy", "apply", policy.to_str().unwrap(), "--yes"], b"");
}

/// All that a person can read of a vault: values of every version, history, lists, policy.
pub(crate) fn everything(home: &Path, key: &[&str]) -> Vec<(String, Vec<u8>)> {
    let ask = |arguments: &str| {
        let words: Vec<&str> = arguments.split(' ').collect();
        let said = run(&mut command_in(home, &[key, &words].concat()), b"");
        assert_eq!(said.code(), Some(0), "{arguments}: {}", said.err);
        (arguments.to_owned(), said.out)
    };
    let mut all: Vec<_> = [
        "export --format json",
        "export --format json --profile prod",
        "export --format dotenv",
        "list --json",
        "list --json --removed",
        "list --json --profile prod",
        "policy show",
    ]
    .map(ask)
    .into();
    let list: serde_json::Value = serde_json::from_slice(&all[3].1).unwrap();
    for secret in list.as_array().unwrap() {
        let name = secret["name"].as_str().unwrap();
        all.push(ask(&format!("history {name} --json")));
        for version in secret["versions"].as_array().unwrap() {
            let number = &version["version"];
            for field in version["fields"].as_array().unwrap() {
                let field = field.as_str().unwrap();
                all.push(ask(&format!("get {name}#{field} --version {number}")));
            }
        }
    }
    all
}

/// A filled vault with an identity file beside its home and a recovery key, and a backup of it.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) before: Vec<(String, Vec<u8>)>,
}

impl World {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::in_memory();
        let identity = sandbox.path("identity.txt");
        let key = ["--identity", identity.to_str().unwrap()];
        let init = sandbox.run(&[&key[..], &["init", "--recovery"]].concat(), b"");
        std::fs::write(sandbox.path("recovery.txt"), &init.out).unwrap();
        assert_eq!(init.code(), Some(0), "{}", init.err);
        fill(&sandbox.home(), &key);
        let before = everything(&sandbox.home(), &key);
        let world = Self { sandbox, before };
        assert_eq!(world.call(&world.home(), "backup {}/b.age").code(), Some(0));
        world
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.sandbox.home()
    }

    /// A call on a home with the world's identity; `{}` is the sandbox's directory.
    pub(crate) fn call(&self, home: &Path, words: &str) -> Said {
        self.call_with(home, "identity.txt", words)
    }

    /// The same with another key of the sandbox.
    pub(crate) fn call_with(&self, home: &Path, key: &str, words: &str) -> Said {
        let directory = self.sandbox.path("").display().to_string();
        let words = format!("--identity {{}}/{key} {words}").replace("{}/", &directory);
        run(&mut command_in(home, &words.split(' ').collect::<Vec<_>>()), b"")
    }

    /// Everything in a home, by a key of the sandbox.
    pub(crate) fn everything(&self, home: &Path, key: &str) -> Vec<(String, Vec<u8>)> {
        let key = self.sandbox.path(key);
        everything(home, &["--identity", key.to_str().unwrap()])
    }
}

/// Both are the same; names what is not, without the values.
pub(crate) fn assert_same(found: &[(String, Vec<u8>)], before: &[(String, Vec<u8>)]) {
    let names = |all: &[(String, Vec<u8>)]| -> Vec<String> {
        all.iter().map(|(what, _)| what.clone()).collect()
    };
    assert_eq!(names(found), names(before));
    for ((what, found), (_, before)) in found.iter().zip(before) {
        assert!(found == before, "{what} gives something else");
    }
}

/// What a refusal said: its first line, after its code was looked at.
pub(crate) fn refused(said: &Said, codes: &[i32]) -> String {
    let code = said.code().unwrap_or(-1);
    assert!(codes.contains(&code), "ended with {code}: {}", said.err);
    let lines: Vec<&str> = said.err.lines().collect();
    let [what, advice] = lines[..] else { panic!("not two lines: {}", said.err) };
    assert!(what.starts_with("clawvault: ") && advice.starts_with("hint: "), "{}", said.err);
    what["clawvault: ".len()..].to_owned()
}
