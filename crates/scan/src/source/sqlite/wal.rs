//! The write-ahead log of a database: pages that are newer than those in its file.
//!
//! Frames count up to the last commit whose salts and checksums hold, as they do for SQLite. The log
//! may be written to meanwhile: a page is taken only if its frame is still what it was.

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};

use super::bytes::u32_at;
use super::pages::is_page_size;

const HEADER: usize = 32;
pub(super) const FRAME_HEADER: usize = 24;

/// A log that has been read once.
pub(super) struct Wal<R> {
    source: R,
    /// Size of its pages.
    pub(super) page_size: usize,
    salts: [u8; 8],
    /// Number of the newest committed frame of each page.
    newest: HashMap<u32, u64>,
    /// Pages of the database after the last commit; 0 without one.
    pub(super) pages: u32,
    /// Frames in it, committed or not.
    pub(super) frames: u64,
}

/// The sum over pairs of words that frames are held together by.
struct Sum {
    big: bool,
    sums: [u32; 2],
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        let word = |part: &[u8]| {
            let part = <[u8; 4]>::try_from(part).unwrap_or_default();
            if self.big { u32::from_be_bytes(part) } else { u32::from_le_bytes(part) }
        };
        let [mut one, mut two] = self.sums;
        for pair in bytes.chunks_exact(8) {
            one = one.wrapping_add(word(&pair[..4])).wrapping_add(two);
            two = two.wrapping_add(word(&pair[4..])).wrapping_add(one);
        }
        self.sums = [one, two];
    }

    fn is(&self, bytes: &[u8]) -> bool {
        let [one, two] = self.sums;
        u32_at(bytes, 0) == Some(one) && u32_at(bytes, 4) == Some(two)
    }
}

impl<R: Read + Seek> Wal<R> {
    /// Reads a log from its beginning to its last commit; nothing where it has no header.
    pub(super) fn open(mut source: R) -> io::Result<Option<Self>> {
        let mut header = [0; HEADER];
        source.seek(SeekFrom::Start(0))?;
        if read_up_to(&mut source, &mut header)? < HEADER {
            return Ok(None);
        }
        let Some(mut sum) = begins(&header) else { return Ok(None) };
        let page_size = u32_at(&header, 8).unwrap_or_default() as usize;
        let salts = <[u8; 8]>::try_from(&header[16..24]).unwrap_or_default();
        sum.add(&header[..24]);
        let whole = sum.is(&header[24..]) && is_page_size(page_size);
        let mut wal =
            Self { source, page_size, salts, newest: HashMap::new(), pages: 0, frames: 0 };
        if whole {
            wal.read(sum)?;
        }
        if is_page_size(page_size) {
            let length = wal.source.seek(SeekFrom::End(0))?;
            wal.frames = length.saturating_sub(HEADER as u64) / (FRAME_HEADER + page_size) as u64;
        }
        Ok(Some(wal))
    }

    fn read(&mut self, mut sum: Sum) -> io::Result<()> {
        let mut frame = vec![0; FRAME_HEADER + self.page_size];
        let mut open: HashMap<u32, u64> = HashMap::new();
        for number in 0.. {
            if read_up_to(&mut self.source, &mut frame)? < frame.len() || frame[8..16] != self.salts
            {
                break;
            }
            sum.add(&frame[..8]);
            sum.add(&frame[FRAME_HEADER..]);
            if !sum.is(&frame[16..]) {
                break;
            }
            open.insert(u32_at(&frame, 0).unwrap_or_default(), number);
            let pages = u32_at(&frame, 4).unwrap_or_default();
            if pages > 0 {
                self.newest.extend(open.drain());
                self.pages = pages;
            }
        }
        Ok(())
    }

    /// Number of the newest committed frame of a page.
    pub(super) fn newest(&self, page: u32) -> Option<u64> {
        self.newest.get(&page).copied()
    }

    /// Reads a frame with its header; false where the log ends before it does.
    pub(super) fn frame(&mut self, number: u64, frame: &mut Vec<u8>) -> io::Result<bool> {
        frame.resize(FRAME_HEADER + self.page_size, 0);
        let at = (FRAME_HEADER + self.page_size) as u64;
        let Some(at) = number.checked_mul(at).and_then(|at| at.checked_add(HEADER as u64)) else {
            return Ok(false);
        };
        self.source.seek(SeekFrom::Start(at))?;
        Ok(read_up_to(&mut self.source, frame)? == frame.len())
    }

    /// Reads the newest committed state of a page; false where its frame is another one by now.
    pub(super) fn page(&mut self, page: u32, number: u64, into: &mut Vec<u8>) -> io::Result<bool> {
        let whole = self.frame(number, into)?;
        let same = whole && u32_at(into, 0) == Some(page) && into[8..16] == self.salts;
        into.drain(..FRAME_HEADER);
        Ok(same)
    }

    /// Whether it begins as it did when it was opened.
    pub(super) fn is_as_it_was(&mut self) -> io::Result<bool> {
        let mut header = [0; HEADER];
        self.source.seek(SeekFrom::Start(0))?;
        Ok(read_up_to(&mut self.source, &mut header)? == HEADER && header[16..24] == self.salts)
    }
}

/// The sum with which a log's checksums begin; nothing where it is no log.
fn begins(header: &[u8]) -> Option<Sum> {
    match u32_at(header, 0)? {
        0x377f_0682 => Some(Sum { big: false, sums: [0, 0] }),
        0x377f_0683 => Some(Sum { big: true, sums: [0, 0] }),
        _ => None,
    }
}

/// Whether a file begins as a write-ahead log.
pub(in crate::source) fn is_wal(bytes: &[u8]) -> bool {
    begins(bytes).is_some()
}

/// Fills a buffer as far as there is something to fill it with.
pub(super) fn read_up_to(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
