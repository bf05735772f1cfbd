//! The files of the log: their names, and reading one of them frame by frame in bounded memory.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};

use crate::crypto::Digest;
use crate::domain::limits::MAX_LOG_ENTRY;
use crate::platform::{Dir, PlatformError};

use super::frame::{END, FRAME, Frame, HEAD, parse_head};

/// Numbers of the segments that are there, in order.
pub(super) fn segments(dir: &Dir) -> Result<Vec<u32>, PlatformError> {
    let names = dir.list()?.into_iter().filter(|f| !f.is_dir);
    let mut all: Vec<u32> =
        names.filter_map(|f| f.name.strip_suffix(".log")?.parse().ok()).collect();
    all.sort_unstable();
    Ok(all)
}

/// File name of a segment.
pub(super) fn name(segment: u32) -> String {
    format!("{segment:08}.log")
}

/// What stands at some place of a segment.
pub(super) enum Next<'a> {
    /// A whole frame.
    Frame(Frame<'a>),
    /// The segment is closed.
    Closed,
    /// The file ends.
    Nothing,
    /// Bytes that are no frame, or half of one.
    Rubbish,
}

/// A segment that is read from some place on.
pub(super) struct Frames<F: Read> {
    file: BufReader<F>,
    frame: Vec<u8>,
}

impl<F: Read> Frames<F> {
    pub(super) fn new(file: F) -> Self {
        Self { file: BufReader::with_capacity(1 << 16, file), frame: Vec::new() }
    }

    /// Reads the head; `None` where there is none that can be read.
    pub(super) fn head(&mut self) -> std::io::Result<Option<(u64, Digest)>> {
        Ok(if self.fill(HEAD)? { parse_head(&self.frame) } else { None })
    }

    /// Reads what stands next.
    pub(super) fn next(&mut self) -> std::io::Result<Next<'_>> {
        self.frame.clear();
        if !self.fill(FRAME)? {
            return Ok(match &self.frame[..] {
                [] => Next::Nothing,
                bytes if bytes == END => Next::Closed,
                _ => Next::Rubbish,
            });
        }
        let length = self.frame.first_chunk().map_or(0, |length| u32::from_be_bytes(*length));
        let length = length as usize;
        if length > MAX_LOG_ENTRY || !self.fill(FRAME + length)? {
            return Ok(Next::Rubbish);
        }
        Ok(Frame::parse(&self.frame).map_or(Next::Rubbish, Next::Frame))
    }

    /// Reads until the buffer holds so many bytes; false where the file ends before.
    fn fill(&mut self, length: usize) -> std::io::Result<bool> {
        let mut at = self.frame.len();
        self.frame.resize(length, 0);
        while at < length {
            match self.file.read(&mut self.frame[at..]) {
                Ok(0) => break,
                Ok(more) => at += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.frame.truncate(at);
        Ok(at == length)
    }
}

/// Opens a segment for reading, from its start.
pub(super) fn read_segment(dir: &Dir, segment: u32) -> Result<Option<Frames<File>>, PlatformError> {
    Ok(dir.open_reading(&name(segment))?.map(|(file, _)| Frames::new(file)))
}

/// The error of a segment that could not be read or written.
pub(super) fn failure(
    dir: &Dir,
    segment: u32,
    action: &'static str,
) -> impl Fn(std::io::Error) -> PlatformError + use<> {
    let path = dir.path().join(name(segment));
    move |error| PlatformError::io(action, &path, error)
}
