//! `clawvault audit`

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use super::output;
use super::surroundings::{self, Context};
use crate::app::{AppError, AuditAsk, Code, OpenClawProgram, audit};
use crate::hardening::{Audited, Severity, report};

/// Check this host, and OpenClaw on it, against the hardening checklist; needs no vault
///
/// Exit codes: 0 nothing at or above --fail-on fails, 1 something does, 2 usage, 4 no such root.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sudo clawvault audit                          this host; without root, less can be seen
  clawvault audit --root /mnt                   a mounted disk or image
  clawvault audit --only server.ssh --all       one subject, also what is good
  clawvault audit --fail-on medium --json")]
pub(super) struct Args {
    /// Audit the system that is mounted here, instead of this host
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Only these checks: ids, or how they begin
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    only: Vec<String>,
    /// Fail at findings that are at least so bad
    #[arg(long, value_enum, default_value = "high", value_name = "SEVERITY")]
    fail_on: Bad,
    /// Form of the report
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    format: Form,
    /// As one JSON document: --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// In text, also what is good and what could not be looked at
    #[arg(long)]
    all: bool,
    /// Do not run OpenClaw's own audit, which takes half a minute
    #[arg(long)]
    no_openclaw: bool,
    /// Make no connections to the listeners of this host
    #[arg(long)]
    no_probes: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Bad {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Form {
    Text,
    Json,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let live = args.root.is_none();
    let ask = AuditAsk {
        root: args.root.clone(),
        only: args.only.clone(),
        probes: !args.no_probes,
        vault: if live { Some(context.silent_app()?) } else { None },
        own_openclaw: super::import::openclaw_home().map(|(home, _)| home).filter(|_| live),
        openclaw: if live && !args.no_openclaw { openclaw() } else { None },
    };
    let audited = audit(ask)?;
    match if args.json { Form::Json } else { args.format } {
        Form::Text => {
            output::data(report::text(&audited, args.all).as_bytes());
        }
        Form::Json => output::json(&report::document(&audited)),
    }
    verdict(&audited, severity(args.fail_on))
}

/// OpenClaw as this user starts it.
fn openclaw() -> Option<OpenClawProgram> {
    let environment: BTreeMap<_, _> = surroundings::environment().into_iter().collect();
    let directories = environment.get(OsStr::new("PATH"))?;
    let path = std::env::split_paths(directories).map(|place| place.join("openclaw"));
    let path = path.into_iter().find(|path| path.is_absolute() && path.is_file())?;
    Some(OpenClawProgram { path, environment })
}

fn verdict(audited: &Audited, least: Severity) -> Result<ExitCode, AppError> {
    if audited.fails_at(least) {
        return Ok(ExitCode::from(Code::No as u8));
    }
    Ok(ExitCode::SUCCESS)
}

fn severity(bad: Bad) -> Severity {
    match bad {
        Bad::Info => Severity::Info,
        Bad::Low => Severity::Low,
        Bad::Medium => Severity::Medium,
        Bad::High => Severity::High,
        Bad::Critical => Severity::Critical,
    }
}
