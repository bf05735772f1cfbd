//! What a reader of foreign documents found: a value, and where it lies.

use super::Value;

/// How the place where a value lies names it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Label {
    /// A place inside a document, keys joined by dots: `models.providers.openai.apiKey`.
    Path(String),
    /// An environment variable or a line `NAME=value`; not yet checked as a variable.
    Variable(String),
}

impl Label {
    /// The label as text, whichever kind it is.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Path(text) | Self::Variable(text) => text,
        }
    }
}

/// One value that an import found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The file it lies in as a path a person can open, or `the environment`.
    pub source: String,
    /// Line of the source, counted from 1, where there are lines.
    pub line: Option<u32>,
    /// What the source calls it.
    pub label: Label,
    /// The value itself.
    pub value: Value,
}
