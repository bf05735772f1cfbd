//! What vendors say of money: figures read and caps set, by the recipes of their manifests.

use std::collections::BTreeMap;

use clawvault_core::domain::{Decimal, Money, Reading};
use serde::{Deserialize, Serialize};

use crate::Catalog;
use crate::adapter::registry::Settings;
use crate::adapter::{Ask, Kind, Operation, VendorError};
use crate::http::{Client, Limits};
use crate::manifest::money::{Purse, ReadEntry, Spend};
use crate::manifest::recipes::{Api, Interface, Recipes};
use crate::native::aws::{self, Aws};
use crate::recipe::RecipeAdapter;

pub use crate::manifest::money::{By, CapOf};
pub use crate::recipe::Window;

/// How a vendor is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    /// Which credential asks.
    pub by: By,
    /// Seconds between two readings at least.
    pub every_s: u32,
    /// Longest stretch of time that one cost is told for, in hours; 0 where none is told.
    pub width: u16,
    /// Days that are read once more each time.
    pub again: u16,
    /// What a person should know of being asked, such as its price.
    pub note: Option<String>,
    /// Whether each key is told the figures of its whole account.
    pub account: bool,
    /// Whether it holds budgets that [`budgets`] tells.
    pub budgets: bool,
    /// Whether figures name keys by other ids than rotations learn: [`owners`] tells whose they are.
    pub owners: bool,
}

/// How a vendor's own cap is set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CapPlan {
    /// What it caps.
    pub of: CapOf,
    /// Its unit.
    pub unit: String,
    /// What a person should know of it.
    pub note: Option<String>,
    /// True where it tells and stops nothing.
    pub soft: bool,
}

/// A budget that the vendor itself holds, and reckons with.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Budget {
    /// Its name there.
    pub name: String,
    /// How often it begins anew, such as `monthly`.
    pub per: String,
    /// Its amount; none where it plans one by the period.
    pub limit: Option<Money>,
    /// What was spent of it, as the vendor reckons.
    pub spent: Money,
    /// What the vendor expects at its end.
    pub forecast: Option<Money>,
}

/// How a vendor is asked for figures; none where it tells none.
pub fn plan(catalog: &Catalog, vendor: &str) -> Option<Plan> {
    let spend = purse(catalog, vendor)?.spend?;
    let Spend { by, every: every_s, again, note, account, budgets, owners, reads, .. } = spend;
    let width = reads.iter().map(|read| read.width).max().unwrap_or(0);
    Some(Plan { by, every_s, width, again, note, account, budgets, owners: owners.is_some() })
}

/// How a vendor's cap is set; none where it has no interface for that.
pub fn cap_plan(catalog: &Catalog, vendor: &str) -> Option<CapPlan> {
    let cap = purse(catalog, vendor)?.cap?;
    Some(CapPlan { of: cap.of, unit: cap.unit, note: cap.note, soft: cap.soft })
}

/// The figures of a stretch of time.
///
/// # Errors
/// Where not all of them came: what did come is worth nothing then.
pub async fn readings(
    vendor: &str,
    settings: &Settings,
    ask: &Ask,
    window: Window,
) -> Result<Vec<Reading>, VendorError> {
    let none = || not_offered(vendor, Operation::List);
    let purse = purse(&settings.catalog, vendor).ok_or_else(none)?;
    let spend = purse.spend.clone().ok_or_else(none)?;
    if is_native(&settings.catalog, vendor) {
        return Aws::new(settings).ok_or_else(none)?.figures(&spend, ask, window).await;
    }
    adapter(vendor, purse, settings).ok_or_else(none)?.figures(&spend, ask, window).await
}

/// Whose each key is: the id that figures name, and the one that rotations learn; none where that is the
/// same one.
///
/// # Errors
/// Where not all of them came.
pub async fn owners(
    vendor: &str,
    settings: &Settings,
    ask: &Ask,
) -> Result<BTreeMap<String, String>, VendorError> {
    let none = || not_offered(vendor, Operation::List);
    let purse = purse(&settings.catalog, vendor).ok_or_else(none)?;
    let Some(owners) = purse.spend.as_ref().and_then(|spend| spend.owners.clone()) else {
        return Ok(BTreeMap::new());
    };
    adapter(vendor, purse, settings).ok_or_else(none)?.owners(&owners, ask).await
}

/// The budgets that the vendor itself holds; none where it has no such thing.
///
/// # Errors
/// Where not all of them came.
pub async fn budgets(
    vendor: &str,
    settings: &Settings,
    ask: &Ask,
) -> Result<Vec<Budget>, VendorError> {
    match Aws::new(settings).filter(|_| is_native(&settings.catalog, vendor)) {
        Some(aws) => aws.budgets(ask).await,
        None => Ok(Vec::new()),
    }
}

/// Sets the vendor's own cap, once.
///
/// # Errors
/// Where the vendor does not say that it did.
pub async fn set_cap(
    vendor: &str,
    settings: &Settings,
    ask: &Ask,
    amount: Decimal,
) -> Result<(), VendorError> {
    let none = || not_offered(vendor, Operation::List);
    let purse = purse(&settings.catalog, vendor).ok_or_else(none)?;
    let cap = purse.cap.clone().ok_or_else(none)?;
    if is_native(&settings.catalog, vendor) {
        return Aws::new(settings).ok_or_else(none)?.set_budget(&cap, ask, amount).await;
    }
    adapter(vendor, purse, settings).ok_or_else(none)?.set_cap(&cap, ask, amount).await
}

/// Reads one answer as a vendor's first call for figures would; for tests of the reader alone.
pub fn read_answer(vendor: &str, body: &[u8], now_ms: i64) -> Option<Vec<Reading>> {
    let spend = built_in(vendor)?.spend?;
    let first: &ReadEntry = spend.reads.first()?;
    crate::recipe::read_figures(first, body, now_ms)
}

/// What the program keeps of a manifest about money.
#[derive(Deserialize)]
struct Kept {
    api: Option<Api>,
    money: Purse,
}

/// What the user's own manifest says of a vendor's money, else the built-in one.
fn purse(catalog: &Catalog, vendor: &str) -> Option<Purse> {
    let own = catalog.own_vendor(vendor).and_then(|own| Some((own, own.money.clone()?)));
    match own {
        Some((own, money)) => Some(Purse { api: money.api.or_else(|| own.api.clone()), ..money }),
        None => built_in(vendor),
    }
}

/// Whether the calls about money are an adapter's own.
fn is_native(catalog: &Catalog, vendor: &str) -> bool {
    let own = catalog.own_vendor(vendor).is_some_and(|own| own.money.is_some());
    vendor == aws::VENDOR && !own
}

fn built_in(vendor: &str) -> Option<Purse> {
    let text = crate::vendor(vendor)?.purse;
    // It was checked when the program was built.
    if text.is_empty() {
        return None;
    }
    let Kept { api, money } = toml::from_str(text).ok()?;
    Some(Purse { api: money.api.or(api), ..money })
}

fn adapter(vendor: &str, purse: Purse, settings: &Settings) -> Option<RecipeAdapter> {
    let client = match &settings.client {
        Some(client) => client.clone(),
        None => Client::new(Limits::default()).ok()?,
    };
    let recipes: Recipes = toml::from_str("level = \"manual\"").ok()?;
    let interface = Interface { api: purse.api?, recipes, variants: Vec::new() };
    Some(RecipeAdapter::new(vendor, interface, settings.base_url.clone(), client))
}

fn not_offered(vendor: &str, operation: Operation) -> VendorError {
    VendorError {
        vendor: vendor.to_owned(),
        operation,
        kind: Kind::NotOffered,
        status: None,
        retry_after_s: None,
        detail: "the vendor has no call for it".to_owned(),
    }
}
