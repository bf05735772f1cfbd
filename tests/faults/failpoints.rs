//! Every failpoint, in every way. A point that no session passes, or that does not act when it is
//! armed, fails the test.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use clawvault_core::platform::failpoint::POINTS;

use super::judge::judge;
use super::random::{Random, trials};
use super::sandbox::Sandbox;
use super::scenes::Stage;
use super::{failing_program, for_each, stages};

/// Trials beyond those that make each point act once in each way.
const MORE: usize = 150;
const ACTIONS: [&str; 4] = ["kill", "eio", "enospc", "delay"];

/// One point, one action, one session.
struct Trial<'a> {
    stage: &'a Stage,
    point: &'a str,
    action: &'a str,
    /// Which of the times that the session passes the point; every one where none is named.
    nth: Option<usize>,
}

#[test]
fn every_failpoint_dies_fails_and_waits() {
    let mut random = Random::of_test("failpoints");
    let stages = stages();
    let start = Instant::now();
    let mut passing: BTreeMap<&str, Vec<(&Stage, usize)>> = BTreeMap::new();
    for stage in stages {
        for (point, count) in &stage.passes {
            passing.entry(point).or_default().push((stage, *count));
        }
    }
    let never: Vec<_> = POINTS.iter().filter(|point| !passing.contains_key(*point)).collect();
    assert!(never.is_empty(), "no session passes {never:?}");

    let mut all = Vec::new();
    for (point, stages) in &passing {
        for (turn, action) in ACTIONS.iter().enumerate() {
            // Each way in another session, where several reach the point.
            let (stage, count) = stages[(turn + random.below(64) as usize) % stages.len()];
            let nth = (*action == "kill").then(|| 1 + random.below(count as u64) as usize);
            all.push(Trial { stage, point, action, nth });
        }
    }
    let needed = all.len();
    let every = every(&passing);
    let of = every.len();
    all.extend(random.sample(every, trials(MORE)));

    let acted = Mutex::new(BTreeSet::new());
    for_each(&all, |trial| {
        trial.run();
        acted.lock().expect("no trial failed").insert((trial.point, trial.action));
    });
    let acted = acted.into_inner().expect("no trial failed").len();
    assert_eq!(acted, POINTS.len() * ACTIONS.len(), "points that acted, in each way");
    println!(
        "{} failpoints, each in {} ways ({needed} trials) and {} of {of} more, in {} sessions: {:.1} s",
        POINTS.len(),
        ACTIONS.len(),
        all.len() - needed,
        stages.len(),
        start.elapsed().as_secs_f64()
    );
}

/// Each action at each time that each session passes each point.
fn every<'a>(passing: &BTreeMap<&'a str, Vec<(&'a Stage, usize)>>) -> Vec<Trial<'a>> {
    let mut every = Vec::new();
    for (point, stages) in passing {
        for (stage, count) in stages {
            for nth in 1..=*count {
                let trial = |action| Trial { stage, point, action, nth: Some(nth) };
                every.extend(ACTIONS.map(trial));
            }
        }
    }
    every
}

impl Trial<'_> {
    fn run(&self) {
        let name = self.name();
        let sandbox = self.stage.sandbox();
        let count = self.nth.map_or(String::new(), |nth| format!(":{nth}"));
        let armed = format!("{}:{}{count}", self.point, self.action);
        let delays = self.action == "delay";
        let (said, passed) = thread::scope(|scope| {
            let other = delays.then(|| scope.spawn(|| self.meanwhile(&sandbox)));
            let played = self.stage.play(&sandbox, failing_program(), &armed);
            if let Some(other) = other {
                other.join().expect("the other command is judged");
            }
            played
        });
        assert!(passed.contains(&format!("{}!", self.point)), "{name}: it did not act");
        assert_eq!(said.code().is_none(), self.action == "kill", "{name}: {:?}", said.status);
        if delays {
            assert_eq!(said.code(), Some(self.stage.scene.code), "{name}: {}", said.err);
        }
        judge(&name, self.stage, &sandbox, &said, false);
    }

    /// While one command waits in the middle, another comes: it waits, too, and then all is well.
    fn meanwhile(&self, sandbox: &Sandbox) {
        let acts = format!("{}!", self.point);
        let end = Instant::now() + Duration::from_secs(5);
        let passed = || std::fs::read_to_string(sandbox.path("points")).unwrap_or_default();
        while !passed().contains(&acts) {
            assert!(Instant::now() < end, "{}: it is never reached", self.name());
            thread::sleep(Duration::from_millis(1));
        }
        let said = sandbox.run(&["list"], b"");
        // Before the vault is there, or its home is closed to others, it says so.
        let is_sound = matches!(said.code(), Some(0 | 3 | 4));
        assert!(is_sound, "{}: beside it: {}", self.name(), said.err);
    }

    fn name(&self) -> String {
        let nth = self.nth.map_or(String::new(), |nth| format!(" (time {nth})"));
        format!("{}: {} at {}{nth}", self.stage.scene.name, self.action, self.point)
    }
}
