//! Runs a program with the values that it was given replaced in what it prints.
//!
//! *Promise:* of stdout and stderr, every byte goes out as the program wrote it, save that a value in
//! one of its usual forms becomes `[masked:NAME]`; only what may be the beginning of one waits. What
//! was a terminal is one for the program, what was none is none. Signals reach it, its end is ours.
//! What is alive with a value in it here is undumpable and wiped. *Absent:* the vault; pieces of a
//! value; what the program writes elsewhere.
//!
//! Where stdout is a terminal the program gets one of its own, with a session of its own ([`lead`]),
//! and this process stands between the two as `ssh` does. Where only stderr is one, the program
//! stays in this session, so that keys and job control are the shell's, and its stderr alone is a
//! terminal that we read.

mod error;
mod keyboard;
mod outlet;
mod program;
mod pump;
mod session;
mod supervise;
mod wiring;

pub use error::MaskError;
pub use program::Program;
pub use session::{SESSION, lead};
pub use supervise::{Ended, run};
pub use wiring::Outer;

pub use clawvault_needles::SHORTEST;
