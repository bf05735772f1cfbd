//! `clawvault completions`

use std::process::ExitCode;

use clap::CommandFactory;

use super::output;
use crate::app::AppError;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  clawvault completions bash > ~/.local/share/bash-completion/completions/clawvault")]
pub(super) struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, AppError> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "clawvault", &mut text);
    output::data(&text);
    Ok(ExitCode::SUCCESS)
}
