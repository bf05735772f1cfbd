//! Repositories that are broken, or that would like to act.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use clawvault_scan::source::git::{GitError, Repository};

use crate::fixture::{Fixture, history, leak, numbers, places, staged};

/// Breaks a file of a repository.
fn damage(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
}

fn object(fixture: &Fixture, name: &str) -> std::path::PathBuf {
    let id = fixture.git(&["rev-parse", name]);
    fixture.path().join(".git/objects").join(&id[..2]).join(&id[2..])
}

#[test]
fn what_is_missing_is_counted_and_the_rest_scanned() {
    let fixture = Fixture::new();
    fixture.write("a/one.env", leak(1)).write("b/two.env", leak(2)).commit("one");
    fixture.write("c/three.env", leak(3)).commit("two");
    fs::remove_file(object(&fixture, "HEAD:a/one.env")).unwrap();
    let outcome = fixture.history();
    assert_eq!((numbers(&outcome), outcome.summary.missing), (vec![2, 3], 1));
    fs::remove_file(object(&fixture, "HEAD:b")).unwrap();
    let outcome = fixture.history();
    assert_eq!((outcome.summary.missing, numbers(&outcome).contains(&3)), (2, true));
    fs::remove_file(object(&fixture, "HEAD~")).unwrap();
    let outcome = fixture.history();
    assert_eq!((outcome.summary.missing, numbers(&outcome).contains(&3)), (3, true));
    // The tree of HEAD is only partly there, and what is new is found.
    fixture.write("c/four.env", leak(4)).git(&["add", "c"]);
    assert_eq!(numbers(&fixture.staged()), [4]);
}

#[test]
fn corrupt_objects_are_told_and_the_rest_scanned() {
    let fixture = Fixture::new();
    fixture.write("one.env", leak(1)).write("two.env", leak(2)).commit("one");
    damage(&object(&fixture, "HEAD:one.env"), |bytes| bytes.truncate(bytes.len() / 2));
    let outcome = fixture.history();
    assert_eq!(numbers(&outcome), [2]);
    assert!(!outcome.summary.unreadable.is_empty());

    let fixture = Fixture::new();
    for number in 0..40 {
        fixture.write(&format!("f{number}.env"), format!("{number}\n{}", leak(number)));
    }
    fixture.commit("packed");
    fixture.git(&["repack", "-q", "-a", "-d"]);
    fixture.write("loose.env", leak(41)).commit("loose");
    let packs = fixture.path().join(".git/objects/pack");
    let pack = packs.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let pack = pack.into_iter().find(|path| path.extension().is_some_and(|e| e == "pack")).unwrap();
    damage(&pack, |bytes| bytes.truncate(bytes.len() * 2 / 3));
    let outcome = fixture.history();
    assert!(numbers(&outcome).contains(&41), "{:?}", outcome.summary);
    assert!(!outcome.summary.unreadable.is_empty() || outcome.summary.missing > 0);
}

#[test]
fn refs_that_lead_nowhere_or_in_circles() {
    let fixture = Fixture::new();
    // Nothing at all yet.
    assert_eq!((places(&fixture.staged()), places(&fixture.history())), (vec![], vec![]));
    fixture.write("key.env", leak(1)).commit("one");
    let git = fixture.path().join(".git");
    fs::write(git.join("refs/heads/a"), "ref: refs/heads/b\n").unwrap();
    fs::write(git.join("refs/heads/b"), "ref: refs/heads/a\n").unwrap();
    fs::write(git.join("refs/heads/bad"), "no id at all\n").unwrap();
    fs::write(git.join("refs/heads/gone"), format!("{}\n", "1".repeat(40))).unwrap();
    let outcome = fixture.history();
    assert_eq!((numbers(&outcome), outcome.summary.missing), (vec![1], 1));
    assert_eq!(outcome.summary.unreadable.len(), 1, "{:?}", outcome.summary.unreadable);
    for head in ["ref: refs/heads/a\n", "ref: refs/heads/unborn\n"] {
        fs::write(git.join("HEAD"), head).unwrap();
        assert_eq!(numbers(&fixture.history()), [1], "{head}");
        assert_eq!(numbers(&fixture.staged()), [1], "{head}");
    }
}

#[test]
fn what_is_no_repository_says_so() {
    let fixture = Fixture::new();
    fixture.write("key.env", leak(1)).commit("one");
    let said = |path: &Path| Repository::discover(path).err().unwrap();
    assert!(matches!(said(fixture.root()), GitError::NoRepository(_)));
    // A `.git` that leads nowhere does not make the repository further up the one that is meant.
    let inner = fixture.path().join("inner");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join(".git"), "gitdir: /nowhere\n").unwrap();
    assert!(matches!(said(&inner), GitError::Broken { .. }));
    fs::write(inner.join(".git"), "nonsense").unwrap();
    assert!(matches!(said(&inner), GitError::Broken { .. }));
    damage(&fixture.path().join(".git/index"), |bytes| bytes.truncate(20));
    let error = staged(&fixture.open().unwrap()).err().unwrap();
    assert!(matches!(error, GitError::Index { .. }), "{error}");
    assert_eq!(numbers(&fixture.history()), [1]);
    fs::write(fixture.path().join(".git/index"), "").unwrap();
    assert!(staged(&fixture.open().unwrap()).is_err());
    for (file, bytes) in [("HEAD", "\u{0}\u{1}"), ("config", "[core\nx")] {
        let fixture = Fixture::new();
        fs::write(fixture.path().join(".git").join(file), bytes).unwrap();
        if let Ok(repository) = fixture.open() {
            assert_eq!(places(&history(&repository, false).unwrap()), []);
        }
    }
    fs::remove_file(fixture.path().join(".git/HEAD")).unwrap();
    assert!(matches!(said(&fixture.path()), GitError::Broken { .. }));
}

#[test]
fn refs_in_a_form_that_is_not_read_are_no_silence() {
    let fixture = Fixture::new();
    fixture.write("key.env", leak(1)).commit("one");
    fixture.git(&["config", "core.repositoryFormatVersion", "1"]);
    fixture.git(&["config", "extensions.refStorage", "files"]);
    assert_eq!(numbers(&fixture.history()), [1]);
    let config = fixture.path().join(".git/config");
    fs::write(&config, fs::read_to_string(&config).unwrap().replace("= files", "= reftable"))
        .unwrap();
    let repository = fixture.open().unwrap();
    assert!(matches!(history(&repository, false).err(), Some(GitError::Refs { .. })));
    assert_eq!(numbers(&history(&repository, true).unwrap()), [1]);
    assert_eq!(fixture.staged().summary.skipped.len(), 1);
}

#[test]
fn pipes_in_place_of_files_are_not_waited_for() {
    for name in ["HEAD", "config", "index", "packed-refs", "objects/info/alternates"] {
        let fixture = Fixture::new();
        fixture.write("a", "x\n").commit("one");
        let path = fixture.path().join(".git").join(name);
        let _ = fs::remove_file(&path);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert!(matches!(fixture.open(), Err(GitError::Broken { .. })), "{name}");
    }
}

#[test]
fn nothing_that_a_repository_names_is_executed() {
    let fixture = Fixture::new();
    fixture.write(".gitattributes", "* filter=evil diff=evil merge=evil\n");
    fixture.write("key.env", leak(1)).commit("one");
    fixture.write("more.env", leak(2)).git(&["add", "-A"]);
    let marker = fixture.root().join("marker");
    let touch = format!("touch {}", marker.display());
    let hook = fixture.path().join(".git/hooks/evil");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, format!("#!/bin/sh\n{touch}\n")).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["pre-commit", "post-checkout", "post-index-change", "fsmonitor-watchman"] {
        fs::copy(&hook, hook.with_file_name(name)).unwrap();
    }
    let other = fixture.root().join("other-config");
    fs::write(&other, format!("[core]\n\tfsmonitor = {touch}\n")).unwrap();
    let config = format!(
        "[include]\n\tpath = {other}\n[core]\n\tfsmonitor = {touch}\n\tsshCommand = {touch}\n\
         \tpager = {touch}\n\teditor = {touch}\n\tgitProxy = {touch}\n\talternateRefsCommand = {touch}\n\
         [filter \"evil\"]\n\tclean = {touch}\n\tsmudge = {touch}\n\tprocess = {touch}\n\trequired = true\n\
         [diff \"evil\"]\n\ttextconv = {touch}\n\tcommand = {touch}\n\
         [diff]\n\texternal = {touch}\n[credential]\n\thelper = \"!{touch}\"\n\
         [gpg]\n\tprogram = {touch}\n[remote \"origin\"]\n\turl = \"ext::{touch}\"\n\
         \tpromisor = true\n\tuploadpack = {touch}\n[extensions]\n\tpartialClone = origin\n",
        other = other.display(),
    );
    let path = fixture.path().join(".git/config");
    damage(&path, |bytes| bytes.extend_from_slice(config.as_bytes()));
    // One object is missing, so that a promisor would be asked for it.
    fs::remove_file(object(&fixture, "HEAD:.gitattributes")).unwrap();
    let _ = fs::remove_file(&marker);
    let outcome = fixture.history();
    assert_eq!((numbers(&outcome), outcome.summary.missing), (vec![1, 2], 0));
    assert_eq!(numbers(&fixture.staged()), [2]);
    assert!(!marker.exists());
    // The markers work: git itself would have made them.
    fixture.try_git_in(&fixture.path(), &["status"]);
    assert!(marker.exists());
}
