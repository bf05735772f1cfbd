//! What the line-based readers yield: assignments, where they lie, what was passed over.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use clawvault_core::domain::limits::MAX_IMPORT;
use clawvault_core::domain::{Found, Label, Value, ValueError};

use super::{Intake, Kind};

/// One assignment `NAME=value`.
#[derive(Debug)]
pub struct Entry {
    /// The name, of the form of an environment variable.
    pub variable: String,
    /// Line it begins on, counted from 1.
    pub line: u32,
    /// The bytes of the document to take out if the assignment is to disappear.
    pub span: Range<usize>,
    /// The value; none where it is empty.
    pub value: Option<Value>,
    /// A later assignment of the same name in this document takes its place.
    pub overridden: bool,
}

/// All assignments of a document, in its order.
#[derive(Debug, Default)]
pub struct Document {
    /// The assignments, overridden and empty ones too: they matter when a file is scrubbed.
    pub entries: Vec<Entry>,
    /// What is worth saying about them.
    pub notes: Vec<Note>,
}

impl Document {
    /// The values that count: neither empty nor overridden.
    pub fn into_intake(self, source: &str) -> Intake {
        let counts = |entry: Entry| match (entry.overridden, entry.value) {
            (false, Some(value)) => Some(Found {
                source: source.to_owned(),
                line: Some(entry.line),
                label: Label::Variable(entry.variable),
                value,
            }),
            _ => None,
        };
        Intake { found: self.entries.into_iter().filter_map(counts).collect(), notes: self.notes }
    }
}

/// Something a reader passed over. It names no name: a stray line may be a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Note {
    /// Line of the document, counted from 1, where there are lines.
    pub line: Option<u32>,
    /// What was passed over.
    pub kind: NoteKind,
}

/// What a reader passed over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NoteKind {
    /// A name without a value.
    Empty,
    /// An assignment that the one on this later line replaces.
    Overridden(u32),
    /// A line that assigns nothing.
    NoAssignment,
    /// An assignment to something that is not the name of a variable.
    VariableName,
    /// A value that no secret can have: too large, or with a NUL character.
    Unfit,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        match self.kind {
            NoteKind::Empty => f.write_str("a name without a value"),
            NoteKind::Overridden(by) => write!(f, "assigned again on line {by}, which counts"),
            NoteKind::NoAssignment => f.write_str("assigns nothing"),
            NoteKind::VariableName => f.write_str("not the name of an environment variable"),
            NoteKind::Unfit => f.write_str("a value that is too large or holds a NUL character"),
        }
    }
}

/// Gathers assignments and notices names assigned twice.
#[derive(Default)]
pub(super) struct Gatherer {
    document: Document,
    last: HashMap<String, usize>,
    since_reset: usize,
}

impl Gatherer {
    pub(super) fn note(&mut self, line: u32, kind: NoteKind) {
        self.document.notes.push(Note { line: Some(line), kind });
    }

    /// Takes one assignment; the kind of error is for the caller to place.
    pub(super) fn add(
        &mut self,
        variable: &str,
        line: u32,
        span: Range<usize>,
        bytes: Vec<u8>,
    ) -> Result<(), Kind> {
        let value = match Value::new(bytes) {
            Ok(value) => Some(value),
            Err(ValueError::Empty) => None,
            Err(ValueError::Nul) => return Err(Kind::Nul),
            Err(_) => return Err(Kind::ValueTooLarge),
        };
        let entries = &mut self.document.entries;
        if entries.len() == MAX_IMPORT {
            return Err(Kind::TooMany);
        }
        let earlier = self.last.insert(variable.to_owned(), entries.len());
        if let Some(earlier) = earlier.and_then(|index| entries.get_mut(index)) {
            earlier.overridden = true;
            let kind = NoteKind::Overridden(line);
            self.document.notes.push(Note { line: Some(earlier.line), kind });
        }
        if value.is_none() {
            self.document.notes.push(Note { line: Some(line), kind: NoteKind::Empty });
        }
        let variable = variable.to_owned();
        entries.push(Entry { variable, line, span, value, overridden: false });
        Ok(())
    }

    /// Everything gathered so far no longer counts.
    pub(super) fn reset(&mut self, line: u32) {
        let Document { entries, notes } = &mut self.document;
        for entry in entries.iter_mut().skip(self.since_reset).filter(|entry| !entry.overridden) {
            entry.overridden = true;
            notes.push(Note { line: Some(entry.line), kind: NoteKind::Overridden(line) });
        }
        self.since_reset = entries.len();
        self.last.clear();
    }

    pub(super) fn finish(self) -> Document {
        self.document
    }
}
