//! `clawvault openclaw`

mod gateway;
mod link;
mod status;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use clawvault_core::platform::process;

use super::surroundings::Context;
use super::{arguments, import};
use crate::app::AppError;

/// Keep OpenClaw's keys out of its files and its environment
///
/// `link` puts references in the place of keys; OpenClaw then asks the resolver, which asks the
/// daemon. `run` starts the gateway as one that the daemon answers, `reload` has it take new values.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault openclaw link --dry-run
  clawvault openclaw link
  clawvault daemon &              then: clawvault unlock
  clawvault openclaw run -- openclaw gateway run
  clawvault set openai/main < new.txt && clawvault openclaw reload")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Link(link::Args),
    Unlink(link::UnlinkArgs),
    Status(status::Args),
    Import(ImportArgs),
    Scrub(link::ScrubArgs),
    Run(gateway::RunArgs),
    Reload(gateway::ReloadArgs),
    Kill(gateway::KillArgs),
}

/// Take the keys of an OpenClaw home in: the same as `clawvault import --openclaw`
#[derive(Debug, clap::Args)]
struct ImportArgs {
    #[command(flatten)]
    home: Home,
    #[command(flatten)]
    profile: arguments::Profile,
    /// Make new versions of values that differ, instead of stopping
    #[arg(long)]
    update: bool,
    /// Say what would happen and change nothing
    #[arg(long)]
    dry_run: bool,
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

/// Which OpenClaw.
#[derive(Debug, clap::Args)]
struct Home {
    /// OpenClaw's own directory [default: $OPENCLAW_STATE_DIR, else ~/.openclaw]
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
}

impl Home {
    /// The directory, absolute and through no link, and files elsewhere that belong to it.
    fn find(&self) -> Result<(PathBuf, Vec<PathBuf>), AppError> {
        let found = match &self.home {
            // Files elsewhere belong to the user's own OpenClaw, not to one that was named.
            Some(home) => Some((home.clone(), Vec::new())),
            None => import::openclaw_home(),
        };
        let (home, extra) = found.ok_or_else(|| {
            AppError::usage("there is no home directory here", "Name it: --home DIR.")
        })?;
        let home = home.canonicalize().map_err(|error| {
            let what = match error.kind() {
                std::io::ErrorKind::NotFound => format!("there is no {}", home.display()),
                other => format!("{}: {other}", home.display()),
            };
            AppError::new(crate::app::Code::Missing, what, "Name OpenClaw's own: --home DIR.")
        })?;
        Ok((home, extra))
    }
}

pub(super) fn run(args: Args, context: &Context) -> Result<ExitCode, AppError> {
    match args.command {
        Command::Link(args) => link::run(&args, context),
        Command::Unlink(args) => link::unlink(&args, context),
        Command::Status(args) => status::run(&args, context),
        Command::Import(args) => {
            let ImportArgs { home, profile, update, dry_run, json } = args;
            let wanted = import::Args::of_openclaw(home.home, profile, (update, dry_run, json));
            import::run(&wanted, context)
        }
        Command::Scrub(args) => link::scrub(&args, context),
        Command::Run(args) => gateway::run(args, context),
        Command::Reload(args) => gateway::reload(&args, context),
        Command::Kill(args) => gateway::kill(&args, context),
    }
}

/// The resolver that was installed beside this program.
fn own_resolver() -> PathBuf {
    let own = process::executable().unwrap_or_default();
    own.with_file_name("clawvault-resolver")
}
