//! `clawvault audit`

mod fix;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};

use super::output;
use super::surroundings::{self, Context};
use crate::app::{AppError, AuditAsk, AuditDone, Code, OpenClawProgram, audit, audit_and_tell};
use crate::hardening::{Audited, Severity, report};

/// Check this host, and OpenClaw on it, against the hardening checklist; needs no vault
///
/// Exit codes: 0 nothing at or above --fail-on fails, 1 something does, 2 usage, 4 no such root.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  sudo clawvault audit                          this host; without root, less can be seen
  clawvault audit --root /mnt                   a mounted disk or image
  clawvault audit --only server.ssh --all       one subject, also what is good
  clawvault audit --fail-on medium --json
  clawvault audit --format html > audit.html
  sudo clawvault audit --fix                    mend what is safe; shows each change and asks
  sudo clawvault audit --undo                   take the last --fix back
  sudo clawvault audit baseline                 note how files are; `baseline --check` compares

The daemon audits by itself, where the policy says nothing: all on the first of each month, what
takes no time each day. What is worse than before is alerted.
  [audit]
  full = \"@monthly\"
  quick = \"@daily\"

A finding that is lived with stands in the policy, with a reason and a last day:
  [audit.suppress.\"server.ssh.port\"]
  reason = \"reached by VPN alone\"
  until = \"2027-03-31\""
)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
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
    /// Mend what is safe and can be undone: shows each change and asks; then audits again
    #[arg(long, conflicts_with = "root")]
    fix: bool,
    /// With --fix: do not ask; what could lock somebody out is left as it is
    #[arg(long, requires = "fix")]
    yes: bool,
    /// Compare with the last such audit, and raise alerts of what is worse; the daemon does it by itself
    #[arg(long, conflicts_with_all = ["root", "fix"])]
    notify: bool,
    /// Take back what the last --fix changed
    #[arg(long, conflicts_with_all = ["fix", "root", "only", "notify"])]
    undo: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    Baseline(Baseline),
}

/// Note how the files are that root and the agents obey, or compare them with that
#[derive(Debug, clap::Args)]
struct Baseline {
    /// Compare byte by byte, and change nothing; exit 1 where something is other than it was
    #[arg(long)]
    check: bool,
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
    Html,
    Sarif,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    if let Some(Action::Baseline(action)) = &args.action {
        return fix::baseline(action.check, ask(args, context), &state(context)?);
    }
    if args.undo {
        return fix::undo(&state(context)?, openclaw().as_ref());
    }
    if args.fix {
        let found = audit(ask(args, context))?;
        fix::fix(&found.audited, &state(context)?, openclaw().as_ref(), args.yes)?;
    }
    let AuditDone { audited, trend, warnings } = match args.notify {
        true => audit_and_tell(&context.silent_app()?, ask(args, context))?,
        false => audit(ask(args, context))?,
    };
    output::warnings(&warnings);
    match if args.json { Form::Json } else { args.format } {
        Form::Text => {
            output::data(report::text(&audited, args.all).as_bytes());
        }
        Form::Json => output::json(&report::document(&audited)),
        Form::Html => {
            output::data(report::html(&audited, &trend).as_bytes());
        }
        Form::Sarif => output::json(&report::sarif(&audited, env!("CARGO_PKG_VERSION"))),
    }
    verdict(&audited, severity(args.fail_on))
}

fn state(context: &Context) -> Result<PathBuf, AppError> {
    Ok(context.silent_app()?.place.state)
}

fn ask(args: &Args, context: &Context) -> AuditAsk {
    let live = args.root.is_none();
    // A user without a home has neither a vault nor a history.
    let app = || context.silent_app().ok().filter(|_| live);
    AuditAsk {
        root: args.root.clone(),
        only: args.only.clone(),
        probes: !args.no_probes,
        vault: app(),
        own_openclaw: super::import::openclaw_home().map(|(home, _)| home).filter(|_| live),
        openclaw: if live && !args.no_openclaw { openclaw() } else { None },
        state: app().map(|app| app.place.state),
    }
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
