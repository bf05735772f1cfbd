//! Alerts: raised into the vault's queue, carried to their receivers, looked at.

use clawvault_core::domain::{
    AlertEvent, AlertKind, Channel, Policy, ProfileName, Receiver, Severity, Value,
};
use clawvault_core::platform::{Clock, SystemClock};
use clawvault_core::vault::Want;

use super::kept::{Ask, change_kept, unreadable};
use super::session::{Request, Session};
use super::{Access, App, AppError, Code};
use crate::alert::{self, Batch, Message, Queue, Waiting};
use crate::spend::{Zone, minute_of_day};

/// The record of what waits.
const QUEUE: &str = "alert/queue";
/// The record of when a message last arrived: milliseconds since 1970, eight bytes, little endian.
const ARRIVED: &str = "alert/arrived";

/// What became of what was due.
#[derive(Debug, Default)]
pub struct Delivered {
    /// Messages that arrived: receiver, and number of events.
    pub arrived: Vec<(String, usize)>,
    /// Receivers that did not take theirs, and why.
    pub failed: Vec<(String, String)>,
    /// Events that wait now.
    pub waiting: usize,
}

/// A message on its way: what is sent to whom, by which right.
struct Letter {
    batch: Batch,
    receiver: Receiver,
    token: Option<Value>,
    message: Message,
}

impl App {
    /// Puts events in the queue, each once, for those that the policy names. Gives the number of those
    /// that are new.
    pub fn raise(&self, events: &[AlertEvent]) -> Result<usize, AppError> {
        if events.is_empty() {
            return Ok(0);
        }
        let mut session = self.session(Access::Write)?;
        let policy = policy(&mut session)?;
        let new = raise(&mut session, &policy, events)?;
        close(session);
        Ok(new)
    }

    /// What waits.
    pub fn alerts(&self) -> Result<Vec<Waiting>, AppError> {
        let mut session = self.session(Access::Read)?;
        let bytes = session.kept(&[QUEUE.to_owned()])?.pop().unwrap_or_default();
        Ok(queue(&bytes)?.waiting().to_vec())
    }

    /// Sends all that is due. The vault is closed while receivers are spoken to.
    pub fn deliver(&self) -> Result<Delivered, AppError> {
        let mut session = self.session(Access::Write)?;
        let policy = policy(&mut session)?;
        let batches = fix(&mut session, &policy)?;
        if batches.is_empty() {
            let bytes = session.kept(&[QUEUE.to_owned()])?.pop().unwrap_or_default();
            close(session);
            let waiting = queue(&bytes)?.waiting().len();
            return Ok(Delivered { waiting, ..Delivered::default() });
        }
        let letters = letters(&mut session, &policy, batches);
        close(session);
        let outcomes = carry(&letters);
        let mut session = self.session(Access::Write)?;
        let delivered = settle(&mut session, &letters, &outcomes)?;
        close(session);
        Ok(delivered)
    }

    /// Sends a message to one receiver, or to all, at once and past every rule.
    pub fn test_alerts(&self, only: Option<&ProfileName>) -> Result<Delivered, AppError> {
        let mut session = self.session(Access::Write)?;
        let policy = policy(&mut session)?;
        let wanted = |(name, _): &(&ProfileName, &Receiver)| only.is_none_or(|only| only == *name);
        let names: Vec<String> =
            policy.alerts.iter().filter(wanted).map(|(name, _)| name.to_string()).collect();
        if names.is_empty() {
            return Err(AppError::new(
                Code::Missing,
                "the policy names no such receiver of alerts",
                "Add a section [alerts.NAME] with `clawvault policy apply FILE`.",
            ));
        }
        let now = SystemClock.now_ms();
        let text = "This is a test: alerts of clawvault arrive here.";
        let event =
            AlertEvent::new(AlertKind::Test, Severity::Info, now, "", &now.to_string(), text);
        let batch = |receiver| Batch { number: 0, receiver, events: vec![event.clone()] };
        let letters = letters(&mut session, &policy, names.into_iter().map(batch).collect());
        close(session);
        let mut delivered = Delivered::default();
        for (letter, outcome) in letters.iter().zip(carry(&letters)) {
            note(&mut delivered, letter, outcome);
        }
        if !delivered.arrived.is_empty() {
            let mut session = self.session(Access::Write)?;
            let arrived = now_bytes(SystemClock.now_ms());
            session
                .change_kept(&[ARRIVED.to_owned()], |_| Ok(((), vec![Some(arrived.clone())])))?;
            close(session);
        }
        Ok(delivered)
    }

    /// Tells every push monitor of the policy that we live; gives who can be told once the vault is
    /// locked. That a monitor did not take it shows there.
    pub fn beat(&self) -> Result<Standby, AppError> {
        let mut session = self.session(Access::Read)?;
        let policy = policy(&mut session)?;
        let beats =
            |(_, receiver): &(&ProfileName, &Receiver)| receiver.kind == Channel::UptimeKuma;
        let batch = |(name, _): (&ProfileName, &Receiver)| Batch {
            number: 0,
            receiver: name.to_string(),
            events: Vec::new(),
        };
        let batches = policy.alerts.iter().filter(beats).map(batch).collect();
        let letters = letters(&mut session, &policy, batches);
        close(session);
        carry(&letters);
        Ok(Standby::of(&policy))
    }
}

/// Who can be told while the vault is locked: receivers on this machine that need no secret of it.
#[derive(Clone, Debug, Default)]
pub struct Standby(Vec<(Receiver, Zone)>);

/// What everybody is told of a vault that is locked for long.
pub const LOCKED_LONG: &str =
    "the vault is locked for long: no key is handed out, nothing is checked or rotated";

impl Standby {
    fn of(policy: &Policy) -> Self {
        let here = |receiver: &&Receiver| {
            let kind =
                matches!(receiver.kind, Channel::Desktop | Channel::Journald | Channel::Syslog);
            kind && receiver.token.is_none()
        };
        let zone = Zone::of(policy);
        Self(policy.alerts.values().filter(here).map(|r| (r.clone(), zone.clone())).collect())
    }

    /// Tells each that the daemon is locked since then, in milliseconds since 1970: once, outside of its
    /// quiet hours. Who does not take it is asked again at the next call.
    pub fn tell_locked(&mut self, since_ms: i64) {
        let now_ms = SystemClock.now_ms();
        let event = super::watch::locked(since_ms, now_ms, LOCKED_LONG.to_owned());
        let (kind, severity) = (event.kind, event.severity);
        let message =
            Message::of(&Batch { number: 0, receiver: String::new(), events: vec![event] });
        self.0.retain(|(receiver, zone)| {
            let is_quiet = || {
                let minute = minute_of_day(zone, now_ms);
                receiver.quiet.is_some_and(|quiet| quiet.covers(minute))
            };
            let told = || alert::send(receiver, None, &message).is_ok();
            receiver.wants(kind, severity) && (is_quiet() || !told())
        });
    }
}

/// Puts events in the queue of an open session.
pub(super) fn raise(
    session: &mut Session,
    policy: &Policy,
    events: &[AlertEvent],
) -> Result<usize, AppError> {
    raise_by(&mut |request| session.ask(request), policy, events)
}

/// The same, by whatever asks the vault.
pub(super) fn raise_by(
    ask: Ask<'_>,
    policy: &Policy,
    events: &[AlertEvent],
) -> Result<usize, AppError> {
    let now = SystemClock.now_ms();
    change_kept(ask, &[QUEUE.to_owned()], |before| {
        let mut queue = queue(before.first().map_or(&[][..], Vec::as_slice))?;
        let receivers = || policy.alerts.iter().map(|(name, receiver)| (name.as_str(), receiver));
        let new = events.iter().filter(|event| queue.raise(event, receivers(), now)).count();
        Ok((new, vec![(new > 0).then(|| queue.to_bytes())]))
    })
}

/// Fixes what is due, durably, before any of it is sent.
fn fix(session: &mut Session, policy: &Policy) -> Result<Vec<Batch>, AppError> {
    let now = SystemClock.now_ms();
    let minute = minute_of_day(&Zone::of(policy), now);
    session.change_kept(&[QUEUE.to_owned()], |before| {
        let mut queue = queue(before.first().map_or(&[][..], Vec::as_slice))?;
        let find = |name: &str| policy.alerts.get(&ProfileName::parse(name).ok()?);
        let batches = queue.due(&find, now, minute);
        let changed = (!batches.is_empty()).then(|| queue.to_bytes());
        Ok((batches, vec![changed]))
    })
}

fn settle(
    session: &mut Session,
    letters: &[Letter],
    outcomes: &[Result<(), String>],
) -> Result<Delivered, AppError> {
    let now = SystemClock.now_ms();
    session.change_kept(&[QUEUE.to_owned(), ARRIVED.to_owned()], |before| {
        let mut queue = queue(before.first().map_or(&[][..], Vec::as_slice))?;
        let mut delivered = Delivered::default();
        for (letter, outcome) in letters.iter().zip(outcomes) {
            queue.settle(&letter.batch, outcome.clone(), now);
            note(&mut delivered, letter, outcome.clone());
        }
        delivered.waiting = queue.waiting().len();
        let arrived = (!delivered.arrived.is_empty()).then(|| now_bytes(now));
        Ok((delivered, vec![Some(queue.to_bytes()), arrived]))
    })
}

/// When a message last arrived somewhere, in milliseconds since 1970.
pub(super) fn last_arrived_ms(session: &mut Session) -> Result<Option<i64>, AppError> {
    let bytes = session.kept(&[ARRIVED.to_owned()])?.pop().unwrap_or_default();
    Ok(bytes.try_into().ok().map(i64::from_le_bytes))
}

fn now_bytes(ms: i64) -> Vec<u8> {
    ms.to_le_bytes().to_vec()
}

fn note(delivered: &mut Delivered, letter: &Letter, outcome: Result<(), String>) {
    let receiver = letter.batch.receiver.clone();
    match outcome {
        Ok(()) => delivered.arrived.push((receiver, letter.batch.events.len())),
        Err(why) => delivered.failed.push((receiver, why)),
    }
}

/// Messages with their tokens, each opened and logged. One whose token is missing says so later.
fn letters(session: &mut Session, policy: &Policy, batches: Vec<Batch>) -> Vec<Letter> {
    let letter = |batch: Batch| {
        let name = ProfileName::parse(&batch.receiver).ok()?;
        let receiver = policy.alerts.get(&name)?.clone();
        let token = receiver.token.as_ref().and_then(|name| {
            let want = Want { profile: ProfileName::default(), name: name.clone(), version: None };
            let mut revealed = session.ask(Request::Get(want, true)).ok()?.revealed;
            Some(revealed.pop()?.fields.into_iter().next()?.1)
        });
        let message = Message::of(&batch);
        Some(Letter { batch, receiver, token, message })
    };
    batches.into_iter().filter_map(letter).collect()
}

/// Sends all at the same time; each receiver is waited for no longer than its own patience.
fn carry(letters: &[Letter]) -> Vec<Result<(), String>> {
    std::thread::scope(|scope| {
        let send = |letter: &'_ Letter| {
            if letter.receiver.token.is_some() && letter.token.is_none() {
                return Err("the secret of its `token` is not in the vault".to_owned());
            }
            alert::send(&letter.receiver, letter.token.as_ref(), &letter.message)
        };
        let threads: Vec<_> =
            letters.iter().map(|letter| scope.spawn(move || send(letter))).collect();
        let broken = || Err("sending it came to an end".to_owned());
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| broken())).collect()
    })
}

fn queue(bytes: &[u8]) -> Result<Queue, AppError> {
    Queue::from_bytes(bytes).ok_or_else(|| unreadable("the queue of alerts"))
}

/// The policy in force.
pub(super) fn policy(session: &mut Session) -> Result<Policy, AppError> {
    let text = session.ask(Request::PolicyText)?.text;
    Ok(Policy::parse(&text).map_err(clawvault_core::vault::VaultError::from)?)
}

/// Leaves the vault to others; that no snapshot could be taken is told by whoever asks next.
pub(super) fn close(session: Session) {
    session.close().ok();
}
