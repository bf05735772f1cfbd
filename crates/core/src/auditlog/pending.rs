//! Entries that could not be written into the log: they wait in a file beside it, sealed to the
//! public half, and come into the log later, marked as late and without a proof.
//!
//! A refusal of a locked vault waits here too: its keys are not at hand, so it cannot be chained.
//! Whoever may write this file can remove what waits in it; what is in the log is safe from that.

use std::io::{Read as _, Seek, SeekFrom, Write};

use crate::crypto::LogKeys;
use crate::domain::limits::MAX_LOG_PENDING;
use crate::platform::{Dir, PlatformError, failpoint};

use super::{AuditLog, Entry, LogError, form};

const FILE: &str = "pending";

/// Lets an entry wait, marked as late. Nobody is waited for: who holds the file's lock is let be.
pub fn defer(dir: &Dir, entry: &Entry, public: &[u8; 32]) -> Result<(), LogError> {
    let sealed = form::seal_locked(&Entry { late: true, ..entry.clone() }, public)?;
    let length = u32::try_from(sealed.len()).map_err(|_| LogError::Entry)?;
    let bytes = [&length.to_be_bytes()[..], &sealed].concat();
    let (mut file, _) = dir.create_file(FILE)?;
    let path = dir.path().join(FILE);
    let fail = |e: std::io::Error| PlatformError::io("write", &path, e);
    file.try_lock().map_err(|e| fail(e.into()))?;
    let end = file.seek(SeekFrom::End(0)).map_err(fail)?;
    if end + bytes.len() as u64 > MAX_LOG_PENDING as u64 {
        return Err(PlatformError::TooLarge { path, max: MAX_LOG_PENDING }.into());
    }
    let written = failpoint::hit_io("log.defer").and_then(|()| file.write_all(&bytes));
    if let Err(error) = written.and_then(|()| file.sync_data()) {
        file.set_len(end).ok();
        return Err(fail(error).into());
    }
    Ok(())
}

impl AuditLog {
    /// Takes what waits into the log. What does not open was not written by this program, or is
    /// half an entry: it is dropped. Gives the number of entries that came in.
    pub fn fold_pending(&mut self, readers: &[LogKeys]) -> Result<u32, LogError> {
        let dir = self.dir()?;
        if !dir.has(FILE) {
            return Ok(0);
        }
        let Some((mut file, size)) = dir.open_file(FILE)? else { return Ok(0) };
        if size == 0 || file.try_lock().is_err() {
            return Ok(0);
        }
        let path = dir.path().join(FILE);
        let mut bytes = Vec::new();
        let read =
            std::io::Read::by_ref(&mut file).take(MAX_LOG_PENDING as u64).read_to_end(&mut bytes);
        read.map_err(|e| PlatformError::io("read", &path, e))?;
        let mut count = 0;
        for sealed in waiting(&bytes) {
            if readers.iter().any(|keys| form::open_locked(sealed, keys).is_some()) {
                self.append_sealed(sealed, None)?;
                count += 1;
            }
        }
        // Not before all of it is in the log: after a crash here it comes in twice, rather than never.
        failpoint::hit("log.fold")?;
        file.set_len(0).map_err(|e| PlatformError::io("write", &path, e))?;
        Ok(count)
    }
}

/// The sealed entries of the file, as far as they are whole.
pub(super) fn waiting(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (sealed, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        bytes = rest;
        Some(sealed)
    })
}
