//! One arena for the whole process: a few chunks of locked pages, handed out in pieces.
//!
//! One lock of a chunk serves many values, so that a value costs neither a call nor a page. Chunks
//! are never given back: a page is unlocked by the end of the process, and what lay on it was wiped
//! before. Pieces are disjoint by construction (`split_at_mut`); no pointer is dereferenced here.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Resource, getrlimit};

/// Most bytes that are locked for values and records at once. What is open beyond it lies in
/// wiped memory that may be swapped: an import of thousands, say. Where the system allows less
/// than twice as much, half of what it allows.
pub const MAX_LOCKED: usize = 4 * 1024 * 1024;

/// Bytes of a chunk; a larger piece gets a chunk of its own.
const CHUNK: usize = 32 * 1024;
/// Pieces are multiples of this.
const GRAIN: usize = 64;

/// Why bytes were not locked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Spill {
    /// More was open at once than [`MAX_LOCKED`], or than half of what the system allows.
    Full,
    /// The system refused (`RLIMIT_MEMLOCK`).
    Refused,
}

/// Whether anything had to lie in memory that is not locked, since the process began.
pub fn spill() -> Option<Spill> {
    arena().spill
}

/// A piece of a locked chunk, wiped.
pub(super) type Piece = &'static mut [u8];

/// Who wants a piece.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum For {
    /// A key, of which there are few: it finds room however many values are open.
    Key,
    /// A value or a record.
    Value,
}

struct Arena {
    chunks: Vec<region::LockGuard>,
    /// Bytes of all chunks.
    locked: usize,
    /// What was never handed out of the newest chunk.
    rest: Piece,
    /// What was given back, by size.
    free: BTreeMap<usize, Vec<Piece>>,
    spill: Option<Spill>,
}

static ARENA: Mutex<Arena> = Mutex::new(Arena::new());

/// A panic cannot leave the arena half changed in a way that matters: at worst a piece is lost.
fn arena() -> MutexGuard<'static, Arena> {
    ARENA.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands out at least `len` zero bytes, or none where they cannot be locked.
pub(super) fn take(len: usize, whom: For) -> Option<Piece> {
    arena().take(len, whom)
}

/// Takes a piece back, which its holder has wiped.
pub(super) fn give_back(piece: Piece) {
    arena().keep(piece);
}

impl Arena {
    const fn new() -> Self {
        let free = BTreeMap::new();
        Self { chunks: Vec::new(), locked: 0, rest: &mut [], free, spill: None }
    }

    fn take(&mut self, len: usize, whom: For) -> Option<Piece> {
        let size = len.max(1).checked_next_multiple_of(GRAIN)?;
        // A piece up to twice as large will do: sizes vary, and few differ by much.
        let mut fitting = self.free.range_mut(size..=size.saturating_mul(2));
        if let Some(piece) = fitting.find_map(|(_, pieces)| pieces.pop()) {
            return Some(piece);
        }
        if self.rest.len() < size
            && let Err(why) = self.grow(size, whom)
        {
            self.spill = Some(why);
            return None;
        }
        let (piece, rest) = std::mem::take(&mut self.rest).split_at_mut(size);
        self.rest = rest;
        Some(piece)
    }

    fn keep(&mut self, piece: Piece) {
        if !piece.is_empty() {
            self.free.entry(piece.len()).or_default().push(piece);
        }
    }

    /// Begins a new chunk; what the old one had left is kept for smaller pieces.
    fn grow(&mut self, size: usize, whom: For) -> Result<(), Spill> {
        let page = region::page::size();
        let size = size.max(CHUNK).next_multiple_of(page);
        if self.spill == Some(Spill::Refused) {
            return Err(Spill::Refused);
        }
        if whom == For::Value && self.locked > 0 && self.locked + size > budget() {
            return Err(Spill::Full);
        }
        let memory = vec![0; size + page].into_boxed_slice();
        let start = memory.as_ptr().align_offset(page);
        let pages = memory.get(start..start.saturating_add(size)).ok_or(Spill::Refused)?;
        let guard = region::lock(pages.as_ptr(), size).map_err(|_| Spill::Refused)?;
        self.chunks.push(guard);
        self.locked += size;
        let (_, pages) = Box::leak(memory).split_at_mut(start);
        let (pages, _) = pages.split_at_mut(size);
        let old = std::mem::replace(&mut self.rest, pages);
        self.keep(old);
        Ok(())
    }
}

fn budget() -> usize {
    let allowed = getrlimit(Resource::Memlock).current.unwrap_or(u64::MAX);
    usize::try_from(allowed / 2).map_or(MAX_LOCKED, |half| half.min(MAX_LOCKED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_disjoint_come_back_and_end_at_the_budget() {
        let mut arena = Arena::new();
        let mut held = Vec::new();
        while let Some(piece) = arena.take(1000, For::Value) {
            assert!(piece.len() >= 1000 && piece.iter().all(|byte| *byte == 0));
            piece.fill((held.len() % 251) as u8);
            held.push(piece);
        }
        let whole = |(n, piece): (usize, &Piece)| piece.iter().all(|b| *b == (n % 251) as u8);
        assert!(held.iter().enumerate().all(whole));
        if arena.spill == Some(Spill::Refused) {
            println!("SKIP: this system locks no more than {} bytes", arena.locked);
            return;
        }
        assert_eq!(arena.spill, Some(Spill::Full));
        assert!(arena.locked <= MAX_LOCKED);
        assert!(held.len() > arena.locked / 1100, "a piece costs little more than its size");
        // A key finds room all the same, and what comes back is handed out again.
        assert!(arena.take(32, For::Key).is_some());
        let chunks = arena.chunks.len();
        let last = held.pop().unwrap();
        arena.keep(last);
        assert!(arena.take(900, For::Value).is_some());
        assert_eq!(arena.chunks.len(), chunks);
        assert!(arena.take(MAX_LOCKED, For::Value).is_none());
    }
}
