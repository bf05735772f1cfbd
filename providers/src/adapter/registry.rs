//! Which adapter speaks for a vendor.

use std::sync::Arc;

use crate::Catalog;
use crate::http::{Client, Limits};
use crate::manifest::recipes::Interface;
use crate::native::native;
use crate::recipe::RecipeAdapter;

use super::Adapter;

/// What the policy and its surroundings say of one vendor.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What replaces every host of the vendor, with the path that stands before those of its calls.
    pub base_url: Option<String>,
    /// The client that all vendors of one runtime share; a new one where none is given.
    pub client: Option<Client>,
    /// The interface of a user's own manifest, which stands in the place of a built-in one.
    pub interface: Option<Interface>,
    /// Which kinds of token there are.
    pub catalog: Arc<Catalog>,
}

/// The adapter of a vendor: native, or by recipes. None where the vendor has neither, or where the
/// system's certificates cannot be read.
pub fn adapter(vendor: &str, settings: &Settings) -> Option<Box<dyn Adapter>> {
    if settings.interface.is_none()
        && let Some(one) = native(vendor)
    {
        return (one.make)(settings);
    }
    let interface = interface(vendor, settings.interface.as_ref())?;
    let client = match &settings.client {
        Some(client) => client.clone(),
        None => Client::new(Limits::default()).ok()?,
    };
    let base_url = settings.base_url.clone();
    let adapter = RecipeAdapter::new(vendor, interface, base_url, client);
    Some(Box::new(adapter.knowing(Arc::clone(&settings.catalog))))
}

/// The recipes that a vendor's adapter goes by: the user's own, else the built-in ones. None where it
/// is native, or where there are none.
pub fn interface(vendor: &str, own: Option<&Interface>) -> Option<Interface> {
    match own {
        Some(own) => Some(own.clone()),
        None if native(vendor).is_some() => None,
        None => crate::vendor(vendor)?.interface(),
    }
}

/// Whether a vendor can be asked anything at all.
pub fn is_offered(vendor: &str) -> bool {
    let recipes = crate::vendor(vendor).is_some_and(|vendor| !vendor.interface.is_empty());
    recipes || native(vendor).is_some()
}
