//! `clawvault backup`

use std::path::PathBuf;
use std::process::ExitCode;

use super::surroundings::Context;
use super::{output, set};
use crate::app::AppError;

/// Write everything that the vault keeps to one encrypted file
///
/// The file opens with every key of the vault, and with the ordinary programs age and tar too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault backup /mnt/stick/vault.age
  clawvault restore /mnt/stick/vault.age --check      (proves it)
  age -d -i KEY-FILE vault.age | tar x                (opens it without clawvault)")]
pub(super) struct Args {
    /// The file to write
    file: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let (vault, taken) = context.app()?.back_up(&args.file, args.force)?;
    output::talk(&format!(
        "backed up {} secrets ({} versions), generation {}",
        taken.secrets, taken.versions, taken.generation
    ));
    output::talk(
        "It opens with the keys that open the vault: keep one of them elsewhere, or it is lost with \
         them. The audit log is not in it.",
    );
    if taken.identities > 0 {
        output::talk(
            "A passphrase opens it only together with the .identity file beside it: keep both.",
        );
    }
    set::finish(vault)
}
