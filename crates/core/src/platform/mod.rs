//! The only files that touch the operating system: directories, memory, processes, locks, time.
//!
//! Everything here is a thin, safe wrapper; nothing here knows what a vault is.

mod clock;
pub mod datagram;
mod dir;
mod error;
pub mod executable;
pub mod failpoint;
mod file_lock;
pub mod guard;
mod held;
pub mod memory;
mod memory_file;
pub mod process;
pub mod read;
mod rights;
mod rooted;
pub mod service;
pub mod socket;

pub use clock::{Clock, SystemClock, slept_ms};
pub use dir::{Dir, Found, Private};
pub use error::PlatformError;
pub use file_lock::FileLock;
pub use held::HeldFile;
pub use memory_file::memory_file;
pub use rights::set_mode;
pub use rooted::{Bounds, EntryKind, Meta, Rooted, Step, Walked};
