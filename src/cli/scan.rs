//! `clawvault scan`

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clawvault_scan::report::{self, Format, Report, Style};
use clawvault_scan::source::Silent;
use clawvault_scan::source::tree::TreeOptions;

use super::output;
use super::surroundings::Context;
use crate::app::{AppError, Code, ScanSource, scan};

/// Find leaked secrets: in files, in what is staged, in all history
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault scan                                    the tree below here")]
pub(super) struct Args {
    /// Files and directories [default: here]
    paths: Vec<PathBuf>,
    /// Scan what comes in on stdin
    #[arg(long, conflicts_with = "paths")]
    stdin: bool,
    /// Also scan what ignore files leave out
    #[arg(long)]
    no_ignore: bool,
    /// Form of the report
    #[arg(long, value_enum, default_value = "text")]
    format: FormatName,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum FormatName {
    Text,
    Json,
    Jsonl,
}

pub(super) fn run(args: Args, _context: &Context) -> Result<ExitCode, AppError> {
    let source = if args.stdin {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map_err(|error| {
            let what = format!("stdin could not be read: {}", error.kind());
            AppError::new(Code::Failed, what, "Give it something to read.")
        })?;
        ScanSource::Text(bytes)
    } else {
        let paths = if args.paths.is_empty() { vec![PathBuf::from(".")] } else { args.paths };
        ScanSource::Tree(paths, TreeOptions { no_ignore: args.no_ignore })
    };
    let outcome = scan(&source, &Silent)?;
    let format = match args.format {
        FormatName::Text => Format::Text,
        FormatName::Json => Format::Json,
        FormatName::Jsonl => Format::Jsonl,
    };
    let report = Report { findings: &outcome.findings, summary: &outcome.summary };
    let style = Style { reveal: false, colour: output::is_terminal() };
    report::write(&mut Stdout, format, report, style).ok();
    output::talk(&format!("{} texts, {} bytes", outcome.summary.texts, outcome.summary.bytes));
    Ok(ExitCode::from(if outcome.findings.is_empty() { 0 } else { Code::No as u8 }))
}

struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        output::data(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
