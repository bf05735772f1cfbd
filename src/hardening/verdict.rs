//! All checks, run: what they saw, what was decided to be lived with, and a score of each area.

use std::collections::BTreeMap;

use clawvault_scan::report::printable;

use super::check::{Area, Check, Outcome, Severity, Status, Verdict};
use super::facts::Facts;

/// A finding that somebody decided to live with, as the policy has it.
#[derive(Clone, Debug)]
pub struct Suppression {
    /// Why.
    pub reason: String,
    /// The last second at which it counts, since 1970-01-01 UTC; for ever where nothing is said.
    pub until: Option<i64>,
}

/// The same, on a verdict.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Suppressed {
    /// Why.
    pub reason: String,
}

/// What an audit is to look at.
pub struct Findings<'a> {
    /// Ids, or their first words (`server`, `server.ssh`); empty: all.
    pub only: &'a [String],
    /// By id.
    pub suppressions: &'a BTreeMap<String, Suppression>,
}

/// An audit that was made.
#[derive(Clone, Debug)]
pub struct Audited {
    /// Of which host.
    pub host: String,
    /// When, in seconds since 1970-01-01 UTC.
    pub time: i64,
    /// Worst first.
    pub verdicts: Vec<Verdict>,
}

/// Runs the checks. What panics or cannot look is `unknown`, never good.
pub fn audit(facts: &Facts<'_>, host: String, asked: &Findings<'_>) -> Audited {
    let chosen = super::all().filter(|check| {
        asked.only.is_empty() || asked.only.iter().any(|word| is_of(check.id, word))
    });
    let mut verdicts: Vec<Verdict> = chosen.map(|check| judge(facts, check, asked)).collect();
    verdicts.sort_by_key(|verdict| {
        let open = verdict.suppressed.is_none();
        std::cmp::Reverse((open, verdict.outcome.status, verdict.check.severity))
    });
    Audited { host, time: facts.host.now(), verdicts }
}

/// Whether an id is `word` or lies below it.
pub fn is_of(id: &str, word: &str) -> bool {
    id.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn judge(facts: &Facts<'_>, check: &'static Check, asked: &Findings<'_>) -> Verdict {
    let mut outcome =
        (check.look)(facts).unwrap_or_else(|unseen| Outcome::unknown(unseen.to_string()));
    // Names of files and what programs say are others' words: they steer no terminal.
    outcome.evidence = said(&outcome.evidence);
    let fix = match &outcome.fix {
        Some(fix) => said(fix),
        None => check.fix.text(facts.os().family).to_owned(),
    };
    let bad = matches!(outcome.status, Status::Warn | Status::Fail);
    let suppressed = asked
        .suppressions
        .get(check.id)
        .filter(|one| bad && one.until.is_none_or(|until| facts.host.now() <= until))
        .map(|one| Suppressed { reason: one.reason.clone() });
    Verdict { check, outcome, fix, suppressed }
}

/// Longest evidence, in characters.
const MAX_SAID: usize = 2000;

/// A text on one line, and no longer than can be read.
fn said(text: &str) -> String {
    let text = printable(text.as_bytes());
    match text.char_indices().nth(MAX_SAID) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

impl Audited {
    /// The findings that count: neither good nor suppressed.
    pub fn open(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| {
            verdict.suppressed.is_none()
                && matches!(verdict.outcome.status, Status::Warn | Status::Fail)
        })
    }

    /// Whether a check at or above this severity fails.
    pub fn fails_at(&self, least: Severity) -> bool {
        self.open().any(|one| one.outcome.status == Status::Fail && one.check.severity >= least)
    }

    /// How much of what could be looked at in an area is good, in percent: each check weighs by its
    /// severity, a warning costs half. `None` where nothing could be looked at.
    pub fn score(&self, area: Area) -> Option<u32> {
        let (mut whole, mut good) = (0, 0);
        for verdict in self.verdicts.iter().filter(|one| one.check.area() == area) {
            let weight = 2 * match verdict.check.severity {
                Severity::Info => 0,
                Severity::Low => 1,
                Severity::Medium => 3,
                Severity::High => 6,
                Severity::Critical => 12,
            };
            let share = match verdict.outcome.status {
                Status::Pass => weight,
                _ if verdict.suppressed.is_some() => weight,
                Status::Warn => weight / 2,
                Status::Fail => 0,
                Status::Na | Status::Unknown => continue,
            };
            whole += weight;
            good += share;
        }
        (whole > 0).then(|| good * 100 / whole)
    }

    /// How many verdicts have this status.
    pub fn count(&self, status: Status) -> usize {
        self.verdicts
            .iter()
            .filter(|one| one.suppressed.is_none() && one.outcome.status == status)
            .count()
    }
}
