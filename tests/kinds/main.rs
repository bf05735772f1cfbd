//! Kinds of keys that only some builds know: SSH keys, and an age plugin that speaks the plugins'
//! protocol. `tests/run` builds the program with both features for it.

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
