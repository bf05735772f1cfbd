//! `clawvault man`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::CommandFactory;

use super::output;
use crate::app::{AppError, Code};

/// Write the man pages into a directory
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  clawvault man ~/.local/share/man/man1")]
pub(super) struct Args {
    /// An existing directory
    directory: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, AppError> {
    clap_mangen::generate_to(super::Cli::command(), &args.directory).map_err(|error| {
        let what = format!("man pages cannot be written: {}", error.kind());
        AppError::new(Code::Failed, what, "Name an existing directory that you may write to.")
    })?;
    output::talk(&format!("man pages are in {}", args.directory.display()));
    Ok(ExitCode::SUCCESS)
}
