//! The only files that touch the operating system.

pub mod read;
