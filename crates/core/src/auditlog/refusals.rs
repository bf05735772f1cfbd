//! Refusals and failures are counted by who asked and what for: the first of a kind is an entry, and
//! one more says how many followed within a minute. So a loop of refusals cannot fill the log.
//!
//! The counts lie in clear beside the log, without a name of a secret, because a locked vault counts
//! too. Whoever can write that file can also keep this program from being asked at all.

use std::fs::File;
use std::os::unix::fs::FileExt;

use serde::{Deserialize, Serialize};

use crate::domain::limits::MAX_REFUSAL_KINDS;
use crate::domain::{Actor, Outcome};
use crate::platform::{Dir, PlatformError};

use super::Entry;

const FILE: &str = "refusals";
const MINUTE_MS: i64 = 60_000;
/// Largest file of counts that is read, in bytes.
const MAX_FILE: usize = 1024 * 1024;
/// Longest path of an executable that is kept with a count; a longer one is counted with others.
const MAX_PATH: usize = 1024;

/// One kind of refusal: who asked, and what for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Kind {
    /// When the first of them was.
    since_ms: i64,
    event: String,
    outcome: Outcome,
    actor: Actor,
    /// Digest of the secrets and the agent that were named; keyed by the vault where it is open.
    what: [u8; 16],
    more: u32,
}

/// The counts, held against other processes until they are dropped.
#[derive(Debug)]
pub struct Refusals {
    file: File,
    kinds: Vec<Kind>,
}

impl Refusals {
    /// Opens the counts; `None` where another process holds them, or there can be none.
    pub fn open(dir: &Dir) -> Option<Self> {
        let (file, size) = dir.create_file(FILE).ok()?;
        file.try_lock().ok()?;
        let mut bytes = vec![0; size.min(MAX_FILE)];
        file.read_exact_at(&mut bytes, 0).ok()?;
        Some(Self { file, kinds: parse(&bytes) })
    }

    /// Opens the counts only where there are some that are due.
    pub fn open_due(dir: &Dir) -> Option<Self> {
        if dir.has(FILE) { Self::open(dir) } else { None }
    }

    /// True where this refusal is to be an entry; else it is counted. `what` stands for the names
    /// that it is about.
    pub fn admits(&mut self, entry: &Entry, what: [u8; 16]) -> bool {
        let (event, outcome, actor) = (entry.event.clone(), entry.outcome, entry.actor.clone());
        let own = Kind { since_ms: entry.time_ms, event, outcome, actor, what, more: 0 };
        if self.counts(&own) {
            return false;
        }
        let fits = self.kinds.len() < MAX_REFUSAL_KINDS
            && own.actor.parent_executable.len() + own.actor.executable.len() <= MAX_PATH;
        if fits {
            self.kinds.push(own);
            return true;
        }
        let actor = Actor { uid: own.actor.uid, ..Actor::default() };
        let others = Kind { actor, what: [0; 16], ..own };
        let known = self.counts(&others);
        if !known {
            self.kinds.push(others);
        }
        !known
    }

    /// Counts one more of a kind that is known.
    fn counts(&mut self, kind: &Kind) -> bool {
        let known = self.kinds.iter_mut().find(|known| same(known, kind));
        let is_known = known.is_some();
        if let Some(known) = known {
            known.more = known.more.saturating_add(1);
        }
        is_known
    }

    /// Takes out every count whose minute is over, as entries.
    pub fn take_due(&mut self, now_ms: i64) -> Vec<Entry> {
        let is_due = |kind: &Kind| !(0..MINUTE_MS).contains(&now_ms.saturating_sub(kind.since_ms));
        let (due, kept): (Vec<Kind>, _) =
            std::mem::take(&mut self.kinds).into_iter().partition(is_due);
        self.kinds = kept;
        let counted = due.into_iter().filter(|kind| kind.more > 0);
        counted
            .map(|kind| {
                let entry = Entry::of_word(now_ms, kind.event, kind.outcome, kind.actor);
                Entry { more: kind.more, ..entry }
            })
            .collect()
    }

    /// Writes the counts back. They are not synced: a power cut costs a minute's count.
    pub fn save(self, dir: &Dir) -> Result<(), PlatformError> {
        let bytes = postcard::to_stdvec(&self.kinds).unwrap_or_default();
        let written = self.file.write_all_at(&bytes, 0);
        written
            .and_then(|()| self.file.set_len(bytes.len() as u64))
            .map_err(|e| PlatformError::io("write", &dir.path().join(FILE), e))
    }
}

/// What is not whole counts for nothing.
fn parse(bytes: &[u8]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = postcard::from_bytes(bytes).unwrap_or_default();
    kinds.truncate(2 * MAX_REFUSAL_KINDS);
    kinds
}

/// Each command is a process of its own, so who asked is its parent.
fn same(one: &Kind, other: &Kind) -> bool {
    let who = |kind: &Kind| (kind.actor.uid, kind.actor.parent_pid);
    let asked = |kind: &Kind| (kind.outcome, kind.what);
    one.event == other.event
        && (who(one), asked(one)) == (who(other), asked(other))
        && one.actor.parent_executable == other.actor.parent_executable
}

/// Reads foreign bytes as counts; for the fuzzer, which has no other way to them.
pub fn read_counts(bytes: &[u8]) -> usize {
    parse(bytes).len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Event;

    fn refusal(second: i64, parent_pid: u32) -> Entry {
        let actor = Actor { uid: 1, parent_pid, parent: "sh".into(), ..Actor::default() };
        Entry::new(second * 1000, Event::Get, Outcome::Failed, actor)
    }

    #[test]
    fn the_first_is_an_entry_and_the_others_are_counted_across_processes() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::create(&temporary.path().join("log")).unwrap();
        for (second, admitted) in [(0, true), (1, false), (59, false)] {
            let mut counts = Refusals::open(&dir).unwrap();
            assert!(counts.take_due(second * 1000).is_empty());
            assert_eq!(counts.admits(&refusal(second, 7), [1; 16]), admitted);
            assert!(Refusals::open(&dir).is_none(), "it is held");
            counts.save(&dir).unwrap();
        }
        let mut counts = Refusals::open(&dir).unwrap();
        let due = counts.take_due(60_000);
        assert_eq!((due.len(), due[0].more, due[0].event.as_str()), (1, 2, "get"));
        assert!(counts.admits(&refusal(60, 7), [1; 16]));
        assert!(counts.take_due(60_000).is_empty());
        assert!(counts.admits(&refusal(60, 7), [2; 16]), "another secret");
        // A clock that was set back ends a minute, too.
        assert!(!counts.admits(&refusal(60, 7), [2; 16]));
        assert_eq!(counts.take_due(0).len(), 1);
    }

    #[test]
    fn ever_new_kinds_are_counted_together() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::create(&temporary.path().join("log")).unwrap();
        let mut counts = Refusals::open(&dir).unwrap();
        let entries = (1..=10_000).filter(|pid| counts.admits(&refusal(0, *pid), [1; 16])).count();
        assert_eq!(entries, MAX_REFUSAL_KINDS + 1);
        let more: u32 = counts.take_due(60_000).iter().map(|entry| entry.more).sum();
        assert_eq!(entries + more as usize, 10_000);
    }
}
