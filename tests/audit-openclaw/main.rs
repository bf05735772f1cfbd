//! `clawvault audit` of OpenClaw: whole hosts as data, the real OpenClaw, many files.
//!
//! Each tree lists its files and what every check of three areas says of it; a check that no tree
//! lists, or that says another thing, is an error.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

mod real;
mod tree;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;
use tree::Tree;

const AREAS: &[&str] = &["application", "ai", "operations"];

/// A check's status and evidence, by its id.
type Report = BTreeMap<String, (String, String)>;

/// Runs the audit and reads its document.
fn audit(home: &Path, arguments: &[&str]) -> Report {
    let output = Command::new(env!("CARGO_BIN_EXE_clawvault"))
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .args(["audit", "--json", "--only", &AREAS.join(",")])
        .args(arguments)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{errors}"));
    let text = |check: &Value, name: &str| check[name].as_str().unwrap().to_owned();
    let checks = document["checks"].as_array().unwrap();
    checks
        .iter()
        .map(|check| (text(check, "id"), (text(check, "status"), text(check, "evidence"))))
        .collect()
}

fn compare(tree: &Tree) {
    let root = tree.build();
    let report = audit(root.path(), &["--root", root.path().to_str().unwrap()]);
    let own = |id: &str| id.starts_with("application.openclaw.");
    let mut wrong = Vec::new();
    for (id, (status, evidence)) in &report {
        match tree.expected.get(id) {
            // OpenClaw itself runs on a living machine alone.
            None if own(id) && status == "unknown" => {}
            Some(expected) if expected == status => {}
            expected => wrong.push(format!("{id} = \"{status}\" # {expected:?}: {evidence}")),
        }
    }
    let gone = tree.expected.keys().filter(|id| !report.contains_key(*id));
    wrong.extend(gone.map(|id| format!("{id} is no check")));
    assert!(wrong.is_empty(), "{}:\n{}", tree.name, wrong.join("\n"));
    for (id, (_, evidence)) in &report {
        for value in tree.values() {
            assert!(!evidence.contains(&value), "{id} tells a value");
        }
    }
}

#[test]
fn a_hardened_host_raises_no_alarm() {
    let tree = Tree::read("openclaw-hardened");
    assert!(tree.expected.values().all(|status| status != "fail" && status != "warn"));
    compare(&tree);
}

#[test]
fn every_fault_of_a_careless_host_is_found() {
    compare(&Tree::read("openclaw-careless"));
}

#[test]
fn there_are_many_checks_and_each_fails_somewhere() {
    let (good, bad) = (Tree::read("openclaw-hardened"), Tree::read("openclaw-careless"));
    assert!(good.expected.len() >= 45, "{}", good.expected.len());
    // What only a vault, or a running machine, can answer.
    let mute = |id: &&String| bad.expected[*id] == "unknown";
    let alarms = bad.expected.keys().filter(|id| matches!(bad.expected[*id].as_str(), "fail" | "warn"));
    let silent: Vec<&String> = bad.expected.keys().filter(|id| bad.expected[*id] == "pass").collect();
    println!("{} alarms, {} mute", alarms.count(), bad.expected.keys().filter(mute).count());
    assert!(silent.is_empty(), "no fault shows these: {silent:?}");
}

#[test]
fn many_files_take_little_time_and_memory() {
    let tree = Tree::read("openclaw-hardened");
    let root = tree.build();
    let sessions = root.path().join("home/claw/.openclaw/agents/main/sessions");
    for number in 0..50_000 {
        let text = format!("{{\"type\":\"message\",\"content\":\"order {number} is on its way\"}}\n");
        std::fs::write(sessions.join(format!("s{number}.jsonl")), text).unwrap();
    }
    let start = Instant::now();
    let report = audit(root.path(), &["--root", root.path().to_str().unwrap()]);
    let took = start.elapsed();
    println!("50,000 files: {} ms", took.as_millis());
    assert_ne!(report["ai.retention.age"].0, "fail");
    // 2 s is the promise of a release build on a quiet machine.
    let most = if cfg!(debug_assertions) { 20 } else { 2 };
    assert!(took.as_secs_f64() < f64::from(most), "{took:?}");
}
