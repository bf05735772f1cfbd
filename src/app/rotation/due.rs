//! What is due, when the next rotation comes, and whether it needs a person.

use clawvault_core::domain::{Aim, SecretInfo, jitter_ms};
use clawvault_providers::adapter::{Adapter, Ask};

use super::Overview;
use super::vendors::PolicyVendors;
use crate::rotate::{Look, Vendors};

/// A key that ends by itself is due as long before, or a tenth of its life where that is less.
const MARGIN_MS: i64 = 7 * 86_400_000;

/// How a secret stands in its schedule.
#[derive(Clone, Debug)]
pub struct Due {
    /// When it is to be rotated next, in milliseconds since 1970.
    pub at_ms: i64,
    /// True where that is over.
    pub is_due: bool,
    /// True where it is rotated by itself.
    pub automatic: bool,
    /// True where the vendor ends the key by itself, and that is why.
    pub expires: bool,
}

/// How a secret stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The secret.
    pub info: SecretInfo,
    /// What is known of its keys.
    pub life: clawvault_core::domain::Life,
    /// Its schedule, where it has one.
    pub due: Option<Due>,
}

/// How every secret stands.
pub(super) fn standings(overview: &Overview, now_ms: i64) -> Vec<Standing> {
    let vendors = PolicyVendors::new(overview.policy.clone());
    let zone = vendors.zone();
    let standing = |look: &Look| Standing {
        info: look.info.clone(),
        life: look.life.clone(),
        due: due(&vendors, look, &zone, now_ms),
    };
    overview.looks.iter().map(standing).collect()
}

/// The next moment when something goes on without a person.
pub(super) fn next(overview: &Overview, now_ms: i64) -> Option<i64> {
    let goes_on = |standing: &Standing| match (&standing.life.open, &standing.due) {
        (Some(open), _) => (!open.needs_person).then_some(open.next_ms),
        (None, Some(due)) => due.automatic.then_some(due.at_ms),
        (None, None) => None,
    };
    standings(overview, now_ms).iter().filter_map(goes_on).min()
}

/// When a secret is due; none where nothing says that it should be.
fn due(
    vendors: &PolicyVendors,
    look: &Look,
    zone: &jiff::tz::TimeZone,
    now_ms: i64,
) -> Option<Due> {
    look.info.vendor.as_ref()?;
    let current = look.info.current()?;
    let (key_profile, name) = look.key();
    let expires = look.life.expires_ms(current.number).map(|ends| {
        let life = ends.saturating_sub(current.created_ms);
        ends.saturating_sub(MARGIN_MS.min(life / 10))
    });
    // What failed is tried again when it is due the next time, not at once.
    let base = current.created_ms.max(look.life.failed_ms.unwrap_or(i64::MIN));
    let scheduled = look.rule.schedule.as_ref().and_then(|schedule| {
        let next = schedule.next_after(base, zone)?;
        let period = schedule.next_after(next, zone).map_or(i64::MAX, |after| after - next);
        Some(next.saturating_add(jitter_ms(&key_profile, &name, period)))
    });
    let at_ms = match (scheduled, expires) {
        (Some(scheduled), Some(expires)) => scheduled.min(expires),
        (one, other) => one.or(other)?,
    };
    Some(Due {
        at_ms,
        is_due: at_ms <= now_ms,
        automatic: is_automatic(vendors, look),
        expires: expires.is_some_and(|expires| expires == at_ms),
    })
}

/// True where a key is replaced without a person: the vendor has the calls, and the policy names what
/// they need.
pub(super) fn is_automatic(vendors: &PolicyVendors, look: &Look) -> bool {
    let named = look.rule.admin.is_some() || !look.rule.params.is_empty();
    let can = |adapter: &dyn Adapter| {
        let (secret, params) = (look.life.name.to_string(), look.rule.params.clone());
        let ask = Ask { secret, params, ..Ask::default() };
        adapter.abilities_for(&ask).makes(look.rule.no_overlap, look.rule.admin.is_some())
    };
    named && vendors.adapter(look).is_some_and(|adapter| can(&*adapter))
}

/// Whether a pass over all secrets works on this one.
pub(super) fn wanted(vendors: &PolicyVendors, look: &Look, only_due: bool, now_ms: i64) -> bool {
    if let Some(open) = &look.life.open {
        return !open.needs_person
            && (open.next_ms <= now_ms || open.aim == Aim::Revoke && !only_due);
    }
    if !is_automatic(vendors, look) {
        return false;
    }
    let zone = vendors.zone();
    !only_due || due(vendors, look, &zone, now_ms).is_some_and(|due| due.is_due)
}
