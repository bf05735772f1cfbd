//! `clawvault doctor`

use std::process::ExitCode;

use serde::Serialize;

use super::output;
use super::surroundings::{self, Context};
use crate::app::{AppError, Check, Code, Diagnosis, Repair, Report};

/// Examine the vault and its surroundings; say what is wrong and what to do
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Repair what is safe: rights, damaged pieces that a snapshot still has
    #[arg(long, conflicts_with = "accept_rollback")]
    repair: bool,
    /// Accept files that are older than what this machine saw last
    #[arg(long)]
    accept_rollback: bool,
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct JsonCheck<'a> {
    subject: &'a str,
    diagnosis: &'a str,
    finding: &'a str,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let repair = match (args.repair, args.accept_rollback) {
        (_, true) => Repair::AcceptRollback,
        (true, false) => Repair::Safe,
        (false, false) => Repair::No,
    };
    let path = surroundings::path("PATH");
    let Report { checks, closed } =
        context.app()?.doctor(repair, path.as_ref().map(|p| p.as_os_str()));
    if args.json {
        let all: Vec<JsonCheck<'_>> = checks.iter().map(json).collect();
        output::json(&all);
    } else {
        let row = |check: &Check| {
            let word = word(check.diagnosis).to_owned();
            vec![word, check.subject.to_owned(), check.finding.clone()]
        };
        output::table(&checks.iter().map(row).collect::<Vec<_>>());
    }
    if let Some(code) = closed {
        return Ok(ExitCode::from(code as u8));
    }
    let bad = |check: &&Check| check.diagnosis == Diagnosis::Bad;
    let damaged = |check: &Check| ["store", "audit log"].contains(&check.subject);
    Ok(match checks.iter().filter(bad).any(damaged) {
        true => ExitCode::from(Code::Damaged as u8),
        false if checks.iter().any(|check| bad(&check)) => ExitCode::from(Code::No as u8),
        false => ExitCode::SUCCESS,
    })
}

fn word(diagnosis: Diagnosis) -> &'static str {
    match diagnosis {
        Diagnosis::Good => "good",
        Diagnosis::Warn => "warn",
        Diagnosis::Bad => "BAD",
    }
}

fn json(check: &Check) -> JsonCheck<'_> {
    let diagnosis = match check.diagnosis {
        Diagnosis::Good => "good",
        Diagnosis::Warn => "warn",
        Diagnosis::Bad => "bad",
    };
    JsonCheck { subject: check.subject, diagnosis, finding: &check.finding }
}
