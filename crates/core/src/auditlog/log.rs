//! Appending to the log, and reading it back.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use zeroize::Zeroizing;

use crate::crypto::{self, CryptoError, Digest, EntryKey, Keys, LogKeys};
use crate::domain::limits::MAX_OWN_FILE;
use crate::platform::{Dir, PlatformError, failpoint};

use super::Entry;
use super::frame::{self, Frame, HEAD};

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

/// An entry read back.
#[derive(Debug)]
pub struct Read {
    /// Number of the entry.
    pub number: u64,
    /// The entry; `None` where it does not open.
    pub entry: Option<Entry>,
    /// True where the holder of the vault wrote it, false for one written while it was locked.
    pub proven: bool,
}

/// The log, open for appending.
#[derive(Debug)]
pub struct AuditLog {
    dir: Dir,
    file: Option<File>,
    at: LogPoint,
}

impl AuditLog {
    /// Opens the log behind the anchored point; entries after it are followed, a torn one is cut.
    ///
    /// The second value is true where the log does not reach the anchored point: it was cut,
    /// replaced or removed. A new segment is then begun, chained to the anchored hash.
    pub fn open(dir: Dir, anchored: Option<LogPoint>) -> Result<(Self, bool), LogError> {
        let from = match anchored {
            Some(point) => point,
            None => return Self::open_unanchored(dir),
        };
        if from.segment == 0 {
            return Ok((Self { dir, file: None, at: from }, false));
        }
        let opened = match dir.open_file(&name(from.segment)) {
            // What the system refuses to open is not lost: no false alarm, and no new chain.
            Err(error @ PlatformError::Io { .. }) => return Err(error.into()),
            other => other.ok().flatten(),
        };
        let Some((mut file, size)) = opened.filter(|(_, size)| *size as u64 >= from.offset) else {
            return Ok((Self { dir, file: None, at: from }, true));
        };
        let mut tail = Vec::new();
        if size as u64 > from.offset {
            tail = vec![0; size - usize::try_from(from.offset).unwrap_or(size)];
            let path = || dir.path().join(name(from.segment));
            file.read_exact_at(&mut tail, from.offset)
                .map_err(|e| PlatformError::io("read", &path(), e))?;
        }
        let at = follow(from, &tail);
        let seek = file.seek(SeekFrom::Start(at.offset));
        let torn =
            |file: &File| failpoint::hit_io("log.cut").and_then(|()| file.set_len(at.offset));
        let cut = seek.and_then(|_| if at.offset < size as u64 { torn(&file) } else { Ok(()) });
        cut.map_err(|e| PlatformError::io("write", &dir.path().join(name(at.segment)), e))?;
        Ok((Self { dir, file: Some(file), at }, false))
    }

    /// Without an anchor the whole log is walked; what is found is believed.
    fn open_unanchored(dir: Dir) -> Result<(Self, bool), LogError> {
        let Some(segment) = segments(&dir)?.pop() else {
            return Ok((Self { dir, file: None, at: LogPoint::START }, false));
        };
        let bytes = dir.read(&name(segment), MAX_OWN_FILE)?.unwrap_or_default();
        let Some((first, before)) = frame::parse_head(&bytes) else {
            let at = LogPoint { segment, ..LogPoint::START };
            return Ok((Self { dir, file: None, at }, true));
        };
        let start =
            LogPoint { segment, offset: HEAD as u64, count: first - first.min(1), head: before };
        let at = follow(start, bytes.get(HEAD..).unwrap_or_default());
        if at.offset != bytes.len() as u64 {
            // Nothing says whether the rest is a torn entry or an altered one: it stays as it is.
            return Ok((Self { dir, file: None, at }, true));
        }
        Self::open(dir, Some(at))
    }

    /// Where the chain stands.
    pub fn point(&self) -> LogPoint {
        self.at
    }

    /// Appends an entry durably and returns where the chain then stands.
    ///
    /// With the vault's keys it is sealed and proven with them; without, to the public half.
    pub fn append(
        &mut self,
        entry: &Entry,
        public: &[u8; 32],
        keys: Option<&Keys>,
    ) -> Result<LogPoint, LogError> {
        let plain = Zeroizing::new(postcard::to_stdvec(entry).map_err(|_| LogError::Entry)?);
        let sealed = match keys {
            Some(keys) => crypto::seal(keys.entries(), &place(self.at.count + 1), &plain)?,
            None => EntryKey::seal(public, &plain)?,
        };
        if sealed.len() > crate::domain::limits::MAX_LOG_ENTRY {
            return Err(LogError::Entry);
        }
        let number = self.at.count.checked_add(1).ok_or(LogError::Entry)?;
        self.ensure_segment(number)?;
        let (bytes, head) = frame::write(number, &sealed, &self.at.head, keys);
        let path = self.dir.path().join(name(self.at.segment));
        let fail = |e| PlatformError::io("write", &path, e);
        if let Some(file) = &mut self.file {
            let written = failpoint::hit_io("log.append")
                .and_then(|()| file.write_all(&bytes))
                .and_then(|()| failpoint::hit_io("log.append.sync"))
                .and_then(|()| file.sync_data())
                .and_then(|()| failpoint::hit_io("log.appended"));
            if let Err(error) = written {
                // Half a frame must not stand before the next one.
                failpoint::hit("log.append.undo")?;
                file.set_len(self.at.offset).ok();
                file.seek(SeekFrom::Start(self.at.offset)).ok();
                return Err(fail(error).into());
            }
        }
        self.at.offset += bytes.len() as u64;
        (self.at.count, self.at.head) = (number, head);
        Ok(self.at)
    }

    fn ensure_segment(&mut self, first: u64) -> Result<(), LogError> {
        if self.file.is_some() {
            return Ok(());
        }
        let last = segments(&self.dir)?.pop().unwrap_or(0).max(self.at.segment);
        let segment = last.checked_add(1).ok_or(LogError::Entry)?;
        let head = frame::write_head(first, &self.at.head);
        let file_name = name(segment);
        failpoint::hit("log.segment")?;
        self.dir.replace(&file_name, &head)?;
        failpoint::hit("log.segment.open")?;
        let (mut file, _) = self.dir.create_file(&file_name)?;
        let path = self.dir.path().join(&file_name);
        file.seek(SeekFrom::End(0)).map_err(|e| PlatformError::io("write", &path, e))?;
        self.file = Some(file);
        (self.at.segment, self.at.offset) = (segment, head.len() as u64);
        Ok(())
    }
}

/// Reads every entry of the log in order, as far as each segment can be read. `keys` are those of
/// every epoch, the current one's first.
pub(super) fn read_all(
    dir: &Dir,
    keys: &[LogKeys],
    each: &mut dyn FnMut(u32, Step) -> bool,
) -> Result<(), LogError> {
    for segment in segments(dir)? {
        let bytes = dir.read(&name(segment), MAX_OWN_FILE)?.unwrap_or_default();
        let head = frame::parse_head(&bytes);
        if !each(segment, Step::Head(head)) {
            return Ok(());
        }
        let Some((_, mut hash)) = head else { continue };
        let mut rest = bytes.get(HEAD..).unwrap_or_default();
        while let Some(frame) = Frame::parse(rest) {
            hash = frame.hash(&hash);
            let prover = keys.iter().find(|keys| frame.is_proven(keys, &hash));
            let plain = match prover {
                Some(keys) => crypto::open(keys.entries(), &place(frame.number), frame.sealed).ok(),
                None if frame.claims_proof() => None,
                None => keys.iter().find_map(|k| k.locked_entries().open(frame.sealed).ok()),
            };
            let entry = plain.and_then(|plain| postcard::from_bytes(&plain).ok());
            let read = Read { number: frame.number, entry, proven: prover.is_some() };
            rest = &rest[frame.length..];
            if !each(segment, Step::Entry(read, hash)) {
                return Ok(());
            }
        }
        if !rest.is_empty() && !each(segment, Step::Rubbish) {
            return Ok(());
        }
    }
    Ok(())
}

/// What a walk over the log meets.
pub(super) enum Step {
    /// A segment begins: number of its first entry and the hash it continues, if readable.
    Head(Option<(u64, Digest)>),
    /// An entry, and the chain's hash after it.
    Entry(Read, Digest),
    /// Bytes after the last whole frame.
    Rubbish,
}

fn segments(dir: &Dir) -> Result<Vec<u32>, PlatformError> {
    let names = dir.list()?.into_iter().filter(|f| !f.is_dir);
    Ok(names.filter_map(|f| f.name.strip_suffix(".log")?.parse().ok()).collect())
}

/// What an entry of an open vault is sealed to.
fn place(number: u64) -> Vec<u8> {
    [&b"clawvault log entry 1"[..], &number.to_be_bytes()].concat()
}

fn name(segment: u32) -> String {
    format!("{segment:08}.log")
}

/// Moves the point over every whole frame of `tail` that carries the next number.
fn follow(mut at: LogPoint, mut tail: &[u8]) -> LogPoint {
    let follows = |frame: &Frame<'_>, count| frame.number.checked_sub(1) == Some(count);
    while let Some(frame) = Frame::parse(tail).filter(|frame| follows(frame, at.count)) {
        at.head = frame.hash(&at.head);
        at.count += 1;
        at.offset += frame.length as u64;
        tail = &tail[frame.length..];
    }
    at
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
        let actor = Actor { uid: 1, pid: 2, executable: "x".into(), parent: "sh".into() };
        let entry = Entry::new(0, Event::Get, Outcome::Ok, actor);
        let public = VaultKey::from_slot(&mut [5; 32]).derive().locked_entries().public();
        for more in [&[][..], &last] {
            open().replace("00000001.log", &[&head, &last, more].concat()).unwrap();
            let (mut log, lost) = AuditLog::open(open(), None).unwrap();
            assert_eq!((log.point().count, lost), (u64::MAX, !more.is_empty()));
            assert!(matches!(log.append(&entry, &public, None), Err(LogError::Entry)));
        }
    }

    #[test]
    fn a_segment_with_the_last_number_is_followed_by_none() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::create(&temporary.path().join("log")).unwrap();
        dir.replace(&name(u32::MAX), b"").unwrap();
        let mut log = AuditLog { dir, file: None, at: LogPoint::START };
        assert!(matches!(log.ensure_segment(1), Err(LogError::Entry)));
    }
}
