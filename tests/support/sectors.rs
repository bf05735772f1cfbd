//! What a power cut leaves of the bytes that a disk had not synced: dropped, reordered, torn.

use super::random::Random;

/// What a disk writes as a whole.
const SECTOR: usize = 512;

/// What was asked of a disk, or of one file.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Length(usize),
    Sync,
    Write(usize, Vec<u8>),
}

/// Does one step on the bytes of a disk.
pub(crate) fn apply(bytes: &mut Vec<u8>, step: &Step) {
    match step {
        Step::Length(length) => bytes.resize(*length, 0),
        Step::Sync => {}
        Step::Write(at, data) => {
            bytes.resize(bytes.len().max(at + data.len()), 0);
            bytes[*at..at + data.len()].copy_from_slice(data);
        }
    }
}

/// Which of the steps that were not synced reached the disk when the power went. A later write to a
/// sector is never under an earlier one: it has replaced that in the cache. Everything else may be
/// there or not, in any combination, which is what any order of writing leaves.
pub(crate) fn cut(synced: &[u8], pending: &[Step], random: &mut Random) -> Vec<u8> {
    let mut bytes = synced.to_vec();
    // Nearly nothing, half, nearly everything; now and then torn at every sector alone.
    let chance = [1, 8, 15][random.below(3) as usize];
    let torn = random.below(2) == 0;
    let mut reached = || random.below(16) < chance;
    for step in pending {
        match step {
            Step::Write(at, data) if torn => {
                let (mut from, end) = (*at, at + data.len());
                while from < end {
                    let to = end.min((from / SECTOR + 1) * SECTOR);
                    if reached() {
                        apply(&mut bytes, &Step::Write(from, data[from - at..to - at].to_vec()));
                    }
                    from = to;
                }
            }
            step if reached() => apply(&mut bytes, step),
            _ => {}
        }
    }
    bytes
}
