//! Rotation and revocation: no fault of a vendor, no kill and no clock loses a key or leaves one
//! behind that nobody knows of.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by it")]

mod matrix;
mod world;
