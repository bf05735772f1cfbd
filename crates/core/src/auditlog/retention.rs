//! Segments come to an end, and old ones go, as the policy says: whole, from the start, each after
//! a proven entry that names it.

use crate::crypto::{Digest, Keys, LogKeys};
use crate::domain::limits::LOG_SEGMENT_AGE_MS;

use super::entry::Removed;
use super::read::{Read, Step, ends_before, read_one};
use super::segments::{name, read_segment, segments};
use super::{AuditLog, Entry, LogError};

impl AuditLog {
    /// True where the segment is to be closed before the next entry.
    pub fn is_full(&self, segment: u64) -> bool {
        self.file.is_some() && self.at.offset >= segment
    }

    /// True where the first entry of the segment is so old that the segment is to be closed.
    pub fn is_old(&self, keys: &[LogKeys], now_ms: i64) -> Result<bool, LogError> {
        let mut began = None;
        if self.file.is_some() {
            read_one(self.dir()?, keys, self.at.segment, &mut |_, step| {
                if let Step::Entry(Read { entry: Some(entry), .. }, _) = &step {
                    began = Some(entry.time_ms);
                }
                matches!(step, Step::Head(_))
            })?;
        }
        Ok(began.is_some_and(|began| now_ms.saturating_sub(began) > LOG_SEGMENT_AGE_MS))
    }

    /// Closes the segment and begins the next one with `entry`, which is told the latest time of
    /// all entries before it: that is what lets a reader pass over whole segments.
    pub fn turn_over(
        &mut self,
        mut entry: Entry,
        keys: &Keys,
        readers: &[LogKeys],
    ) -> Result<(), LogError> {
        // A log that is not in order is neither passed over nor removed; it still goes on.
        entry.until_ms = self.latest(readers).ok().flatten();
        self.close_segment()?;
        self.append(&entry, keys)?;
        Ok(())
    }

    /// The latest time of all entries; `None` where one of them cannot be read.
    fn latest(&self, readers: &[LogKeys]) -> Result<Option<i64>, LogError> {
        let dir = self.dir()?;
        let mut latest = ends_before(dir, readers, self.at.segment)?;
        let mut all = segments(dir)?;
        if latest.is_some() {
            all.retain(|segment| *segment >= self.at.segment);
        }
        let mut sound = true;
        for segment in all {
            read_one(dir, readers, segment, &mut |_, step| {
                match step {
                    Step::Entry(Read { entry: Some(entry), .. }, _) => {
                        latest = latest.max(Some(entry.time_ms));
                    }
                    Step::Head(Some(_)) => {}
                    _ => sound = false,
                }
                true
            })?;
        }
        Ok(latest.filter(|_| sound))
    }

    /// True where the oldest segment ends before a moment and is not the one that takes entries.
    pub fn has_segment_before(
        &self,
        readers: &[LogKeys],
        before_ms: i64,
    ) -> Result<bool, LogError> {
        let all = segments(self.dir()?)?;
        let Some([_, next]) = all.first_chunk() else { return Ok(false) };
        Ok(ends_before(self.dir()?, readers, *next)?.is_some_and(|until| until < before_ms))
    }

    /// Removes segments that end before a moment, oldest first, never the one that takes entries:
    /// the caller has anchored it. `announce` makes the entry that goes before each removal.
    pub fn retain(
        &mut self,
        before_ms: i64,
        keys: &Keys,
        readers: &[LogKeys],
        announce: &dyn Fn(Removed) -> Entry,
    ) -> Result<u32, LogError> {
        let all = segments(self.dir()?)?;
        let mut count = 0;
        for pair in all.windows(2) {
            let [old, next] = *pair else { break };
            let dir = self.dir()?;
            let ends = ends_before(dir, readers, next)?;
            if old >= self.at.segment || ends.is_none_or(|until| until >= before_ms) {
                break;
            }
            let (Some((first, _)), Some((after, head))) =
                (head_of(self, old)?, head_of(self, next)?)
            else {
                break;
            };
            if after <= first {
                break;
            }
            let removed = Removed { first, last: after - 1, head };
            self.append(&announce(removed), keys)?;
            let dir = self.dir()?;
            dir.remove(&name(old))?;
            dir.sync()?;
            count += 1;
        }
        Ok(count)
    }
}

fn head_of(log: &AuditLog, segment: u32) -> Result<Option<(u64, Digest)>, LogError> {
    let dir = log.dir()?;
    let fail = super::segments::failure(dir, segment, "read");
    match read_segment(dir, segment)? {
        Some(mut frames) => Ok(frames.head().map_err(fail)?),
        None => Ok(None),
    }
}
