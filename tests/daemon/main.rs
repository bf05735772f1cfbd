//! The daemon: that it serves the same, to whom, for how long, and what it withstands.
//!
//! The test leads a login session of its own, so that what it starts is in the session that unlocks.
//! Every daemon has a home and a runtime directory of its own, and is ended by its number.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

mod authority;
mod beside;
#[path = "../support/canary.rs"]
mod canary;
mod compose;
mod confined;
#[path = "../memory/dump.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod dump;
mod hostile;
mod life;
mod load;
mod memory;
#[path = "../memory/needles.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod needles;
mod served;
mod system;
mod told;
mod wire;
