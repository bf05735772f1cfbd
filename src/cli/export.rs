//! `clawvault export`

use std::process::ExitCode;

use super::surroundings::Context;
use super::{arguments, output};
use crate::app::{AppError, ExportFormat};

/// Write the values of a profile to stdout; this shows all of them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  clawvault export --format json > keys.json        (keep that file as you keep the keys)")]
pub(super) struct Args {
    /// Form of the document
    #[arg(long, value_enum)]
    format: Format,
    #[command(flatten)]
    profile: arguments::Profile,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// NAME='value' lines, one for each variable
    Dotenv,
    /// Secrets with their fields
    Json,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let format = match args.format {
        Format::Dotenv => ExportFormat::Dotenv,
        Format::Json => ExportFormat::Json,
    };
    let (document, notes) = context.app()?.export(&args.profile.or_default()?, format)?;
    output::data(&document);
    output::warnings(&notes);
    Ok(ExitCode::SUCCESS)
}
