//! Repositories as git makes them, and broken ones.

// A fixture that cannot be made has found the test broken.
#![allow(clippy::unwrap_used, clippy::panic)]

mod again;
mod attribution;
mod broken;
mod fixture;
mod history;
mod range;
mod staged;
