//! One text that is in memory already.

use super::{Outcome, Summary};
use crate::engine::{Scanner, Text};
use crate::finding::Finding;

/// Scans `bytes` as the content of a file of that name.
pub fn scan(scanner: &Scanner<'_>, name: &[u8], bytes: &[u8]) -> Outcome {
    let text = Text { name, bytes };
    let findings = Finding::all(scanner.rules, text, scanner.scan(text));
    let summary = Summary { texts: 1, bytes: bytes.len() as u64, ..Summary::default() };
    Outcome { findings, summary }
}
