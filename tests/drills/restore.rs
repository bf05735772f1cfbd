//! From a backup and a key alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use super::random::Random;
use super::sandbox::Sandbox;
use super::world::{World, assert_same, refused};

#[test]
fn on_a_clean_machine_everything_comes_back() {
    let world = World::new();
    let check = world.call(&world.sandbox.path("clean"), "restore {}/b.age --check");
    assert_eq!(check.code(), Some(0), "{}", check.err);
    assert!(check.err.starts_with("the backup is sound: 8 secrets (12 versions)"), "{}", check.err);
    assert!(!world.sandbox.path("clean").exists(), "a check leaves nothing");

    let clean = world.sandbox.path("clean");
    let said = world.call(&clean, "restore {}/b.age");
    assert_eq!(said.code(), Some(0), "{}", said.err);
    assert_same(&world.everything(&clean, "identity.txt"), &world.before);
    // The recovery key opens it as well, and what is logged is its own.
    assert_same(&world.everything(&clean, "recovery.txt"), &world.before);
    world.call(&clean, "log --verify").sound("log --verify");
    // A removed secret comes back with its value.
    world.call(&clean, "rollback acme/gone").sound("rollback");
    assert_eq!(world.call(&clean, "get acme/gone").out, b"value-gone");
}

#[test]
fn a_wrong_key_opens_nothing() {
    let world = World::new();
    let other = Sandbox::with_vault();
    fs::copy(other.home().join("identity.txt"), world.sandbox.path("other.txt")).unwrap();
    let clean = world.sandbox.path("clean");
    for words in ["restore {}/b.age", "restore {}/b.age --check"] {
        let what = refused(&world.call_with(&clean, "other.txt", words), &[3]);
        assert_eq!(what, "none of the keys at hand opens the backup");
        assert!(!clean.exists(), "nothing is made");
    }
}

#[test]
fn a_flipped_byte_or_a_partial_copy_is_refused() {
    let world = World::new();
    let whole = fs::read(world.sandbox.path("b.age")).unwrap();
    let mut random = Random::of_test("backup flips");
    let clean = world.sandbox.path("clean");
    // Every part of the header, and places all over the rest.
    let header = (0..400.min(whole.len())).step_by(9);
    let rest = (0..40).map(|_| usize::try_from(random.below(whole.len() as u64)).unwrap());
    for place in header.chain(rest).collect::<Vec<_>>() {
        let mut bent = whole.clone();
        bent[place] ^= 1 << random.below(8);
        fs::write(world.sandbox.path("bent.age"), &bent).unwrap();
        let said = world.call(&clean, "restore {}/bent.age");
        // What says that it is an age file, or which key fits, cannot be told from another file.
        let what = refused(&said, if place < 400 { &[2, 3, 5] } else { &[5] });
        assert!(!clean.exists(), "flip at {place}: something is made; {what}");
    }
    for length in [0, 1, 20, 21, 100, 300, 1000, whole.len() / 2, whole.len() - 1] {
        fs::write(world.sandbox.path("part.age"), &whole[..length]).unwrap();
        refused(&world.call(&clean, "restore {}/part.age"), &[5]);
        assert!(!clean.exists(), "cut to {length}: something is made");
    }
    fs::write(world.sandbox.path("text"), "a shopping list").unwrap();
    let what = refused(&world.call(&clean, "restore {}/text"), &[2]);
    assert_eq!(what, "that is no backup of a vault: it is no age file");
    refused(&world.call(&clean, "restore {}/none"), &[4]);
}

#[test]
fn an_older_backup_over_a_newer_vault_needs_its_flag() {
    let world = World::new();
    let home = world.home();
    assert_eq!(world.call(&home, "set acme/new --generate").code(), Some(0));
    assert_eq!(world.call(&home, "rm acme/odd --purge --yes").code(), Some(0));
    let newer = world.everything(&home, "identity.txt");
    let what = refused(&world.call(&home, "restore {}/b.age"), &[2]);
    assert!(what.starts_with("the backup is of generation 16, and the vault has"), "{what}");
    assert_same(&world.everything(&home, "identity.txt"), &newer);

    let said = world.call(&home, "restore {}/b.age --older --json");
    assert_eq!(said.code(), Some(0), "{}", said.err);
    let told: serde_json::Value = serde_json::from_slice(&said.out).unwrap();
    assert_eq!(told["added"][0]["name"], "acme/odd");
    assert_eq!(told["gone"][0]["name"], "acme/new");
    assert_same(&world.everything(&home, "identity.txt"), &world.before);
    world.call(&home, "log --verify").sound("log --verify");

    // What stood there was kept, and comes back the same way.
    let said = world.call(&home, "restore {}/home/before-restore.age --older");
    assert_eq!(said.code(), Some(0), "{}", said.err);
    assert_same(&world.everything(&home, "identity.txt"), &newer);
    world.call(&home, "doctor").sound("doctor");
}

#[test]
fn a_home_with_traces_or_another_vault_is_left_alone() {
    let world = World::new();
    let home = world.home();
    fs::remove_file(home.join("vault.toml")).unwrap();
    let what = refused(&world.call(&home, "restore {}/b.age"), &[5]);
    assert!(what.starts_with("there are traces of a vault here"), "{what}");
    fs::remove_dir_all(home.join("snapshots")).unwrap();
    // A vault whose header is there and unreadable is no empty home either.
    let header = home.join("vault.toml");
    fs::write(&header, "no header").unwrap();
    fs::set_permissions(&header, PermissionsExt::from_mode(0o600)).unwrap();
    let what = refused(&world.call(&home, "restore {}/b.age"), &[5]);
    assert!(what.starts_with("the vault is damaged: "), "{what}");
    let other = world.sandbox.path("other");
    assert_eq!(world.call(&other, "init").code(), Some(0));
    let what = refused(&world.call(&other, "restore {}/b.age"), &[7]);
    assert!(what.starts_with("the backup is of another vault than the one in"), "{what}");
    world.call(&other, "doctor").sound("doctor");

    // Moved away, as the advice says, it makes room.
    fs::rename(&home, world.sandbox.path("home.damaged")).unwrap();
    assert_eq!(world.call(&home, "restore {}/b.age").code(), Some(0));
    assert_same(&world.everything(&home, "identity.txt"), &world.before);
}

#[test]
fn five_thousand_secrets_take_less_than_a_minute() {
    const SECRETS: usize = 5_000;
    let sandbox = Sandbox::empty();
    sandbox.run(&["init"], b"").sound("init");
    let line = |number| format!("LARGE_{number:04}=value-{number:04}-{}\n", "x".repeat(40));
    let file = sandbox.path("keys.env");
    fs::write(&file, (0..SECRETS).map(line).collect::<String>()).unwrap();
    let import = sandbox.run(&["import", file.to_str().unwrap()], b"");
    assert_eq!(import.code(), Some(0), "{}", import.err);
    let export = |home: &std::path::Path| {
        let command = ["export", "--format", "json"];
        super::sandbox::run(&mut super::sandbox::command_in(home, &command), b"").out
    };
    let before = export(&sandbox.home());
    let backup = sandbox.path("b.age");
    let backup = backup.to_str().unwrap();
    let timed = |what: &str, arguments: &[&str]| {
        let start = Instant::now();
        let said = sandbox.run(arguments, b"");
        assert_eq!(said.code(), Some(0), "{what}: {}", said.err);
        println!("{SECRETS} secrets, {what}: {:.1} s", start.elapsed().as_secs_f64());
        start.elapsed()
    };
    let mut took = timed("backup", &["backup", backup]);
    took += timed("check", &["restore", backup, "--check"]);
    fs::rename(sandbox.home(), sandbox.path("old")).unwrap();
    let identity = sandbox.path("old/identity.txt");
    let identity = identity.to_str().unwrap();
    took += timed("restore", &["--identity", identity, "restore", backup]);
    fs::copy(identity, sandbox.home().join("identity.txt")).unwrap();
    assert!(export(&sandbox.home()) == before, "the export differs");
    assert!(took < Duration::from_secs(60), "{took:?}");
}
