//! The campaigns for `backup` and `restore`: a backup is whole or not there, a vault is the old one
//! or the restored one.

use std::time::Instant;

use super::campaign::{TRIALS, examine, exported};
use super::kill::{Histogram, Pace, kill_at};
use super::random::{Random, trials};
use super::sandbox::Sandbox;

/// A killed backup is opened, and the vault proven, after so many trials, and at the end.
const FULL_CHECK: usize = 5;

#[test]
fn a_backup_is_whole_or_not_there() {
    let (start, trials) = (Instant::now(), trials(TRIALS));
    let mut random = Random::of_test("backup");
    let sandbox = Sandbox::with_vault();
    fill(&sandbox, 20);
    let path = |name: &str| sandbox.path(name).to_str().expect("a path is text").to_owned();
    let mut number = 0;
    let mut pace = Pace::measure("backed up ", || {
        number += 1;
        sandbox.run(&["backup", &path(&format!("pace-{number}.age"))], b"").sound("backup");
    });
    let mut histogram = Histogram::default();
    for trial in 0..trials {
        let file = path(&format!("{trial}.age"));
        let moment = pace.moment(trial, &mut random);
        let killed = kill_at(sandbox.command(&["backup", &file]), b"", moment);
        pace.learn(moment, &killed);
        let acknowledged = killed.line("backed up ").is_some() || killed.finished;

        let present = std::path::Path::new(&file).exists();
        assert!(present || !acknowledged, "trial {trial}, {moment:?}: a backup is lost");
        if present {
            let check = sandbox.run(&["restore", &file, "--check"], b"");
            assert_eq!(check.code(), Some(0), "trial {trial}, {moment:?}: {}", check.err);
            assert!(check.err.starts_with("the backup is sound: 20 secrets"), "{}", check.err);
        }
        // What a killed one left is in nobody's way.
        if !present && trial % FULL_CHECK == 0 {
            sandbox.run(&["backup", &file], b"").sound("backup after a kill");
        }
        histogram.count(&killed, acknowledged, present);
        if trial % FULL_CHECK == 0 || trial + 1 == trials {
            examine(&sandbox);
        }
    }
    histogram.check("backup", trials, &pace, start);
}

#[test]
fn a_restored_vault_is_the_old_one_or_the_new_one() {
    let (start, trials) = (Instant::now(), trials(TRIALS));
    let mut random = Random::of_test("restore");
    let sandbox = Sandbox::with_vault();
    fill(&sandbox, 20);
    let file = sandbox.path("b.age").to_str().expect("a path is text").to_owned();
    sandbox.run(&["backup", &file], b"").sound("backup");
    let restored = exported(&sandbox);
    let command = ["restore", &file, "--older"];
    let change = |value: u64| {
        let value = format!("value-{value:016x}");
        sandbox.run(&["set", "kill/0"], value.as_bytes()).sound("set");
        sandbox.run(&["set", "kill/new"], value.as_bytes()).sound("set");
        exported(&sandbox)
    };
    let mut delays = Random::of_test("restore, its delays");
    let mut pace = Pace::measure("restored ", || {
        change(random.next());
        sandbox.run(&command, b"").sound("restore");
    });
    assert_eq!(exported(&sandbox), restored);
    let mut histogram = Histogram::default();
    for trial in 0..trials {
        let newer = change(random.next());
        let moment = pace.moment(trial, &mut delays);
        let killed = kill_at(sandbox.command(&command), b"", moment);
        pace.learn(moment, &killed);
        let acknowledged = killed.line("restored ").is_some() || killed.finished;

        let found = exported(&sandbox);
        let present = found == restored;
        assert!(present || found == newer, "trial {trial}, {moment:?}: neither old nor new");
        assert!(present || !acknowledged, "trial {trial}, {moment:?}: a restore is lost");
        histogram.count(&killed, acknowledged, present);
        if trial % FULL_CHECK == 0 || trial + 1 == trials {
            examine(&sandbox);
        }
    }
    histogram.check("restore", trials, &pace, start);
}

fn fill(sandbox: &Sandbox, secrets: usize) {
    let line = |number| format!("KILL_{number:02}=value-{number:02}\n");
    let text: String = (0..secrets).map(line).collect();
    let file = sandbox.path("keys.env");
    std::fs::write(&file, text).expect("the file to import is written");
    let import = ["import", file.to_str().expect("a path is text")];
    let said = sandbox.run(&import, b"");
    assert_eq!(said.code(), Some(0), "{}", said.err);
}
