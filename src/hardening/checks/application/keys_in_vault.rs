//! Keys as the vault knows them: their age, their use, what they may do, who shares them.

use std::collections::BTreeMap;

use crate::hardening::check::{Check, Fix, Outcome, Severity, listed};
use crate::hardening::facts::Facts;
use crate::hardening::host::Unseen;
use crate::hardening::supply::Key;

const DAY: i64 = 86_400;
/// A key that nobody asked for in so many days is not needed.
const UNUSED_DAYS: i64 = 90;
/// Where no rule says how old a key may be: a quarter, and some days.
const DUE_DAYS: i64 = 95;

/// The keys of the vault; na where it has none.
fn over(
    facts: &Facts<'_>,
    good: &str,
    bad: impl Fn(&Key, i64) -> Option<String>,
) -> Result<Outcome, Unseen> {
    let keys = &facts.vault()?.keys;
    if keys.is_empty() {
        return Ok(Outcome::na("the vault holds no key"));
    }
    let now = facts.host.now();
    let found: Vec<String> = keys.iter().filter_map(|key| bad(key, now)).collect();
    Ok(if found.is_empty() { Outcome::pass(good) } else { Outcome::fail(listed(&found)) })
}

fn called(key: &Key) -> String {
    format!("{}@{}", key.name, key.profile)
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "application.keys.age",
        severity: Severity::Medium,
        title: "No key is older than its schedule: one that leaked unseen ends by itself",
        fix: Fix::All("clawvault rotate --due"),
        reference: "clawvault rotate --help",
        look: |facts| {
            over(facts, "every key is younger than its schedule", |key, now| {
                let days = (now - key.created) / DAY;
                let due = key.due_days.unwrap_or(DUE_DAYS);
                (days > due).then(|| format!("{} is {days} days old, due after {due}", called(key)))
            })
        },
    },
    Check {
        id: "application.keys.unused",
        severity: Severity::Low,
        title: "Every key is in use: one that nobody needs is only a risk",
        fix: Fix::All("clawvault revoke <name>, then clawvault rm <name>"),
        reference: "clawvault log --help",
        look: |facts| {
            let since = facts.vault()?.log_since;
            over(facts, "every key was handed out lately", |key, now| {
                let before = now - UNUSED_DAYS * DAY;
                // What came in lately, or before what the log remembers, is not called unused.
                let judged = key.created < before && since.is_some_and(|since| since < before);
                let unused = key.used.is_none_or(|used| used < before);
                (judged && unused && !key.admin)
                    .then(|| format!("{} was not handed out for {UNUSED_DAYS} days", called(key)))
            })
        },
    },
    Check {
        id: "application.keys.privilege",
        severity: Severity::High,
        title: "Programs get keys that can do no more than they need, and never one that administers others",
        fix: Fix::All(
            "clawvault policy show; name the admin key as `admin` of those it rotates, and make a scoped one for the program",
        ),
        reference: "clawvault policy --help",
        look: |facts| {
            over(facts, "no program gets a key that administers others", |key, _| {
                let admin = key
                    .name
                    .split(['/', '-'])
                    .any(|part| part == "admin" || part == "root" || part == "owner");
                (admin && !key.admin && key.injected).then(|| {
                    format!("{} is injected into programs and called an admin key", called(key))
                })
            })
        },
    },
    Check {
        id: "application.keys.shared",
        severity: Severity::Medium,
        title: "No two profiles share a key: what is tried in development must not reach production",
        fix: Fix::All(
            "make a key for each profile at the vendor, then clawvault set <name> --profile <profile>",
        ),
        reference: "clawvault set --help",
        look: |facts| {
            let found = equal(&facts.vault()?.keys, |one, other| one.profile != other.profile);
            Ok(Outcome::none_of(&found, "every profile has keys of its own"))
        },
    },
    Check {
        id: "application.keys.reused",
        severity: Severity::High,
        title: "No two services have the same password or key",
        fix: Fix::All("clawvault set <name> --generate for one of them, and set it there"),
        reference: "clawvault set --help",
        look: |facts| {
            let found = equal(&facts.vault()?.keys, |one, other| {
                one.profile == other.profile && one.vendor != other.vendor
            });
            Ok(Outcome::none_of(&found, "no two secrets of the vault are the same"))
        },
    },
    Check {
        id: "application.keys.spending-limit",
        severity: Severity::Medium,
        title: "Every key that costs money has a limit: a stolen one must not cost more",
        fix: Fix::All(
            "clawvault policy apply with limits = [{ per = \"month\", amount = \"50 USD\", at = [50, 80, 100] }] for it, and a cap at the vendor",
        ),
        reference: "clawvault policy --help",
        look: |facts| {
            over(facts, "every key that costs money has a limit", |key, _| {
                (key.metered && !key.limited && !key.admin)
                    .then(|| format!("{} has no limit", called(key)))
            })
        },
    },
    Check {
        id: "application.keys.outside-vault",
        severity: Severity::Medium,
        title: "Every key that OpenClaw uses is in the vault, where it is encrypted and can be rotated",
        fix: Fix::All("clawvault import --openclaw --scrub"),
        reference: "clawvault import --help",
        look: |facts| {
            let mut count = 0_usize;
            for home in facts.installations()? {
                home.settings
                    .visit(&mut |_, setting| count += usize::from(setting.hidden().is_some()));
            }
            match (count, facts.vault()) {
                (0, Err(unseen)) => Err(unseen),
                (0, Ok(_)) => Ok(Outcome::pass("OpenClaw's configuration holds no key of its own")),
                (count, _) => Ok(Outcome::fail(format!(
                    "{count} credentials are in OpenClaw's configuration and not taken from the vault"
                ))),
            }
        },
    },
];

/// Pairs of equal secrets that this calls wrong.
fn equal(keys: &[Key], wrong: impl Fn(&Key, &Key) -> bool) -> Vec<String> {
    let mut by_print: BTreeMap<[u8; 16], Vec<&Key>> = BTreeMap::new();
    for key in keys {
        by_print.entry(key.fingerprint).or_default().push(key);
    }
    let mut found = Vec::new();
    for same in by_print.values() {
        for (at, one) in same.iter().enumerate() {
            if let Some(other) = same[at + 1..].iter().find(|other| wrong(one, other)) {
                found.push(format!("{} and {} are the same", called(one), called(other)));
            }
        }
    }
    found
}
