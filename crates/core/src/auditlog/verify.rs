//! Checks the chain from its first entry to its last, and against the anchored point.

use crate::crypto::{Digest, LogKeys};
use crate::domain::Event;
use crate::platform::Dir;

use super::read::{Step, read_all};
use super::{LogError, LogPoint, Read};

/// What a check of the log found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// Number of the last entry that is in order.
    pub entries: u64,
    /// Entries that retention removed from the start.
    pub removed: u64,
    /// Entries written while the vault was locked, or late: anyone of this user could have written
    /// them.
    pub unproven: u64,
    /// Hash of the chain's end: kept elsewhere, it proves that nothing before it changed.
    pub head: Digest,
    /// The first thing that is wrong, with the number of its entry.
    pub broken: Option<(u64, &'static str)>,
}

/// What a check covers.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// (Number of entries, hash) pairs that must be part of the chain: the anchored one, and a head
    /// that was kept elsewhere.
    pub points: Vec<(u64, Digest)>,
    /// Passes over whole segments that end before; the chain is then checked from there on only.
    pub since_ms: Option<i64>,
}

/// Checks the log; `each` sees every entry that is read, in order, and says whether to go on.
///
/// `keys` are those of every epoch of the vault, the current one's first.
pub fn verify(
    dir: &Dir,
    keys: &[LogKeys],
    scope: &Scope,
    each: &mut dyn FnMut(&Read) -> bool,
) -> Result<Verdict, LogError> {
    let mut check = Check::new(scope);
    let mut whole = true;
    read_all(dir, keys, scope.since_ms, &mut |_, step| {
        match step {
            Step::Head(head) => check.head(head),
            Step::Rubbish => check.wrong(RUBBISH),
            // A broken chain is still read to its end, for the one who wants to see what is there.
            Step::Entry(read, hash) => {
                whole = each(read);
                check.entry(read, hash);
            }
        }
        whole
    })?;
    Ok(if whole { check.finish() } else { check.verdict })
}

/// The state of a check.
struct Check {
    verdict: Verdict,
    /// Points that were not met yet.
    missing: Vec<(u64, Digest)>,
    /// Entries are missing before a segment: sound only if the operator accepted that right there.
    gap: Option<(u64, &'static str)>,
    /// Where a log begins that does not begin with its first entry: sound only if the policy's
    /// retention removed exactly what is missing.
    start: Option<(u64, Digest)>,
    begun: bool,
    partial: bool,
}

const RUBBISH: &str = "bytes that are no entry";
const MISSING: &str = "entries before this segment are missing or altered";
const HEAD: &str = "a segment's head is altered";
const ORDER: &str = "an entry is missing or out of order";
const ALTERED: &str = "an entry is altered";
const RETAINED: &str = "the kept head is of entries that retention removed";
const CUT: &str = "the log was cut or rewritten since";

/// Everything that can be wrong with a log, in words.
pub const FAULTS: [&str; 7] = [RUBBISH, MISSING, HEAD, ORDER, ALTERED, RETAINED, CUT];

impl Check {
    fn new(scope: &Scope) -> Self {
        let head = LogPoint::START.head;
        let verdict = Verdict { entries: 0, removed: 0, unproven: 0, head, broken: None };
        let missing = scope.points.iter().copied().filter(|(count, _)| *count > 0).collect();
        let partial = scope.since_ms.is_some();
        Self { verdict, missing, gap: None, start: None, begun: false, partial }
    }

    fn next(&self) -> u64 {
        self.verdict.entries.saturating_add(1)
    }

    fn wrong(&mut self, what: &'static str) {
        self.verdict.broken = self.verdict.broken.or(Some((self.next(), what)));
    }

    fn head(&mut self, head: Option<(u64, Digest)>) {
        let Some((first, before)) = head else { return self.wrong(HEAD) };
        let next = self.next();
        let is_first = !std::mem::replace(&mut self.begun, true);
        if (first, before) == (next, self.verdict.head) {
            return;
        }
        if is_first && first > next {
            self.start = Some((first - 1, before)).filter(|_| !self.partial);
            self.verdict.removed = first - 1;
        } else {
            self.gap = self.gap.or(Some((next, MISSING)));
        }
        // A gap leads forward: a segment that goes back is met by its first entry.
        if first >= next {
            (self.verdict.entries, self.verdict.head) = (first - 1, before);
        }
    }

    fn entry(&mut self, read: &Read, hash: Digest) {
        let next = self.next();
        if read.number != next {
            return self.wrong(ORDER);
        }
        let Some(entry) = &read.entry else { return self.wrong(ALTERED) };
        // The operator, as the holder of the keys, accepted older files.
        if read.proven && entry.event == Event::AcceptRollback.as_str() {
            self.gap = None;
            self.start = self.start.filter(|(count, _)| *count != self.verdict.entries);
        }
        if read.proven
            && let Some(removed) = entry.removed
        {
            self.start = self.start.filter(|start| *start != (removed.last, removed.head));
        }
        self.verdict.broken = self.verdict.broken.or(self.gap.take());
        self.verdict.entries = next;
        self.verdict.unproven += u64::from(!read.proven);
        self.verdict.head = hash;
        self.missing.retain(|point| *point != (next, hash));
    }

    fn finish(mut self) -> Verdict {
        self.verdict.broken = self.verdict.broken.or(self.gap);
        if self.start.is_some() {
            self.verdict.broken = Some((1, MISSING));
        }
        if let Some((count, _)) = self.missing.first() {
            let known = self.verdict.entries.min(*count).saturating_add(1);
            let cut = if *count <= self.verdict.removed { (known, RETAINED) } else { (known, CUT) };
            self.verdict.broken = self.verdict.broken.or(Some(cut));
        }
        self.verdict
    }
}

#[cfg(test)]
mod tests;
