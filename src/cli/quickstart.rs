//! `clawvault quickstart`

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clawvault_core::domain::ProfileName;

use super::surroundings::{self, Context};
use super::{import, output, prompt, run};
use crate::app::demo::{Prepared, Surroundings};
use crate::app::{App, AppError};
use crate::launch::Base;

/// Make a vault if there is none, import the keys that are found, run a program with them
///
/// Looks at the environment, ./.env and ~/.openclaw. Where nothing is found it shows the same on
/// a throw-away vault with sample keys.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  clawvault quickstart -- openclaw gateway")]
pub(super) struct Args {
    /// Do not ask how the new vault shall open
    #[arg(long)]
    yes: bool,
    /// The program and its arguments
    #[arg(required = true, last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub(super) fn run(args: Args, context: &Context) -> Result<ExitCode, AppError> {
    context.refuse_inherited_keys().map_err(AppError::before_launch)?;
    let app = context.app()?;
    let found = look_around();
    let app = match prepare(&app, &found, args.yes)? {
        Some(prepared) => {
            report(&app, &prepared);
            output::talk("launching; `clawvault run -- CMD` does this from now on");
            app
        }
        None => {
            let demonstration = App::demonstration(&surroundings::temporary())?;
            let root = demonstration.place.home.parent().unwrap_or(&demonstration.place.home);
            output::talk("No keys were found here, so this is a demonstration with sample keys.");
            output::talk(&format!(
                "It uses a throw-away vault; remove it with: rm -r {}",
                root.display()
            ));
            output::talk(
                "launching; in earnest: `clawvault init`, `clawvault set`, `clawvault run -- CMD`",
            );
            demonstration
        }
    };
    run::launch(
        &app,
        run::plain_options(args.command, ProfileName::default(), Base::Inherited, context),
    )
}

fn prepare(app: &App, found: &Surroundings, yes: bool) -> Result<Option<Prepared>, AppError> {
    // A person may choose how the vault opens; without one, it is an identity file.
    if !yes && prompt::can_ask() && !app.has_vault() && app.finds_something(found) {
        let made = app.init(super::init::questions()?)?;
        super::init::report(app, made)?;
    }
    app.quickstart(found)
}

fn report(app: &App, prepared: &Prepared) {
    if prepared.made {
        output::talk(&format!("made a vault in {}", app.place.home.display()));
    }
    for (source, imported) in &prepared.imported {
        for note in &imported.notes {
            output::talk(&format!("not taken: {note}"));
        }
        output::talk(&format!("from {source}: {}", import::summary(imported)));
    }
    for failure in &prepared.failed {
        output::talk(&format!("not imported: {failure}"));
    }
    import::still_there(prepared.imported.iter().map(|(_, imported)| imported));
}

fn look_around() -> Surroundings {
    let dotenv = [PathBuf::from(".env")].into_iter().filter(|file| file.is_file()).collect();
    let openclaw = import::openclaw_home().filter(|(home, _)| home.is_dir());
    Surroundings { environment: surroundings::environment(), dotenv, openclaw }
}
