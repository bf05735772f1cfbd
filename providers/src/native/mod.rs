//! Vendors whose interface is no HTTP recipe: AWS signs each request, databases and SSH speak
//! protocols of their own, and what only the user knows is asked of the user's own program.
//!
//! Beside the rules of [`Adapter`]: where a key's own id is known it decides, since versions of one
//! secret may differ by it alone; a key that the server refuses is gone, and nothing is done for it.

mod call;
mod place;
pub mod postgres;
pub mod redis;
mod socket;
pub mod ssh;

use crate::adapter::Adapter;

/// The adapter of a built-in vendor that has one here.
pub fn adapter(vendor: &str) -> Option<&'static dyn Adapter> {
    match vendor {
        postgres::VENDOR => Some(&postgres::Postgres),
        redis::VENDOR => Some(&redis::Redis),
        ssh::VENDOR => Some(&ssh::Ssh),
        _ => None,
    }
}
