//! The real OpenClaw, from npm, in a careless and a hardened configuration: it takes both for
//! configurations of its own, and what its own audit finds is taken over.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::Report;
use crate::tree::Tree;

/// Where npm put it.
fn installed() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openclaw/install");
    let output = Command::new(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
}

/// A home with the configuration of a tree.
fn home(tree: &Tree, path: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join(".openclaw");
    fs::create_dir_all(&state).unwrap();
    let config = state.join("openclaw.json");
    fs::write(&config, tree.text(path)).unwrap();
    let closed = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    closed(&state, 0o700);
    closed(&config, 0o600);
    home
}

/// What OpenClaw says of its configuration.
fn validate(bin: &Path, home: &Path) -> (bool, String) {
    let output = Command::new(bin.join("openclaw"))
        .args(["config", "validate"])
        .env_clear()
        .env("HOME", home)
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .env("OPENCLAW_OFFLINE", "1")
        .env("OPENCLAW_GATEWAY_TOKEN", "c4b1f00d".repeat(6))
        .env("ANTHROPIC_API_KEY", "of-no-use")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// The audit of a live machine whose user has this home.
fn live(bin: &Path, home: &Path) -> Report {
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let token = "c4b1f00d".repeat(6);
    let environment = [
        ("PATH", path.as_str()),
        ("OPENCLAW_OFFLINE", "1"),
        ("OPENCLAW_GATEWAY_TOKEN", &token),
        ("ANTHROPIC_API_KEY", "of-no-use"),
        ("OPENCLAW_STATE_DIR", home.join(".openclaw").to_str().unwrap()),
    ];
    crate::audit_with(home, &environment, &["--no-probes"])
}

/// Checks of OpenClaw's own audit that found something, with what it calls them.
fn own(report: &Report, status: &str) -> Vec<String> {
    let ids = report.iter().filter(|(id, (is, _))| id.starts_with("application.openclaw.") && is == status);
    ids.map(|(id, _)| id.clone()).collect()
}
