//! Drills: a machine is lost, a key is lost, a file is damaged; what comes back is compared byte by
//! byte with what there was, and what cannot come back is refused by name.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

mod foreign;
mod golden;
mod lost;
mod restore;
mod world;

#[path = "../support/random.rs"]
mod random;
#[path = "../support/sandbox.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod sandbox;
