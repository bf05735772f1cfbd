//! Every failpoint of the product dies, fails and waits, in sessions that reach it: what was
//! acknowledged is there, what was not is there wholly or not at all, the vault opens and is
//! sound, and an error is two lines.
//!
//! The sessions run a program that is built with the cargo feature `failpoints` beside the plain
//! one; everything afterwards is judged with the plain one. A point that no session passes, or that
//! does not act when it is armed, fails the test.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

mod judge;
mod scenes;

#[path = "../support/random.rs"]
mod random;
#[path = "../support/sandbox.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod sandbox;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use clawvault_core::platform::failpoint::POINTS;

use judge::Trial;
use random::{Random, trials};
use scenes::Stage;

/// Trials beyond those that make each point act once in each way.
const MORE: usize = 300;
const ACTIONS: [&str; 4] = ["kill", "eio", "enospc", "delay"];

#[test]
fn every_point_dies_fails_and_waits() {
    let start = Instant::now();
    let mut random = Random::of_test("failpoints");
    let program = failing_program();
    let stages: Vec<Stage> =
        scenes::SCENES.iter().map(|scene| Stage::set(scene, &program)).collect();
    let mut passing: BTreeMap<&str, Vec<(&Stage, usize)>> = BTreeMap::new();
    for stage in &stages {
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
            let nth = (*action == "kill").then_some(1 + random.below(count as u64) as usize);
            all.push(Trial { stage, point, action, nth });
        }
    }
    let needed = all.len();
    let every: Vec<Trial<'_>> = passing
        .iter()
        .flat_map(|(point, stages)| {
            let each = stages.iter().flat_map(move |(stage, count)| {
                (1..=*count)
                    .flat_map(move |nth| ACTIONS.iter().map(move |action| (*stage, nth, *action)))
            });
            each.map(move |(stage, nth, action)| Trial { stage, point, action, nth: Some(nth) })
        })
        .collect();
    let more = trials(MORE).min(every.len());
    all.extend(random.sample(every, more));

    let acted = run_all(&all, &program);
    let acted: BTreeSet<(&str, &str)> = acted.into_iter().collect();
    assert_eq!(acted.len(), POINTS.len() * ACTIONS.len(), "points that acted, in each way");
    println!(
        "{} failpoints, each in {} ways ({needed} trials) and {more} trials more, in {} sessions: {:.1} s",
        POINTS.len(),
        ACTIONS.len(),
        stages.len(),
        start.elapsed().as_secs_f64()
    );
}

/// Runs the trials on as many threads as there are cores; gives what acted.
fn run_all<'a>(all: &[Trial<'a>], program: &Path) -> Vec<(&'a str, &'a str)> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut acted = Vec::new();
        while let Some(trial) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            trial.run(program);
            acted.push((trial.point, trial.action));
        }
        acted
    };
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a trial failed")).collect()
    })
}

/// The program with the feature, built beside the plain one by the cargo that runs this test.
fn failing_program() -> PathBuf {
    let plain = Path::new(sandbox::PROGRAM);
    let directory = plain.parent().expect("a program lies in a directory");
    let mut build = Command::new(env!("CARGO"));
    build.current_dir(env!("CARGO_MANIFEST_DIR"));
    build.args([
        "build",
        "--quiet",
        "--locked",
        "--features",
        "failpoints",
        "--example",
        "failing",
    ]);
    build.arg("--target-dir").arg(directory.parent().expect("a profile's directory lies in one"));
    if directory.ends_with("release") {
        build.arg("--release");
    }
    let start = Instant::now();
    assert!(build.status().is_ok_and(|status| status.success()), "the failing program is built");
    println!("the failing program is built: {:.1} s", start.elapsed().as_secs_f64());
    directory.join("examples/failing")
}
