//! The campaigns: one command each, killed at random moments, the vault examined after each kill.

use std::collections::BTreeMap;
use std::time::Instant;

use super::kill::{Histogram, Moment, Pace, kill_at};
use super::random::{Random, trials};
use super::sandbox::Sandbox;

pub(crate) const TRIALS: usize = 200;
/// Everything is compared and proven after so many trials, and at the end; what was touched, after
/// each.
const FULL_CHECK: usize = 5;
const NAMES: usize = 12;
const IMPORTED: usize = 50;

#[test]
fn set_keeps_what_it_acknowledged() {
    let (start, trials) = (Instant::now(), trials(TRIALS));
    let mut random = Random::of_test("set");
    let sandbox = Sandbox::with_vault();
    let mut model: BTreeMap<String, (u32, String)> = BTreeMap::new();
    let mut pace = Pace::measure("stored ", || {
        let value = format!("value-{:016x}", random.next());
        sandbox.run(&["set", "kill/0"], value.as_bytes()).sound("set");
        let version = model.get("kill/0").map_or(0, |(version, _)| *version) + 1;
        model.insert("kill/0".to_owned(), (version, value));
    });
    let mut histogram = Histogram::default();
    for trial in 0..trials {
        let name = format!("kill/{}", random.below(NAMES as u64));
        let value = format!("value-{:016x}", random.next());
        let old = model.get(&name).cloned();
        let version = old.as_ref().map_or(0, |(version, _)| *version) + 1;
        let moment = pace.moment(trial, &mut random);
        let killed = kill_at(sandbox.command(&["set", &name]), value.as_bytes(), moment);
        pace.learn(moment, &killed);
        let acknowledged = killed.line("stored ").is_some();
        if acknowledged {
            let expected = format!("{name} version {version}");
            assert_eq!(killed.line("stored "), Some(expected.as_str()), "trial {trial}");
        }
        assert!(acknowledged || !killed.finished, "trial {trial}: success without a word");

        let found = current(&sandbox, &name);
        let new = Some((version, value));
        let present = found == new;
        assert!(present || found == old, "trial {trial}, {moment:?}: {name} holds neither value");
        assert!(present || !acknowledged, "trial {trial}, {moment:?}: {name} is lost");
        if let Some(found) = found {
            model.insert(name, found);
        }
        histogram.count(&killed, acknowledged, present);
        if trial % FULL_CHECK == 0 || trial + 1 == trials {
            let all = model.iter().map(|(name, (_, value))| (name.clone(), value.clone()));
            assert_eq!(exported(&sandbox), all.collect(), "trial {trial}");
            examine(&sandbox);
        }
    }
    histogram.check("set", trials, &pace, start);
}

#[test]
fn import_takes_everything_or_nothing() {
    let (start, trials) = (Instant::now(), trials(TRIALS));
    let mut random = Random::of_test("import");
    let sandbox = Sandbox::with_vault();
    let file = sandbox.path("keys.env");
    let file_name = file.to_str().expect("a temporary path is text").to_owned();
    let command = ["import", &file_name, "--update"];
    let mut write = || {
        let (mut text, mut values) = (String::new(), BTreeMap::new());
        for number in 0..IMPORTED {
            let value = format!("value-{:016x}", random.next());
            text.push_str(&format!("KILL_{number:02}={value}\n"));
            values.insert(format!("env/kill-{number:02}"), value);
        }
        std::fs::write(&file, text).expect("the file to import is written");
        values
    };
    let mut old = BTreeMap::new();
    let mut pace = Pace::measure("0 new, 50 updated", || {
        old = write();
        sandbox.run(&command, b"").sound("import");
    });
    assert_eq!(exported(&sandbox), old);
    let mut delays = Random::of_test("import, its delays");
    let mut histogram = Histogram::default();
    for trial in 0..trials {
        let new = write();
        let moment = pace.moment(trial, &mut delays);
        let killed = kill_at(sandbox.command(&command), b"", moment);
        pace.learn(moment, &killed);
        let acknowledged = killed.line("0 new, 50 updated").is_some() || killed.finished;

        let found = exported(&sandbox);
        let present = found == new;
        assert!(present || found == old, "trial {trial}, {moment:?}: an import is half there");
        assert!(present || !acknowledged, "trial {trial}, {moment:?}: an import is lost");
        old = found;
        histogram.count(&killed, acknowledged, present);
        if trial % FULL_CHECK == 0 || trial + 1 == trials {
            examine(&sandbox);
        }
    }
    histogram.check("import", trials, &pace, start);
}

#[test]
fn init_makes_a_vault_or_can_be_run_again() {
    let (start, trials) = (Instant::now(), trials(TRIALS / 4));
    let mut random = Random::of_test("init");
    let mut pace = Pace::measure("made a vault", || drop(Sandbox::with_vault()));
    let mut histogram = Histogram::default();
    for trial in 0..trials {
        let sandbox = Sandbox::empty();
        let moment = pace.moment(trial, &mut random);
        let killed = kill_at(sandbox.command(&["init"]), b"", moment);
        pace.learn(moment, &killed);
        let acknowledged = killed.line("made a vault").is_some();

        let list = sandbox.run(&["list"], b"");
        let present = list.code() == Some(0);
        let absent = list.code() == Some(4);
        assert!(present || absent, "trial {trial}, {moment:?}: {}", list.err);
        assert!(present || !acknowledged, "trial {trial}, {moment:?}: the vault is lost");
        if absent {
            sandbox.run(&["init"], b"").sound("the second init");
        }
        histogram.count(&killed, acknowledged, present);
        sandbox.run(&["set", "kill/after"], b"value-after").sound("set");
        assert_eq!(sandbox.run(&["get", "kill/after"], b"").sound("get"), "value-after");
        examine(&sandbox);
    }
    histogram.check("init", trials, &pace, start);
}

#[test]
fn rekey_leaves_the_old_keys_or_the_new_ones() {
    let (start, trials) = (Instant::now(), trials(TRIALS));
    let mut random = Random::of_test("rekey");
    let sandbox = Sandbox::with_vault();
    for number in 0..NAMES {
        let value = format!("value-{:016x}", random.next());
        sandbox.run(&["set", &format!("kill/{number}")], value.as_bytes()).sound("set");
    }
    let values = exported(&sandbox);
    let mut pace = Pace::measure("the vault has a new key", || {
        sandbox.run(&["rekey"], b"").sound("rekey");
    });
    let mut old = epoch(&sandbox);
    let mut histogram = Histogram::default();
    for trial in 0..trials {
        let moment = pace.moment(trial, &mut random);
        let killed = kill_at(sandbox.command(&["rekey"]), b"", moment);
        pace.learn(moment, &killed);
        let acknowledged = killed.line("the vault has a new key").is_some();

        assert_eq!(exported(&sandbox), values, "trial {trial}, {moment:?}");
        let found = epoch(&sandbox);
        let present = found == old + 1;
        assert!(present || found == old, "trial {trial}, {moment:?}: epoch {found} after {old}");
        assert!(present || !acknowledged, "trial {trial}, {moment:?}: the new keys are lost");
        // A change through whatever was left, and nothing of the other keys stays behind it.
        sandbox.run(&["set", "kill/after"], b"value-after").sound("set");
        sandbox.run(&["rm", "kill/after", "--purge", "--yes"], b"").sound("rm");
        assert_eq!(stores(&sandbox), [store_of(found)], "trial {trial}, {moment:?}");
        old = found;
        histogram.count(&killed, acknowledged, present);
        if trial % FULL_CHECK == 0 || trial + 1 == trials {
            examine(&sandbox);
        }
    }
    histogram.check("rekey", trials, &pace, start);
}

/// The number of the keys in force, as the header has it.
fn epoch(sandbox: &Sandbox) -> u64 {
    let header = std::fs::read_to_string(sandbox.home().join("vault.toml")).expect("a header");
    let line = header.lines().find_map(|line| line.strip_prefix("epoch = "));
    line.expect("it names its epoch").parse().expect("a number")
}

fn store_of(epoch: u64) -> String {
    if epoch == 1 { "store.redb".to_owned() } else { format!("store-{epoch}.redb") }
}

/// Every file of the home that is a store, or was made of one.
fn stores(sandbox: &Sandbox) -> Vec<String> {
    let found = std::fs::read_dir(sandbox.home()).expect("the home is read");
    let names = found.map(|entry| entry.expect("an entry").file_name().into_string());
    names.filter_map(Result::ok).filter(|name| name.contains("store")).collect()
}

/// The log's entry is durable before the program has the value: nothing is launched unseen.
#[test]
fn a_launch_is_logged_before_it_happens() {
    let (start, trials) = (Instant::now(), trials(TRIALS));
    let mut random = Random::of_test("run");
    let sandbox = Sandbox::with_vault();
    sandbox.run(&["set", "kill/0", "--env", "KILL"], b"value-launched").sound("set");
    let command = ["run", "--", "sh", "-c", "test -n \"$KILL\" && echo launched >&2"];
    let mut pace = Pace::measure("launched", || {
        sandbox.run(&command, b"").sound("run");
    });
    let mut known = launches(&sandbox);
    let mut histogram = Histogram::default();
    for trial in 0..trials {
        let moment = match pace.moment(trial, &mut random) {
            // The entry comes early: the program's own start is not what is tried.
            Moment::After(delay) => Moment::After(delay / 3),
            moment => moment,
        };
        let killed = kill_at(sandbox.command(&command), b"", moment);
        pace.learn(moment, &killed);
        let launched = killed.line("launched").is_some() || killed.finished;

        let found = launches(&sandbox);
        let present = found == known + 1;
        assert!(present || found == known, "trial {trial}, {moment:?}: {found} after {known}");
        assert!(present || !launched, "trial {trial}, {moment:?}: a launch is not in the log");
        known = found;
        histogram.count(&killed, launched, present);
        if trial % FULL_CHECK == 0 || trial + 1 == trials {
            examine(&sandbox);
        }
    }
    histogram.check("run", trials, &pace, start);
}

/// Number of launches in the log.
fn launches(sandbox: &Sandbox) -> usize {
    let log = sandbox.run(&["log", "--json"], b"").sound("log");
    let entries = log.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    entries.filter(|entry: &serde_json::Value| entry["event"] == "run").count()
}

/// Version and value of a secret, in one reading each; `None` where there is no such secret.
fn current(sandbox: &Sandbox, name: &str) -> Option<(u32, String)> {
    let shown = sandbox.run(&["show", name, "--json"], b"");
    if shown.code() == Some(4) {
        return None;
    }
    let shown: serde_json::Value = serde_json::from_str(&shown.sound("show")).expect("JSON");
    let version = shown["version"].as_u64().and_then(|v| u32::try_from(v).ok()).expect("a version");
    Some((version, sandbox.run(&["get", name], b"").sound("get")))
}

/// Every current value, by name.
pub(crate) fn exported(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let text = sandbox.run(&["export", "--format", "json"], b"").sound("export");
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let secrets = document["secrets"].as_object().expect("an object of secrets");
    let value = |fields: &serde_json::Value| fields["value"].as_str().expect("a text").to_owned();
    secrets.iter().map(|(name, fields)| (name.clone(), value(fields))).collect()
}

/// The chain of the log holds, every record is authentic, nothing warns of damage.
pub(crate) fn examine(sandbox: &Sandbox) {
    sandbox.run(&["log", "--verify"], b"").sound("log --verify");
    let checks = sandbox.run(&["doctor", "--json"], b"").sound("doctor");
    let checks: Vec<serde_json::Value> = serde_json::from_str(&checks).expect("JSON");
    // A killed command leaves temporary files; whether there is a backup is no matter of a crash.
    let spared = ["identity", "PATH", "leftovers", "backup"].map(serde_json::Value::from);
    let poor = |check: &&serde_json::Value| {
        check["diagnosis"] != "good" && !spared.contains(&check["subject"])
    };
    assert_eq!(checks.iter().find(poor), None, "doctor finds something");
}
