//! Every bit, every block and every length: damage to the smallest vault, one case after the other.
//!
//! The whole list takes hours; a run takes cases that lie evenly over it, as many as
//! `CLAWVAULT_TEST_TRIALS` says, from a place that the seed chooses. As many as there are cases
//! means all of them.

use std::path::PathBuf;
use std::time::Instant;

use super::harm::Random;
use super::judge::judge;
use super::world::{World, role};
use super::{scratch, setting};

const TRIALS: u64 = 5000;
const BLOCK: u64 = 512;

#[test]
fn every_place_of_the_smallest_vault_may_be_damaged() {
    let start = Instant::now();
    let seed = setting("CLAWVAULT_TEST_SEED").unwrap_or(5);
    let directory = scratch();
    let world = World::smallest(&directory.path().join("home"), &mut Random::of(5, 5));
    let all: u64 = world.files.iter().map(|(_, bytes)| cases(bytes)).sum();
    let trials = setting("CLAWVAULT_TEST_TRIALS").unwrap_or(TRIALS).min(all);
    let size: usize = world.files.iter().map(|(_, bytes)| bytes.len()).sum();
    println!("sweep: CLAWVAULT_TEST_SEED={seed} CLAWVAULT_TEST_TRIALS={trials} of {all} cases");
    let first = seed % all;
    for trial in 0..trials {
        // In whole numbers: every case once where the trials are as many.
        let place = u128::from(trial) * u128::from(all) / u128::from(trials);
        let place = (first + u64::try_from(place).unwrap()) % all;
        let (path, bytes, what) = damaged(&world, place);
        world.write(&path, Some(&bytes));
        let (class, said) = judge(&world, role(&path) == "log", false);
        let case = format!("case {place}, {}: {what}", path.display());
        assert!(!class.is_failure(), "{case}: {class}: {said}");
        world.restore();
    }
    println!(
        "sweep: {trials} of {all} cases over {size} bytes in {:.1} s, none silent",
        start.elapsed().as_secs_f64()
    );
}

/// Bits, blocks and shorter lengths of a file.
fn cases(bytes: &[u8]) -> u64 {
    let length = bytes.len() as u64;
    length * 8 + length.div_ceil(BLOCK) + length
}

/// The file that case number `place` damages, as it is then, and what was done.
fn damaged(world: &World, mut place: u64) -> (PathBuf, Vec<u8>, String) {
    for (path, whole) in &world.files {
        if place >= cases(whole) {
            place -= cases(whole);
            continue;
        }
        let (mut bytes, length) = (whole.clone(), whole.len() as u64);
        if place < length * 8 {
            bytes[(place / 8) as usize] ^= 1 << (place % 8);
            return (path.clone(), bytes, format!("bit {} of byte {}", place % 8, place / 8));
        }
        place -= length * 8;
        if place < length.div_ceil(BLOCK) {
            let from = (place * BLOCK) as usize;
            bytes[from..].iter_mut().take(BLOCK as usize).for_each(|byte| *byte = 0);
            return (path.clone(), bytes, format!("block {place} zeroed"));
        }
        place -= length.div_ceil(BLOCK);
        bytes.truncate(place as usize);
        return (path.clone(), bytes, format!("cut to {place} bytes"));
    }
    panic!("there is no such case");
}
