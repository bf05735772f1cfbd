//! The audit log: append-only, hash-chained, sealed. Names are not in clear; values are not in it.
//!
//! A segment is a file of frames; each frame's hash covers the one before it. The vault's anchor
//! remembers where the chain stood, so a cut or edited log is noticed.

mod entry;
mod frame;
mod log;
mod verify;

pub use entry::{Entry, Item};
pub use log::{AuditLog, LogError, LogPoint, Read};
pub use verify::{Verdict, verify};
