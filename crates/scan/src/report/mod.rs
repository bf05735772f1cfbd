//! Findings, written down: one file for each form, each onto whatever takes bytes.
//!
//! No form holds a value, but for text where it was asked for; whatever comes from the scanned
//! files is escaped as the form asks, and never steers a terminal.

mod document;
mod mask;
mod text;

use std::io::{self, Write};

use crate::finding::Finding;
use crate::source::Summary;

pub use text::Style;

/// Forms that data is written in.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Format {
    /// For people: the line, a caret below the secret.
    Text,
    /// One JSON document.
    Json,
    /// A JSON document for each finding, a line each.
    Jsonl,
}

/// What is written.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    /// Findings, as [`sort`] puts them.
    pub findings: &'a [Finding],
    /// What was read.
    pub summary: &'a Summary,
}

/// Puts findings in the order that every form keeps: path, line, column, rule.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|one, other| key(one).cmp(&key(other)));
}

fn key(finding: &Finding) -> (&[u8], usize, usize, &str) {
    let place = &finding.place;
    (&place.path, place.line, place.column, &finding.rule)
}

/// Writes a report; `style` is for text alone.
pub fn write(
    out: &mut dyn Write,
    format: Format,
    report: Report<'_>,
    style: Style,
) -> io::Result<()> {
    match format {
        Format::Text => text::write(out, report, style),
        Format::Json => document::write(out, report),
        Format::Jsonl => document::write_lines(out, report),
    }
}
