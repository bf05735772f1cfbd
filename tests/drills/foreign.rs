//! No lock-in: the ordinary `age` and `tar` open a backup, and what they make is restored.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::sandbox::{Sandbox, run};
use super::world::{BINARY, ODD, World, assert_same, refused};

fn has_age() -> bool {
    let there = Command::new("age").arg("--version").output().is_ok_and(|o| o.status.success());
    if !there {
        println!("SKIP: there is no program age here");
    }
    there
}

/// Runs a line of shell in a directory; it has to succeed.
fn shell(directory: &Path, line: &str) {
    let mut command = Command::new("sh");
    let done = command.current_dir(directory).args(["-ec", line]).output().unwrap();
    assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn age_and_tar_open_a_backup_and_every_value_is_the_same() {
    if !has_age() {
        return;
    }
    let world = World::new();
    let directory = world.sandbox.path("");
    for key in ["identity.txt", "recovery.txt"] {
        shell(&directory, &format!("rm -rf out; mkdir out; age -d -i {key} b.age | tar x -C out"));
    }
    let out = |name: &str| fs::read(directory.join("out").join(name)).unwrap();
    let names: Vec<_> = fs::read_dir(directory.join("out")).unwrap().collect();
    assert_eq!(names.len(), 3);
    assert!(String::from_utf8(out("README")).unwrap().contains("age -d -i KEY-FILE"));
    let policy = world.before.iter().find(|(what, _)| what == "policy show").unwrap();
    assert_eq!(out("policy.toml"), policy.1);

    let document: serde_json::Value = serde_json::from_slice(&out("secrets.json")).unwrap();
    let secrets = document["secrets"].as_array().unwrap();
    let mut compared = 0;
    for (what, value) in &world.before {
        let Some(asked) = what.strip_prefix("get ") else { continue };
        let (place, version) = asked.split_once(" --version ").unwrap();
        let (name, field) = place.split_once('#').unwrap();
        let secret = secrets.iter().find(|s| s["name"] == name && s["profile"] == "default");
        let versions = secret.unwrap()["versions"].as_array().unwrap().iter();
        let number: Option<u64> = version.parse().ok();
        let version = versions.clone().find(|v| v["number"].as_u64() == number).unwrap();
        let fields = version["fields"].as_array().unwrap();
        let found = fields.iter().find(|f| f["name"] == field).unwrap();
        let bytes = match found["value"].as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => BASE64.decode(found["value_b64"].as_str().unwrap()).unwrap(),
        };
        assert!(bytes == *value, "{what} is other in the backup");
        compared += 1;
    }
    // A secret of another profile is listed too, so one is asked for twice.
    assert_eq!(compared, 13);
    for (name, bytes) in [("acme/binary", BINARY), ("acme/odd", ODD)] {
        let asked = format!("get {name}#value --version 1");
        assert!(world.before.iter().any(|(what, value)| *what == asked && value == bytes));
    }
}

#[test]
fn what_age_and_tar_make_is_restored_and_a_later_format_is_not() {
    if !has_age() {
        return;
    }
    let world = World::new();
    let directory = world.sandbox.path("");
    let make = |change: &str, to: &str, files: &str| {
        shell(
            &directory,
            &format!(
                "rm -rf out; mkdir out; age -d -i identity.txt b.age | tar x -C out; cd out; \
                 {change}; tar c --format=ustar {files} | age -R ../public.txt -o ../{to}"
            ),
        );
    };
    shell(&directory, "grep -o 'age1[a-z0-9]*' identity.txt > public.txt");
    make("true", "again.age", "./secrets.json ./policy.toml ./README");
    let clean = world.sandbox.path("clean");
    let said = world.call(&clean, "restore {}/again.age");
    assert_eq!(said.code(), Some(0), "{}", said.err);
    assert_same(&world.everything(&clean, "identity.txt"), &world.before);

    let none = world.sandbox.path("none");
    make("sed -i '1s/\"format\":2/\"format\":3/' secrets.json", "newer.age", "*");
    let what = refused(&world.call(&none, "restore {}/newer.age"), &[7]);
    assert_eq!(what, "the backup has format 3; this clawvault knows format 2");
    for (change, files) in [
        ("true", "secrets.json"),
        ("touch more", "README policy.toml secrets.json more"),
        ("ln -sf policy.toml README", "README policy.toml secrets.json"),
        ("ln -f policy.toml README", "README policy.toml secrets.json"),
        ("echo '[' > policy.toml", "README policy.toml secrets.json"),
        ("sed -i 's/acme/ACME/' secrets.json", "README policy.toml secrets.json"),
    ] {
        make(change, "other.age", files);
        let what = refused(&world.call(&none, "restore {}/other.age"), &[2]);
        assert!(what.starts_with("that is no backup of a vault: "), "{change}: {what}");
        assert!(!none.exists(), "{change}: something is made");
        fs::remove_file(directory.join("other.age")).unwrap();
    }
}

#[test]
fn age_opens_a_backup_with_the_passphrase() {
    if !has_age() {
        return;
    }
    let sandbox = Sandbox::in_memory();
    let pass = sandbox.path("pass");
    fs::write(&pass, "a right passphrase\n").unwrap();
    let key = ["--passphrase-file", pass.to_str().unwrap()];
    let call = |arguments: &[&str], input: &[u8]| {
        let said = run(&mut sandbox.command(&[&key[..], arguments].concat()), input);
        assert_eq!(said.code(), Some(0), "{}", said.err);
    };
    call(&["init", "--work-factor", "15"], b"");
    call(&["set", "acme/main"], b"value-main");
    call(&["backup", sandbox.path("b.age").to_str().unwrap()], b"");
    // age asks on a terminal, so it gets one.
    let typed = "import os, pty, sys\n\
        pid, fd = pty.fork()\n\
        if pid == 0: os.execvp('age', ['age', '-d', '-i', 'b.age.identity', '-o', 'b.tar', 'b.age'])\n\
        seen, told = b'', False\n\
        while True:\n\
        \x20   try: part = os.read(fd, 1024)\n\
        \x20   except OSError: break\n\
        \x20   if not part: break\n\
        \x20   seen += part\n\
        \x20   if not told and b'assphrase' in seen:\n\
        \x20       os.write(fd, b'a right passphrase\\n'); told = True\n\
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n";
    let mut python = Command::new("python3");
    let done = python.current_dir(sandbox.path("")).args(["-c", typed]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    shell(&sandbox.path(""), "tar xf b.tar && grep -q value-main secrets.json");
}
