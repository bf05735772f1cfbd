//! Kinds of keys that only some builds know: SSH keys, an age plugin that speaks the plugins'
//! protocol, the desktop's keyring. `tests/run` builds the program with all features for it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

#[path = "../support/sandbox.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod sandbox;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use sandbox::{Said, Sandbox, run};

/// A vault with one secret.
struct Bench(Sandbox);

impl Bench {
    fn new() -> Self {
        let sandbox = Sandbox::with_vault();
        sandbox.run(&["set", "a/b"], b"value").sound("set");
        Self(sandbox)
    }

    fn path(&self, name: &str) -> String {
        self.0.path(name).display().to_string()
    }

    /// Runs the program with the plugin on its PATH.
    fn call(&self, words: &[&str]) -> Said {
        let mut command = self.0.command(words);
        let path = format!("{}:{}", self.path("bin"), std::env::var("PATH").expect("a PATH"));
        run(command.env("PATH", path), b"")
    }

    /// The value, opened with this identity.
    fn get(&self, identity: &str) -> Said {
        self.call(&["--identity", identity, "get", "a/b"])
    }

    /// An SSH key of a type, under a passphrase where one is given.
    fn ssh_key(&self, name: &str, kind: &[&str], passphrase: &str) -> String {
        let file = self.path(name);
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-N", passphrase, "-C", "somebody@somewhere", "-f", &file, "-t"]);
        assert!(keygen.args(kind).status().expect("ssh-keygen starts").success());
        file
    }
}

#[test]
fn ssh_keys_are_recipients_and_identities() {
    let bench = Bench::new();
    for (name, kind) in [("ed", &["ed25519"][..]), ("rsa", &["rsa", "-b", "2048"])] {
        let key = bench.ssh_key(name, kind, "");
        let public = fs::read_to_string(format!("{key}.pub")).expect("a public key");
        // As text without its comment, as a file, as the public half of the private one.
        let bare = public.rsplit_once(' ').expect("a comment").0;
        for recipient in [bare, &format!("{key}.pub"), &key] {
            bench.call(&["recipient", "add", recipient]).sound("recipient add");
            assert_eq!(bench.get(&key).sound("get"), "value", "{name}");
            bench.call(&["rekey"]).sound("rekey");
            assert_eq!(bench.get(&key).sound("get"), "value", "{name}");
            let list = bench.call(&["--identity", &key, "recipient", "list"]).sound("list");
            let own = list.lines().find(|line| line.contains(bare)).expect("it is listed");
            assert!(own.ends_with("opened it now"), "{own}");
            bench.call(&["recipient", "rm", bare, "--yes"]).sound("recipient rm");
            assert_eq!(bench.get(&key).code(), Some(3), "{name}");
        }
    }
}

#[test]
fn ssh_keys_that_cannot_be_used_are_refused_with_words() {
    let bench = Bench::new();
    let locked = bench.ssh_key("locked", &["ed25519"], "a passphrase");
    let refused = bench.get(&locked);
    assert_eq!(refused.code(), Some(3), "{}", refused.err);
    assert!(refused.err.contains("under a passphrase of its own"), "{}", refused.err);
    let other = bench.ssh_key("ecdsa", &["ecdsa"], "");
    assert_eq!(bench.get(&other).code(), Some(3));
    let refused = bench.call(&["recipient", "add", &format!("{other}.pub")]);
    assert_eq!(refused.code(), Some(2), "{}", refused.err);
}

#[test]
fn a_plugin_wraps_and_unwraps() {
    let bench = Bench::new();
    let plugin = PathBuf::from(bench.path("bin")).join("age-plugin-toy");
    let refused = bench.call(&["recipient", "add", "age1toy1qqqqqqqqqqqq"]);
    assert_eq!(refused.code(), Some(2), "{}", refused.err);
    fs::create_dir(bench.path("bin")).expect("a directory for the plugin");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kinds/age-plugin-toy");
    fs::copy(source, &plugin).expect("the plugin is copied");
    fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).expect("it can be run");
    let made = Command::new(&plugin).output().expect("the plugin starts").stdout;
    let key = bench.path("toy.txt");
    fs::write(&key, &made).expect("the identity is written");
    let text = String::from_utf8(made).expect("text");
    let recipient = text.lines().find_map(|l| l.strip_prefix("# recipient: ")).expect("it tells");

    // The identity alone does not tell its recipient.
    let refused = bench.call(&["recipient", "add", &key]);
    assert_eq!(refused.code(), Some(3), "{}", refused.err);
    assert!(refused.err.contains("does not tell its recipient"), "{}", refused.err);

    bench.call(&["recipient", "add", recipient]).sound("recipient add");
    assert_eq!(bench.get(&key).sound("get"), "value");
    bench.call(&["rekey"]).sound("rekey");
    assert_eq!(bench.get(&key).sound("get"), "value");
    let list = bench.call(&["--identity", &key, "recipient", "list"]).sound("list");
    assert!(list.lines().any(|line| line.contains(recipient) && line.ends_with("opened it now")));

    // Without its program nothing can be done with it, and that is said.
    fs::remove_file(&plugin).expect("the plugin is removed");
    for words in [&["--identity", &key, "get", "a/b"][..], &["rekey"]] {
        let refused = bench.call(words);
        assert_eq!(refused.code(), Some(3), "{}", refused.err);
        assert!(refused.err.contains("no program on the PATH is the plugin"), "{}", refused.err);
    }
    fs::write(&plugin, "#!/bin/sh\nexit 1\n").expect("another plugin");
    fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).expect("it can be run");
    assert_eq!(bench.get(&key).code(), Some(3));
    assert_eq!(bench.call(&["rekey"]).code(), Some(3));
    bench.call(&["recipient", "rm", recipient, "--yes"]).sound("recipient rm");
    bench.call(&["rekey"]).sound("rekey");
}

#[test]
fn the_keyring_keeps_an_identity() {
    let bench = Bench::new();
    let session = |script: &str| -> Said {
        let mut command = Command::new("dbus-run-session");
        command.args(["--", "sh", "-c", script]).env_clear();
        command.env("PATH", std::env::var("PATH").expect("a PATH"));
        command.env("CLAWVAULT_HOME", bench.0.home()).env("PROGRAM", sandbox::PROGRAM);
        command.env("HOME", bench.path("user")).env("XDG_RUNTIME_DIR", bench.path("runtime"));
        run(&mut command, b"")
    };
    for name in ["user", "runtime"] {
        fs::create_dir(bench.path(name)).expect("a directory of the session");
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(bench.path(name), private).expect("it is private");
    }
    let identity = bench.0.home().join("identity.txt");
    let unlocked = "printf secret | gnome-keyring-daemon --unlock --components=secrets \
                    >/dev/null 2>&1 || exit 99; ";
    let added = session(&format!("{unlocked} \"$PROGRAM\" recipient add --keyring"));
    assert_eq!(added.code(), Some(0), "{}", added.err);
    let again = session(&format!("{unlocked} \"$PROGRAM\" recipient add --keyring"));
    assert_eq!(again.code(), Some(2), "{}", again.err);
    fs::rename(&identity, bench.path("kept.txt")).expect("the identity is taken away");
    let list = session(&format!("{unlocked} \"$PROGRAM\" get a/b && \"$PROGRAM\" recipient list"));
    assert_eq!(list.code(), Some(0), "{}", list.err);
    let out = String::from_utf8(list.out).expect("text");
    assert!(out.starts_with("value"), "{out}");
    assert!(out.lines().any(|l| l.contains("keyring") && l.ends_with("opened it now")), "{out}");

    // Locked, absent, or removed: words, and the other keys are left.
    let started = "gnome-keyring-daemon --start --components=secrets >/dev/null 2>&1; ";
    let locked = session(&format!("{started} \"$PROGRAM\" get a/b"));
    assert_eq!(locked.code(), Some(3), "{}", locked.err);
    assert!(locked.err.contains("the keyring is locked"), "{}", locked.err);
    let absent = bench.call(&["get", "a/b"]);
    assert_eq!(absent.code(), Some(3), "{}", absent.err);
    assert!(absent.err.contains("no keyring answers here"), "{}", absent.err);
    assert_eq!(bench.get(&bench.path("kept.txt")).sound("get"), "value");
}

#[test]
fn a_units_credential_opens_the_vault() {
    let bench = Bench::new();
    let identity = bench.path("home/identity.txt");
    let (sealed, unit) = (bench.path("sealed"), bench.path("unit"));
    let credential = format!("{unit}/clawvault-identity");
    fs::create_dir(&unit).expect("the unit's directory");
    // Under a key that protects nothing: the machine's own is not ours to make.
    let creds = |words: &[&str]| {
        let mut command = Command::new("systemd-creds");
        command.args(["--name=clawvault-identity", "--with-key=tpm2-absent"]).args(words);
        command.output().is_ok_and(|output| output.status.success())
    };
    let passed =
        creds(&["encrypt", &identity, &sealed]) && creds(&["decrypt", &sealed, &credential]);
    if passed {
        println!("the credential passed through systemd-creds");
        fs::remove_file(&identity).expect("the identity is taken away");
    } else {
        println!("no systemd-creds here: the credential is placed as it would place it");
        fs::rename(&identity, &credential).expect("the identity is moved");
    }
    let call =
        |words: &[&str]| run(bench.0.command(words).env("CREDENTIALS_DIRECTORY", &unit), b"");
    assert_eq!(call(&["get", "a/b"]).sound("get"), "value");
    assert_eq!(call(&["run", "--", "true"]).code(), Some(125));
    assert_eq!(bench.0.run(&["get", "a/b"], b"").code(), Some(3));
}
