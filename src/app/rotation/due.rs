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
    let failed = look.life.failed_ms;
    let expires = look.life.expires_ms(current.number);
    let expires = expires.map(|ends| before_the_end(current.created_ms, ends, failed));
    // What failed is tried again when it is due the next time, not at once.
    let base = current.created_ms.max(failed.unwrap_or(i64::MIN));
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

/// When a key that its vendor ends is replaced: a margin before, and where that failed, a quarter of the
/// margin later. A vendor that refuses is not asked without a pause until the key is over.
fn before_the_end(created_ms: i64, ends_ms: i64, failed_ms: Option<i64>) -> i64 {
    let margin = MARGIN_MS.min(ends_ms.saturating_sub(created_ms) / 10);
    let again = failed_ms.map_or(i64::MIN, |failed| failed.saturating_add(margin / 4));
    ends_ms.saturating_sub(margin).max(again)
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

#[cfg(test)]
mod tests {
    use clawvault_core::domain::{
        FieldName, KeyInfo, Life, Policy, ProfileName, SecretName, Stage, VersionInfo,
    };

    use super::*;
    use crate::app::rotation::run;

    const DAY_MS: i64 = 86_400_000;

    /// A key of 90 days, at `now`, whose rotation failed at `failed`.
    fn of_ninety_days(failed: Option<i64>, now: i64) -> Option<i64> {
        let text =
            "[defaults]\nrotate = \"never\"\n[secrets.\"openai/*\"]\nadmin = \"openai/admin\"\n";
        let policy = Policy::parse(text).unwrap();
        let (profile, name) = (ProfileName::default(), SecretName::parse("openai/main").unwrap());
        let mut life = Life::new(profile.clone(), name.clone());
        life.know(KeyInfo { version: 1, key_id: None, expires_ms: Some(90 * DAY_MS) });
        life.failed_ms = failed;
        let version = VersionInfo {
            number: 1,
            stage: Stage::Current,
            created_ms: 0,
            fields: vec![(FieldName::default(), 9)],
            fingerprint: [0; 16],
        };
        let info = SecretInfo {
            profile: profile.clone(),
            name: name.clone(),
            vendor: Some("openai".to_owned()),
            injections: Vec::new(),
            admin: false,
            created_ms: 0,
            removed_ms: None,
            versions: vec![version],
        };
        let rule = policy.rule(&profile, &name, Some("openai"));
        let overview = Overview { policy, looks: vec![Look { life, info, rule }] };
        run(async { Ok(next(&overview, now)) }).unwrap()
    }

    #[test]
    fn a_key_that_ends_is_replaced_before_and_no_refusal_is_asked_for_without_a_pause() {
        assert_eq!(of_ninety_days(None, 0), Some(83 * DAY_MS));
        let failed = 84 * DAY_MS;
        let again = of_ninety_days(Some(failed), failed).unwrap();
        assert_eq!(again - failed, 7 * DAY_MS / 4);
        // Tokens of an hour, too: well before the end, and not every two seconds.
        let hour = 3_600_000;
        assert_eq!(before_the_end(0, hour, None), hour - 360_000);
        assert_eq!(before_the_end(0, hour, Some(hour)), hour + 90_000);
    }
}
