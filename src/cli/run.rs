//! `clawvault run`

use std::ffi::OsString;
use std::process::ExitCode;

use clawvault_core::domain::ProfileName;
use clawvault_core::platform::process::CoreLimit;

use super::surroundings::{self, Context};
use super::{arguments, output};
use crate::app::{App, AppError, Launch, RunOptions};
use crate::launch::{self, Base};
use crate::mask::{self, SHORTEST};

/// Run a program with its keys in the environment
///
/// All secrets of the profile that have a variable, never admin credentials, narrowed by --as and
/// --only. clawvault replaces itself by the program: signals, job control and exit code are the
/// program's own. With --mask it stays beside the program, and a value in its stdout or stderr
/// becomes [masked:NAME]. 125 means that clawvault refused before the launch.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault run -- openclaw gateway
  clawvault run --only openai/main,telegram/bot -- ./agent
  clawvault run --as support --clean-env -- ./agent
  clawvault run --mask -- ./agent
  clawvault run --env OPENAI_API_KEY=openai/work --file GOOGLE_APPLICATION_CREDENTIALS=google/service-account -- ./agent
  clawvault run --template app.toml.in=$XDG_RUNTIME_DIR/app.toml -- ./agent --config $XDG_RUNTIME_DIR/app.toml")]
pub(super) struct Args {
    #[command(flatten)]
    profile: arguments::Profile,
    /// Agent of the policy whose grant narrows what is injected
    #[arg(long = "as", value_name = "AGENT")]
    agent: Option<String>,
    /// Only these secrets
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    only: Vec<String>,
    /// Inject a secret (or NAME#FIELD) under this variable
    #[arg(long, value_name = "VAR=NAME")]
    env: Vec<String>,
    /// Put a secret into a file in memory; the variable gets its path
    #[arg(long, value_name = "VAR=NAME")]
    file: Vec<String>,
    /// Render a text file with places such as {{ clawvault://openai/main }} into a new file in
    /// memory
    #[arg(long, value_name = "IN=OUT")]
    template: Vec<OsString>,
    /// Start from an almost empty environment: PATH, HOME, TERM, language and the like
    #[arg(long)]
    clean_env: bool,
    /// Replace the values in what the program prints, also encoded (base64, hex, URL, JSON)
    #[arg(long)]
    mask: bool,
    /// The program and its arguments
    #[arg(required = true, last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub(super) fn run(args: Args, context: &Context) -> Result<ExitCode, AppError> {
    let ready = || -> Result<(App, RunOptions), AppError> {
        context.refuse_inherited_keys()?;
        let parse = |all: &[String]| all.iter().map(|t| arguments::from_name(t)).collect();
        let only: Result<Vec<_>, AppError> = args.only.iter().map(|t| arguments::name(t)).collect();
        let options = RunOptions {
            profile: args.profile.named()?,
            agent: args.agent.as_deref().map(arguments::profile).transpose()?,
            only: only?,
            env: Result::<Vec<_>, AppError>::and_then(parse(&args.env), Ok)?,
            files: Result::<Vec<_>, AppError>::and_then(parse(&args.file), Ok)?,
            templates: args
                .template
                .iter()
                .map(|t| arguments::template(t))
                .collect::<Result<_, _>>()?,
            base: if args.clean_env { Base::Clean } else { Base::Inherited },
            surroundings: surroundings::environment(),
            command: args.command,
            core_limit: context.core_limit,
        };
        Ok((context.app()?, options))
    };
    let (app, options) = ready().map_err(AppError::before_launch)?;
    if args.mask { launch_masked(&app, options) } else { launch(&app, options) }
}

/// Options for everything that a profile has.
pub(super) fn plain_options(
    command: Vec<OsString>,
    profile: ProfileName,
    base: Base,
    context: &Context,
) -> RunOptions {
    RunOptions {
        profile: Some(profile),
        agent: None,
        only: Vec::new(),
        env: Vec::new(),
        files: Vec::new(),
        templates: Vec::new(),
        base,
        surroundings: surroundings::environment(),
        command,
        core_limit: context.core_limit,
    }
}

/// Prepares and hands over; comes back only where that failed.
pub(super) fn launch(app: &App, options: RunOptions) -> Result<ExitCode, AppError> {
    let Launch { ready, notes, vault, .. } =
        app.prepare_run(options).map_err(AppError::before_launch)?;
    output::warnings(&vault.warnings());
    output::warnings(&notes);
    Err(AppError::from(launch::replace(ready)).before_launch())
}

/// Prepares, stays beside the program, and ends as it ends.
fn launch_masked(app: &App, options: RunOptions) -> Result<ExitCode, AppError> {
    let launch = app.prepare_run(options).map_err(AppError::before_launch)?;
    output::warnings(&launch.vault.warnings());
    output::warnings(&launch.notes);
    let short = launch.unmaskable();
    if !short.is_empty() {
        let all = short.join(", ");
        output::warnings(&[format!("shorter than {SHORTEST} bytes, so not masked: {all}")]);
    }
    let ended = launch.run_masked(&output::streams()?).map_err(AppError::before_launch)?;
    if ended.interrupted {
        // A shell that sees this stops its own script, as it would without us.
        mask::interrupt();
    }
    match ended.lost {
        Some(kind) if ended.code == 0 => Err(output::lost_by(kind)),
        _ => Ok(ExitCode::from(ended.code)),
    }
}

/// Leads the session of a masked program on a terminal: see [`mask::lead`].
pub(super) fn lead(core_limit: CoreLimit) -> Result<ExitCode, AppError> {
    let code = mask::lead(std::env::args_os().skip(1), core_limit).map_err(AppError::from)?;
    Ok(ExitCode::from(code))
}
