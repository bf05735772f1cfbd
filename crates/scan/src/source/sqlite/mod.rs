//! Databases of SQLite, read without SQLite: nothing is locked, and nothing written beside them.
//!
//! Each text and blob of each row is a text of its own, named `file!table/column rowid N`; what is
//! packed in one is unpacked. Then whatever no row holds any more is read as bytes: free pages,
//! deleted rows, older states of pages in the write-ahead log. A value that a row still holds is not
//! told again from there. Time and memory are bounded by the length of the files, whatever they say.

mod btree;
mod bytes;
mod leftovers;
mod pages;
mod record;
mod recover;
mod rows;
mod schema;
mod wal;

use std::collections::HashSet;
use std::io::{self, Read, Seek, SeekFrom};

use zeroize::Zeroizing;

use super::archive::Meter;
use super::{Outcome, Progress, content, text};
use crate::engine::Scanner;
use crate::finding::Finding;
use btree::Walk;
use pages::Pages;

/// Whether a file begins as a database.
pub(super) fn is_database(bytes: &[u8]) -> bool {
    bytes.starts_with(pages::MAGIC)
}

pub(in crate::source) use wal::is_wal;

/// Shorter values hold no secret.
const MIN_VALUE: usize = 6;

/// What a scan of a database found, and whether the database was the same one all the while.
pub(super) struct Scanned {
    pub(super) outcome: Outcome,
    pub(super) is_as_it_was: bool,
}

/// Scans a database of that name, with its write-ahead log.
///
/// # Errors
///
/// Those of reading.
pub fn scan<R: Read + Seek>(
    scanner: &Scanner<'_>,
    name: &[u8],
    file: R,
    wal: Option<R>,
    progress: &dyn Progress,
) -> io::Result<Outcome> {
    scan_once(scanner, name, file, wal, progress).map(|scanned| scanned.outcome)
}

/// The same, and says whether somebody changed it meanwhile.
pub(super) fn scan_once<R: Read + Seek>(
    scanner: &Scanner<'_>,
    name: &[u8],
    mut file: R,
    mut wal: Option<R>,
    progress: &dyn Progress,
) -> io::Result<Scanned> {
    let mut reader = Reader::new(scanner, name, progress);
    reader.outcome.summary.texts = 1;
    for part in [Some(&mut file), wal.as_mut()].into_iter().flatten() {
        reader.outcome.summary.bytes += part.seek(SeekFrom::End(0))?;
    }
    let mut pages = match Pages::open(&mut file, wal.as_mut())? {
        Ok(pages) => pages,
        Err(why) => {
            reader.damaged(&format!("a damaged database ({why}), read as bytes alone"));
            reader.plain(&mut file, name)?;
            if let Some(wal) = &mut wal {
                reader.plain(wal, &[name, b"-wal"].concat())?;
            }
            return Ok(Scanned { outcome: reader.outcome, is_as_it_was: true });
        }
    };
    let mut walk = Walk::new(&mut pages);
    rows::scan(&mut reader, &mut walk)?;
    leftovers::scan(&mut reader, &mut walk)?;
    if walk.damage > 0 {
        let places = walk.damage;
        reader.damaged(&format!("a damaged database, read as bytes at {places} places"));
    }
    let why = "record longer than 64 MiB, read as bytes";
    reader.outcome.summary.skipped.add(why, walk.too_long);
    let is_as_it_was = pages.is_as_it_was()?;
    Ok(Scanned { outcome: reader.outcome, is_as_it_was })
}

/// Takes in what is found in one database.
struct Reader<'a> {
    scanner: &'a Scanner<'a>,
    name: &'a [u8],
    progress: &'a dyn Progress,
    outcome: Outcome,
    /// What may come out of all packed values together.
    meter: Meter,
    /// Hashes of what was found, by rule and value.
    seen: HashSet<[u8; 16]>,
}

impl<'a> Reader<'a> {
    fn new(scanner: &'a Scanner<'a>, name: &'a [u8], progress: &'a dyn Progress) -> Self {
        let (meter, outcome, seen) = Default::default();
        Self { scanner, name, progress, outcome, meter, seen }
    }

    /// Takes findings of a row.
    fn take(&mut self, findings: Vec<Finding>) {
        self.seen.extend(findings.iter().map(hash));
        self.outcome.findings.extend(findings);
    }

    /// Takes findings of what no row holds any more; not those that were told already.
    fn take_new(&mut self, findings: Vec<Finding>, remark: &'static str) {
        for mut finding in findings {
            if self.seen.insert(hash(&finding)) {
                finding.remarks.push(remark.into());
                self.outcome.findings.push(finding);
            }
        }
    }

    /// What a value holds: itself, or what is packed in it. `prefix` says what it is the value of.
    fn value(&self, place: &[u8], prefix: &[u8], value: &[u8]) -> Outcome {
        if !content::is_plain(value) {
            return content::scan_part(self.scanner, &self.meter, place, value);
        }
        if prefix.is_empty() {
            return text::scan(self.scanner, place, value);
        }
        let whole = Zeroizing::new([prefix, value].concat());
        let mut found = text::scan(self.scanner, place, &whole);
        for finding in found.findings.iter_mut().filter(|finding| finding.place.line == 1) {
            let place = &mut finding.place;
            place.column = place.column.saturating_sub(prefix.len()).max(1);
            place.column_utf16 = place.column_utf16.saturating_sub(prefix.len()).max(1);
        }
        found
    }

    /// Reads a file as bytes.
    fn plain(&mut self, file: &mut (impl Read + Seek), name: &[u8]) -> io::Result<()> {
        file.seek(SeekFrom::Start(0))?;
        let found = text::scan_reader(self.scanner, name, file, self.progress)?;
        self.outcome.findings.extend(found.findings);
        Ok(())
    }

    fn damaged(&mut self, what: &str) {
        let name = bstr::ByteSlice::escape_bytes(self.name).to_string();
        self.outcome.summary.unreadable.push((name, what.to_owned()));
    }
}

fn hash(finding: &Finding) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(finding.rule.as_bytes()).update(&[0]).update(&finding.value);
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    short
}
