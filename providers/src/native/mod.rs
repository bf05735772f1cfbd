//! Vendors that are no HTTP recipe: one file each, with the same trait.

use crate::adapter::Adapter;
use crate::adapter::registry::Settings;

/// Makes an adapter for what the policy says of its vendor.
pub type Make = fn(&Settings) -> Option<Box<dyn Adapter>>;

/// The vendors, by id. They come before recipes of the same id.
pub static NATIVE: &[(&str, Make)] = &[];
