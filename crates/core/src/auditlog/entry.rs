//! One entry: time, event, outcome, who, and what it touched.

use serde::{Deserialize, Serialize};

use crate::crypto::Digest;
use crate::domain::{Actor, Event, Outcome, Program};

/// A version of a secret that an event touched.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Item {
    /// Profile of the secret.
    pub profile: String,
    /// Name of the secret.
    pub secret: String,
    /// Its version; 0 where there is none.
    pub version: u32,
}

/// One entry of the log; several secrets of one event share it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Milliseconds since 1970.
    pub time_ms: i64,
    /// The word of an [`Event`].
    pub event: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Who asked.
    pub actor: Actor,
    /// The run that it happened for, where there was one.
    pub run: Option<String>,
    /// The agent whose grant was used, where one was.
    pub agent: Option<String>,
    /// The program that was launched, or was to be.
    pub program: Option<Program>,
    /// What it touched.
    pub items: Vec<Item>,
    /// What else a reader should know; never anything of a value.
    pub note: String,
    /// How many more of the same kind this entry stands for; 0 where it stands for itself.
    pub more: u32,
    /// True where the log could not be written then: the entry came into it later, from a file
    /// that is not chained.
    pub late: bool,
    /// For a new segment: no entry before it is later than this.
    pub until_ms: Option<i64>,
    /// For a retention: what it removes.
    pub removed: Option<Removed>,
}

/// Entries that retention removed from the start of the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Removed {
    /// Number of the first.
    pub first: u64,
    /// Number of the last.
    pub last: u64,
    /// The chain's hash after the last.
    pub head: Digest,
}

impl Entry {
    /// Starts an entry that touches nothing yet.
    pub fn new(time_ms: i64, event: Event, outcome: Outcome, actor: Actor) -> Self {
        Self::of_word(time_ms, event.as_str().to_owned(), outcome, actor)
    }

    /// As [`Entry::new`], for an event that may be of another version of this program.
    pub(super) fn of_word(time_ms: i64, event: String, outcome: Outcome, actor: Actor) -> Self {
        Self {
            time_ms,
            event,
            outcome,
            actor,
            run: None,
            agent: None,
            program: None,
            items: Vec::new(),
            note: String::new(),
            more: 0,
            late: false,
            until_ms: None,
            removed: None,
        }
    }
}
