//! `clawvault rollback`

use std::process::ExitCode;

use super::surroundings::Context;
use super::{arguments, output, set};
use crate::app::AppError;

/// Make an earlier version current again; a removed secret comes back
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the secret
    name: String,
    #[command(flatten)]
    profile: arguments::Profile,
    /// The version to go to; the one before the current where none is named
    #[arg(long, value_name = "N")]
    to: Option<u32>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let name = arguments::name(&args.name)?;
    let profile = args.profile.or_default()?;
    let (vault, version) = context.app()?.roll_back(&profile, &name, args.to)?;
    output::talk(&format!("version {version} of {name} is current"));
    set::finish(vault)
}
