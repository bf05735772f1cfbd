//! What the system can refuse: space, rights, descriptors, memory, directories. Each refusal is two
//! lines and a documented code, holds nothing of a value, loses nothing that was acknowledged, and
//! everything works again once the cause is gone.
//!
//! The file systems that fill up are mounted by the tests, which needs root.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

mod bench;
mod calls;
mod cases;
mod space;
mod stdout;

#[path = "../support/sandbox.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod sandbox;
