//! The log, open for appending: one write and one sync for each entry.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::crypto::{CryptoError, Digest, Keys};
use crate::domain::limits::MAX_LOG_ENTRY;
use crate::platform::{Dir, PlatformError, failpoint};

use super::segments::{failure, name, segments};
use super::{Entry, form, frame};

/// Why the log could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// An entry is too large or could not be encoded, or no number is left for it.
    #[error("an audit entry cannot be written")]
    Entry,
    /// The system refused.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// Sealing failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// It could not be opened when the vault was.
    #[error("{0}")]
    Unusable(String),
}

/// A place in the chain: what the anchor remembers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LogPoint {
    /// Segment file.
    pub segment: u32,
    /// Bytes of the segment up to and with the last entry.
    pub offset: u64,
    /// Entries written so far, in all segments.
    pub count: u64,
    /// The chain's hash.
    pub head: Digest,
}

impl LogPoint {
    /// The start of an empty log.
    pub const START: Self = Self { segment: 0, offset: 0, count: 0, head: Digest([0; 32]) };
}

/// The log, open for appending.
#[derive(Debug)]
pub struct AuditLog {
    /// Its directory, or why nothing can be written there.
    pub(super) dir: Result<Dir, String>,
    /// The segment that takes the next entry; `None` where a new one is to be begun.
    pub(super) file: Option<File>,
    pub(super) at: LogPoint,
}

impl AuditLog {
    /// A log that cannot be used: every entry is refused for this reason.
    pub fn unusable(why: &PlatformError, at: Option<LogPoint>) -> Self {
        Self { dir: Err(why.to_string()), file: None, at: at.unwrap_or(LogPoint::START) }
    }

    /// Where the chain stands.
    pub fn point(&self) -> LogPoint {
        self.at
    }

    /// The log's directory, where it can be used.
    pub fn dir(&self) -> Result<&Dir, LogError> {
        self.dir.as_ref().map_err(|why| LogError::Unusable(why.clone()))
    }

    /// Appends an entry durably, sealed and proven with the vault's keys, and returns where the
    /// chain then stands.
    pub fn append(&mut self, entry: &Entry, keys: &Keys) -> Result<LogPoint, LogError> {
        let sealed = form::seal(entry, self.next()?, keys)?;
        self.append_sealed(&sealed, Some(keys))
    }

    /// Appends entries durably with one write and one sync: all of them, or none.
    pub fn append_all(&mut self, entries: &[Entry], keys: &Keys) -> Result<LogPoint, LogError> {
        let first = self.next()?;
        self.ensure_segment(first)?;
        let (mut bytes, mut number, mut head) = (Vec::new(), self.at.count, self.at.head);
        for entry in entries {
            number = number.checked_add(1).ok_or(LogError::Entry)?;
            let sealed = form::seal(entry, number, keys)?;
            if bytes.len() + sealed.len() > MAX_LOG_ENTRY {
                return Err(LogError::Entry);
            }
            let (frame, next) = frame::write(number, &sealed, &head, Some(keys));
            bytes.extend_from_slice(&frame);
            head = next;
        }
        self.write(&bytes)?;
        self.at.offset += bytes.len() as u64;
        (self.at.count, self.at.head) = (number, head);
        Ok(self.at)
    }

    /// Appends sealed bytes; without keys the frame carries no proof.
    pub(super) fn append_sealed(
        &mut self,
        sealed: &[u8],
        keys: Option<&Keys>,
    ) -> Result<LogPoint, LogError> {
        if sealed.len() > MAX_LOG_ENTRY {
            return Err(LogError::Entry);
        }
        let number = self.next()?;
        self.ensure_segment(number)?;
        let (bytes, head) = frame::write(number, sealed, &self.at.head, keys);
        self.write(&bytes)?;
        self.at.offset += bytes.len() as u64;
        (self.at.count, self.at.head) = (number, head);
        Ok(self.at)
    }

    /// Closes the segment for good: the next entry begins a new one.
    pub(super) fn close_segment(&mut self) -> Result<(), LogError> {
        if self.file.is_some() {
            failpoint::hit("log.close")?;
            self.write(&frame::END)?;
            self.file = None;
        }
        Ok(())
    }

    fn next(&self) -> Result<u64, LogError> {
        self.at.count.checked_add(1).ok_or(LogError::Entry)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        let Some(file) = &self.file else { return Ok(()) };
        // At its own place, not at the file's: what a failed entry left there is written over.
        let written = failpoint::hit_io("log.append")
            .and_then(|()| file.write_all_at(bytes, self.at.offset))
            .and_then(|()| failpoint::hit_io("log.append.sync"))
            .and_then(|()| file.sync_data())
            .and_then(|()| failpoint::hit_io("log.appended"));
        if let Err(error) = written {
            // Half a frame must not stand before the next one.
            failpoint::hit("log.append.undo")?;
            file.set_len(self.at.offset).ok();
            let fail = failure(self.dir()?, self.at.segment, "write");
            return Err(fail(error).into());
        }
        Ok(())
    }

    pub(super) fn ensure_segment(&mut self, first: u64) -> Result<(), LogError> {
        if self.file.is_some() {
            return Ok(());
        }
        let dir = self.dir()?;
        let last = segments(dir)?.pop().unwrap_or(0).max(self.at.segment);
        let segment = last.checked_add(1).ok_or(LogError::Entry)?;
        let head = frame::write_head(first, &self.at.head);
        let file_name = name(segment);
        failpoint::hit("log.segment")?;
        dir.replace(&file_name, &head)?;
        failpoint::hit("log.segment.open")?;
        let (file, _) = dir.create_file(&file_name)?;
        self.file = Some(file);
        (self.at.segment, self.at.offset) = (segment, head.len() as u64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::VaultKey;
    use crate::domain::{Actor, Event, Outcome};

    #[test]
    fn a_log_whose_numbers_are_used_up_is_read_and_takes_no_entry() {
        let temporary = tempfile::tempdir().unwrap();
        let open = || Dir::create(&temporary.path().join("log")).unwrap();
        let before = Digest([0; 32]);
        let last = frame::write(u64::MAX, b"", &before, None).0;
        let head = frame::write_head(u64::MAX, &before);
        let entry = Entry::new(0, Event::Get, Outcome::Ok, Actor::default());
        let keys = VaultKey::from_slot(&mut [5; 32]).derive();
        for more in [&[][..], &last] {
            open().replace("00000001.log", &[&head, &last, more].concat()).unwrap();
            let (mut log, lost) = AuditLog::open(open(), None).unwrap();
            assert_eq!((log.point().count, lost), (u64::MAX, !more.is_empty()));
            assert!(matches!(log.append(&entry, &keys), Err(LogError::Entry)));
        }
    }

    #[test]
    fn a_segment_with_the_last_number_is_followed_by_none() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::create(&temporary.path().join("log")).unwrap();
        dir.replace(&name(u32::MAX), b"").unwrap();
        let mut log = AuditLog { dir: Ok(dir), file: None, at: LogPoint::START };
        assert!(matches!(log.ensure_segment(1), Err(LogError::Entry)));
    }
}
