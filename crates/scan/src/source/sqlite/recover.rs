//! Short rows that were deleted, put together from what is left of them.
//!
//! SQLite writes four bytes over the beginning of a deleted row, some versions not where they only move
//! the border of the free space. Read as bytes, values of neighbouring columns would touch. What is taken for a row and was none does no harm: it is one more
//! text to be scanned.

use std::ops::Range;

use super::MIN_VALUE;
use super::btree::leaf_cell;
use super::bytes::{u16_at, varint};
use super::record::{self, Kind};

/// Longest row, in bytes.
const MAX_ROW: usize = 1024;
/// Most bytes of a head whose end is sought.
const MAX_HEAD: usize = 24;
/// So often the bytes of a page are taken for rows, whatever they say.
const MAX_GUESSES: usize = 2;
/// And so often for values.
const MAX_READ: usize = 4;
/// Length of what a page of rows begins with.
const HEAD: usize = 8;

/// Where values of deleted rows may lie in a page of rows, of which `usable` bytes count.
pub(super) fn values(page: &[u8], usable: usize, is_first: bool) -> Vec<Range<usize>> {
    let start = if is_first { 100 } else { 0 };
    let mut found = Vec::new();
    let number = |at: usize| u16_at(page, start + at).map(usize::from);
    // The first free block, the number of cells, and where their content begins.
    let (Some(block), Some(cells), Some(content)) = (number(1), number(3), number(5)) else {
        return found;
    };
    let gap = (start + HEAD + 2 * cells).min(usable)..content.min(usable);
    in_gap(page, gap, &mut found);
    let (mut at, mut before) = (block, 0);
    // Free blocks rise.
    while at > before {
        let (Some(next), Some(size)) = (u16_at(page, at), u16_at(page, at + 2)) else { break };
        let end = at + usize::from(size);
        if size > 4 && usize::from(size) <= MAX_ROW && end <= usable {
            in_block(page, at..end, &mut found);
        }
        (before, at) = (at, usize::from(next));
    }
    let mut left = MAX_READ * page.len();
    found.retain(|span| {
        let fits = span.len() <= left;
        left -= if fits { span.len() } else { 0 };
        fits
    });
    found
}

/// Rows between the pointers of a page and its content: whole, or with the head of a free block.
fn in_gap(page: &[u8], gap: Range<usize>, found: &mut Vec<Range<usize>>) {
    let mut at = gap.start;
    let mut guesses = MAX_GUESSES * page.len();
    while at < gap.end {
        let record = leaf_cell(&page[..gap.end], at, page.len());
        let record = record.filter(|record| (4..=MAX_ROW).contains(&record.len()));
        let values = record.as_ref().and_then(|record| record::exact(&page[record.clone()]));
        if let (Some(record), Some(values)) = (record, values) {
            let texts = values.iter().filter(|value| value.kind != Kind::Other);
            let spans =
                texts.map(|value| record.start + value.span.start..record.start + value.span.end);
            found.extend(spans.filter(|span| span.len() >= MIN_VALUE));
            at = record.end;
            continue;
        }
        let size = usize::from(u16_at(page, at + 2).unwrap_or_default());
        if size > 4 && size <= MAX_ROW.min(guesses) && at + size <= gap.end {
            guesses -= size;
            in_block(page, at..at + size, found);
        }
        at += 1;
    }
}

/// A row whose first four bytes are gone: wherever its head may end, values are counted from its end.
fn in_block(page: &[u8], block: Range<usize>, found: &mut Vec<Range<usize>>) {
    let first = found.len();
    let mut kinds = Vec::new();
    let mut head = block.start + 4;
    while head < block.end.min(block.start + 4 + MAX_HEAD) {
        let Some((kind, rest)) = varint(&page[head..block.end]) else { break };
        let Some(size) = record::size_of(kind) else { break };
        kinds.push((kind, size));
        head = block.end - rest.len();
        let mut end = block.end;
        for (kind, size) in kinds.iter().rev() {
            let Some(start) = end.checked_sub(*size).filter(|start| *start >= head) else { break };
            let span = start..end;
            let is_text = *kind > 12 && kind % 2 == 1 && span.len() >= MIN_VALUE;
            if is_text && !found[first..].contains(&span) && is_plain(&page[span.clone()]) {
                found.push(span);
            }
            end = start;
        }
    }
}

/// Whether bytes are text.
fn is_plain(bytes: &[u8]) -> bool {
    let shown = |c: char| !c.is_control() || c.is_ascii_whitespace();
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(shown))
}
