//! Bytes that must not be found: kept out of swap as far as the system lets us, wiped when dropped.
//!
//! What is promised: a value, a key or an opened record lies in locked pages until it is dropped,
//! and its place is zero afterwards; where it could not be locked, [`spill`] says so. What is not:
//! copies that others make of the bytes, registers, the stack.

mod arena;
mod bytes;

pub use arena::{MAX_LOCKED, Spill, spill};
pub use bytes::LockedBytes;

/// How far down any command reaches: the deepest ciphers and parsers. `tests/memory` looks.
pub const DEEPEST: usize = 128 * 1024;

/// Overwrites as much of the stack below the caller, where functions that returned have left what
/// they knew.
#[inline(never)]
pub fn wipe_stack<const BYTES: usize>() {
    std::hint::black_box(&mut [0_u8; BYTES]);
}
