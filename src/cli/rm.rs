//! `clawvault rm`

use std::process::ExitCode;

use super::surroundings::Context;
use super::{arguments, output, prompt, set};
use crate::app::{AppError, Code};

/// Remove a secret: hidden until it is purged, or brought back with `rollback`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the secret
    name: String,
    #[command(flatten)]
    profile: arguments::Profile,
    /// Remove it and all its versions for good; snapshots hold them a while longer
    #[arg(long)]
    purge: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let name = arguments::name(&args.name)?;
    let profile = args.profile.or_default()?;
    let question = if args.purge { "Remove it for good?" } else { "Remove it?" };
    if prompt::can_ask() && !args.yes && !prompt::confirm(&format!("{name}: {question}")) {
        return Err(AppError::new(Code::No, "nothing was removed", "Answer y, or give --yes."));
    }
    let (vault, scrubs) = context.app()?.remove(&profile, &name, args.purge)?;
    output::talk(&if args.purge {
        format!("purged {name}; its vendor still takes the key until it is revoked there")
    } else {
        format!("removed {name}; `clawvault rollback {name}` brings it back")
    });
    if !scrubs.is_empty() {
        let numbers: Vec<String> = scrubs.iter().map(ToString::to_string).collect();
        output::talk(&format!(
            "scrub {} took it out of files and cannot be undone any more",
            numbers.join(", ")
        ));
    }
    set::finish(vault)
}
