//! What no row holds any more and is still there: free pages, deleted rows, older states of pages.
//!
//! A page that was once a leaf still has its records apart, and so have most short rows that were
//! deleted; the rest is read as it lies there, so that values of neighbouring columns may touch.

use std::io::{self, Read, Seek};

use super::btree::{Use, Walk, layout};
use super::record::{self, Kind};
use super::recover;
use super::wal::FRAME_HEADER;
use super::{MIN_VALUE, Reader};
use crate::source::text;

const IN_FILE: &str = "No row has it any more: it lies in what was deleted. `VACUUM` with its program \
                       stopped overwrites it.";
const IN_LOG: &str = "No row has it any more: it lies in an older page of the write-ahead log. \
                      `PRAGMA wal_checkpoint(TRUNCATE)` with its program stopped removes it.";

/// Scans what the rows of a database left.
pub(super) fn scan<R: Read + Seek>(
    reader: &mut Reader<'_>,
    walk: &mut Walk<'_, R>,
) -> io::Result<()> {
    let mut page = Vec::new();
    for number in 1..=walk.pages.in_file {
        if reader.progress.stop() {
            return Ok(());
        }
        let length = walk.pages.read_file(number, &mut page)?;
        let newer = walk.pages.is_in_log(number);
        let used = if newer { Use::Free } else { walk.use_of(number) };
        let place = [reader.name, format!("!page {number}").as_bytes()].concat();
        page[length..].fill(0);
        dead(reader, &place, &mut page, used, walk.pages.usable, number == 1, IN_FILE);
    }
    let frames = walk.pages.wal.as_ref().map_or(0, |wal| wal.frames);
    for number in 0..frames {
        let Some(wal) = &mut walk.pages.wal else { break };
        if reader.progress.stop() || !wal.frame(number, &mut page)? {
            break;
        }
        let of = u32::from_be_bytes(page[..4].try_into().unwrap_or_default());
        let newest = wal.newest(of) == Some(number);
        let used = if newest { walk.use_of(of) } else { Use::Free };
        page.drain(..FRAME_HEADER);
        let place = [reader.name, format!("-wal!frame {number}").as_bytes()].concat();
        dead(reader, &place, &mut page, used, walk.pages.usable, of == 1, IN_LOG);
    }
    Ok(())
}

/// Scans what of a page no row holds.
fn dead(
    reader: &mut Reader<'_>,
    place: &[u8],
    page: &mut [u8],
    used: Use,
    usable: usize,
    is_first: bool,
    remark: &'static str,
) {
    if page.iter().all(|byte| *byte == 0) {
        return;
    }
    let layout = match used {
        Use::Rest(length) => {
            page[..length as usize].fill(0);
            None
        }
        _ => layout(page, usable, is_first),
    };
    if layout.as_ref().is_some_and(|layout| layout.of_rows) {
        for span in recover::values(page, usable, is_first) {
            let findings = reader.value(place, b"", &page[span.clone()]).findings;
            if !findings.is_empty() {
                page[span].fill(0);
            }
            reader.take_new(findings, remark);
        }
    }
    for cell in layout.into_iter().flat_map(|layout| layout.cells) {
        let record = &mut page[cell.span.start..cell.local.end];
        if used == Use::Free {
            let local = &record[cell.local.start - cell.span.start..];
            // Of what is packed there may be no more than a beginning: that says nothing of damage.
            for value in record::values(local).unwrap_or_default() {
                let bytes = &local[value.span];
                if value.kind != Kind::Other && bytes.len() >= MIN_VALUE {
                    let findings = reader.value(place, b"", bytes).findings;
                    reader.take_new(findings, remark);
                }
            }
        }
        record.fill(0);
    }
    if page.iter().any(|byte| *byte != 0) {
        let findings = text::scan(reader.scanner, place, page).findings;
        reader.take_new(findings, remark);
    }
}
