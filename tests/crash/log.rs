//! The audit log under kills: entries so large that every few of them a segment is closed and the
//! next one begun. Whatever the moment, the chain holds, what was handed out is in the log, and no
//! entry that was there is gone.

use std::time::Instant;

use super::kill::{Histogram, Moment, Pace, kill_at};
use super::random::{Random, trials};
use super::sandbox::Sandbox;

const TRIALS: usize = 200;
/// One export is an entry of a third of a segment.
const SECRETS: usize = 800;

#[test]
fn the_log_turns_over_and_loses_nothing() {
    let (start, trials) = (Instant::now(), trials(TRIALS));
    let mut random = Random::of_test("log");
    let sandbox = Sandbox::with_vault();
    prepare(&sandbox);
    // A warning about nothing is said once the values are out: that acknowledges.
    let command = ["export", "--format", "dotenv"];
    let mut pace = Pace::measure("clawvault: warning: some/bare has no variable", || {
        assert_eq!(sandbox.run(&command, b"").code(), Some(0), "export");
    });
    let mut histogram = Histogram::default();
    let mut before = Log::of(&sandbox);
    for trial in 0..trials {
        let moment = pace.moment(trial, &mut random);
        let killed = kill_at(sandbox.command(&command), b"", moment);
        pace.learn(moment, &killed);
        let acknowledged = killed.finished || matches!(moment, Moment::OnLine(_));
        let verified = sandbox.run(&["log", "--verify", "--against", &before.head], b"");
        assert_eq!(verified.code(), Some(0), "trial {trial}, {moment:?}: {}", verified.err);
        let after = Log::of(&sandbox);
        let more = after.exports - before.exports;
        assert!(more <= 1, "trial {trial}: {more} entries of one command");
        assert!(more == 1 || !acknowledged, "trial {trial}, {moment:?}: an entry is lost");
        histogram.count(&killed, acknowledged, more == 1);
        before = after;
    }
    let segments = std::fs::read_dir(sandbox.home().join("log")).expect("the log is listed");
    let logs = segments.filter(|entry| {
        entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().ends_with(".log"))
    });
    let segments = logs.count();
    println!("log: {segments} segments");
    assert!(segments >= trials / 8, "too few turns: {segments}");
    histogram.check("log", trials, &pace, start);
}

fn prepare(sandbox: &Sandbox) {
    let path = |name: &str| sandbox.path(name).to_str().expect("a temporary path").to_owned();
    let mut text = String::new();
    for number in 0..SECRETS {
        text.push_str(&format!("A_RATHER_LONG_NAME_OF_A_VARIABLE_{number:04}=value-{number}\n"));
    }
    std::fs::write(path("keys.env"), text).expect("the file to import is written");
    sandbox.run(&["import", &path("keys.env")], b"").sound("import");
    sandbox.run(&["set", "some/bare"], b"value").sound("set");
    std::fs::write(path("p.toml"), "[log]\nsegment = \"64KiB\"\n").expect("a policy is written");
    sandbox.run(&["policy", "apply", &path("p.toml"), "--yes"], b"").sound("policy apply");
}

/// What is in the log.
struct Log {
    head: String,
    exports: usize,
}

impl Log {
    fn of(sandbox: &Sandbox) -> Self {
        let head = sandbox.run(&["log", "--head"], b"").sound("log --head").trim().to_owned();
        let words = ["log", "--event", "export", "--secret", "some/bare"];
        let exports = sandbox.run(&words, b"").sound("log").lines().count();
        Self { head, exports }
    }
}
