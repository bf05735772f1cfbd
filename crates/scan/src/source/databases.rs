//! Databases among the files of a tree, each with the log that lies beside it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::Path;

use super::{Outcome, Progress, sqlite};
use crate::engine::Scanner;

/// So often a database is read before one that is written to all the while is taken as it is.
const TRIES: usize = 3;
const WRITTEN: &str = "database that was written to meanwhile; scan it again";

/// A file that may be a database, or its log.
pub(super) struct Database<'a> {
    pub(super) scanner: &'a Scanner<'a>,
    pub(super) progress: &'a dyn Progress,
    /// Its path, and the same as bytes.
    pub(super) path: &'a Path,
    pub(super) name: &'a [u8],
    /// Opens a file beside it, as files of the tree are opened.
    pub(super) open: &'a dyn Fn(&Path) -> io::Result<File>,
}

impl Database<'_> {
    /// Scans it; `None` where it is neither.
    pub(super) fn scan(&self, file: &File) -> io::Result<Option<Outcome>> {
        let mut begin = [0; 16];
        let length = begin_of(file, &mut begin)?;
        let begin = &begin[..length];
        if sqlite::is_database(begin) {
            let mut log = self.path.as_os_str().to_owned();
            log.push("-wal");
            let wal = self.beside(Path::new(&log));
            return self.database(self.name, file, wal.as_ref()).map(Some);
        }
        if sqlite::is_wal(begin) {
            let of = self.path.file_name().and_then(|name| name.to_str()?.strip_suffix("-wal"));
            let of = of.and_then(|of| self.beside(&self.path.with_file_name(of)));
            let Some(of) = of else { return Ok(None) };
            let mut begin = [0; 16];
            let length = begin_of(&of, &mut begin)?;
            if sqlite::is_database(&begin[..length]) {
                // It is read with its database.
                return Ok(Some(Outcome::default()));
            }
            let name = self.name.strip_suffix(b"-wal").unwrap_or(self.name);
            return self.database(name, &of, Some(file)).map(Some);
        }
        Ok(None)
    }

    fn database(&self, name: &[u8], file: &File, wal: Option<&File>) -> io::Result<Outcome> {
        let state = || -> io::Result<_> {
            let known = file.metadata()?;
            Ok((known.len(), known.modified().ok()))
        };
        let mut tries = 0;
        loop {
            let before = state()?;
            let mut scanned = sqlite::scan_once(self.scanner, name, file, wal, self.progress)?;
            tries += 1;
            // A log that only grows leaves what was committed before as it is.
            let same = scanned.is_as_it_was && state()? == before;
            if !same && tries < TRIES && !self.progress.stop() {
                continue;
            }
            if !same {
                scanned.outcome.summary.skipped.add(WRITTEN, 1);
            }
            return Ok(scanned.outcome);
        }
    }

    /// A regular file beside this one.
    fn beside(&self, path: &Path) -> Option<File> {
        let file = (self.open)(path).ok()?;
        file.metadata().ok()?.is_file().then_some(file)
    }
}

/// Reads how a file begins, and goes back there.
fn begin_of(mut file: &File, begin: &mut [u8]) -> io::Result<usize> {
    file.rewind()?;
    let length = (&mut file).take(begin.len() as u64).read(begin)?;
    file.rewind()?;
    Ok(length)
}
