//! Many byte values, in the forms that programs write them in, found in one pass over a stream.
//!
//! Knows no vault, no files and no names: values are numbered as they were given. The values are
//! secrets. Everything that is made of them lies in buffers of exact size, is wiped when dropped,
//! and is never shown by `Debug`.
//!
//! *Promise:* of the bytes that go in, exactly the occurrences of a form are reported, from left to
//! right, the longest where several begin at one place, however the stream is cut into pieces.
//! *Absent:* forms that nobody writes by habit, and pieces of values.

mod filter;
mod forms;
mod needles;
mod stream;
#[cfg(test)]
mod tests;

pub use needles::{Found, Needles, TooMuch};
pub use stream::{Piece, Stream};

/// The shortest value that can be sought, in bytes: anything shorter is found by chance.
pub const SHORTEST: usize = 8;
