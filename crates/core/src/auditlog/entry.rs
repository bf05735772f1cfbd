//! One entry: time, event, outcome, who, and what it touched.

use serde::{Deserialize, Serialize};

use crate::domain::{Actor, Event, Outcome};

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
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
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
    /// What it touched.
    pub items: Vec<Item>,
    /// What else a reader should know; never anything of a value.
    pub note: String,
}

impl Entry {
    /// Starts an entry that touches nothing yet.
    pub fn new(time_ms: i64, event: Event, outcome: Outcome, actor: Actor) -> Self {
        let event = event.as_str().to_owned();
        let (items, note) = (Vec::new(), String::new());
        Self { time_ms, event, outcome, actor, run: None, agent: None, items, note }
    }
}
