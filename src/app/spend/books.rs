//! OpenClaw's own books: what a gateway says that its providers cost, where a vendor tells nobody. Its
//! prices are its own, so every figure is an estimate.

use std::collections::BTreeMap;

use clawvault_core::domain::{
    Decimal, Flow, Policy, ProfileName, Reading, Scope, SecretInfo, Unit,
};
use clawvault_providers::adapter::{Kind, Operation, VendorError};
use clawvault_providers::spend::{By, Plan};

use super::sources::{About, Source};
use crate::app::App;
use crate::app::naming::vendor_in;

/// Seconds between two looks: they make the gateway read all it wrote.
const EVERY_S: u32 = 3600;
/// Days that are looked at, the last one today.
const DAYS: i64 = 7;
const DAY_S: i64 = 86_400;
/// Its costs are told by the day.
const DAY_HOURS: u16 = 24;

/// A source for each vendor without another one, of which an agent with a gateway has a secret.
pub(super) fn estimates(
    policy: &Policy,
    infos: &[SecretInfo],
    has: &dyn Fn(&str) -> bool,
) -> BTreeMap<String, Source> {
    let mut found: BTreeMap<String, Source> = BTreeMap::new();
    for (gateway, known) in &policy.gateways {
        let Some(agent) = policy.agents.get(&known.agent) else { continue };
        let live = infos.iter().filter(|info| info.removed_ms.is_none() && !info.admin);
        for info in live.filter(|info| agent.may_have(&info.profile, &info.name)) {
            let Some(vendor) = vendor_in(info, policy).filter(|vendor| !has(vendor)) else {
                continue;
            };
            let id = format!("{vendor}/{}/openclaw-{gateway}", info.profile);
            let source = found.entry(id.clone()).or_insert_with(|| Source {
                id,
                vendor,
                profile: info.profile.clone(),
                credential: info.name.clone(),
                admin: false,
                params: BTreeMap::new(),
                plan: Plan {
                    by: By::Key,
                    every_s: EVERY_S,
                    width: DAY_HOURS,
                    again: 1,
                    note: None,
                    account: false,
                    budgets: false,
                    owners: false,
                },
                about: Vec::new(),
                gateway: Some(gateway.clone()),
            });
            source.about.push(About {
                profile: info.profile.clone(),
                name: info.name.clone(),
                key_ids: Vec::new(),
                project: None,
                by_owner: false,
                itself: true,
            });
        }
    }
    // Of several keys of one vendor the books do not say which one was used.
    for source in found.values_mut().filter(|source| source.about.len() > 1) {
        source.about.iter_mut().for_each(|about| about.itself = false);
    }
    found
}

impl App {
    /// What the books of a gateway say of each of these vendors, or why they say nothing.
    pub(super) fn estimated(
        &self,
        gateway: &ProfileName,
        vendors: &[&str],
        now_ms: i64,
    ) -> Vec<Result<Vec<Reading>, VendorError>> {
        let day = |s: i64| {
            jiff::Timestamp::from_second(s).unwrap_or_default().strftime("%Y-%m-%d").to_string()
        };
        let now_s = now_ms / 1000;
        let (first, last) = (day(now_s - (DAYS - 1) * DAY_S), day(now_s));
        let told = self.gateway_usage(gateway, (&first, &last));
        let failed = |vendor: &str, detail: String| VendorError {
            vendor: vendor.to_owned(),
            operation: Operation::List,
            kind: Kind::VendorFailed,
            status: None,
            retry_after_s: None,
            detail,
        };
        let days = match told {
            Ok(days) => days,
            Err(error) => {
                let failed = |vendor: &&str| Err(failed(vendor, error.what.clone()));
                return vendors.iter().map(failed).collect();
            }
        };
        let readings = |vendor: &&str| {
            let mut sums: BTreeMap<u32, Decimal> = BTreeMap::new();
            for day in days.iter().filter(|day| day.provider == *vendor) {
                // Nothing at all is what it says of a model whose price it does not know.
                let Some(cost) = Decimal::parse(&day.cost.to_string()).ok() else { continue };
                let Some(hour) = hour_of(&day.date).filter(|_| cost > Decimal::ZERO) else {
                    continue;
                };
                let sum = sums.entry(hour).or_default();
                *sum = sum.plus(cost).unwrap_or(*sum);
            }
            let unit = Unit::parse("USD").map_err(|error| failed(vendor, error.to_string()))?;
            let reading = |(hour, amount)| Reading {
                scope: Scope::Account,
                flow: Flow::Cost,
                unit: unit.clone(),
                hour,
                width: DAY_HOURS,
                amount,
            };
            Ok(sums.into_iter().map(reading).collect())
        };
        vendors.iter().map(readings).collect()
    }
}

/// The first hour of a day in UTC.
fn hour_of(date: &str) -> Option<u32> {
    let date: jiff::civil::Date = date.parse().ok()?;
    let start = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    u32::try_from(start / 3600).ok()
}
