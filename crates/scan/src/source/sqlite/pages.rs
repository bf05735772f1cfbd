//! The pages of a database as its last commit left them: from its file, or from its log.

use std::io::{self, Read, Seek, SeekFrom};

use super::bytes::{u16_at, u32_at};
use super::wal::{Wal, read_up_to};

/// How a database begins.
pub(super) const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Most pages of a database that is read by its structure; larger ones are read as bytes alone.
const MAX_PAGES: u32 = 1 << 24;

/// How texts are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

/// Pages by number, counted from 1.
pub(super) struct Pages<R> {
    file: R,
    pub(super) wal: Option<Wal<R>>,
    /// Bytes of a page.
    pub(super) size: usize,
    /// Bytes of a page that hold something.
    pub(super) usable: usize,
    /// Pages of the database.
    pub(super) count: u32,
    /// Pages in its file.
    pub(super) in_file: u32,
    pub(super) encoding: Encoding,
    /// Whether a page of the log was gone when it was read.
    pub(super) moved: bool,
}

/// Why a database cannot be read by its structure.
pub(super) type NoDatabase = &'static str;

impl<R: Read + Seek> Pages<R> {
    /// Reads the headers; the reason where they make no sense.
    pub(super) fn open(mut file: R, wal: Option<R>) -> io::Result<Result<Self, NoDatabase>> {
        let mut wal = wal.map(Wal::open).transpose()?.flatten();
        let length = file.seek(SeekFrom::End(0))?;
        let mut first = vec![0; 100];
        file.seek(SeekFrom::Start(0))?;
        let read = read_up_to(&mut file, &mut first)?;
        if let Some(wal) = &mut wal
            && let Some(number) = wal.newest(1)
        {
            wal.page(1, number, &mut first)?;
        } else if read < first.len() {
            return Ok(Err("it ends within its header"));
        }
        if !first.starts_with(MAGIC) {
            return Ok(Err("its first page is none"));
        }
        let size = match u16_at(&first, 16).unwrap_or_default() {
            1 => 65_536,
            size => usize::from(size),
        };
        if !is_page_size(size) {
            return Ok(Err("its page size is none"));
        }
        let usable = size - usize::from(first[20]);
        // A log of another page size belongs to a database that was here before.
        wal = wal.filter(|wal| wal.page_size == size);
        let encoding = match u32_at(&first, 56) {
            Some(2) => Encoding::Utf16Le,
            Some(3) => Encoding::Utf16Be,
            _ => Encoding::Utf8,
        };
        let pages = length.div_ceil(size as u64);
        let in_log = wal.as_ref().map_or(0, |wal| wal.pages);
        let (Ok(in_file), true) = (u32::try_from(pages), usable >= 480) else {
            return Ok(Err("its page size is none"));
        };
        let count = if in_log > 0 { in_log } else { in_file };
        if count.max(in_file) > MAX_PAGES {
            return Ok(Err("it has more pages than are read by their structure"));
        }
        Ok(Ok(Self { file, wal, size, usable, count, in_file, encoding, moved: false }))
    }

    /// Reads a page as the last commit left it; bytes that the file lacks are 0.
    pub(super) fn read(&mut self, page: u32, into: &mut Vec<u8>) -> io::Result<()> {
        if let Some(wal) = &mut self.wal
            && let Some(number) = wal.newest(page)
        {
            if wal.page(page, number, into)? {
                return Ok(());
            }
            // What the log had is in the file by now.
            self.moved = true;
        }
        self.read_file(page, into).map(|_| ())
    }

    /// Reads a page of the file alone; says how much of it there is.
    pub(super) fn read_file(&mut self, page: u32, into: &mut Vec<u8>) -> io::Result<usize> {
        into.clear();
        into.resize(self.size, 0);
        self.file.seek(SeekFrom::Start(u64::from(page.saturating_sub(1)) * self.size as u64))?;
        read_up_to(&mut self.file, into)
    }

    /// Whether the log has a newer state of a page than the file.
    pub(super) fn is_in_log(&self, page: u32) -> bool {
        self.wal.as_ref().is_some_and(|wal| wal.newest(page).is_some())
    }

    /// Whether nobody began a new log meanwhile.
    pub(super) fn is_as_it_was(&mut self) -> io::Result<bool> {
        let same = self.wal.as_mut().map_or(Ok(true), Wal::is_as_it_was)?;
        Ok(same && !self.moved)
    }
}

/// Whether a page can be of that size.
pub(super) fn is_page_size(size: usize) -> bool {
    size.is_power_of_two() && (512..=65_536).contains(&size)
}
