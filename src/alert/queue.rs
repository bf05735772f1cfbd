//! What waits for its receivers. A batch is fixed before it is sent for the first time, so that a
//! second try says the same under the same id; it is forgotten once the receiver took it.

use clawvault_core::domain::{AlertEvent, Receiver, Severity};
use serde::{Deserialize, Serialize};

/// Most events that wait, for all receivers together; of the least severity the oldest go first.
const MAX_WAITING: usize = 512;
/// Ids of events that are remembered, so that an event is told once.
const MAX_SEEN: usize = 4096;
/// How long an id is remembered at least, in milliseconds: longer than any limit's month.
const SEEN_MS: i64 = 40 * 86_400_000;
/// First and longest wait after a try that failed, in milliseconds.
const FIRST_WAIT_MS: i64 = 5_000;
const LONGEST_WAIT_MS: i64 = 600_000;
const HOUR_MS: i64 = 3_600_000;
/// Most events of one message.
const MAX_BATCH: usize = 20;

/// Everything that waits.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Queue {
    form: u8,
    waiting: Vec<Waiting>,
    seen: Vec<(String, i64)>,
    sent: Vec<(String, i64)>,
    last_batch: u32,
    /// Events that were given up because too many waited.
    pub lost: u32,
}

/// One event for one receiver.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Waiting {
    /// The event.
    pub event: AlertEvent,
    /// Name of the receiver.
    pub receiver: String,
    /// The message that it goes in, once that is fixed.
    pub batch: Option<u32>,
    /// Tries that failed.
    pub tries: u16,
    /// When it is tried next, in milliseconds since 1970.
    pub next_ms: i64,
    /// Why the last try failed.
    pub failed: String,
}

/// What goes to one receiver at once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Batch {
    /// Its number.
    pub number: u32,
    /// Name of the receiver.
    pub receiver: String,
    /// The events.
    pub events: Vec<AlertEvent>,
}

impl Queue {
    /// Reads a queue as [`Queue::to_bytes`] wrote it.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let (queue, rest): (Self, _) = postcard::take_from_bytes(bytes).ok()?;
        (queue.form <= 1 && rest.is_empty()).then_some(queue)
    }

    /// The queue as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(&Self { form: 1, ..self.clone() }).unwrap_or_default()
    }

    /// Whatever waits, oldest first.
    pub fn waiting(&self) -> &[Waiting] {
        &self.waiting
    }

    /// Takes an event in for all that want it; false where it was told before.
    pub fn raise<'a>(
        &mut self,
        event: &AlertEvent,
        receivers: impl Iterator<Item = (&'a str, &'a Receiver)>,
        now_ms: i64,
    ) -> bool {
        if self.seen.iter().any(|(id, _)| *id == event.id) {
            return false;
        }
        self.seen.retain(|(_, ms)| now_ms - ms < SEEN_MS);
        let surplus = (self.seen.len() + 1).saturating_sub(MAX_SEEN);
        self.seen.drain(..surplus);
        self.seen.push((event.id.clone(), now_ms));
        for (name, receiver) in receivers.filter(|(_, r)| r.wants(event.kind, event.severity)) {
            self.waiting.push(Waiting {
                event: event.clone(),
                receiver: name.to_owned(),
                batch: None,
                tries: 0,
                next_ms: now_ms + i64::from(receiver.group.0) * 1000,
                failed: String::new(),
            });
        }
        while self.waiting.len() > MAX_WAITING {
            let least = self.waiting.iter().map(|one| one.event.severity).min();
            let at = self.waiting.iter().position(|one| Some(one.event.severity) == least);
            self.waiting.remove(at.unwrap_or(0));
            self.lost = self.lost.saturating_add(1);
        }
        true
    }

    /// Fixes and gives what has to be sent now: one message for each receiver. `receiver` finds its
    /// rules; what waits for one that the policy does not name any more is forgotten. `minute` is that
    /// of the day.
    pub fn due<'a>(
        &mut self,
        receiver: &dyn Fn(&str) -> Option<&'a Receiver>,
        now_ms: i64,
        minute: u16,
    ) -> Vec<Batch> {
        self.waiting.retain(|one| receiver(&one.receiver).is_some());
        self.sent.retain(|(_, ms)| now_ms - ms < HOUR_MS);
        let mut names: Vec<String> = self.waiting.iter().map(|one| one.receiver.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let batches = names.iter().filter_map(|name| {
            let rules = receiver(name)?;
            let sent = self.sent.iter().filter(|(to, _)| to == name).count();
            if sent >= usize::from(rules.hourly.0) {
                return None;
            }
            let is_quiet = rules.quiet.is_some_and(|quiet| quiet.covers(minute));
            self.fix(name, is_quiet, now_ms)
        });
        batches.collect::<Vec<_>>()
    }

    /// The batch of a receiver: the one that was tried before, else a new one of all that is due.
    fn fix(&mut self, name: &str, is_quiet: bool, now_ms: i64) -> Option<Batch> {
        let may = |one: &Waiting| {
            let loud = !is_quiet || one.event.severity == Severity::Critical;
            one.receiver == name && loud
        };
        let tried = self.waiting.iter().find(|one| may(one) && one.batch.is_some());
        let number = match tried {
            Some(one) if one.next_ms > now_ms => return None,
            Some(one) => one.batch?,
            None => {
                let due = self.waiting.iter().any(|one| may(one) && one.next_ms <= now_ms);
                if !due {
                    return None;
                }
                self.last_batch = self.last_batch.wrapping_add(1);
                let number = self.last_batch;
                // What is grouped with it goes along, though its own time has not come.
                let new = self.waiting.iter_mut().filter(|one| may(one)).take(MAX_BATCH);
                new.for_each(|one| one.batch = Some(number));
                number
            }
        };
        let with = |one: &&Waiting| one.receiver == name && one.batch == Some(number);
        let events: Vec<_> =
            self.waiting.iter().filter(with).map(|one| one.event.clone()).collect();
        Some(Batch { number, receiver: name.to_owned(), events })
    }

    /// Notes what became of a batch: taken, or why not.
    pub fn settle(&mut self, batch: &Batch, outcome: Result<(), String>, now_ms: i64) {
        let with =
            |one: &Waiting| one.receiver == batch.receiver && one.batch == Some(batch.number);
        match outcome {
            Ok(()) => {
                self.waiting.retain(|one| !with(one));
                self.sent.push((batch.receiver.clone(), now_ms));
            }
            Err(why) => {
                for one in self.waiting.iter_mut().filter(|one| with(one)) {
                    let wait = FIRST_WAIT_MS << u32::from(one.tries.min(10));
                    one.tries = one.tries.saturating_add(1);
                    one.next_ms = now_ms + wait.min(LONGEST_WAIT_MS);
                    one.failed.clone_from(&why);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clawvault_core::domain::{AlertKind, Policy, ProfileName};

    use super::*;

    fn event(which: &str, severity: Severity) -> AlertEvent {
        AlertEvent::new(AlertKind::Limit, severity, 0, "openai/main", which, "half is spent")
    }

    fn policy(text: &str) -> Policy {
        Policy::parse(&format!("[alerts.a]\nkind = \"desktop\"\n{text}")).unwrap()
    }

    fn raise(queue: &mut Queue, policy: &Policy, event: &AlertEvent, now: i64) -> bool {
        queue.raise(event, policy.alerts.iter().map(|(n, r)| (n.as_str(), r)), now)
    }

    fn due(queue: &mut Queue, policy: &Policy, now: i64, minute: u16) -> Vec<Batch> {
        let find = |name: &str| policy.alerts.get(&ProfileName::parse(name).unwrap());
        queue.due(&find, now, minute)
    }

    #[test]
    fn an_event_is_told_once_and_a_second_try_says_the_same() {
        let (mut queue, policy) = (Queue::default(), policy(""));
        assert!(raise(&mut queue, &policy, &event("a", Severity::Info), 0));
        assert!(!raise(&mut queue, &policy, &event("a", Severity::Info), 5));
        let first = due(&mut queue, &policy, 0, 0);
        raise(&mut queue, &policy, &event("b", Severity::Info), 1);
        queue.settle(&first[0], Err("HTTP 503".to_owned()), 0);
        assert!(due(&mut queue, &policy, FIRST_WAIT_MS - 1, 0).is_empty());
        // A queue that was written and read again, as after a crash.
        let mut queue =
            Queue::from_bytes(&queue.to_bytes()).map(|q| Queue { form: 0, ..q }).unwrap();
        assert_eq!(due(&mut queue, &policy, FIRST_WAIT_MS, 0), first);
        queue.settle(&first[0], Ok(()), FIRST_WAIT_MS);
        let second = due(&mut queue, &policy, FIRST_WAIT_MS, 0);
        assert_eq!(second[0].events[0].id, event("b", Severity::Info).id);
        queue.settle(&second[0], Ok(()), FIRST_WAIT_MS);
        assert!(queue.waiting().is_empty());
    }

    #[test]
    fn quiet_hours_grouping_and_the_hourly_rate() {
        let (mut queue, policy) =
            (Queue::default(), policy("quiet = \"22:00-07:00\"\ngroup = 30\nhourly = 2\n"));
        raise(&mut queue, &policy, &event("a", Severity::Warning), 0);
        raise(&mut queue, &policy, &event("b", Severity::Warning), 10_000);
        assert!(
            due(&mut queue, &policy, 29_999, 600).is_empty(),
            "what comes meanwhile goes along"
        );
        assert!(due(&mut queue, &policy, 30_000, 23 * 60).is_empty(), "it is night");
        raise(&mut queue, &policy, &event("c", Severity::Critical), 0);
        let loud = due(&mut queue, &policy, 30_000, 23 * 60);
        assert_eq!(loud[0].events.len(), 1);
        queue.settle(&loud[0], Ok(()), 30_000);
        let both = due(&mut queue, &policy, 30_000, 600);
        assert_eq!(both[0].events.len(), 2);
        queue.settle(&both[0], Ok(()), 30_000);
        raise(&mut queue, &policy, &event("d", Severity::Critical), 30_000);
        assert!(due(&mut queue, &policy, 90_000, 600).is_empty(), "two were sent in this hour");
        assert_eq!(due(&mut queue, &policy, 30_000 + HOUR_MS, 600).len(), 1);
    }

    #[test]
    fn too_many_waiting_lose_the_least() {
        let (mut queue, policy) = (Queue::default(), policy(""));
        raise(&mut queue, &policy, &event("first", Severity::Critical), 0);
        for at in 0..MAX_WAITING {
            raise(&mut queue, &policy, &event(&at.to_string(), Severity::Info), 0);
        }
        assert_eq!((queue.waiting().len(), queue.lost), (MAX_WAITING, 1));
        assert_eq!(queue.waiting()[0].event.severity, Severity::Critical);
    }
}
