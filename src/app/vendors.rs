//! The vendors as the policy has them: built-in ones, and users' own manifests; where they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use clawvault_core::domain::Policy;
use clawvault_providers::Catalog;
use clawvault_providers::adapter::Adapter;
use clawvault_providers::adapter::registry::{self, Settings};
use clawvault_providers::http::{Client, Limits};
use clawvault_providers::manifest::Manifest;
use clawvault_providers::manifest::recipes::Interface;

use super::session::{Request, Session};
use super::{AppError, Code};

/// Speaks for all vendors of one policy; its connections belong to one runtime.
pub struct Vendors {
    client: Client,
    base_urls: BTreeMap<String, String>,
    catalog: Arc<Catalog>,
}

impl Vendors {
    /// The vendors of a policy.
    ///
    /// # Errors
    /// Where the system's certificates cannot be read.
    pub fn new(policy: &Policy) -> Result<Self, AppError> {
        let client = Client::new(Limits::default()).map_err(|failure| {
            AppError::new(Code::Failed, failure.detail, "Install the package ca-certificates.")
        })?;
        let base = |(id, rule): (&String, &clawvault_core::domain::VendorRule)| {
            Some((id.clone(), rule.base_url.clone()?))
        };
        Ok(Self {
            client,
            base_urls: policy.vendors.iter().filter_map(base).collect(),
            catalog: Arc::new(catalog_of(policy)),
        })
    }

    /// Who speaks for a vendor.
    pub fn adapter(&self, vendor: &str) -> Option<Box<dyn Adapter>> {
        let settings = Settings {
            base_url: self.base_urls.get(vendor).cloned(),
            client: Some(self.client.clone()),
            interface: own_interface(&self.catalog, vendor),
            catalog: Arc::clone(&self.catalog),
        };
        registry::adapter(vendor, &settings)
    }

    /// All vendors, by their manifests.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }
}

/// The vendors as a policy has them. A manifest that does not hold, which only a policy that was
/// written by hand can have, is none.
pub(super) fn catalog_of(policy: &Policy) -> Catalog {
    let read = |(id, table): (&String, &toml::Table)| {
        Manifest::of_table(table.clone()).ok().filter(|manifest| manifest.id == *id)
    };
    Catalog::new(policy.manifests.iter().filter_map(read).collect())
}

/// The interface that a user's own manifest describes.
pub(super) fn own_interface(catalog: &Catalog, vendor: &str) -> Option<Interface> {
    catalog.own_vendor(vendor)?.interface().ok()?
}

impl Session {
    /// The vendors as this vault's policy has them. Who may not read it has the built-in ones: what is
    /// asked for with them is then refused, and logged, in its own name.
    pub(super) fn catalog(&mut self) -> Result<Catalog, AppError> {
        let text = match self.ask(Request::PolicyText) {
            Ok(reply) => reply.text,
            Err(error) if error.code == Code::Denied => return Ok(Catalog::default()),
            Err(error) => return Err(error),
        };
        // Most policies have none, and need not be read for that.
        if !text.contains("manifests") {
            return Ok(Catalog::default());
        }
        let policy = Policy::parse(&text).map_err(clawvault_core::vault::VaultError::from)?;
        Ok(catalog_of(&policy))
    }
}

/// The hosts that the built-in vendors have, each with its vendor.
pub(super) fn built_in_hosts() -> Vec<(String, &'static str)> {
    let hosts = clawvault_providers::vendors().iter().filter_map(|vendor| {
        let api = vendor.interface()?.api;
        let urls = std::iter::once(api.base_url).chain(api.hosts.into_values());
        Some(urls.map(|url| (host(&url), vendor.id)).collect::<Vec<_>>())
    });
    hosts.flatten().collect()
}

/// Hosts that keys would be sent to by a new policy, and were not by the one before: built-in ones
/// and this machine apart.
pub fn new_hosts(before: &Policy, after: &Policy) -> Vec<String> {
    let built_in = built_in_hosts();
    let known = |host: &str| {
        built_in.iter().any(|(one, _)| one == host) || before.hosts().any(|one| one == host)
    };
    let mut new: Vec<String> =
        after.hosts().filter(|host| !known(host)).map(str::to_owned).collect();
    new.sort();
    new.dedup();
    new
}

/// The host of a checked https address.
pub(super) fn host(url: &str) -> String {
    let rest = url.strip_prefix("https://").unwrap_or(url);
    rest.split(['/', ':']).next().unwrap_or_default().to_owned()
}
