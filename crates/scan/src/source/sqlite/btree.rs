//! Trees of pages: rows of tables, entries of indexes.
//!
//! Each page belongs to one place of one tree, so a walk takes time linear in the database, whatever
//! its pages say. What makes no sense is counted and left to whoever reads the bytes alone.

use std::io::{self, Read, Seek};
use std::ops::Range;

use super::bytes::{u16_at, u32_at, varint};
use super::pages::Pages;

/// Longest record that is put together, in bytes.
pub(super) const MAX_RECORD: u64 = 64 << 20;

/// What a page is good for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Use {
    /// Nothing that a walk came by.
    Free,
    /// Part of a tree.
    Tree,
    /// The rest of a long record, in so many of its bytes.
    Rest(u32),
}

/// Pages of trees, by their first byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    InnerIndex,
    InnerTable,
    LeafIndex,
    LeafTable,
}

/// A row or an entry, as far as its page has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Cell {
    /// Where it lies, with its head.
    pub(super) span: Range<usize>,
    /// What of its record lies there.
    pub(super) local: Range<usize>,
    /// Length of its record.
    total: u64,
    /// The page with the rest; 0 where there is none.
    rest: u32,
    /// Page below it; 0 where there is none.
    child: u32,
    /// Number of the row, in tables.
    pub(super) rowid: Option<i64>,
}

/// The cells of a page, and the page below it that has what is behind them.
pub(super) struct Layout {
    pub(super) cells: Vec<Cell>,
    last: u32,
    /// Whether they are rows.
    pub(super) of_rows: bool,
    /// Whether something of it made no sense.
    pub(super) damaged: bool,
}

/// Reads a page of a tree; nothing where it is none. Cells never hold more than the page, together.
pub(super) fn layout(page: &[u8], usable: usize, is_first: bool) -> Option<Layout> {
    let start = if is_first { 100 } else { 0 };
    let (kind, head) = match page.get(start)? {
        2 => (Kind::InnerIndex, 12),
        5 => (Kind::InnerTable, 12),
        10 => (Kind::LeafIndex, 8),
        13 => (Kind::LeafTable, 8),
        _ => return None,
    };
    let page = page.get(..usable)?;
    let count = usize::from(u16_at(page, start + 3)?);
    let pointers = page.get(start + head..(start + head).checked_add(2 * count)?)?;
    let last = if head == 12 { u32_at(page, start + 8)? } else { 0 };
    let mut layout = Layout {
        cells: Vec::with_capacity(count),
        last,
        of_rows: kind == Kind::LeafTable,
        damaged: false,
    };
    let mut room = usable;
    for pointer in pointers.chunks_exact(2) {
        let at = usize::from(u16_at(pointer, 0).unwrap_or_default());
        let inside = at >= start + head + 2 * count;
        match inside.then(|| cell(page, at, kind)).flatten().filter(|c| c.span.len() <= room) {
            Some(cell) => {
                room -= cell.span.len();
                layout.cells.push(cell);
            }
            None => layout.damaged = true,
        }
    }
    Some(layout)
}

/// Where the record of a table's row lies, if one begins there and lies there whole; `usable` is
/// that of its page.
pub(super) fn leaf_cell(page: &[u8], at: usize, usable: usize) -> Option<Range<usize>> {
    let (total, rest) = varint(page.get(at..)?)?;
    let (_, rest) = varint(rest)?;
    let begin = page.len() - rest.len();
    let fits = |length: &usize| *length <= usable.saturating_sub(35);
    let length = usize::try_from(total).ok().filter(fits)?;
    let end = begin.checked_add(length)?;
    (end <= page.len()).then_some(begin..end)
}

fn cell(page: &[u8], at: usize, kind: Kind) -> Option<Cell> {
    let mut rest = page.get(at..)?;
    let mut cell = Cell { span: at..at, local: at..at, total: 0, rest: 0, child: 0, rowid: None };
    if matches!(kind, Kind::InnerIndex | Kind::InnerTable) {
        cell.child = u32_at(rest, 0)?;
        rest = rest.get(4..)?;
    }
    if kind != Kind::InnerTable {
        (cell.total, rest) = varint(rest)?;
    }
    if matches!(kind, Kind::LeafTable | Kind::InnerTable) {
        let (rowid, behind) = varint(rest)?;
        (cell.rowid, rest) = (Some(rowid as i64), behind);
    }
    let begin = page.len() - rest.len();
    let local = local(cell.total, page.len(), kind == Kind::LeafTable);
    cell.local = begin..begin.checked_add(local)?;
    let mut end = cell.local.end;
    if (local as u64) < cell.total {
        cell.rest = u32_at(page, end)?;
        end += 4;
    }
    cell.span = at..end;
    (end <= page.len()).then_some(cell)
}

/// How much of a record its page holds.
fn local(total: u64, usable: usize, of_table: bool) -> usize {
    let most = if of_table { usable - 35 } else { (usable - 12) * 64 / 255 - 23 };
    if total <= most as u64 {
        return total as usize;
    }
    let least = (usable - 12) * 32 / 255 - 23;
    let fit = least + ((total - least as u64) % (usable as u64 - 4)) as usize;
    if fit <= most { fit } else { least }
}

/// A walk through a database, and what it found its pages to be.
pub(super) struct Walk<'a, R> {
    pub(super) pages: &'a mut Pages<R>,
    uses: Vec<Use>,
    /// How often something made no sense.
    pub(super) damage: u64,
    /// Records that were too long to be put together.
    pub(super) too_long: u64,
}

impl<'a, R: Read + Seek> Walk<'a, R> {
    pub(super) fn new(pages: &'a mut Pages<R>) -> Self {
        let uses = vec![Use::Free; pages.count as usize + 1];
        Self { pages, uses, damage: 0, too_long: 0 }
    }

    /// What a page is good for, as far as was walked.
    pub(super) fn use_of(&self, page: u32) -> Use {
        self.uses.get(page as usize).copied().unwrap_or(Use::Free)
    }

    /// Walks a tree, and shows each record of it; false stops it.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub(super) fn tree(
        &mut self,
        root: u32,
        show: &mut dyn FnMut(Option<i64>, &[u8]) -> bool,
    ) -> io::Result<()> {
        let (mut page, mut record) = (Vec::new(), Vec::new());
        // A page is taken before it is pushed, so that no page waits twice.
        let mut below = Vec::new();
        below.extend(self.take(root, Use::Tree).then_some(root));
        while let Some(number) = below.pop() {
            self.pages.read(number, &mut page)?;
            let Some(layout) = layout(&page, self.pages.usable, number == 1) else {
                self.free(number);
                continue;
            };
            self.damage += u64::from(layout.damaged);
            let from = below.len();
            for cell in &layout.cells {
                if cell.child != 0 && self.take(cell.child, Use::Tree) {
                    below.push(cell.child);
                }
                if cell.total > 0 {
                    self.record(&page, cell, &mut record)?;
                    if !show(cell.rowid, &record) {
                        return Ok(());
                    }
                }
            }
            if layout.last != 0 && self.take(layout.last, Use::Tree) {
                below.push(layout.last);
            }
            below[from..].reverse();
        }
        Ok(())
    }

    /// Puts a record together, as far as there is something of it.
    fn record(&mut self, page: &[u8], cell: &Cell, record: &mut Vec<u8>) -> io::Result<()> {
        record.clear();
        record.extend_from_slice(&page[cell.local.clone()]);
        if cell.total > MAX_RECORD {
            self.too_long += 1;
            return Ok(());
        }
        let (mut next, mut rest) = (cell.rest, Vec::new());
        while next != 0 && (record.len() as u64) < cell.total {
            let wanted = (cell.total - record.len() as u64).min(self.pages.usable as u64 - 4);
            if !self.take(next, Use::Rest(wanted as u32 + 4)) {
                break;
            }
            self.pages.read(next, &mut rest)?;
            record.extend_from_slice(&rest[4..4 + wanted as usize]);
            next = u32_at(&rest, 0).unwrap_or_default();
        }
        Ok(())
    }

    /// Notes what a page is good for; false where it is no page, or something else already.
    fn take(&mut self, page: u32, used: Use) -> bool {
        let slot = self.uses.get_mut(page as usize).filter(|_| page != 0);
        match slot {
            Some(slot) if *slot == Use::Free => {
                *slot = used;
                true
            }
            _ => {
                self.damage += 1;
                false
            }
        }
    }

    fn free(&mut self, page: u32) {
        self.damage += 1;
        self.uses[page as usize] = Use::Free;
    }
}
