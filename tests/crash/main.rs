//! `kill -9` at random moments of what changes a vault, and several commands at once: whatever was
//! acknowledged is there, what was not is there wholly or not at all, and the vault always opens.
//!
//! SIGKILL leaves the page cache, so this says nothing of power cuts.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

mod campaign;
mod copies;
mod history;
mod kill;
mod log;
mod recipients;
mod scrub;
mod together;

#[path = "../support/random.rs"]
mod random;
#[path = "../support/sandbox.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod sandbox;
