//! The identity is lost: the way back with the recovery key, with a passphrase, with a backup.

use std::fs;

use super::sandbox::{Sandbox, command_in, run};
use super::world::{World, assert_same, everything, fill, refused};

#[test]
fn the_recovery_key_opens_the_vault_and_takes_the_lost_ones_place() {
    let world = World::new();
    let home = world.home();
    fs::remove_file(world.sandbox.path("identity.txt")).unwrap();
    let plain = |arguments: &[&str]| run(&mut command_in(&home, arguments), b"");
    let what = refused(&plain(&["list"]), &[3]);
    assert_eq!(what, "no identity was found for this vault");
    // The doctor names the kinds of keys that fit, and the command to type.
    let doctor = plain(&["doctor"]);
    assert_eq!(doctor.code(), Some(3));
    let said = String::from_utf8(doctor.out).unwrap();
    assert!(said.contains("recovery age1") && said.contains("recovery-key.txt list"), "{said}");

    assert_same(&world.everything(&home, "recovery.txt"), &world.before);
    // As the README says: it becomes the everyday key.
    let everyday = home.join("identity.txt");
    let install = std::process::Command::new("install")
        .args(["-m", "600"])
        .args([world.sandbox.path("recovery.txt"), everyday])
        .status();
    assert!(install.unwrap().success());
    assert_eq!(plain(&["list"]).code(), Some(0));
    assert_eq!(plain(&["set", "acme/after"]).code(), Some(2), "an empty value is refused");
    let set = run(&mut command_in(&home, &["set", "acme/after"]), b"value-after");
    assert_eq!(set.code(), Some(0), "{}", set.err);
}

#[test]
fn home_and_identity_are_lost_and_backup_and_a_key_are_not() {
    let world = World::new();
    fs::remove_dir_all(world.home()).unwrap();
    fs::remove_file(world.sandbox.path("identity.txt")).unwrap();
    let said = world.call_with(&world.home(), "recovery.txt", "restore {}/b.age");
    assert_eq!(said.code(), Some(0), "{}", said.err);
    assert_same(&world.everything(&world.home(), "recovery.txt"), &world.before);
}

#[test]
fn a_passphrase_alone_restores_with_the_file_beside_the_backup() {
    let sandbox = Sandbox::in_memory();
    let write = |name: &str, text: &str| {
        fs::write(sandbox.path(name), text).unwrap();
        sandbox.path(name).to_str().unwrap().to_owned()
    };
    let right = write("pass", "a right passphrase\n");
    let wrong = write("wrong", "a wrong passphrase\n");
    let key = ["--passphrase-file", right.as_str()];
    let init = sandbox.run(&[&key[..], &["init", "--work-factor", "15"]].concat(), b"");
    assert_eq!(init.code(), Some(0), "{}", init.err);
    fill(&sandbox.home(), &key);
    let before = everything(&sandbox.home(), &key);
    let backup = sandbox.path("b.age");
    let backup = backup.to_str().unwrap();
    let said = sandbox.run(&[&key[..], &["backup", backup]].concat(), b"");
    assert_eq!(said.code(), Some(0), "{}", said.err);

    let clean = sandbox.path("clean");
    let restore =
        |key: &[&str]| run(&mut command_in(&clean, &[key, &["restore", backup]].concat()), b"");
    refused(&restore(&[]), &[3]);
    let what = refused(&restore(&["--passphrase-file", &wrong]), &[3]);
    assert!(what.starts_with("the passphrase does not open "), "{what}");
    assert!(!clean.exists());
    let beside = sandbox.path("b.age.identity");
    let away = sandbox.path("away");
    fs::rename(&beside, &away).unwrap();
    refused(&restore(&key), &[3]);
    // Named, it may lie anywhere.
    let said = restore(&[&key[..], &["--identity", away.to_str().unwrap()]].concat());
    assert_eq!(said.code(), Some(0), "{}", said.err);
    assert_same(&everything(&clean, &key), &before);
    fs::remove_dir_all(&clean).unwrap();
    fs::rename(&away, &beside).unwrap();
    assert_eq!(restore(&key).code(), Some(0));
    assert_same(&everything(&clean, &key), &before);
}
