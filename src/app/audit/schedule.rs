//! Audits by the calendar: what is due is made, compared with the one before, and told.

use std::collections::BTreeMap;

use clawvault_core::domain::{AlertEvent, AlertKind, Severity as Loud};
use clawvault_core::platform::{Clock, SystemClock};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{AuditAsk, AuditDone, audit};
use crate::app::alerts::{close, policy, raise};
use crate::app::kept::decoded;
use crate::app::session::Session;
use crate::app::{Access, App, AppError};
use crate::hardening::{Area, Audited, QUICK, Severity, Status, Verdict};

/// The record of what was found so far.
const SEEN: &str = "alert/audit";
/// Most findings that one alert names.
const NAMED: usize = 8;

#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
struct Seen {
    /// The last audits, in milliseconds since 1970; 0 for never.
    full_ms: i64,
    quick_ms: i64,
    /// What was wrong, by the id of the check; true where it failed.
    bad: BTreeMap<String, bool>,
}

/// How an audit differs from the one before.
#[derive(Debug, Default, Eq, PartialEq)]
struct Changes<'a> {
    worse: Vec<&'a str>,
    gone: Vec<String>,
}

/// Makes the audit that the policy says is due, and tells what changed; none where none is due. It asks
/// for the vault twice where nothing is due.
pub fn audit_if_due(app: &App, mut ask: AuditAsk) -> Result<Option<AuditDone>, AppError> {
    let now = SystemClock.now_ms();
    let mut session = app.session(Access::Read)?;
    let policy = policy(&mut session)?;
    let seen = Seen::read(&mut session)?;
    close(session);
    let zone = policy.defaults.time_zone.find().unwrap_or(TimeZone::UTC);
    let is_due = |next: Option<i64>| next.is_some_and(|next| next <= now);
    let full = is_due(policy.audit.full_after(seen.full_ms, &zone));
    if !full && !is_due(policy.audit.quick_after(seen.quick_ms, &zone)) {
        return Ok(None);
    }
    if !full {
        ask.only = QUICK.iter().map(|word| (*word).to_owned()).collect();
        ask.probes = false;
    }
    audit_and_tell(app, ask).map(Some)
}

/// Audits, compares with the audit before, and raises alerts: at once of what is worse, and of how a full
/// audit went.
pub fn audit_and_tell(app: &App, ask: AuditAsk) -> Result<AuditDone, AppError> {
    let full = ask.only.is_empty();
    // Where there is nobody to tell, nothing is looked at.
    close(app.session(Access::Write)?);
    let done = audit(ask)?;
    let mut session = app.session(Access::Write)?;
    let policy = policy(&mut session)?;
    let now = SystemClock.now_ms();
    let mut seen = Seen::read(&mut session)?;
    let before = seen.clone();
    let changes = seen.take(&done.audited);
    // Told before it is noted: what ends between is told once more, under the same id.
    raise(&mut session, &policy, &events(&done.audited, &changes, &before, full, now))?;
    seen.quick_ms = now;
    if full {
        seen.full_ms = now;
    }
    let after = seen.to_bytes();
    session.change_kept(&[SEEN.to_owned()], |_| Ok(((), vec![Some(after.clone())])))?;
    close(session);
    Ok(done)
}

/// When everything was last audited so, in milliseconds since 1970.
pub(super) fn full_audit_ms(session: &mut Session) -> Result<Option<i64>, AppError> {
    Ok(Some(Seen::read(session)?.full_ms).filter(|ms| *ms > 0))
}

impl Seen {
    fn read(session: &mut Session) -> Result<Self, AppError> {
        Self::from_bytes(&session.kept(&[SEEN.to_owned()])?.pop().unwrap_or_default())
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, AppError> {
        decoded(bytes, "what audits found")
    }

    fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Takes an audit over. What was not looked at, or could not be, stays as it was.
    fn take<'a>(&mut self, audited: &'a Audited) -> Changes<'a> {
        let mut changes = Changes::default();
        for verdict in &audited.verdicts {
            let id = verdict.check.id;
            let before = self.bad.get(id).copied();
            let (status, kept) = (verdict.outcome.status, verdict.suppressed.is_some());
            match status {
                Status::Warn | Status::Fail if !kept => {
                    let fails = status == Status::Fail;
                    if before.is_none_or(|failed| fails && !failed) {
                        changes.worse.push(id);
                    }
                    self.bad.insert(id.to_owned(), fails);
                }
                Status::Unknown => {}
                _ => changes.gone.extend(self.bad.remove(id).map(|_| id.to_owned())),
            }
        }
        changes
    }
}

/// What is told of an audit. The first one has nothing to be compared with.
fn events(
    audited: &Audited,
    changes: &Changes<'_>,
    before: &Seen,
    full: bool,
    now_ms: i64,
) -> Vec<AlertEvent> {
    let first = *before == Seen::default();
    // The audit before tells which one this is, however often it is begun.
    let (mut events, which) = (Vec::new(), before.quick_ms.to_string());
    let event = |kind, severity, text: String| {
        AlertEvent::new(kind, severity, now_ms, audited.host.clone(), &which, text)
    };
    let is_grave =
        |one: &Verdict| one.outcome.status == Status::Fail && one.check.severity >= Severity::High;
    let worse: Vec<&Verdict> =
        audited.open().filter(|one| changes.worse.contains(&one.check.id)).collect();
    if !first && !worse.is_empty() {
        let grave = worse.iter().any(|one| is_grave(one));
        let severity = if grave { Loud::Critical } else { Loud::Warning };
        let told =
            named(worse.iter().map(|one| format!("{}: {}", one.check.id, one.outcome.evidence)));
        let text = format!("the audit finds what it did not before: {told}");
        events.push(event(AlertKind::AuditWorse, severity, text));
    }
    if full || !changes.gone.is_empty() {
        let severity = if audited.open().any(is_grave) { Loud::Warning } else { Loud::Info };
        events.push(event(AlertKind::AuditReport, severity, report(audited, changes, full)));
    }
    events
}

/// How it went, in a sentence or two.
fn report(audited: &Audited, changes: &Changes<'_>, full: bool) -> String {
    let mut text = String::new();
    if full {
        let (fail, warn) = (audited.count(Status::Fail), audited.count(Status::Warn));
        let scores = Area::ALL.into_iter().filter_map(|area| {
            audited.score(area).map(|score| format!("{} {score} %", area.word()))
        });
        let scores: Vec<String> = scores.collect();
        text = format!("full audit: {fail} fail, {warn} warn; {}", scores.join(", "));
        let worst = named(audited.open().map(|one| one.check.id.to_owned()));
        if !worst.is_empty() {
            text.push_str(&format!("; worst first: {worst}"));
        }
    }
    if !changes.gone.is_empty() {
        let start = if text.is_empty() { "" } else { "; " };
        text.push_str(&format!("{start}mended since: {}", named(changes.gone.iter().cloned())));
    }
    text
}

fn named(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    let mut text = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    if all.len() > NAMED {
        text.push_str(&format!("; and {} more", all.len() - NAMED));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardening::{Outcome, all};

    fn audited(outcomes: &[(&str, Outcome)]) -> Audited {
        let verdict = |(id, outcome): &(&str, Outcome)| Verdict {
            check: all().find(|check| check.id == *id).unwrap(),
            outcome: outcome.clone(),
            fix: String::new(),
            suppressed: None,
        };
        let verdicts = outcomes.iter().map(verdict).collect();
        Audited { host: "h".to_owned(), time: 1, verdicts }
    }

    #[test]
    fn what_is_worse_is_told_once_and_what_could_not_be_seen_is_not_gone() {
        let (port, login) = ("server.ssh.port", "server.ssh.password-login");
        let mut seen = Seen::default();
        let first = audited(&[(port, Outcome::warn("22")), (login, Outcome::pass("no"))]);
        assert_eq!(seen.take(&first).worse, [port]);
        let changes = Changes { worse: vec![port], gone: vec![] };
        let told = events(&first, &changes, &Seen::default(), true, 1);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0].kind, told[0].severity), (AlertKind::AuditReport, Loud::Info));

        let second = audited(&[(port, Outcome::unknown("no")), (login, Outcome::fail("yes"))]);
        let before = seen.clone();
        let changes = seen.take(&second);
        assert_eq!(changes, Changes { worse: vec![login], gone: vec![] });
        let told = events(&second, &changes, &before, false, 2);
        assert_eq!(told[0].id, events(&second, &changes, &before, false, 3)[0].id, "begun again");
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].kind, told[0].severity), (AlertKind::AuditWorse, Loud::Critical));
        assert!(told[0].text.contains("password-login: yes"), "{}", told[0].text);
        assert_eq!(seen.take(&second), Changes::default());

        let third = audited(&[(port, Outcome::fail("22")), (login, Outcome::pass("no"))]);
        let changes = seen.take(&third);
        assert_eq!(changes, Changes { worse: vec![port], gone: vec![login.to_owned()] });
        assert_eq!(Seen::from_bytes(&seen.to_bytes()).unwrap(), seen);
        assert!(Seen::from_bytes(b"\xff").is_err());
    }
}
