//! Git repositories: the staged change, and all of history. Everything that is said to gix is said
//! below this module, for gix changes with each of its releases.
//!
//! A repository is read as bytes. Of its configuration only what says how its objects are kept is
//! used; nothing in it is executed, nothing is fetched, and nothing outside the repository is
//! configuration.

mod change;
mod error;
mod index;
mod open;
mod staged;

pub use error::GitError;
pub use open::Repository;

/// Largest blob that is scanned, in bytes; larger ones are counted as skipped.
pub const MAX_BLOB: u64 = 512 << 20;
