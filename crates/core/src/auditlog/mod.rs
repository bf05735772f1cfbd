//! The audit log: append-only, hash-chained, sealed. Names are not in clear; values are not in it.
//!
//! A segment is a file of frames; each frame's hash covers the one before it. The vault's anchor
//! remembers where the chain stood, so a cut or edited log is noticed. Beside the segments lie small
//! files: entries that wait, counts of refusals, digests of executables, a reserve of space.

mod digests;
mod entry;
mod form;
mod frame;
mod log;
mod mirror;
mod open;
mod pending;
mod read;
mod refusals;
pub mod reserve;
mod retention;
mod segments;
mod verify;

pub use digests::Digests;
pub use entry::{Entry, Item, Removed};
pub use log::{AuditLog, LogError, LogPoint};
pub use mirror::{Sockets, sentence, touched};
pub use pending::defer;
pub use read::Read;
pub use refusals::{Refusals, read_counts};
pub use verify::{FAULTS, Scope, Verdict, verify};
