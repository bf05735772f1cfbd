//! The hardening audit on hosts whose faults are known: trees of Debian, Ubuntu and RHEL as they are
//! installed, hardened, and careless; what real programs say of the same files.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

mod changes;
mod forms;
mod guards;
mod made_up;
mod nginx;
mod openclaw;
mod schedule;
mod sshd;
mod trees;
mod unpack;

use std::path::Path;
use std::process::{Command, Output};

/// Most memory that an audit takes, in KiB. Of a build with debug information the program's own pages
/// alone were 38,000 of 46,000 (RssFile of /proc/PID/status); the promise is a release build's.
const MOST_KIB: u64 = if cfg!(debug_assertions) { 100 * 1024 } else { 50 * 1024 };

/// Runs `clawvault audit` with these arguments, away from any vault.
fn audit(arguments: &[&str]) -> Output {
    let nowhere = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_clawvault"))
        .arg("audit")
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("CLAWVAULT_HOME", nowhere.path().join("vault"))
        .output()
        .unwrap()
}

/// The checks of an audit, as data.
fn checks(arguments: &[&str]) -> Vec<serde_json::Value> {
    let Output { stdout, stderr, status } = audit(&[arguments, &["--json"]].concat());
    assert!(matches!(status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&stderr));
    let document: serde_json::Value = serde_json::from_slice(&stdout).unwrap();
    assert_eq!(document["version"], 1);
    document["checks"].as_array().unwrap().clone()
}

/// A file of this repository.
fn fixture(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts").join(path)
}

/// Whether a program is missing; says so.
fn skip_without(program: &str) -> bool {
    let missing = !Path::new(program).exists();
    if missing {
        println!("SKIP: {program} is not installed");
    }
    missing
}
