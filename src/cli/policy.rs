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
use crate::app::{AppError, Code};

/// Show, check or replace the policy: grants of agents, rules for secrets
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the policy document
    Show,
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
    },
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    match &args.action {
        Action::Show => {
            let (text, warnings) = context.app()?.show_policy()?;
            output::warnings(&warnings);
            output::data(text.as_bytes());
        }
        Action::Check { file } => {
            read(file)?;
            output::talk("the policy is in order");
        }
        Action::Apply { file, yes } => return apply(file, *yes, context),
    }
    Ok(ExitCode::SUCCESS)
}

fn apply(file: &Path, yes: bool, context: &Context) -> Result<ExitCode, AppError> {
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
