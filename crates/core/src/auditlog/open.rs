//! Opening the log: from the anchored place forward to its end, whatever lies before it.

use std::fs::File;
use std::io::{Seek, SeekFrom};

use crate::platform::{Dir, PlatformError, failpoint};

use super::frame::HEAD;
use super::segments::{Frames, Next, failure, name, read_segment, segments};
use super::{AuditLog, LogError, LogPoint};

/// How a segment ends behind the last entry that follows.
#[derive(PartialEq)]
enum Ending {
    /// With that entry.
    Open,
    /// It is closed: the next segment goes on.
    Closed,
    /// With bytes that are no next entry.
    Rubbish,
}

impl AuditLog {
    /// Opens the log behind the anchored point; entries after it are followed, a torn one is cut.
    ///
    /// The second value is true where the log does not reach the anchored point: it was cut,
    /// replaced or removed. A new segment is then begun, chained to the anchored hash.
    pub fn open(dir: Dir, anchored: Option<LogPoint>) -> Result<(Self, bool), LogError> {
        let Some(mut at) = anchored else { return Self::open_unanchored(dir) };
        let none = |dir, at, lost| Ok((Self { dir: Ok(dir), file: None, at }, lost));
        if at.segment == 0 {
            return none(dir, at, false);
        }
        loop {
            let opened = match dir.open_file(&name(at.segment)) {
                // What the system refuses to open is not lost: no false alarm, and no new chain.
                Err(error @ PlatformError::Io { .. }) => return Err(error.into()),
                other => other.ok().flatten(),
            };
            let Some((mut file, size)) = opened.filter(|(_, size)| *size as u64 >= at.offset)
            else {
                return none(dir, at, true);
            };
            if size as u64 == at.offset {
                return Ok((Self { dir: Ok(dir), file: Some(file), at }, false));
            }
            let fail = failure(&dir, at.segment, "read");
            file.seek(SeekFrom::Start(at.offset)).map_err(&fail)?;
            let (end, ending) = follow(at, &mut Frames::new(&file)).map_err(&fail)?;
            at = end;
            if ending != Ending::Closed {
                let file = Some(cut(&dir, file, &at, size)?);
                return Ok((Self { dir: Ok(dir), file, at }, false));
            }
            // The next one goes on, where it was begun already.
            let next = at.segment.saturating_add(1);
            let Some(mut frames) = read_segment(&dir, next)? else { return none(dir, at, false) };
            let head = frames.head().map_err(failure(&dir, next, "read"))?;
            if head != Some((at.count.saturating_add(1), at.head)) {
                return none(dir, at, true);
            }
            (at.segment, at.offset) = (next, HEAD as u64);
        }
    }

    /// Without an anchor the last segment is walked; what is found is believed.
    fn open_unanchored(dir: Dir) -> Result<(Self, bool), LogError> {
        let Some(segment) = segments(&dir)?.pop() else {
            return Ok((Self { dir: Ok(dir), file: None, at: LogPoint::START }, false));
        };
        let fail = failure(&dir, segment, "read");
        let mut frames = read_segment(&dir, segment)?;
        let head = match &mut frames {
            Some(frames) => frames.head().map_err(&fail)?,
            None => None,
        };
        let (Some(mut frames), Some((first, before))) = (frames, head) else {
            let at = LogPoint { segment, ..LogPoint::START };
            return Ok((Self { dir: Ok(dir), file: None, at }, true));
        };
        let start =
            LogPoint { segment, offset: HEAD as u64, count: first - first.min(1), head: before };
        let (at, ending) = follow(start, &mut frames).map_err(&fail)?;
        match ending {
            Ending::Open => Self::open(dir, Some(at)),
            Ending::Closed => Ok((Self { dir: Ok(dir), file: None, at }, false)),
            // Nothing says whether the rest is a torn entry or an altered one: it stays as it is.
            Ending::Rubbish => Ok((Self { dir: Ok(dir), file: None, at }, true)),
        }
    }
}

/// Moves the point over every whole frame that carries the next number.
fn follow<F: std::io::Read>(
    mut at: LogPoint,
    frames: &mut Frames<F>,
) -> std::io::Result<(LogPoint, Ending)> {
    loop {
        match frames.next()? {
            Next::Frame(frame) if frame.number.checked_sub(1) == Some(at.count) => {
                at.head = frame.hash(&at.head);
                at.count += 1;
                at.offset += frame.length as u64;
            }
            Next::Frame(_) | Next::Rubbish => return Ok((at, Ending::Rubbish)),
            Next::Closed => return Ok((at, Ending::Closed)),
            Next::Nothing => return Ok((at, Ending::Open)),
        }
    }
}

/// Cuts off what stands behind the point.
fn cut(dir: &Dir, file: File, at: &LogPoint, size: usize) -> Result<File, PlatformError> {
    let fail = failure(dir, at.segment, "write");
    if at.offset < size as u64 {
        failpoint::hit_io("log.cut").and_then(|()| file.set_len(at.offset)).map_err(&fail)?;
    }
    Ok(file)
}
