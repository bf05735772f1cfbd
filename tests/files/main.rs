//! What the product writes is for its user alone whatever the umask is, and goes nowhere else
//! whatever stands in its places: links, second names, pipes, devices, directories, swapped under
//! its hands. Each obstacle ends in success or in two lines, never in a wait.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

mod obstacles;
#[path = "../support/scratch.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod scratch;
mod swaps;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use scratch::{Said, Scratch, finish, is_root};

#[test]
fn files_are_0600_and_directories_0700_under_every_umask() {
    for umask in ["000", "022", "077"] {
        let scratch = Scratch::new();
        let shell = |script: &str| -> Said {
            let mut shell = scratch.command_of(Path::new("/bin/sh"));
            shell.args(["-c", &format!("umask {umask}; {script}")]);
            finish(shell, b"first=1\n")
        };
        fs::create_dir(scratch.path("work/deep")).unwrap();
        scratch::give(&scratch.path("work/deep"));
        scratch.write("policy.toml", b"[agents.a]\nsecrets = []\n");
        scratch.write("a.env", b"A_KEY=1\nB_KEY=2\n");
        for script in [
            "clawvault init --identity deep/key --recovery",
            "export CLAWVAULT_IDENTITY=deep/key; clawvault set a/main",
            "clawvault --identity deep/key import a.env",
            "clawvault --identity deep/key policy apply policy.toml --yes",
            "clawvault --identity deep/key run --file F=a/main -- sh -c 'stat -c %a $F | grep -qx 600'",
            "clawvault --identity deep/key get a/main",
            "clawvault --identity deep/key rm a/main; clawvault --identity deep/key rollback a/main",
            "clawvault --identity deep/key doctor --repair",
            "clawvault --identity deep/key uninstall --export deep/all.json",
            "clawvault --identity deep/key run --file F=a/main -- true",
            "CLAWVAULT_HOME=$PWD/deep/new/er/home clawvault init",
            "CLAWVAULT_HOME=$PWD/deep/quick GROQ_API_KEY=x clawvault quickstart -- true",
        ] {
            shell(script).succeeded();
        }
        let mut seen = 0;
        let made = [scratch.path("work/deep/new"), scratch.path("work/deep/quick")];
        for root in [scratch.home(), scratch.runtime().join("clawvault")].into_iter().chain(made) {
            seen += assert_private(&root, umask);
        }
        for file in ["work/deep/key", "work/deep/all.json"] {
            assert_eq!(mode(&scratch.path(file)), 0o600, "umask {umask}: {file}");
        }
        println!("umask {umask}: {seen} files and directories are private");
        assert!(seen > 15);
    }
}

fn assert_private(path: &Path, umask: &str) -> usize {
    let wanted = if path.is_dir() { 0o700 } else { 0o600 };
    assert_eq!(mode(path), wanted, "umask {umask}: {}", path.display());
    let below = fs::read_dir(path).into_iter().flatten().flatten();
    1 + below.map(|entry| assert_private(&entry.path(), umask)).sum::<usize>()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Whoever may write to the parent can put another directory there, but not one of ours.
#[test]
fn a_parent_that_others_may_write_to_changes_nothing() {
    let scratch = Scratch::new();
    fs::set_permissions(scratch.path("all"), PermissionsExt::from_mode(0o777)).unwrap();
    scratch.call(&["init"], b"").succeeded();
    scratch.call(&["set", "a/main"], b"x").succeeded();
    assert_eq!(mode(&scratch.home()), 0o700);
    fs::rename(scratch.home(), scratch.path("all/own")).unwrap();
    symlink("own", scratch.home()).unwrap();
    scratch.call(&["get", "a/main"], b"").failed(3);
    scratch.call(&["set", "a/main"], b"y").failed(3);
}

#[test]
fn a_home_of_another_user_is_refused() {
    if !is_root() {
        println!("SKIP a_home_of_another_user_is_refused: only root can make one");
        return;
    }
    let scratch = Scratch::new();
    scratch.call(&["init"], b"").succeeded();
    scratch.call(&["set", "a/main"], b"x").succeeded();
    // Root, in a home of nobody's: allowed by the system, refused by us.
    let by_root = |arguments: &[&str]| -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clawvault"));
        command.args(arguments).env_clear().env("CLAWVAULT_HOME", scratch.home());
        command.env("HOME", "/none").env("PATH", "/usr/bin:/bin");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        finish(command, b"y")
    };
    let before = tree(&scratch.home());
    for arguments in [&["list"][..], &["get", "a/main"], &["set", "a/main"], &["init"]] {
        by_root(arguments).failed(3);
    }
    by_root(&["run", "--", "true"]).failed(125);
    assert_eq!(tree(&scratch.home()), before);
    for (owner, rights) in [(0, 0o700), (0, 0o755), (0, 0o777), (1, 0o777)] {
        chown(scratch.home(), Some(owner), None).unwrap();
        fs::set_permissions(scratch.home(), PermissionsExt::from_mode(rights)).unwrap();
        for arguments in [&["list"][..], &["set", "a/main"], &["init"]] {
            let said = scratch.call(arguments, b"y");
            said.is_in_order().unwrap();
            assert!(
                matches!(said.code, Some(3 | 7)),
                "{arguments:?} {owner} {rights:o}: {:?}",
                said.code
            );
        }
    }
}

/// Path, size and time of every file below.
fn tree(root: &Path) -> Vec<(PathBuf, u64, i64)> {
    let mut all = Vec::new();
    let metadata = fs::symlink_metadata(root).unwrap();
    if metadata.is_dir() {
        for entry in fs::read_dir(root).unwrap().flatten() {
            all.extend(tree(&entry.path()));
        }
    } else {
        all.push((root.to_owned(), metadata.size(), metadata.mtime_nsec()));
    }
    all.sort();
    all
}
