//! A disk that remembers every step, so that its power can be cut at each.

use std::io::{self, Error, ErrorKind};
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

use super::sectors::{Step, apply};

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
