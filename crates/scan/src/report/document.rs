//! JSON: one document, or one for each finding.

use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use super::mask::{masked, printable};
use crate::finding::Finding;

#[derive(Serialize)]
struct Document<'a> {
    findings: Vec<JsonFinding<'a>>,
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    rule: &'a str,
    file: String,
    line: usize,
    column: usize,
    secret: String,
}

fn of(finding: &Finding) -> JsonFinding<'_> {
    JsonFinding {
        rule: &finding.rule,
        file: printable(&finding.place.path),
        line: finding.place.line,
        column: finding.place.column,
        secret: masked(&finding.value),
    }
}

pub(super) fn write(out: &mut dyn Write, report: Report<'_>) -> io::Result<()> {
    let document = Document { findings: report.findings.iter().map(of).collect() };
    serde_json::to_writer(&mut *out, &document)?;
    writeln!(out)
}

pub(super) fn write_lines(out: &mut dyn Write, report: Report<'_>) -> io::Result<()> {
    for finding in report.findings {
        serde_json::to_writer(&mut *out, &of(finding))?;
        writeln!(out)?;
    }
    Ok(())
}
