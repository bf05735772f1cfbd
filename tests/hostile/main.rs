//! `clawvault scan` over what was made to hurt it: each scan ends by itself, in bounded memory, in
//! time linear in the bytes, and neither leaves the tree nor runs anything of it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

mod measured;
mod packed;
mod rules;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use measured::{Measured, scan};
use tempfile::TempDir;

/// A token in its vendor's form that was never issued.
const TOKEN: &str = "ghp_R8sKq2LwZx7VtB4nMd9PfGh3JcYu6E0aT5iX";
/// Most memory that any scan may take, in MiB.
const MEMORY: u64 = 512;
/// Times the CPU that twice the bytes may take; two, and what other work on the machine adds.
const DOUBLED: f64 = 2.6;
const MIB: usize = 1024 * 1024;

/// Asserts that it ended with that exit code, in bounded memory.
fn ended(measured: &Measured, code: i32, what: &str) {
    assert_eq!(measured.code, Some(code), "{what}: {}", measured.err);
    assert!(measured.peak <= MEMORY, "{what}: {} MiB", measured.peak);
}

#[test]
fn one_line_of_64_mb_takes_linear_time_and_bounded_memory() {
    let tree = TempDir::new().unwrap();
    let file = tree.path().join("min.js");
    let took: Vec<f64> = [32, 64]
        .map(|size| {
            let piece = b"function(a,b){return a.key=b.token||'password='+c}var d=[1,2,3];";
            let mut text = piece.repeat(size * MIB / piece.len());
            text.extend_from_slice(format!("x=\"{TOKEN}\"\n").as_bytes());
            fs::write(&file, text).unwrap();
            let once = || {
                let said = scan(tree.path(), &["."]);
                ended(&said, 1, "a long line");
                assert!(said.out.len() < 16 * 1024, "the report has {} bytes", said.out.len());
                said.cpu
            };
            once().min(once())
        })
        .to_vec();
    assert!(took[1] <= DOUBLED * took[0], "32 and 64 MB took {took:?} s");
}

#[test]
fn links_are_not_followed_and_no_loop_or_pipe_holds_it() {
    let (tree, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let root = tree.path();
    fs::write(outside.path().join("secret.env"), format!("GITHUB_TOKEN={TOKEN}\n")).unwrap();
    fs::write(root.join("plain.txt"), "nothing\n").unwrap();
    symlink("b", root.join("a")).unwrap();
    symlink("a", root.join("b")).unwrap();
    fs::create_dir(root.join("sub")).unwrap();
    symlink("..", root.join("sub/up")).unwrap();
    symlink(outside.path(), root.join("out")).unwrap();
    symlink(outside.path().join("secret.env"), root.join("out.env")).unwrap();
    assert!(Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
    ended(&scan(root, &["."]), 0, "links, loops and a pipe");
    let pipe = scan(root, &["pipe"]);
    assert!(pipe.code.is_some_and(|code| code != 0 && code != 1), "a pipe alone: {}", pipe.err);
}

#[test]
fn ten_sparse_gigabytes_end_in_bounded_memory() {
    let tree = TempDir::new().unwrap();
    let mut file = File::create(tree.path().join("disk.img")).unwrap();
    writeln!(file, "GITHUB_TOKEN={TOKEN}").unwrap();
    file.set_len(10 << 30).unwrap();
    fs::write(tree.path().join("other.env"), format!("GITHUB_TOKEN={TOKEN}\n")).unwrap();
    // The file beside it is scanned, whatever becomes of the large one.
    ended(&scan(tree.path(), &["."]), 1, "10 GB of nothing");
}

#[test]
fn a_gigabyte_of_zeros_in_a_small_archive_is_bounded() {
    let tree = TempDir::new().unwrap();
    let zeros = tree.path().join("zeros");
    File::create(&zeros).unwrap().set_len(1 << 30).unwrap();
    assert!(Command::new("gzip").arg("-1").arg(&zeros).status().unwrap().success());
    ended(&scan(tree.path(), &["."]), 0, "a bomb");
}

#[test]
fn what_is_no_text_and_what_lies_deep_is_scanned() {
    let tree = TempDir::new().unwrap();
    let mut path = tree.path().join(OsStr::from_bytes(b"\xff\xfe name"));
    for level in 0..300 {
        path.push(format!("level-{level}"));
    }
    fs::create_dir_all(&path).unwrap();
    let bytes = [b"\xff\xc3\x28\0 GITHUB_TOKEN=", TOKEN.as_bytes(), b"\n\x80\xed\xa0"].concat();
    fs::write(path.join("deep"), &bytes).unwrap();
    let said = scan(tree.path(), &["--format", "json", "."]);
    ended(&said, 1, "deep and no text");
    assert!(String::from_utf8(said.out).is_ok(), "the report is no text");
}

#[test]
fn nothing_that_a_repository_names_is_run() {
    let tree = TempDir::new().unwrap();
    let (root, mark) = (tree.path().join("repository"), tree.path().join("was-run"));
    fs::create_dir(&root).unwrap();
    git(&root, &["init", "-q"]);
    fs::write(root.join("a.env"), format!("GITHUB_TOKEN={TOKEN}\n")).unwrap();
    git(&root, &["add", "."]);
    git(&root, &["commit", "-qm", "one"]);
    fs::write(root.join("b.env"), format!("GITHUB_TOKEN={TOKEN} # again\n")).unwrap();
    git(&root, &["add", "."]);
    let script = tree.path().join("run-me");
    fs::write(&script, format!("#!/bin/sh\necho \"$0\" >>'{}'\ncat\n", mark.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(root.join(".gitattributes"), "* filter=bad diff=bad merge=bad\n").unwrap();
    let run = script.display().to_string();
    let settings = "core.fsmonitor filter.bad.clean filter.bad.smudge filter.bad.process \
                    diff.bad.textconv diff.bad.command diff.external core.sshCommand core.pager \
                    core.editor credential.helper gpg.program uploadpack.packObjectsHook \
                    core.alternateRefsCommand pager.scan";
    for name in settings.split_whitespace() {
        git(&root, &["config", name, &run]);
    }
    for hook in ["pre-commit", "post-index-change", "fsmonitor-watchman", "reference-transaction"] {
        fs::create_dir_all(root.join(".git/hooks")).unwrap();
        fs::copy(&script, root.join(".git/hooks").join(hook)).unwrap();
    }
    for source in [&["."][..], &["--staged"], &["--history"], &["--history", "--unreachable"]] {
        ended(&scan(&root, source), 1, &format!("{source:?}"));
        assert!(!mark.exists(), "{source:?} ran {}", fs::read_to_string(&mark).unwrap());
    }
}

fn git(root: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.com"])
        .args(arguments)
        .current_dir(root)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .status();
    assert!(done.is_ok_and(|status| status.success()), "git {arguments:?}");
}
