//! What the vault tells the audit: its secrets without values, its policy, its log.

use std::collections::BTreeMap;

use clawvault_core::auditlog::{Entry, Verdict};
use clawvault_core::domain::{
    Outcome, Pattern, Policy, ProfileName, SecretInfo, SecretName, Setting, Suppress,
};
use clawvault_core::vault::SlotKind;

use crate::app::session::Request;
use crate::app::spend::spikes_of_late;
use crate::app::{Access, App, AppError, Query};
use crate::hardening::{Key, Suppression, VaultWord};

const DAY_MS: i64 = 86_400_000;
/// How far back uses are looked for.
const BACK_DAYS: i64 = 120;
/// Events that hand a value out.
const USES: &[&str] = &["run", "get", "export", "resolve"];
/// Vendors that take money by use: those of models, and what else is metered.
const METERED: &[&str] = &[
    "anthropic",
    "openai",
    "google",
    "gemini",
    "mistral",
    "groq",
    "xai",
    "deepseek",
    "openrouter",
    "cohere",
    "together",
    "fireworks",
    "perplexity",
    "elevenlabs",
    "replicate",
    "twilio",
    "sendgrid",
    "aws",
    "huggingface",
];

/// Asks the vault, and nobody for a passphrase.
pub(super) fn word(app: &App, now: i64) -> Result<VaultWord, AppError> {
    let mut session = app.session(Access::Read)?;
    let infos = session.ask(Request::List(None, false))?.infos;
    let text = session.ask(Request::PolicyText)?.text;
    let rules = Policy::parse(&text).unwrap_or_default();
    let spikes = spikes_of_late(&mut session, &rules, now * 1000)?;
    let alerted = crate::app::alerts::last_arrived_ms(&mut session)?.map(|ms| ms / 1000);
    let audited = super::schedule::full_audit_ms(&mut session)?.map(|ms| ms / 1000);
    let (policy, suppressions) = (policy(&text), suppressions(rules));
    let health = session.ask(Request::Health(Vec::new()))?.health;
    drop(session);
    let mut log = Log::default();
    let query = Query { since_ms: Some(now * 1000 - BACK_DAYS * DAY_MS), ..Query::default() };
    let (verdict, _) = app.log(&query, false, &mut |_, entry, _| {
        log.take(entry, now);
        true
    })?;
    let slots = app.header().map(|header| header.slots).unwrap_or_default();
    let recovery = slots.len() > 1 || slots.iter().any(|slot| slot.kind == SlotKind::Recovery);
    Ok(VaultWord {
        keys: infos.iter().filter_map(|info| key(info, &policy, &log)).collect(),
        backup: health
            .and_then(|health| health.backup)
            .map(|note| (note.time_ms / 1000, "clawvault backup".to_owned())),
        events: log.events.into_iter().collect(),
        // Entries before are kept, or the vault is younger: what is not in them was not handed out.
        log_since: Some(now - BACK_DAYS * 86_400),
        log_fault: fault(&verdict),
        refusals: log.refusals,
        spikes,
        audited,
        alerted,
        recovery,
        suppressions,
        policy,
    })
}

/// Findings that the policy says are lived with.
fn suppressions(policy: Policy) -> BTreeMap<String, Suppression> {
    let rules = policy.audit.suppress;
    let one = |(id, rule): (String, Suppress)| {
        (id, Suppression { reason: rule.reason.0, until: Some(rule.until.last_second()) })
    };
    rules.into_iter().map(one).collect()
}

/// What the log tells of the time that is looked at.
#[derive(Default)]
struct Log {
    events: BTreeMap<String, i64>,
    uses: BTreeMap<(String, String), i64>,
    refusals: u64,
}

impl Log {
    fn take(&mut self, entry: &Entry, now: i64) {
        let time = entry.time_ms / 1000;
        if entry.outcome == Outcome::Refused && time > now - 30 * 86_400 {
            self.refusals += 1 + u64::from(entry.more);
        }
        if entry.outcome != Outcome::Ok {
            return;
        }
        self.events.insert(entry.event.clone(), time);
        if USES.contains(&entry.event.as_str()) {
            for item in &entry.items {
                self.uses.insert((item.profile.clone(), item.secret.clone()), time);
            }
        }
    }
}

fn fault(verdict: &Verdict) -> Option<String> {
    let (number, what) = verdict.broken?;
    Some(format!("entry {number}: {what}"))
}

fn key(info: &SecretInfo, policy: &Setting, log: &Log) -> Option<Key> {
    let current = info.current()?;
    let (profile, name) = (info.profile.as_str().to_owned(), info.name.as_str().to_owned());
    let admin = info.admin || names_admin(policy, &info.name);
    let vendor = info.vendor.clone();
    let rules = rules(policy, &info.profile, &info.name);
    let schedule = rules.iter().find_map(|rule| rule.at("rotate").text());
    let schedule = schedule.or_else(|| policy.at("defaults.rotate").text());
    let of_vendor = vendor.as_ref().map(|vendor| policy.at("vendors").child(vendor).at("limits"));
    let broad = [policy.at("total.limits"), policy.at("profiles").child(&profile).at("limits")];
    let limits = rules.iter().map(|rule| rule.at("limits")).chain(of_vendor).chain(broad);
    let limited = limits.into_iter().any(|limits| !limits.items().is_empty());
    Some(Key {
        used: log.uses.get(&(profile.clone(), name.clone())).copied(),
        metered: vendor.as_ref().is_some_and(|vendor| METERED.contains(&vendor.as_str())),
        revocable: vendor
            .as_ref()
            .is_some_and(|vendor| clawvault_providers::vendor(vendor).is_some()),
        injected: !info.injections.is_empty(),
        created: current.created_ms / 1000,
        fingerprint: current.fingerprint,
        due_days: schedule.and_then(days),
        profile,
        name,
        vendor,
        admin,
        limited,
    })
}

/// The rules whose pattern covers a secret.
fn rules<'p>(policy: &'p Setting, profile: &ProfileName, name: &SecretName) -> Vec<&'p Setting> {
    let covers =
        |pattern: &str| Pattern::parse(pattern).is_ok_and(|pattern| pattern.matches(profile, name));
    policy
        .at("secrets")
        .entries()
        .filter(|(pattern, _)| covers(pattern))
        .map(|(_, rule)| rule)
        .collect()
}

fn names_admin(policy: &Setting, name: &SecretName) -> bool {
    policy.at("secrets").entries().any(|(_, rule)| rule.at("admin").text() == Some(name.as_str()))
}

/// After how many days a schedule of five fields comes round, at most; none for `never`.
fn days(schedule: &str) -> Option<i64> {
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    let [_, _, day, month, weekday] = fields.as_slice() else {
        return (schedule == "never").then_some(i64::MAX);
    };
    let step = |field: &str| field.strip_prefix("*/").and_then(|step| step.parse::<i64>().ok());
    let slack = 5;
    Some(
        slack
            + match (*day, *month, *weekday) {
                (_, _, weekday) if weekday != "*" => 7,
                ("*", "*", _) => 1,
                (day, "*", _) => step(day).unwrap_or(31),
                (_, month, _) => step(month).map_or(366, |months| months * 31),
            },
    )
}

/// The policy document as settings; nothing where it cannot be read, which `policy show` says.
fn policy(text: &str) -> Setting {
    fn of(value: toml::Value) -> Setting {
        match value {
            toml::Value::String(text) => Setting::Text(text),
            toml::Value::Integer(number) => Setting::Whole(number),
            toml::Value::Boolean(truth) => Setting::Truth(truth),
            toml::Value::Array(items) => Setting::List(items.into_iter().map(of).collect()),
            toml::Value::Table(table) => {
                Setting::Map(table.into_iter().map(|(key, value)| (key, of(value))).collect())
            }
            toml::Value::Float(_) | toml::Value::Datetime(_) => Setting::Nothing,
        }
    }
    toml::from_str::<toml::Table>(text)
        .map_or(Setting::Nothing, |table| of(toml::Value::Table(table)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_come_round() {
        for (schedule, expected) in [
            ("0 3 1 */3 *", 98),
            ("0 3 * * *", 6),
            ("0 3 * * 1", 12),
            ("0 3 1 * *", 36),
            ("0 3 1 1 *", 371),
        ] {
            assert_eq!(days(schedule), Some(expected), "{schedule}");
        }
        assert_eq!(days("never"), Some(i64::MAX));
        assert_eq!(days("x"), None);
    }

    #[test]
    fn rules_are_found_by_their_pattern() {
        let policy = policy(
            "[defaults]\nrotate = 'never'\n[secrets.'openai/*']\nadmin = 'openai/admin'\nlimits = [{per = 'month'}]\n",
        );
        let name = |text: &str| SecretName::parse(text).unwrap();
        assert_eq!(rules(&policy, &ProfileName::default(), &name("openai/main")).len(), 1);
        assert!(rules(&policy, &ProfileName::default(), &name("groq/main")).is_empty());
        assert!(names_admin(&policy, &name("openai/admin")));
    }
}
