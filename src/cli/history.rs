//! `clawvault history`

use std::process::ExitCode;

use clawvault_core::domain::Event;

use super::list::Shown;
use super::surroundings::Context;
use super::{arguments, output, time};
use crate::app::AppError;

/// List the versions of a secret, newest first
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the secret
    name: String,
    #[command(flatten)]
    profile: arguments::Profile,
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let name = arguments::name(&args.name)?;
    let (info, warnings) =
        context.app()?.show(Event::History, &args.profile.or_default()?, &name)?;
    output::warnings(&warnings);
    if args.json {
        output::json(&Shown::new(&info));
        return Ok(ExitCode::SUCCESS);
    }
    let row = |v: &clawvault_core::domain::VersionInfo| {
        vec![v.number.to_string(), v.stage.as_str().to_owned(), time::moment(v.created_ms)]
    };
    let rows: Vec<Vec<String>> = info.versions.iter().rev().map(row).collect();
    output::table(&rows);
    Ok(ExitCode::SUCCESS)
}
