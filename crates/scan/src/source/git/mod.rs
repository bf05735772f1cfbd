//! Git repositories: the staged change, and all of history. Everything that is said to gix is said
//! below this module, for gix changes with each of its releases.
//!
//! A repository is read as bytes. Of its configuration only what says how its objects are kept is
//! used; nothing in it is executed, nothing is fetched, and nothing outside the repository is
//! configuration.

mod attribution;
mod change;
mod commits;
mod damage;
mod error;
mod history;
mod hooks;
mod index;
mod marks;
mod named;
mod objects;
mod open;
mod past;
mod range;
mod refs;
mod staged;
mod submodules;
mod traces;
mod trees;
mod walk;

pub use error::GitError;
pub use open::Repository;
pub use past::Keeper;
pub use range::Range;

/// Largest blob that is scanned, in bytes; larger ones are counted as skipped.
pub const MAX_BLOB: u64 = 512 << 20;
/// Deepest nesting of directories in a tree that is followed.
const MAX_DEPTH: usize = 512;

/// How history is scanned.
#[derive(Clone, Copy, Default)]
pub struct HistoryOptions<'a> {
    /// Also what nothing leads to any more.
    pub unreachable: bool,
    /// Who keeps from one scan to the next what need not be read again, if anyone.
    pub keeper: Option<&'a dyn Keeper>,
}
