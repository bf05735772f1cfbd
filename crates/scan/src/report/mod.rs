//! Findings, written down: one file for each form, each onto whatever takes bytes.
//!
//! No form holds a value, but for text where it was asked for; whatever comes from the scanned
//! files is escaped as the form asks, and never steers a terminal.

mod csv;
mod fields;
mod html;
mod json;
mod junit;
mod masks;
mod sarif;
mod text;

use std::io::{self, Write};

use crate::finding::{Finding, fingerprint};
use crate::source::Summary;

pub use fields::{confidence, severity};
pub use html::page_head;
pub use junit::escaped;
pub use masks::printable;
pub use sarif::SCHEMA as SARIF_SCHEMA;
pub use text::Style;

/// Forms that a report is written in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// For people: the line, a caret below the secret.
    Text,
    /// One JSON document.
    Json,
    /// A JSON document for each finding, a line each.
    Jsonl,
    /// SARIF 2.1.0 (OASIS), for code scanning.
    Sarif,
    /// JUnit's XML, for test reports.
    Junit,
    /// Comma-separated values (RFC 4180).
    Csv,
    /// A page that needs nothing else.
    Html,
}

/// What is written.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    /// Findings, as [`order`] puts them.
    pub findings: &'a [Finding],
    /// What was read.
    pub summary: &'a Summary,
    /// How it was scanned.
    pub about: &'a About,
}

/// How a scan went, besides what was read.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// What was scanned: `tree`, `staged`, `history`, `stdin`, or several of them.
    pub source: String,
    /// Version of the program.
    pub version: &'static str,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Whether values of the vault were looked for, in words.
    pub vault: String,
    /// What findings are not told, and why: `a comment on the line`, a file's name.
    pub ignored: Vec<(String, u64)>,
    /// How many findings the options of the scan left out.
    pub left_out: u64,
}

/// Puts findings in the order that every form keeps, by path, line, column and rule, and gives
/// them their fingerprints.
pub fn order(findings: &mut [Finding]) {
    findings.sort_by(|one, other| key(one).cmp(&key(other)));
    fingerprint::mark(findings);
}

fn key(finding: &Finding) -> (&[u8], usize, usize, &str, Option<&str>) {
    let place = &finding.place;
    let blob = finding.history.as_ref().map(|history| history.blob.as_str());
    (&place.path, place.line, place.column, &finding.rule, blob)
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
        Format::Json => json::write(out, report),
        Format::Jsonl => json::write_lines(out, report),
        Format::Sarif => sarif::write(out, report),
        Format::Junit => junit::write(out, report),
        Format::Csv => csv::write(out, report),
        Format::Html => html::write(out, report),
    }
}
