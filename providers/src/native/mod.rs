//! Vendors whose interface is no HTTP recipe: AWS signs each request, databases and SSH speak
//! protocols of their own, and what only the user knows is asked of the user's own program.
//!
//! Beside the rules of [`Adapter`]: where a key's own id is known it decides, since versions of one
//! secret may differ by it alone; a key that the server refuses is gone, and nothing is done for it.

pub mod aws;
mod call;
mod place;
pub mod postgres;
pub mod redis;
pub mod script;
mod socket;
pub mod ssh;

use crate::adapter::Adapter;
use crate::adapter::registry::Settings;

/// Makes an adapter for what the policy says of its vendor.
pub type Make = fn(&Settings) -> Option<Box<dyn Adapter>>;

/// The vendors, by id. They come before recipes of the same id.
pub static NATIVE: &[(&str, Make)] = &[
    (aws::VENDOR, |settings| Some(Box::new(aws::Aws::new(settings)?))),
    (postgres::VENDOR, |_| Some(Box::new(postgres::Postgres))),
    (redis::VENDOR, |_| Some(Box::new(redis::Redis))),
    (script::exec::VENDOR, |_| Some(Box::new(script::exec::Exec))),
    (ssh::VENDOR, |_| Some(Box::new(ssh::Ssh))),
    (script::webhook::VENDOR, |settings| Some(Box::new(script::webhook::Webhook::new(settings)?))),
];
