//! `clawvault uninstall`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clawvault_core::domain::ProfileName;
use clawvault_core::platform::{Dir, Private};

use super::surroundings::{self, Context};
use super::{output, prompt};
use crate::app::{AppError, Code, ExportFormat, ExportTo};

/// Remove what clawvault put elsewhere; the vault stays unless --purge
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault uninstall
  clawvault uninstall --export keys.json --purge --yes")]
pub(super) struct Args {
    /// First write all values of the profile `default` as JSON to this new file, for you alone
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// Remove the vault itself, its snapshots, log and anchor for good
    #[arg(long)]
    purge: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let app = context.app()?;
    if let Some(file) = &args.export {
        let (document, _) =
            app.export(&ProfileName::default(), &[], &ExportTo::Document(ExportFormat::Json))?;
        write_private(file, &document)?;
        output::talk(&format!("all values are in {} in clear", file.display()));
    } else if app.has_vault() {
        output::talk(
            "to keep the values: `clawvault uninstall --export FILE`, or `clawvault export`",
        );
    }
    if args.purge && !args.yes && !prompt::confirm("Remove the vault with all keys for good?") {
        return Err(AppError::new(Code::No, "nothing was removed", "Answer y, or give --yes."));
    }
    let mut removed = app.remove_elsewhere(surroundings::cache().as_deref())?;
    if args.purge {
        removed.extend(app.purge_vault()?);
    } else if app.has_vault() {
        output::talk(&format!("the vault stays in {}", app.place.home.display()));
    }
    for path in &removed {
        output::talk(&format!("removed {}", path.display()));
    }
    output::talk("the program itself goes with `cargo uninstall clawvault`, or the way it came");
    Ok(ExitCode::SUCCESS)
}

fn write_private(file: &Path, bytes: &[u8]) -> Result<(), AppError> {
    use std::io::Write;
    let name = file.file_name().and_then(|n| n.to_str());
    let name = name.ok_or_else(|| AppError::usage("that is no file name", "Name a new file."))?;
    let parent = file.parent().filter(|p| !p.as_os_str().is_empty());
    let parent = parent.map_or_else(|| PathBuf::from("."), PathBuf::from);
    let parent = parent.canonicalize().unwrap_or(parent);
    let mut out = Dir::open(&parent, Private::Inspect)?.create_new(name)?;
    out.write_all(bytes).and_then(|()| out.sync_all()).map_err(|e| {
        AppError::new(
            Code::Failed,
            format!("the export cannot be written: {}", e.kind()),
            "Nothing was removed.",
        )
    })
}
