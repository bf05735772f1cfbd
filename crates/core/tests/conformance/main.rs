//! Published test vectors against the cryptography that the vault links: what others found to go
//! wrong in implementations must not go wrong here. Every vector is run and counted; a vector that
//! cannot be run is named, never passed over.

// A helper that fails has failed its test.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod age_files;
mod primitives;
