//! `clawvault get`

use std::process::ExitCode;

use clawvault_core::vault::Want;

use super::surroundings::Context;
use super::{arguments, output};
use crate::app::{AppError, ExportFormat, export};

/// Show a value: its exact bytes, with a newline only on a terminal
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault get openai/main
  clawvault get aws/main#access_key_id
  clawvault get openai/main --version 3")]
pub(super) struct Args {
    /// NAME, or NAME#FIELD where it has several fields
    #[arg(value_name = "NAME[#FIELD]")]
    name: String,
    #[command(flatten)]
    profile: arguments::Profile,
    /// A version other than the current one
    #[arg(long, value_name = "N")]
    version: Option<u32>,
    /// All fields as one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let (name, field) = arguments::name_and_field(&args.name)?;
    let profile = args.profile.or_default()?;
    let want = Want { profile: profile.clone(), name: name.clone(), version: args.version };
    let (revealed, warnings) = context.app()?.get(&want, field.is_none() && !args.json)?;
    output::warnings(&warnings);
    if args.json {
        let (document, _) = export(&profile, &[revealed], ExportFormat::Json);
        output::data(&document);
        return Ok(ExitCode::SUCCESS);
    }
    let value = match &field {
        Some(field) => revealed.field(field),
        None => revealed.fields.first().map(|(_, value)| value),
    };
    let value = value.ok_or_else(|| {
        AppError::new(
            crate::app::Code::Missing,
            format!("{name} has no such field"),
            "`clawvault show` names its fields.",
        )
    })?;
    output::data(value.expose());
    if output::is_terminal() {
        output::data(b"\n");
    }
    Ok(ExitCode::SUCCESS)
}
