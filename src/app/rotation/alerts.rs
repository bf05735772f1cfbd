//! What somebody should be told of rotations. It is read from what the vault keeps, so it is the same
//! alert whoever notices it first: a command, a timer or the daemon.

use clawvault_core::domain::{Aim, AlertEvent, AlertKind, Life, Severity, State};
use clawvault_core::platform::{Clock, SystemClock};

use super::due::{self, Standing};
use super::{Overview, run};
use crate::app::AppError;
use crate::app::alerts::raise_by;
use crate::app::kept::Ask;
use crate::app::naming::full_name;
use crate::app::session::Request;
use crate::rotate::GIVEN_UP;

/// So long after it was due a key is overdue, in milliseconds.
const PATIENCE_MS: i64 = 7 * 86_400_000;
/// What failed longer ago was told when it did, in milliseconds; ids of alerts are remembered longer.
const NEWS_MS: i64 = 30 * 86_400_000;

/// Raises what is to be told of all secrets; gives the number of new alerts. The audit log names it
/// like every other writing of what the vault keeps.
pub(super) fn raise(ask: Ask<'_>) -> Result<usize, AppError> {
    let overview = Overview::of(ask(Request::Lives(None))?)?;
    if overview.policy.alerts.is_empty() {
        return Ok(0);
    }
    let now = SystemClock.now_ms();
    let standings = run(async { Ok(due::standings(&overview, now)) })?;
    let events: Vec<AlertEvent> = standings.iter().flat_map(|one| events(one, now)).collect();
    match events.is_empty() {
        true => Ok(0),
        false => raise_by(ask, &overview.policy, &events),
    }
}

/// What is to be told of one secret.
fn events(standing: &Standing, now_ms: i64) -> Vec<AlertEvent> {
    let life = &standing.life;
    let name = full_name(life.profile.as_str(), life.name.as_str());
    let event = |(kind, severity, which, text): Told| {
        AlertEvent::new(kind, severity, now_ms, name.clone(), &which, format!("{name}: {text}"))
    };
    let told = [failed(life, now_ms), stuck(life), late(standing, now_ms)];
    told.into_iter().flatten().map(event).collect()
}

/// Kind, severity, which one of its kind, and the sentence.
type Told = (AlertKind, Severity, String, String);

/// The last rotation ended without a new key.
fn failed(life: &Life, now_ms: i64) -> Option<Told> {
    let last = life.past.last()?;
    let note = last.note.as_deref().unwrap_or("it did not say why");
    let is_news = now_ms.saturating_sub(last.ended_ms) < NEWS_MS;
    let failed = last.aim == Aim::Replace && last.state != State::Revoked && note != GIVEN_UP;
    (failed && is_news).then(|| {
        let text = format!("its rotation {} failed: {note}; the old key stays in use", last.id);
        (AlertKind::RotationFailed, Severity::Warning, last.id.clone(), text)
    })
}

/// What is under way waits for a person, or for a run.
fn stuck(life: &Life) -> Option<Told> {
    let open = life.open.as_ref()?;
    let why = open.trouble.as_deref().unwrap_or("`clawvault rotations` says what it waits for");
    let which = format!("{} {}", open.id, open.state.as_str());
    match open.state {
        State::Awaiting => {
            let text = format!("a person has to make its new key: {why}");
            Some((AlertKind::RotationDue, Severity::Warning, which, text))
        }
        State::Lost => {
            let text = format!("the new key was lost, and the old one may not work: {why}");
            Some((AlertKind::RotationFailed, Severity::Critical, which, text))
        }
        State::Deployed if open.trouble.is_some() && !open.needs_person => {
            Some((AlertKind::RotationWaits, Severity::Info, which, why.to_owned()))
        }
        _ if open.needs_person => {
            let text = format!("rotation {} needs a person: {why}", open.id);
            Some((AlertKind::RotationFailed, Severity::Warning, which, text))
        }
        _ => None,
    }
}

/// It is due and nobody rotates it, or overdue whoever should.
fn late(standing: &Standing, now_ms: i64) -> Option<Told> {
    let due = standing.due.as_ref().filter(|due| due.is_due)?;
    let which = due.at_ms.to_string();
    let days = now_ms.saturating_sub(due.at_ms) / 86_400_000;
    if now_ms.saturating_sub(due.at_ms) >= PATIENCE_MS {
        let text = format!("its rotation is overdue by {days} days");
        return Some((AlertKind::RotationOverdue, Severity::Warning, which, text));
    }
    (!due.automatic && standing.life.open.is_none()).then(|| {
        let why = if due.expires { "the vendor ends it soon" } else { "its schedule says so" };
        let text = format!("its key is to be replaced, and nothing does it by itself: {why}");
        (AlertKind::RotationDue, Severity::Info, which, text)
    })
}
