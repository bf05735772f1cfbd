//! `clawvault policy`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use clawvault_core::domain::Policy;
use clawvault_core::domain::limits::MAX_DOCUMENT;
use clawvault_core::platform::PlatformError;
use clawvault_core::platform::read::read_bounded;

use super::surroundings::Context;
use super::{output, prompt, set};
use crate::app::{AppError, Code, vendors};

/// Show, check or replace the policy: grants of agents, rules for secrets
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the policy document
    Show {
        /// As one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Check a document without applying it
    Check {
        /// TOML document
        file: PathBuf,
    },
    /// Replace the policy whole; shows the difference and asks
    Apply {
        /// TOML document
        file: PathBuf,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// With --yes: a host that keys may be sent to and that no built-in vendor has
        #[arg(long, value_name = "HOST", requires = "yes")]
        trust_host: Vec<String>,
    },
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    match &args.action {
        Action::Show { json } => {
            let (text, warnings) = context.app()?.show_policy()?;
            output::warnings(&warnings);
            match toml::from_str::<toml::Table>(&text) {
                Ok(document) if *json => output::json(&document),
                _ => {
                    output::data(text.as_bytes());
                }
            }
        }
        Action::Check { file } => {
            read(file)?;
            output::talk("the policy is in order");
        }
        Action::Apply { file, yes, trust_host } => {
            return apply(file, yes.then_some(trust_host.as_slice()), context);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Replaces the policy; with `trusted`, without a question, and these are hosts that may be new.
fn apply(file: &Path, trusted: Option<&[String]>, context: &Context) -> Result<ExitCode, AppError> {
    let text = read(file)?;
    let app = context.app()?;
    let before = app.policy_text()?;
    if before == text {
        output::talk("the policy is that already; nothing was changed");
        return Ok(ExitCode::SUCCESS);
    }
    for line in before.lines().filter(|line| !text.lines().any(|new| new == *line)) {
        output::talk(&format!("- {line}"));
    }
    for line in text.lines().filter(|line| !before.lines().any(|old| old == *line)) {
        output::talk(&format!("+ {line}"));
    }
    if Policy::parse(&text).is_ok_and(|policy| policy.log.mirror.is_some()) {
        output::talk(
            "clawvault: warning: each entry of the audit log will also go to a log of the system, \
             names of secrets in clear",
        );
    }
    for host in new_hosts(&before, &text) {
        output::talk(&format!("clawvault: warning: keys will be sent to {host}"));
        if trusted.is_some_and(|trusted| !trusted.contains(&host)) {
            return Err(AppError::usage(
                format!("keys would be sent to {host}, which no built-in vendor has"),
                format!("Give --trust-host {host} if that is meant; nothing was changed."),
            ));
        }
    }
    let yes = trusted.is_some();
    if !yes && !prompt::can_ask() {
        return Err(AppError::usage(
            "nobody can be asked whether to apply it",
            "Give --yes after reading the difference.",
        ));
    }
    if !yes && !prompt::confirm("Replace the policy?") {
        return Err(AppError::new(
            Code::No,
            "the policy stays as it is",
            "Answer y, or give --yes.",
        ));
    }
    let vault = app.apply_policy(&text)?;
    output::talk("the policy is applied");
    set::finish(vault)
}

/// Hosts that the new policy sends keys to, and the old one did not.
fn new_hosts(before: &str, after: &str) -> Vec<String> {
    let before = Policy::parse(before).unwrap_or_default();
    Policy::parse(after).map(|after| vendors::new_hosts(&before, &after)).unwrap_or_default()
}

/// Reads and checks a document.
fn read(file: &Path) -> Result<String, AppError> {
    let bytes = read_bounded(file, MAX_DOCUMENT).map_err(|error| {
        let what = PlatformError::read(file, error).to_string();
        AppError::new(Code::Missing, what, "Name a TOML file that you may read.")
    })?;
    let text = str::from_utf8(&bytes).map_err(|_| {
        AppError::usage(format!("{} is not text", file.display()), "A policy is a TOML document.")
    })?;
    Policy::check(text).map_err(|error| {
        let what = format!("{}: {error}", file.display());
        AppError::usage(what, "Mend that place; nothing was changed.")
    })?;
    Ok(text.to_owned())
}
