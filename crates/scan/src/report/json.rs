//! JSON: one document, or a line for each finding.

use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use super::fields::{Scanned, Told};

#[derive(Serialize)]
struct Document<'a> {
    findings: Vec<Told<'a>>,
    summary: Scanned<'a>,
}

pub(super) fn write(out: &mut dyn Write, report: Report<'_>) -> io::Result<()> {
    let findings = report.findings.iter().map(Told::of).collect();
    let document = Document { findings, summary: Scanned::of(report) };
    serde_json::to_writer(&mut *out, &document)?;
    writeln!(out)
}

pub(super) fn write_lines(out: &mut dyn Write, report: Report<'_>) -> io::Result<()> {
    for finding in report.findings {
        serde_json::to_writer(&mut *out, &Told::of(finding))?;
        writeln!(out)?;
    }
    Ok(())
}
