//! Where reports go: one to stdout, others into files.

use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;
use clawvault_scan::report::{self, Format, Report, Style};

use super::super::surroundings;
use super::output;
use crate::app::{self, AppError, Scanned};

/// Names of the forms.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum FormatName {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// JSON Lines, one for each finding
    Jsonl,
    /// SARIF 2.1.0
    Sarif,
    /// JUnit's XML
    Junit,
    /// Comma-separated values
    Csv,
    /// A page
    Html,
}

/// A file that a report goes to.
#[derive(Clone, Debug)]
pub(super) struct Target {
    format: FormatName,
    file: PathBuf,
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (format, file) = text.split_once(':').ok_or("`:` is missing")?;
        let format = FormatName::from_str(format, false).map_err(|_| "no such form")?;
        if file.is_empty() {
            return Err("the file is missing");
        }
        Ok(Self { format, file: file.into() })
    }
}

/// Writes the report to stdout, and those that go into files, each whole or not at all.
pub(super) fn write(
    scanned: &Scanned,
    format: FormatName,
    targets: &[Target],
    reveal: bool,
) -> Result<(), AppError> {
    let Scanned { findings, summary, about, .. } = scanned;
    let report = Report { findings, summary, about };
    for target in targets {
        let mut bytes = Vec::new();
        // Memory takes all of it.
        report::write(&mut bytes, form(target.format), report, Style::default()).ok();
        app::write_report(&target.file, &bytes)?;
    }
    let colour = output::is_terminal() && surroundings::path("NO_COLOR").is_none();
    let mut out = io::BufWriter::with_capacity(1 << 16, Stdout);
    // What stdout does not take, `output` says in the end.
    report::write(&mut out, form(format), report, Style { reveal, colour })
        .and_then(|()| out.flush())
        .ok();
    Ok(())
}

fn form(name: FormatName) -> Format {
    match name {
        FormatName::Text => Format::Text,
        FormatName::Json => Format::Json,
        FormatName::Jsonl => Format::Jsonl,
        FormatName::Sarif => Format::Sarif,
        FormatName::Junit => Format::Junit,
        FormatName::Csv => Format::Csv,
        FormatName::Html => Format::Html,
    }
}

struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if output::data(bytes) { Ok(bytes.len()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
