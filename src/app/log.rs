//! The audit log as it is asked for: which entries, and where they go.

use std::time::Duration;

use clawvault_core::auditlog::{Digests, Entry, Item, Read, Sockets, Verdict};
use clawvault_core::crypto::Digest;
use clawvault_core::domain::{Mirror, Outcome, ProfileName, SecretName};

use super::session::Request;
use super::{Access, App, AppError, Code};

/// Which entries are wanted; all, where nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Not before this moment, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Those that touch this secret.
    pub secret: Option<SecretName>,
    /// Those of this agent.
    pub agent: Option<ProfileName>,
    /// Those of this event's word.
    pub event: Option<String>,
    /// Those that ended like this.
    pub outcome: Option<Outcome>,
    /// A head that was kept elsewhere and must be part of the chain.
    pub kept: Option<(u64, Digest)>,
}

/// An entry as it is handed on, with the digests of executables at hand.
type Each<'a> = &'a mut dyn FnMut(&Read, &Entry, &mut Digests) -> bool;

/// A log of the system that entries are sent to.
#[derive(Debug)]
pub struct Destination {
    /// Which one.
    pub mirror: Mirror,
    /// Where it listens.
    pub sockets: Sockets,
}

/// How long a log of the system may be busy before an export gives up.
const PATIENCE: Duration = Duration::from_secs(5);

impl Query {
    /// True for an entry that is wanted.
    pub(super) fn wants(&self, entry: &Entry) -> bool {
        self.since_ms.is_none_or(|since| entry.time_ms >= since)
            && self.agent.as_ref().is_none_or(|a| entry.agent.as_deref() == Some(a.as_str()))
            && self.event.as_ref().is_none_or(|event| entry.event == *event)
            && self.outcome.is_none_or(|outcome| entry.outcome == outcome)
            && (self.secret.is_none() || entry.items.iter().any(|item| self.touches(item)))
    }

    /// True for a secret that is wanted.
    pub fn touches(&self, item: &Item) -> bool {
        self.secret.as_ref().is_none_or(|secret| item.secret == secret.as_str())
    }
}

impl App {
    /// Puts the log in order, then shows every wanted entry to `each`, which says whether to go on.
    /// Digests of executables are at hand for it where they are wanted.
    pub fn log(
        &self,
        query: &Query,
        digests: bool,
        each: Each<'_>,
    ) -> Result<(Verdict, Vec<String>), AppError> {
        let mut session = self.session(Access::Read)?;
        let reply = session
            .ask_each(Request::Log(query.clone(), digests), &mut |read, known| {
                read.entry.as_ref().is_none_or(|entry| each(&read, entry, known))
            })?;
        let mut warnings = session.warnings();
        warnings.extend(reply.notes);
        let verdict = reply
            .verdict
            .ok_or_else(|| AppError::new(Code::Failed, "the log was not checked", "Try again."))?;
        Ok((verdict, warnings))
    }

    /// Sends every wanted entry to a log of the system. Gives the number that was sent.
    pub fn export_log(
        &self,
        query: &Query,
        to: &Destination,
    ) -> Result<(u64, Verdict, Vec<String>), AppError> {
        let (mut count, mut failure) = (0, None);
        let (verdict, warnings) = self.log(query, false, &mut |read, entry, _| {
            match to.sockets.deliver(to.mirror, read.number, entry, Some(PATIENCE)) {
                Ok(()) => count += 1,
                Err(error) => failure = Some((read.number, error)),
            }
            failure.is_none()
        })?;
        if let Some((number, error)) = failure {
            let what = format!("entry {number} could not be sent: {}", error.kind());
            let advice = "Check that the log of the system runs; entries before it were sent.";
            return Err(AppError::new(Code::Failed, what, advice));
        }
        Ok((count, verdict, warnings))
    }
}
