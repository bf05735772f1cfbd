//! A disk that can lose power: what was not synced is dropped, reordered and torn.

use std::io::{self, Error, ErrorKind};
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

use super::random::Random;

/// What a disk writes as a whole.
const SECTOR: usize = 512;

/// A disk whose every step is remembered. Copies are the same disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(Arc<Mutex<Memory>>);

#[derive(Debug, Default)]
struct Memory {
    /// What a reader sees, synced or not.
    bytes: Vec<u8>,
    steps: Vec<Step>,
    lies: bool,
}

/// What was asked of the disk.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Length(usize),
    Sync,
    Write(usize, Vec<u8>),
}

impl Disk {
    /// A disk as a power cut left it.
    pub(super) fn holding(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Memory { bytes, ..Memory::default() })))
    }

    /// A disk that says it has synced and has not.
    pub(super) fn lying() -> Self {
        Self(Arc::new(Mutex::new(Memory { lies: true, ..Memory::default() })))
    }

    /// Number of steps so far.
    pub(super) fn steps(&self) -> usize {
        self.with(|memory| memory.steps.len())
    }

    /// Every step so far.
    pub(super) fn into_steps(self) -> Vec<Step> {
        self.with(|memory| std::mem::take(&mut memory.steps))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Memory) -> T) -> T {
        work(&mut self.0.lock().unwrap())
    }

    fn step(&self, step: Step) {
        self.with(|memory| {
            apply(&mut memory.bytes, &step);
            if !(memory.lies && matches!(step, Step::Sync)) {
                memory.steps.push(step);
            }
        });
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.with(|memory| memory.bytes.len() as u64))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).unwrap();
        self.with(|memory| {
            let part = memory.bytes.get(from..from + out.len());
            out.copy_from_slice(part.ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?);
            Ok(())
        })
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.step(Step::Length(usize::try_from(length).unwrap()));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.step(Step::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.step(Step::Write(usize::try_from(offset).unwrap(), data.to_vec()));
        Ok(())
    }
}

/// Does one step on the bytes of a disk.
pub(super) fn apply(bytes: &mut Vec<u8>, step: &Step) {
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
pub(super) fn cut(synced: &[u8], pending: &[Step], random: &mut Random) -> Vec<u8> {
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
