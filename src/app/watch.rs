//! What the vault itself shows and somebody should be told of: a log that is not in order, many
//! refusals, an executable that never used a secret before, an old backup.

use std::collections::BTreeSet;

use clawvault_core::auditlog::{Entry, Verdict};
use clawvault_core::domain::{AlertEvent, AlertKind, Event, Outcome, Severity};
use clawvault_core::platform::{Clock, SystemClock};
use serde::{Deserialize, Serialize};

use super::alerts::{close, policy, raise};
use super::kept::decoded;
use super::session::{Request, Session};
use super::{Access, App, AppError, Query};

/// The record of what was seen so far.
const SEEN: &str = "alert/watch";
/// Refusals since the last look from where on they are many.
const MANY: u64 = 20;
/// Most pairs of secret and executable that are remembered.
const MAX_KNOWN: usize = 16_384;
/// A backup older than this is old, in milliseconds.
const OLD_MS: i64 = 30 * 86_400_000;
const WEEK_MS: i64 = 7 * 86_400_000;
const HOUR_MS: i64 = 3_600_000;

#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
struct Seen {
    /// Entries before it were looked at, in milliseconds since 1970.
    since_ms: i64,
    /// Which executable used which secret.
    known: BTreeSet<[u8; 8]>,
}

/// What entries of the log told.
#[derive(Default)]
struct Told {
    refused: u64,
    new: Vec<(String, String)>,
    /// Secrets that processes of this program asked for: the process, what is remembered of it, and
    /// what is told.
    asked: Vec<(u32, [u8; 8], (String, String))>,
    /// Processes that did our own work meanwhile.
    own: BTreeSet<u32>,
}

/// Words of the log for work that opens secrets by itself: vendors and receivers are spoken to.
const OWN_WORK: [Event; 5] =
    [Event::Alert, Event::Spend, Event::Rotate, Event::Revoke, Event::Verify];

impl App {
    /// Looks at what came since the last look, and raises what somebody should know. Gives the number
    /// of new alerts.
    pub fn watch(&self) -> Result<usize, AppError> {
        let now_ms = SystemClock.now_ms();
        let mut session = self.session(Access::Write)?;
        let policy = policy(&mut session)?;
        if policy.alerts.is_empty() {
            close(session);
            return Ok(0);
        }
        let bytes = session.kept(&[SEEN.to_owned()])?.pop().unwrap_or_default();
        let mut seen = Seen::from_bytes(&bytes)?;
        let learns = bytes.is_empty();
        let (told, verdict) = look(&mut session, &mut seen)?;
        let mut events = Vec::new();
        events.extend(broken(verdict.as_ref(), now_ms));
        if !learns {
            events.extend(refusals(told.refused, now_ms));
            events.extend(told.new.iter().map(|pair| executable(pair, now_ms)));
        }
        events.extend(backup(&mut session, now_ms)?);
        seen.since_ms = now_ms;
        let new = raise(&mut session, &policy, &events)?;
        let after = seen.to_bytes();
        session.change_kept(&[SEEN.to_owned()], |_| Ok(((), vec![Some(after.clone())])))?;
        close(session);
        Ok(new)
    }

    /// Tells that the daemon was locked for long.
    pub fn tell_locked(&self, since_ms: i64) -> Result<usize, AppError> {
        let now_ms = SystemClock.now_ms();
        self.raise(&[locked(since_ms, now_ms, was_locked(since_ms, now_ms))])
    }
}

impl Seen {
    fn from_bytes(bytes: &[u8]) -> Result<Self, AppError> {
        decoded(bytes, "what was watched")
    }

    fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Looks at one entry.
    fn take(&mut self, entry: &Entry, told: &mut Told) {
        if entry.outcome == Outcome::Refused {
            told.refused += 1 + u64::from(entry.more);
        }
        if OWN_WORK.iter().any(|own| own.as_str() == entry.event) {
            told.own.insert(entry.actor.pid);
        }
        let uses = ["get", "run", "resolve"].contains(&entry.event.as_str());
        if !uses || entry.outcome != Outcome::Ok {
            return;
        }
        let program = entry.program.as_ref().map(|program| program.path.as_str());
        let program = program.unwrap_or(match entry.event.as_str() {
            // Asked for by this program itself, on behalf of whoever called it.
            "get" => entry.actor.parent_executable.as_str(),
            _ => entry.actor.executable.as_str(),
        });
        if program.is_empty() {
            return;
        }
        for item in &entry.items {
            let parts = [program.as_bytes(), item.profile.as_bytes(), item.secret.as_bytes()];
            let mut short = [0; 8];
            short.copy_from_slice(&clawvault_core::crypto::digest(&parts).0[..8]);
            let pair = (program.to_owned(), item.secret.clone());
            if entry.event == Event::Get.as_str() && entry.program.is_none() {
                told.asked.push((entry.actor.pid, short, pair));
            } else {
                self.learn(short, pair, told);
            }
        }
    }

    fn learn(&mut self, short: [u8; 8], pair: (String, String), told: &mut Told) {
        if self.known.len() < MAX_KNOWN && self.known.insert(short) {
            told.new.push(pair);
        }
    }

    /// Looks at what was put off: whoever asked for our own work used no secret.
    fn finish(&mut self, told: &mut Told) {
        for (pid, short, pair) in std::mem::take(&mut told.asked) {
            if !told.own.contains(&pid) {
                self.learn(short, pair, told);
            }
        }
    }
}

fn look(session: &mut Session, seen: &mut Seen) -> Result<(Told, Option<Verdict>), AppError> {
    let mut told = Told::default();
    let since_ms = Some(seen.since_ms).filter(|since| *since > 0);
    let query = Query { since_ms, ..Query::default() };
    let reply = session.ask_each(Request::Log(query, false), &mut |read, _| {
        if let Some(entry) = &read.entry {
            seen.take(entry, &mut told);
        }
        true
    })?;
    seen.finish(&mut told);
    Ok((told, reply.verdict))
}

fn was_locked(since_ms: i64, now_ms: i64) -> String {
    let hours = (now_ms - since_ms) / HOUR_MS;
    format!("the daemon was locked for {hours} hours: nothing was checked meanwhile")
}

/// That the daemon is, or was, locked for long.
pub(super) fn locked(since_ms: i64, now_ms: i64, text: String) -> AlertEvent {
    let (kind, severity) = (AlertKind::LockedLong, Severity::Warning);
    AlertEvent::new(kind, severity, now_ms, "", &since_ms.to_string(), text)
}

fn broken(verdict: Option<&Verdict>, now_ms: i64) -> Option<AlertEvent> {
    let (entry, what) = verdict?.broken?;
    let text = format!("the audit log is not in order at entry {entry}: {what}");
    let (kind, severity) = (AlertKind::LogBroken, Severity::Critical);
    Some(AlertEvent::new(kind, severity, now_ms, "", &entry.to_string(), text))
}

fn refusals(count: u64, now_ms: i64) -> Option<AlertEvent> {
    if count < MANY {
        return None;
    }
    let text = format!(
        "{count} requests were refused since the last look: an agent may be hijacked; \
         `clawvault log --outcome refused` shows them"
    );
    let (kind, severity) = (AlertKind::ManyRefusals, Severity::Critical);
    let which = (now_ms / HOUR_MS).to_string();
    Some(AlertEvent::new(kind, severity, now_ms, "", &which, text))
}

fn executable((program, secret): &(String, String), now_ms: i64) -> AlertEvent {
    let text = format!("{program} used {secret}, which it never did before");
    let (kind, severity) = (AlertKind::NewExecutable, Severity::Warning);
    AlertEvent::new(kind, severity, now_ms, secret.clone(), program, text)
}

fn backup(session: &mut Session, now_ms: i64) -> Result<Option<AlertEvent>, AppError> {
    let health = session.ask(Request::Health(Vec::new()))?.health;
    let Some(health) = health.filter(|health| health.secrets > 0) else { return Ok(None) };
    let (severity, text) = match health.backup {
        Some(note) if now_ms - note.time_ms < OLD_MS => return Ok(None),
        Some(note) => {
            let days = (now_ms - note.time_ms) / 86_400_000;
            (Severity::Warning, format!("the last backup is {days} days old"))
        }
        None => (Severity::Info, "there is no backup of the vault".to_owned()),
    };
    let which = (now_ms / WEEK_MS).to_string();
    Ok(Some(AlertEvent::new(AlertKind::BackupOld, severity, now_ms, "", &which, text)))
}

#[cfg(test)]
mod tests {
    use clawvault_core::domain::Actor;

    use super::*;

    #[test]
    fn a_log_that_is_not_in_order_and_a_long_lock_are_told_once() {
        let head = clawvault_core::crypto::digest(&[]);
        let verdict = |broken| Verdict { entries: 9, removed: 0, unproven: 0, head, broken };
        assert_eq!(broken(Some(&verdict(None)), 5), None);
        assert_eq!(broken(None, 5), None);
        let event = broken(Some(&verdict(Some((7, "it was changed")))), 5).unwrap();
        assert_eq!((event.kind, event.severity), (AlertKind::LogBroken, Severity::Critical));
        assert!(event.text.contains("entry 7"), "{}", event.text);
        let later = broken(Some(&verdict(Some((7, "it was changed")))), 6).unwrap();
        assert_eq!(event.id, later.id, "the same place is the same event");

        let event = locked(HOUR_MS, 10 * HOUR_MS, was_locked(HOUR_MS, 10 * HOUR_MS));
        assert_eq!(event.kind, AlertKind::LockedLong);
        assert!(event.text.contains("9 hours"), "{}", event.text);
        assert_ne!(event.id, locked(2 * HOUR_MS, 10 * HOUR_MS, String::new()).id);
        assert_eq!(refusals(MANY - 1, 5), None);
        // The log says how many followed the first of a kind.
        let (mut seen, mut told) = (Seen::default(), Told::default());
        let mut entry = Entry::new(5, Event::Get, Outcome::Refused, Actor::default());
        entry.more = 18;
        seen.take(&entry, &mut told);
        seen.take(&Entry { more: 0, ..entry }, &mut told);
        assert_eq!((told.refused, told.new.len()), (MANY, 0));
        assert_eq!(refusals(MANY, 5).unwrap().severity, Severity::Critical);
    }
}
