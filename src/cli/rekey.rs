//! `clawvault rekey`

use std::process::ExitCode;

use super::surroundings::Context;
use super::{output, set};
use crate::app::AppError;

/// Replace the vault key: the same recipients open it, older copies of it stay as they are
///
/// Everything is sealed anew, and older snapshots are removed. Passphrases are not asked for.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let vault = context.app()?.rekey()?;
    let header = vault.header();
    let opened = match header.slots.len() {
        1 => "1 recipient opens it".to_owned(),
        count => format!("{count} recipients open it"),
    };
    output::talk(&format!("the vault has a new key, its number {}; {opened}", header.epoch));
    set::finish(vault)
}
