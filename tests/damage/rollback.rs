//! Roll-back: parts of a vault are put back to what they were, each by itself, in pairs and all
//! together, while the anchor stays. No older answer comes without a word.

use std::path::PathBuf;
use std::time::Instant;

use super::judge::{Class, judge};
use super::scratch;
use super::world::{Files, World, role};
use super::{harm::Random, setting};

const STATES: usize = 30;
/// What can be put back by itself: the first part of a path in the home.
const PARTS: [&str; 4] = ["vault.toml", "store.redb", "log", "snapshots"];
/// Those that answers come from, or that remember what was done.
const TOLD: [&str; 2] = ["store.redb", "log"];

#[test]
fn no_older_state_passes_while_the_anchor_stays() {
    let start = Instant::now();
    let seed = setting("CLAWVAULT_TEST_SEED").unwrap_or(16);
    println!("rollback: CLAWVAULT_TEST_SEED={seed}");
    let directory = scratch();
    let mut random = Random::of(seed, 0);
    let (world, states) = World::with_states(&directory.path().join("home"), STATES, &mut random);
    let (mut tried, mut refused, mut told, mut same) = (0, 0, 0, 0);
    for (number, state) in states.iter().enumerate() {
        for parts in combinations() {
            let changed = put_back(&world, state, &parts);
            let (class, said) = judge(&world, true, false);
            let case = format!("state {number}, {}", parts.join(" and "));
            assert!(!class.is_failure(), "{case}: {class}: {said}");
            let noticeable = changed.iter().any(|part| TOLD.contains(&part.as_str()));
            assert!(class != Class::Intact || !noticeable, "{case}: nothing was said");
            match class {
                Class::Intact => same += 1,
                Class::Repaired => told += 1,
                _ => refused += 1,
            }
            tried += 1;
            world.restore();
        }
    }
    println!(
        "rollback: {tried} cases of {STATES} states in {:.1} s: {refused} refused, {told} right \
         and said, {same} right because nothing that counts was older",
        start.elapsed().as_secs_f64()
    );
    assert!(refused >= STATES, "a store that is put back has to be refused");
}

/// Each part, each pair of them, and all.
fn combinations() -> Vec<Vec<&'static str>> {
    let mut all: Vec<Vec<&str>> = PARTS.iter().map(|part| vec![*part]).collect();
    for (at, first) in PARTS.iter().enumerate() {
        all.extend(PARTS[at + 1..].iter().map(|second| vec![*first, *second]));
    }
    all.push(PARTS.to_vec());
    all
}

/// Makes these parts of the home what they were; gives the parts that this changed.
fn put_back(world: &World, state: &Files, parts: &[&str]) -> Vec<String> {
    let is_part = |path: &PathBuf| parts.contains(&role(path).as_str());
    let mut changed = Vec::new();
    for (path, _) in world.files.iter().filter(|(path, _)| is_part(path)) {
        if state.iter().all(|(old, _)| old != path) {
            world.write(path, None);
            changed.push(role(path));
        }
    }
    for (path, bytes) in state.iter().filter(|(path, _)| is_part(path)) {
        if world.files.iter().all(|file| file != &(path.clone(), bytes.clone())) {
            world.write(path, Some(bytes));
            changed.push(role(path));
        }
    }
    changed
}
