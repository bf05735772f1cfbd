//! Who issues which keys: the vendors, the environment variables that carry their keys, and the
//! shapes of their tokens.
//!
//! A vendor is one file, `vendors/<id>.toml`. The build turns these files into static tables, so
//! looking something up neither parses nor allocates. Nothing here talks to a vendor, and nothing
//! keeps or shows a value that it was handed.

#[cfg(feature = "http")]
pub mod adapter;
mod catalog;
#[cfg(feature = "http")]
mod check;
#[cfg(feature = "http")]
pub mod http;
mod identify;
pub mod manifest;
#[cfg(feature = "http")]
pub mod native;
#[cfg(feature = "http")]
pub mod recipe;
#[cfg(feature = "http")]
pub mod spend;
#[cfg(feature = "http")]
pub mod standin;

pub use catalog::{Catalog, Kind, Usage};
#[cfg(feature = "http")]
pub use check::check;
pub use identify::{MAX_TOKEN, Match, find_in, find_in_packed, identify};

/// One vendor.
#[derive(Debug)]
pub struct Vendor {
    /// Short name; the first part of the names of the vendor's secrets.
    pub id: &'static str,
    /// The name as the vendor writes it.
    pub name: &'static str,
    /// Page where a person manages keys.
    pub console: Option<&'static str>,
    /// The recipes as the manifest writes them (TOML: `api`, `recipes`, `variants`); empty where it has
    /// none. See [`manifest::recipes::Interface`].
    pub interface: &'static str,
    /// What its manifest says of money; empty where that is nothing.
    pub purse: &'static str,
    /// Environment variables; of those that fill one secret, the first is the primary one.
    pub variables: &'static [VariableUse],
    /// Token formats.
    pub formats: &'static [Format],
}

/// What one environment variable is for.
#[derive(Debug)]
pub struct VariableUse {
    /// The variable's name.
    pub variable: &'static str,
    /// The secret that the variable fills; for a setting, the one it goes with.
    pub secret: &'static str,
    /// The field of that secret; `value` where it has only one.
    pub field: &'static str,
    /// Whether the secret administers an account and is never injected into a process.
    pub admin: bool,
    /// What the variable holds.
    pub holds: Holds,
}

/// What an environment variable holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Holds {
    /// The secret itself.
    Secret,
    /// The path of a file that holds the secret.
    PathToSecret,
    /// No secret: a region, a project id.
    Setting,
}

/// One kind of token.
#[derive(Debug)]
pub struct Format {
    /// Name of the kind, unique within the vendor.
    pub kind: &'static str,
    /// The secret that a token of this kind fills where nothing else names one.
    pub secret: &'static str,
    /// The field of that secret; `value` where it has only one.
    pub field: &'static str,
    /// What an attacker could do with such a token.
    pub description: &'static str,
    /// The token's shape: `regex` crate, bytes, Unicode off, no anchors.
    pub pattern: &'static str,
    /// Literals, case sensitive, one of which every token holds; empty only where `context` is set.
    pub keywords: &'static [&'static str],
    /// Whether the shape alone says nothing, so that the vendor's name has to stand near by.
    pub context: bool,
    /// Made-up tokens of this shape.
    pub examples: &'static [&'static str],
    /// Texts that nearly have this shape.
    pub counter_examples: &'static [&'static str],
}

include!(concat!(env!("OUT_DIR"), "/table.rs"));

impl Vendor {
    /// The recipes of its manifest, if it has any.
    pub fn interface(&self) -> Option<manifest::recipes::Interface> {
        if self.interface.is_empty() {
            return None;
        }
        // The build has read the same text.
        toml::from_str(self.interface).ok()
    }
}

/// All built-in vendors, sorted by id.
pub fn vendors() -> &'static [Vendor] {
    &VENDORS
}

/// The built-in vendor with this id.
pub fn vendor(id: &str) -> Option<&'static Vendor> {
    let at = VENDORS.binary_search_by(|vendor| vendor.id.cmp(id)).ok()?;
    VENDORS.get(at)
}

/// What this environment variable is for, and whose it is.
pub fn by_variable(variable: &str) -> Option<(&'static Vendor, &'static VariableUse)> {
    let at = BY_VARIABLE.binary_search_by(|(name, ..)| (*name).cmp(variable)).ok()?;
    let (_, vendor, nth) = BY_VARIABLE.get(at)?;
    let vendor = VENDORS.get(usize::from(*vendor))?;
    Some((vendor, vendor.variables.get(usize::from(*nth))?))
}

/// The variables that fill this secret, the primary one of each field first; settings fill none.
pub fn variables_of(secret: &str) -> impl Iterator<Item = &'static VariableUse> {
    let id = secret.split('/').next().unwrap_or(secret);
    let uses = vendor(id).map_or(&[][..], |vendor| vendor.variables);
    uses.iter().filter(move |one| one.secret == secret && one.holds != Holds::Setting)
}
