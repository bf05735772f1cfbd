//! Reading the log back, segment by segment, in bounded memory.

use crate::crypto::{Digest, LogKeys};
use crate::platform::Dir;

use super::frame::Frame;
use super::segments::{Next, failure, read_segment, segments};
use super::{Entry, LogError, form};

/// An entry read back.
#[derive(Debug)]
pub struct Read {
    /// Number of the entry.
    pub number: u64,
    /// The entry; `None` where it does not open.
    pub entry: Option<Entry>,
    /// True where the holder of the vault wrote it; false for one written while it was locked, or
    /// that came into the log late.
    pub proven: bool,
}

/// What a walk over the log meets.
pub(super) enum Step<'a> {
    /// A segment begins: number of its first entry and the hash it continues, if readable.
    Head(Option<(u64, Digest)>),
    /// An entry, and the chain's hash after it.
    Entry(&'a Read, Digest),
    /// Bytes after the last whole frame.
    Rubbish,
}

/// Reads every entry of the log in order, as far as each segment can be read. `keys` are those of
/// every epoch, the current one's first. Whole segments that end before `since_ms` are passed over.
pub(super) fn read_all(
    dir: &Dir,
    keys: &[LogKeys],
    since_ms: Option<i64>,
    each: &mut dyn FnMut(u32, Step<'_>) -> bool,
) -> Result<(), LogError> {
    let mut all = segments(dir)?;
    if let Some(since_ms) = since_ms {
        all.drain(..first_wanted(dir, keys, &all, since_ms)?);
    }
    for segment in all {
        if !read_one(dir, keys, segment, each)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads one segment; false where `each` has seen enough.
pub(super) fn read_one(
    dir: &Dir,
    keys: &[LogKeys],
    segment: u32,
    each: &mut dyn FnMut(u32, Step<'_>) -> bool,
) -> Result<bool, LogError> {
    let fail = failure(dir, segment, "read");
    let Some(mut frames) = read_segment(dir, segment)? else { return Ok(true) };
    let head = frames.head().map_err(&fail)?;
    if !each(segment, Step::Head(head)) {
        return Ok(false);
    }
    let Some((_, mut hash)) = head else { return Ok(true) };
    loop {
        let read;
        let step = match frames.next().map_err(&fail)? {
            Next::Frame(frame) => {
                hash = frame.hash(&hash);
                read = open(&frame, &hash, keys);
                Step::Entry(&read, hash)
            }
            Next::Nothing | Next::Closed => return Ok(true),
            Next::Rubbish => return Ok(each(segment, Step::Rubbish)),
        };
        if !each(segment, step) {
            return Ok(false);
        }
    }
}

/// How many segments at the start end before a moment, as the first entries of their successors
/// prove.
fn first_wanted(
    dir: &Dir,
    keys: &[LogKeys],
    all: &[u32],
    since_ms: i64,
) -> Result<usize, LogError> {
    for (at, segment) in all.iter().enumerate().skip(1).rev() {
        if ends_before(dir, keys, *segment)?.is_some_and(|until| until < since_ms) {
            return Ok(at);
        }
    }
    Ok(0)
}

/// The latest time of all entries before a segment, where its first entry proves one.
pub(super) fn ends_before(
    dir: &Dir,
    keys: &[LogKeys],
    segment: u32,
) -> Result<Option<i64>, LogError> {
    let mut until = None;
    read_one(dir, keys, segment, &mut |_, step| match step {
        Step::Head(_) => true,
        Step::Entry(Read { entry: Some(entry), proven: true, .. }, _) => {
            until = entry.until_ms;
            false
        }
        _ => false,
    })?;
    Ok(until)
}

fn open(frame: &Frame<'_>, hash: &Digest, keys: &[LogKeys]) -> Read {
    let prover = keys.iter().find(|keys| frame.is_proven(keys, hash));
    let entry = match prover {
        Some(keys) => form::open(frame.sealed, frame.number, keys),
        None if frame.claims_proof() => None,
        None => keys.iter().find_map(|keys| form::open_locked(frame.sealed, keys)),
    };
    Read { number: frame.number, entry, proven: prover.is_some() }
}
