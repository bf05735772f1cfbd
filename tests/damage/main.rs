//! Damage: whatever happens to one file of a vault, its answers are right, repaired and said, or
//! refused; none is silently wrong. `CLAWVAULT_TEST_SEED` and `CLAWVAULT_TEST_TRIALS` override the
//! seed and the number of samples.

// A helper that fails has found the test broken: a panic is its report.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

mod harm;
mod judge;
mod read;
mod rollback;
mod sweep;
mod table;
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use harm::{Kind, Random, damage};
use judge::{Class, GUARDED_PANICS, Verdict, judge, wrong_exports};
use table::Table;
use world::{World, role};

const TRIALS: u64 = 5000;
/// An undamaged vault is read once in so many samples.
const CONTROL: u64 = 100;
/// The real command is run on one sample in so many.
const COMMAND: u64 = 33;
/// One sample in so many is opened for writing and mended.
const MEND: u64 = 7;
/// Failing states that are kept.
const MAX_KEPT: usize = 20;
/// Memory that the whole campaign may ever use, in KiB.
const MAX_MEMORY: u64 = 256 * 1024;

#[test]
fn no_damage_is_silent() {
    let trials = setting("CLAWVAULT_TEST_TRIALS").unwrap_or(TRIALS);
    let seed = setting("CLAWVAULT_TEST_SEED")
        .unwrap_or_else(|| std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 >> 10);
    let directory = scratch();
    println!("damage: CLAWVAULT_TEST_SEED={seed} CLAWVAULT_TEST_TRIALS={trials}");
    println!("damage: works in {}", directory.path().display());
    let mut random = Random::of(seed, u64::MAX);
    let build = |behind: bool, random: &mut Random| {
        let home = directory.path().join(if behind { "behind" } else { "current" });
        World::build(&home, behind, random)
    };
    let worlds = [build(false, &mut random), build(true, &mut random)];
    let mut campaign = Campaign { seed, worlds, table: Table::default(), kept: Vec::new() };
    let start = Instant::now();
    for sample in 0..trials {
        campaign.run(sample, directory.path());
    }
    let took = start.elapsed();
    campaign.table.print();
    println!(
        "damage: {trials} samples in {:.1} s, {} panics of the engine became errors",
        took.as_secs_f64(),
        GUARDED_PANICS.load(Ordering::Relaxed)
    );
    let kept = campaign.kept;
    if !kept.is_empty() {
        let path = directory.keep();
        panic!("{} states are kept in {}:\n{}", kept.len(), path.display(), kept.join("\n"));
    }
    let readable = campaign.table.share(&[Class::Intact, Class::Repaired]);
    assert!(trials < 1000 || readable >= 30.0, "only {readable:.1} % give every value");
    let peak = peak_memory();
    assert!(peak < MAX_MEMORY, "{peak} KiB of memory were used");
}

/// Where an inner page of the store is spoilt, the engine panics on every write: mending must not
/// depend on writing to that file.
#[test]
fn a_store_with_any_block_zeroed_is_mended_or_refused() {
    let directory = scratch();
    let world = World::build(&directory.path().join("home"), false, &mut Random::of(1, 1));
    let store = Path::new("store.redb");
    let whole = &world.files.iter().find(|(path, _)| path == store).unwrap().1;
    for block in 0..whole.len().div_ceil(512) {
        let mut bytes = whole.clone();
        bytes[block * 512..].iter_mut().take(512).for_each(|byte| *byte = 0);
        if bytes != *whole {
            world.write(store, Some(&bytes));
            let (class, said) = judge(&world, false, true);
            assert!(!class.is_failure(), "block {block}: {class}: {said}");
            world.restore();
        }
    }
}

struct Campaign {
    seed: u64,
    worlds: [World; 2],
    table: Table,
    kept: Vec<String>,
}

impl Campaign {
    fn run(&mut self, sample: u64, scratch: &Path) {
        let mut random = Random::of(self.seed, sample);
        let [current, behind] = &self.worlds;
        let is_behind = sample % 2 == 1;
        let (world, other) = if is_behind { (behind, current) } else { (current, behind) };
        if sample % CONTROL < 2 {
            let (class, said) = judge(world, true, false);
            assert_eq!(class, Class::Intact, "the undamaged vault: {said}");
            assert!(wrong_exports(world).is_none());
            world.restore();
        }
        let (number, kind, (bytes, what)) = draw(world, other, &mut random);
        let path = world.files[number].0.clone();
        world.write(&path, bytes.as_deref());
        let mend = random.below(MEND as usize) == 0;
        let mut verdict = judge(world, role(&path) == "log", mend);
        if verdict.0 == Class::Slow {
            // A busy machine is no hang: it has to be slow twice.
            world.restore();
            world.write(&path, bytes.as_deref());
            verdict = judge(world, role(&path) == "log", mend);
        }
        world.restore();
        if random.below(COMMAND as usize) == 0 {
            world.write(&path, bytes.as_deref());
            verdict = wrong_exports(world).unwrap_or(verdict);
            world.restore();
        }
        let file = if role(&path) == "snapshots" && is_newest(world, number) {
            "newest snapshot".to_owned()
        } else {
            role(&path)
        };
        self.table.add(is_behind, &file, kind, &verdict);
        if verdict.0.is_failure() {
            let story = format!("sample {sample}: {}: {what}", path.display());
            self.keep(scratch, is_behind, &path, bytes.as_deref(), &story, &verdict);
        }
    }

    /// Keeps a failing state as a whole home, to be looked at.
    fn keep(
        &mut self,
        scratch: &Path,
        is_behind: bool,
        path: &Path,
        bytes: Option<&[u8]>,
        story: &str,
        verdict: &Verdict,
    ) {
        let world = &self.worlds[usize::from(is_behind)];
        let name = format!("failed-{}", self.kept.len());
        self.kept.push(format!("{name}: {story}: {}: {}", verdict.0, verdict.1));
        println!("damage: {}", self.kept[self.kept.len() - 1]);
        if self.kept.len() > MAX_KEPT {
            return;
        }
        let home = scratch.join(name);
        for (file, pristine) in &world.files {
            let bytes = if file == path { bytes } else { Some(&pristine[..]) };
            let Some(bytes) = bytes else { continue };
            let copy = home.join(file);
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::write(copy, bytes).unwrap();
        }
    }
}

/// Chooses a file and a damage that changes it.
fn draw(world: &World, other: &World, random: &mut Random) -> (usize, Kind, harm::Damaged) {
    loop {
        let number = random.below(world.files.len());
        let kind = Kind::draw(random);
        let (path, whole) = &world.files[number];
        let foreign = other.counterpart(world, number);
        if let Some(damaged) = damage(kind, whole, world.older(path), foreign, random) {
            return (number, kind, damaged);
        }
    }
}

fn is_newest(world: &World, number: usize) -> bool {
    world.files.get(number + 1).is_none_or(|(path, _)| role(path) != "snapshots")
}

fn setting(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number")))
}

/// A directory in memory where there is one: samples are synced to disk thousands of times.
fn scratch() -> tempfile::TempDir {
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("clawvault-damage-").tempdir_in(parent).unwrap()
}

/// The most memory that this process ever had, in KiB.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
