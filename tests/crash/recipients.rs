//! A removed recipient: with its key, the files from before and the ones of now it reads nothing
//! that came after its removal.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use clawvault_core::auditlog::{Scope, verify};
use clawvault_core::crypto::slot::Identity;
use clawvault_core::crypto::{self, Keys};
use clawvault_core::platform::{Dir, Private};
use clawvault_core::store::{BUCKETS, Bucket, LocalStore, Root, SnapshotStore, Store};

use super::campaign::examine;
use super::random::{Random, trials};
use super::sandbox::{Said, Sandbox, run};

const CASES: usize = 20;
const AFTER: &str = "value-of-the-time-after";

#[test]
fn a_removed_identity_reads_nothing_that_came_after() {
    let mut random = Random::of_test("recipients");
    let (mut files, mut pieces) = (0, 0);
    for case in 0..trials(CASES) {
        let world = World::new(&mut random, case);
        let exposed = world.remove();
        assert_eq!(exposed, world.secrets, "case {case}: what it could read");
        world.sandbox.run(&["set", "after/it"], AFTER.as_bytes()).sound("set");
        examine(&world.sandbox);
        files += world.wraps_are_gone();
        pieces += world.nothing_opens();
        world.old_files_put_back();
        examine(&world.sandbox);
    }
    println!(
        "{files} files without an old wrap, {pieces} sealed pieces that the old keys do not open"
    );
    assert!(pieces > 0);
}

/// A vault with a recipient that is going to be removed, and a copy from before.
struct World {
    sandbox: Sandbox,
    /// The recipient that goes.
    gone: String,
    /// Names of all secrets before it goes.
    secrets: BTreeSet<String>,
    /// Every wrapped key of the time before.
    wraps: Vec<String>,
    /// The keys of the time before, as the removed identity knows them.
    keys: Keys,
}

impl World {
    fn new(random: &mut Random, case: usize) -> Self {
        let sandbox = Sandbox::with_vault();
        let identity = sandbox.path("other.txt").display().to_string();
        let words = ["init", "--identity", &identity];
        run(&mut super::sandbox::command_in(&sandbox.path("another"), &words), b"").sound("init");
        let pass = sandbox.path("pass.txt").display().to_string();
        std::fs::write(&pass, "some words").expect("a passphrase is written");
        let with = ["--new-passphrase-file", &pass, "--work-factor", "15"];
        for (turn, more) in [&[identity.as_str()][..], &["--recovery"], &with].iter().enumerate() {
            // The one that goes is always there; who else is depends on the case.
            if turn == 0 || (case >> (turn - 1)) & 1 == 1 {
                let words = [&["recipient", "add"][..], *more].concat();
                assert_eq!(sandbox.run(&words, b"").code(), Some(0));
            }
        }
        let mut secrets = BTreeSet::new();
        for number in 0..1 + random.below(12) {
            let name = format!("before/{number}");
            for _ in 0..1 + random.below(3) {
                let value = format!("value-{:016x}", random.next());
                sandbox.run(&["set", &name], value.as_bytes()).sound("set");
            }
            secrets.insert(name);
        }
        if case.is_multiple_of(3) {
            // What was removed and not purged could be read, too.
            sandbox.run(&["rm", "before/0", "--yes"], b"").sound("rm");
        }
        if case.is_multiple_of(4) {
            sandbox.run(&["doctor", "--repair"], b"").sound("doctor --repair");
        }
        if case.is_multiple_of(5) {
            sandbox.run(&["rekey"], b"").sound("rekey");
        }
        copy(&sandbox.home(), &sandbox.path("before"));
        let header = std::fs::read_to_string(sandbox.home().join("vault.toml")).expect("a header");
        let header: toml::Table = toml::from_str(&header).expect("TOML");
        let text = |slot: &toml::Value, key: &str| slot[key].as_str().expect("a text").to_owned();
        let slots = header["slot"].as_array().expect("key slots");
        let wraps = slots.iter().map(|slot| text(slot, "wrapped")).collect();
        let own = std::fs::read(&identity).expect("the identity is read");
        let own = Identity::parse_file(&own).expect("an identity").remove(0);
        let gone = own.recipient().to_string();
        let slot = slots.iter().find(|slot| text(slot, "recipient") == gone).expect("its slot");
        let wrapped = BASE64.decode(text(slot, "wrapped")).expect("base64");
        let keys = own.unwrap_key(&wrapped).expect("it opens").derive();
        Self { sandbox, gone, secrets, wraps, keys }
    }

    /// Removes it; gives the names that the command lists.
    fn remove(&self) -> BTreeSet<String> {
        let listed = self.sandbox.run(&["recipient", "rm", &self.gone, "--yes"], b"");
        let listed = listed.sound("recipient rm");
        let name = |line: &str| line.split(' ').next().expect("a name").to_owned();
        listed.lines().map(name).collect()
    }

    /// No live file holds a wrapped key of the time before.
    fn wraps_are_gone(&self) -> usize {
        let files = files(&self.sandbox.home());
        for file in &files {
            let bytes = std::fs::read(file).expect("a file is read");
            for wrap in &self.wraps {
                let found = bytes.windows(wrap.len()).any(|window| window == wrap.as_bytes());
                assert!(!found, "{} still holds an old wrap", file.display());
            }
        }
        files.len()
    }

    /// The keys of the time before open no record of a live store or snapshot, no root, and no
    /// entry of the log that came after.
    fn nothing_opens(&self) -> usize {
        let home = Dir::open(&self.sandbox.home(), Private::Required).expect("the home opens");
        let before = Dir::open(&self.sandbox.path("before"), Private::Required).expect("a copy");
        let mut names = before.list().expect("it is listed").into_iter().map(|found| found.name);
        let name = names.rfind(|name| name.starts_with("store")).expect("a store");
        let (all, opened) = self.opened(&LocalStore::open_read(&before, &name).expect("a store"));
        assert_eq!(all, opened, "the keys of the time before are the right ones");
        let mut pieces = 0;
        for file in files(&self.sandbox.home()) {
            let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
            if name.starts_with("store") {
                pieces +=
                    self.store_is_closed(&LocalStore::open_read(&home, name).expect("a store"));
            } else if name.ends_with(".snapshot") {
                let bytes = std::fs::read(&file).expect("a snapshot is read");
                let snapshot = SnapshotStore::parse(&bytes).expect("a snapshot");
                pieces += self.store_is_closed(&snapshot);
            }
        }
        let log = home.dir("log").expect("the log's directory");
        let (mut read, mut closed) = (0, 0);
        verify(&log, &[self.keys.log_keys()], &Scope::default(), &mut |entry| {
            read += usize::from(entry.entry.is_some());
            closed += usize::from(entry.entry.is_none());
            true
        })
        .expect("the log is read");
        assert!(read > 0 && closed > 0, "the log before is its own, the log after is not");
        pieces + closed
    }

    fn store_is_closed(&self, store: &dyn Store) -> usize {
        let (pieces, opened) = self.opened(store);
        assert_eq!(opened, 0, "old keys open something of the time after");
        pieces
    }

    /// How many pieces a store has, and how many of them the keys of the time before open.
    fn opened(&self, store: &dyn Store) -> (usize, usize) {
        let header = std::fs::read_to_string(self.sandbox.home().join("vault.toml"));
        let header: toml::Table = toml::from_str(&header.expect("a header")).expect("TOML");
        let id = u128::from_str_radix(header["vault"].as_str().expect("an id"), 16).expect("hex");
        let id = id.to_be_bytes();
        let root = store.root().expect("it is read").expect("a root");
        let (mut pieces, mut opened) = (1, usize::from(Root::open(&self.keys, &id, &root).is_ok()));
        for bucket in (0..BUCKETS).filter_map(|number| store.bucket(number).expect("it is read")) {
            for (key, generation) in Bucket::parse(&bucket).expect("a bucket").entries() {
                let sealed = store.record(key).expect("it is read").expect("a record");
                let parts = [&b"clawvault record 1"[..], &id, &key.to_bytes()];
                let place = [&parts.concat()[..], &generation.to_be_bytes()].concat();
                opened += usize::from(crypto::open(self.keys.records(), &place, &sealed).is_ok());
                pieces += 1;
            }
        }
        (pieces, opened)
    }

    /// The removed key on the files of now with each file of before among them, and with all.
    fn old_files_put_back(&self) {
        let (before, scene) = (self.sandbox.path("before"), self.sandbox.path("scene"));
        let old: Vec<PathBuf> = files(&before)
            .into_iter()
            .map(|file| file.strip_prefix(&before).expect("below it").to_owned())
            .collect();
        let header = PathBuf::from("vault.toml");
        let pairs = old.iter().map(|file| vec![header.clone(), file.clone()]);
        let home = old.iter().filter(|file| !file.starts_with("state")).cloned().collect();
        for back in [vec![header.clone()], home, old.clone()].into_iter().chain(pairs) {
            for with_state in [true, false] {
                copy(&self.sandbox.home(), &scene);
                if !with_state {
                    std::fs::remove_dir_all(scene.join("state")).expect("the state is removed");
                }
                for file in back.iter().filter(|file| with_state || !file.starts_with("state")) {
                    let to = scene.join(file);
                    std::fs::create_dir_all(to.parent().expect("a parent")).expect("a directory");
                    std::fs::copy(before.join(file), to).expect("a file is put back");
                }
                self.try_everything(&scene, with_state);
                std::fs::remove_dir_all(&scene).expect("the scene is cleared");
            }
        }
    }

    fn try_everything(&self, home: &Path, with_state: bool) {
        let identity = self.sandbox.path("other.txt").display().to_string();
        let call = |words: &[&str]| -> Said {
            let words = [&["--identity", identity.as_str()][..], words].concat();
            run(&mut super::sandbox::command_in(home, &words), b"")
        };
        let get = call(&["get", "after/it"]);
        assert_ne!(get.code(), Some(0), "the value that came after is given out");
        let export = call(&["export", "--format", "json"]);
        let text = String::from_utf8_lossy(&export.out);
        assert!(!text.contains(AFTER), "the value that came after is exported");
        if with_state {
            assert!(matches!(export.code(), Some(3 | 5)), "old files pass: {}", export.err);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.expect("cp starts").success());
}

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory is read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}
