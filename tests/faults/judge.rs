//! What has to hold after a session in which something went wrong, and how a vault's content is
//! read.

use std::path::Path;

use super::sandbox::{Said, Sandbox};
use super::scenes::Stage;

/// All that a person can have stored: values, policy, and the number of the keys in force with how
/// many recipients they have; `None` where there is no vault.
pub(crate) type State = Option<[String; 3]>;

/// Reads everything with the plain program.
pub(crate) fn state(name: &str, sandbox: &Sandbox) -> State {
    let read = |words: &[&str]| {
        let said = sandbox.run(words, b"");
        let code = said.code();
        (code, String::from_utf8(said.out).expect("text"), said.err)
    };
    let export = ["export", "--format", "json"];
    let (mut code, mut values, mut err) = read(&export);
    if code == Some(3) {
        // A home that is open to others: the doctor closes it.
        sandbox.run(&["doctor", "--repair"], b"");
        (code, values, err) = read(&export);
    }
    if code == Some(4) {
        return None;
    }
    assert_eq!(code, Some(0), "{name}: {err}");
    let (code, policy, err) = read(&["policy", "show"]);
    assert_eq!(code, Some(0), "{name}: {err}");
    let header = std::fs::read_to_string(sandbox.home().join("vault.toml")).expect("a header");
    let epoch = header.lines().find(|line| line.starts_with("epoch = ")).unwrap_or_default();
    let recipients = header.lines().filter(|line| line.starts_with("recipient = ")).count();
    Some([values, policy, format!("{epoch}, {recipients} recipients")])
}

/// Judges a session by its words and by what it left. A `mute` one could not speak.
pub(crate) fn judge(name: &str, stage: &Stage, sandbox: &Sandbox, said: &Said, mute: bool) {
    if !mute {
        judge_words(name, said);
    }
    let whole = said.err.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let told = whole.lines().any(|line| line.starts_with(stage.scene.line));
    let acknowledged = told || said.code() == Some(0);

    let mut found = state(name, sandbox);
    if found.is_none() {
        assert!(!acknowledged, "{name}: the vault is lost");
        assert!(stage.before.is_none(), "{name}: there is no vault any more");
        sandbox.run(&["init"], b"").sound(name);
        found = state(name, sandbox);
    }
    let is_after = found == stage.after;
    assert!(is_after || found == stage.before, "{name}: neither old nor new: {found:?}");
    assert!(is_after || !acknowledged, "{name}: acknowledged and lost");
    examine(name, sandbox);
}

/// It was killed, or it did what it should, or it said in two lines why not.
fn judge_words(name: &str, said: &Said) {
    let lines: Vec<&str> = said.err.lines().collect();
    match said.code() {
        None | Some(0) => {}
        // A report that says no.
        Some(1) if said.err.is_empty() && !said.out.is_empty() => {}
        Some(3 | 5 | 7 | 125) => {
            let told = matches!(lines[..], [.., what, advice]
                if what.starts_with("clawvault: ") && advice.starts_with("hint: "));
            let reported = said.err.is_empty() && !said.out.is_empty();
            assert!(told || reported, "{name}: {}", said.err);
        }
        code => panic!("{name}: ended with {code:?}: {}", said.err),
    }
    for word in ["value-", "panicked", "invariant"] {
        assert!(!said.err.contains(word), "{name}: says {word}: {}", said.err);
    }
}

/// Everything is in order, a change goes through, and nothing half made is left.
fn examine(name: &str, sandbox: &Sandbox) {
    sandbox.run(&["log", "--verify"], b"").sound(name);
    sandbox.run(&["doctor", "--repair"], b"").sound(name);
    let checks = sandbox.run(&["doctor", "--json"], b"").sound(name);
    let checks: Vec<serde_json::Value> = serde_json::from_str(&checks).expect("JSON");
    for check in &checks {
        let spared = ["identity", "PATH", "backup", "leftovers"]
            .iter()
            .any(|subject| check["subject"] == *subject);
        assert!(spared || check["diagnosis"] == "good", "{name}: the doctor finds {check}");
    }
    sandbox.run(&["set", "kept/after"], b"value-after").sound(name);
    assert_eq!(sandbox.run(&["get", "kept/after"], b"").sound(name), "value-after");
    let left = left_over(&sandbox.home());
    assert_eq!(left, Vec::<String>::new(), "{name}: left over");
}

/// Files that only an unfinished step has.
fn left_over(directory: &Path) -> Vec<String> {
    let mut left = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory is read") {
        let path = entry.expect("an entry is read").path();
        if path.is_dir() {
            left.extend(left_over(&path));
        } else if path.extension().is_some_and(|end| end == "new") || path.ends_with(".unfinished")
        {
            left.push(path.display().to_string());
        }
    }
    left
}
