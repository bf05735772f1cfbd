//! `clawvault resolve`

use std::process::ExitCode;

use super::surroundings::Context;
use super::{arguments, output, prompt};
use crate::app::{AppError, MAX_REQUEST};

/// Answer OpenClaw's exec secret provider: a request on stdin, values on stdout
///
/// An id is the name of a secret, or NAME#FIELD. Admin credentials are never among the answers.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  echo '{\"protocolVersion\":1,\"provider\":\"clawvault\",\"ids\":[\"openai/main\"]}' | clawvault resolve")]
pub(super) struct Args {
    #[command(flatten)]
    profile: arguments::Profile,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let request = prompt::stdin(MAX_REQUEST)?;
    let (document, warnings) =
        context.silent_app()?.resolve(&request, &args.profile.or_default()?)?;
    output::data(&document);
    output::warnings(&warnings);
    Ok(ExitCode::SUCCESS)
}
