//! A message: its events in words and as JSON.

use clawvault_core::domain::{AlertEvent, Severity, hex, moment};
use serde::Serialize;

use super::queue::Batch;

/// Longest text of a message, in characters: the least that a receiver takes (Discord: 2000).
const MAX_TEXT: usize = 1800;

/// What one receiver is told at once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// Names it: the same at every try.
    pub id: String,
    /// The highest severity of its events.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// One line for each event.
    pub text: String,
    /// All of it as one JSON document.
    pub json: String,
}

#[derive(Serialize)]
struct Document<'a> {
    id: &'a str,
    severity: Severity,
    title: &'a str,
    events: Vec<Event<'a>>,
}

#[derive(Serialize)]
struct Event<'a> {
    id: &'a str,
    kind: &'a str,
    severity: Severity,
    time: String,
    subject: &'a str,
    text: &'a str,
}

impl Message {
    /// The message of a batch.
    pub fn of(batch: &Batch) -> Self {
        let events = &batch.events;
        let severity = events.iter().map(|event| event.severity).max().unwrap_or_default();
        let id = id_of(events);
        let title = match events.as_slice() {
            [one] => format!("clawvault: {}", headline(one)),
            all => format!("clawvault: {} events, {}", all.len(), severity.as_str()),
        };
        let mut text = String::new();
        for (at, event) in events.iter().enumerate() {
            let line = format!("[{}] {}\n", event.severity.as_str(), event.text);
            if text.chars().count() + line.chars().count() > MAX_TEXT {
                text.push_str(&format!("and {} more\n", events.len() - at));
                break;
            }
            text.push_str(&line);
        }
        let document = Document {
            id: &id,
            severity,
            title: &title,
            events: events.iter().map(shown).collect(),
        };
        let json = serde_json::to_string(&document).unwrap_or_default();
        Self { severity, text: text.trim_end().to_owned(), json, id, title }
    }
}

fn shown(event: &AlertEvent) -> Event<'_> {
    Event {
        id: &event.id,
        kind: event.kind.as_str(),
        severity: event.severity,
        time: moment(event.time_ms),
        subject: &event.subject,
        text: &event.text,
    }
}

fn headline(event: &AlertEvent) -> String {
    match event.subject.as_str() {
        "" => event.kind.as_str().to_owned(),
        subject => format!("{} {subject}", event.kind.as_str()),
    }
}

/// One event keeps its id; several have one of their own.
fn id_of(events: &[AlertEvent]) -> String {
    if let [one] = events {
        return one.id.clone();
    }
    let ids: Vec<&[u8]> = events.iter().map(|event| event.id.as_bytes()).collect();
    hex(&clawvault_core::crypto::digest(&ids).0[..16])
}
