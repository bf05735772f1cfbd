//! Rotation and revocation: no fault of a vendor, no kill and no clock loses a key or leaves one
//! behind that nobody knows of.

#![allow(
    clippy::arc_with_non_send_sync,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it; the vault's books are one thread's"
)]

mod incident;
mod many;
mod matrix;
mod person;
mod real;
mod server;
mod world;
