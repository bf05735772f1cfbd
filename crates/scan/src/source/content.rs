//! What a file or a blob holds: a text, a text in another form, or an archive of them.

use std::fs::File;
use std::io::{self, Read};

use super::archive::{Kind, Meter, Opener};
use super::{Outcome, Progress, Silent, text};
use crate::decode;
use crate::engine::Scanner;

/// What is larger is read piece by piece, in bytes.
const MAX_WHOLE: u64 = 8 << 20;

/// Scans `bytes` as the content of a file of that name.
pub fn scan(scanner: &Scanner<'_>, name: &[u8], bytes: &[u8]) -> Outcome {
    if Kind::of(bytes).is_none() {
        return plain(scanner, name, bytes);
    }
    scan_part(scanner, &Meter::default(), name, bytes)
}

/// Scans a part of a file, within bounds that all its parts share.
pub(super) fn scan_part(
    scanner: &Scanner<'_>,
    meter: &Meter,
    name: &[u8],
    bytes: &[u8],
) -> Outcome {
    // Bytes in memory do not fail.
    unpack(scanner, meter, &Silent, |opener| opener.open(name, &mut &*bytes)).unwrap_or_default()
}

/// Scans what `reader` gives, to its end, in memory that does not grow with it.
///
/// # Errors
///
/// That of the reader; what was found before it is lost.
pub fn scan_reader(
    scanner: &Scanner<'_>,
    name: &[u8],
    reader: &mut dyn Read,
    progress: &dyn Progress,
) -> io::Result<Outcome> {
    unpack(scanner, &Meter::default(), progress, |opener| opener.open(name, reader))
}

/// Scans an open file, from its beginning.
///
/// # Errors
///
/// As those of [`scan_reader`].
pub fn scan_file(
    scanner: &Scanner<'_>,
    name: &[u8],
    file: &mut File,
    progress: &dyn Progress,
) -> io::Result<Outcome> {
    let length = file.metadata()?.len();
    if length < MAX_WHOLE {
        // It may grow meanwhile: the rest is left to the next scan.
        let mut bytes = Vec::with_capacity(length as usize + 1);
        file.take(MAX_WHOLE).read_to_end(&mut bytes)?;
        return Ok(scan(scanner, name, &bytes));
    }
    unpack(scanner, &Meter::default(), progress, |opener| opener.open_file(name, file))
}

/// What is found in bytes that are no plain text; `None` where they are one.
pub(super) fn packed(scanner: &Scanner<'_>, bytes: &[u8]) -> Option<Outcome> {
    (!is_plain(bytes)).then(|| scan(scanner, b"", bytes))
}

/// Whether bytes are a text as it is, for all that their beginning tells.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    Kind::of(bytes).is_none() && !decode::has_mark(bytes)
}

/// Scans what an opener of archives gives.
fn unpack(
    scanner: &Scanner<'_>,
    meter: &Meter,
    progress: &dyn Progress,
    open: impl FnOnce(&mut Opener<'_>) -> io::Result<()>,
) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut each = |name: &[u8], reader: &mut dyn Read| {
        if !progress.stop() {
            outcome.add(member(scanner, name, reader, progress)?);
        }
        Ok(())
    };
    let mut opener = Opener::within(meter.clone(), &mut each);
    open(&mut opener)?;
    for why in std::mem::take(&mut opener.skipped) {
        outcome.summary.skipped.add(why, 1);
    }
    Ok(outcome)
}

/// Scans what is no archive.
fn member(
    scanner: &Scanner<'_>,
    name: &[u8],
    reader: &mut dyn Read,
    progress: &dyn Progress,
) -> io::Result<Outcome> {
    let mut bytes = Vec::new();
    (&mut *reader).take(MAX_WHOLE).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < MAX_WHOLE {
        return Ok(plain(scanner, name, &bytes));
    }
    let mut outcome = Outcome::default();
    if decode::has_mark(&bytes) {
        outcome.summary.skipped.add("texts of UTF-16 over 8 MiB, read as bytes", 1);
    }
    outcome.add(text::scan_reader(scanner, name, &mut bytes.chain(reader), progress)?);
    Ok(outcome)
}

fn plain(scanner: &Scanner<'_>, name: &[u8], bytes: &[u8]) -> Outcome {
    match Some(bytes).filter(|bytes| decode::has_mark(bytes)).and_then(decode::utf16) {
        Some(inner) => text::scan(scanner, name, &inner),
        None => text::scan(scanner, name, bytes),
    }
}
