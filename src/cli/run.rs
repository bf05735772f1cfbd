//! `clawvault run`

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clawvault_core::domain::ProfileName;
use clawvault_core::platform::process::{self, CoreLimit};
use clawvault_core::platform::signals::interrupt;
use clawvault_core::platform::{bell, confine};
use rustix::process::Signal;

use super::surroundings::{self, Context, Supervised};
use super::{arguments, output};
use crate::app::{App, AppError, Code, Launch, RunOptions, not_confined};
use crate::launch::{self, Base, Beside, OnRotate};
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
  clawvault run --confine -- ./agent
  clawvault run --on-rotate restart -- openclaw gateway
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
    /// Let it see neither the vault nor its daemon: their directories are empty for it, and nothing
    /// outside that the same user runs can be traced or read by it
    #[arg(long)]
    confine: bool,
    /// When one of its secrets gets another version: `restart` it with the new value once that can be
    /// had, send it a signal (`signal:USR2`), or leave it [default: none]
    #[arg(long, value_name = "restart|signal:S|none", value_parser = on_rotate)]
    on_rotate: Option<Reaction>,
    /// Replace the values in what the program prints, also encoded (base64, hex, URL, JSON)
    #[arg(long)]
    mask: bool,
    /// The program and its arguments
    #[arg(required = true, last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// What `--on-rotate` says.
#[derive(Clone, Copy, Debug)]
enum Reaction {
    None,
    Do(OnRotate),
}

/// Signals that a program may be sent by name.
const SIGNALS: [(&str, Signal); 8] = [
    ("HUP", Signal::HUP),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("TERM", Signal::TERM),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
    ("WINCH", Signal::WINCH),
    ("CONT", Signal::CONT),
];

fn on_rotate(text: &str) -> Result<Reaction, String> {
    let signal = |name: &str| {
        let name = name.strip_prefix("SIG").unwrap_or(name);
        let found = SIGNALS.iter().find(|(known, _)| *known == name);
        found.map(|(_, signal)| Reaction::Do(OnRotate::Signal(signal.as_raw())))
    };
    match text {
        "none" => Ok(Reaction::None),
        "restart" => Ok(Reaction::Do(OnRotate::Restart)),
        other => other
            .strip_prefix("signal:")
            .and_then(signal)
            .ok_or_else(|| "it is restart, none, or a signal, as in signal:USR2".to_owned()),
    }
}

/// True for OpenClaw's gateway, which a hang-up ends and SIGUSR1 restarts.
fn is_openclaw(command: &[OsString]) -> bool {
    let is_its = |word: &OsString| {
        let name = Path::new(word).file_stem().map(|name| name.to_string_lossy().into_owned());
        name.is_some_and(|name| name == "openclaw")
    };
    command.iter().take(4).any(is_its)
}

/// Becomes what stands beside the program; comes back only where that failed.
fn stand_beside(
    on: OnRotate,
    (app, silent): (&App, &App),
    options: &RunOptions,
) -> Result<ExitCode, AppError> {
    let is_openclaw = is_openclaw(&options.command);
    let harmful = [Signal::HUP, Signal::USR1].map(|signal| OnRotate::Signal(signal.as_raw()));
    if is_openclaw && harmful.contains(&on) {
        let what = "OpenClaw ends or restarts by this signal, and reads no key anew";
        let advice = "Use `--on-rotate restart`, or link it: `clawvault openclaw link`.";
        return Err(AppError::usage(what, advice).before_launch());
    }
    let bells = app.stand_beside(options, silent).map_err(AppError::before_launch)?;
    let run = std::env::args_os().skip(1).collect();
    process::restore_core_limit(options.core_limit);
    let error = Beside { on, bells, spare_hangup: is_openclaw, run }.become_it();
    Err(cannot_stand(&error))
}

fn cannot_stand(error: &std::io::Error) -> AppError {
    let what = format!("nobody can stand beside the program: {}", error.kind());
    AppError::new(Code::NotLaunched, what, "Free some processes or memory, and try again.")
}

/// Stands beside a program: see [`Beside`].
pub(super) fn supervise(core_limit: CoreLimit) -> Result<ExitCode, AppError> {
    // It knows nothing; what it starts takes its limit over.
    process::restore_core_limit(core_limit);
    let beside = Beside::of(std::env::args_os().skip(1));
    let beside = beside.ok_or_else(|| {
        AppError::usage("this name is not for people", "Use `clawvault run --on-rotate restart`.")
    })?;
    let say = |text: &str| output::talk(&format!("clawvault run: {text}"));
    let stood = beside.stand(&say).map_err(|error| cannot_stand(&error))?;
    if stood.interrupted {
        interrupt();
    }
    Ok(ExitCode::from(stood.code))
}

pub(super) fn run(args: Args, context: &Context) -> Result<ExitCode, AppError> {
    let beside = match (args.on_rotate, context.supervised) {
        (Some(Reaction::Do(on)), Supervised::No) => Some(on),
        _ => None,
    };
    let is_supervised = context.supervised != Supervised::No;
    let ready = || -> Result<(App, RunOptions), AppError> {
        context.refuse_inherited_keys()?;
        let app = match context.supervised {
            // Nobody is asked when nobody expects to be.
            Supervised::Again => context.silent_app()?,
            Supervised::No | Supervised::First => context.app()?,
        };
        if args.confine && beside.is_none() {
            // Inside, other users are nobody: whose the daemon is is seen before. And it is before
            // anything is known that nobody may read.
            app.reach_daemon()?;
            confine::enter().map_err(|error| not_confined(&error))?;
        }
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
            confine: args.confine.then(surroundings::doors_outside),
            bell: is_supervised.then(|| bell::name_of(process::parent())),
        };
        Ok((app, options))
    };
    let (app, options) = ready().map_err(AppError::before_launch)?;
    match beside {
        Some(on) => {
            let silent = context.silent_app().map_err(AppError::before_launch)?;
            stand_beside(on, (&app, &silent), &options)
        }
        None if args.mask => launch_masked(&app, options, is_supervised),
        None => launch_as(&app, options, is_supervised),
    }
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
        confine: None,
        bell: None,
    }
}

/// Prepares and hands over; comes back only where that failed.
pub(super) fn launch(app: &App, options: RunOptions) -> Result<ExitCode, AppError> {
    launch_as(app, options, false)
}

/// The same; one that is supervised waits until it is let on.
fn launch_as(app: &App, options: RunOptions, waits: bool) -> Result<ExitCode, AppError> {
    let launch = app.prepare_run(options).map_err(AppError::before_launch)?;
    output::warnings(&launch.vault.warnings());
    output::warnings(&launch.notes);
    launch.confine()?;
    if waits {
        process::stop_until_continued();
    }
    let Launch { ready, vault, .. } = launch;
    // Replacing this process ends the session faster than closing it would.
    let _open = vault;
    Err(AppError::from(launch::replace(ready)).before_launch())
}

/// Prepares, stays beside the program, and ends as it ends.
fn launch_masked(app: &App, options: RunOptions, waits: bool) -> Result<ExitCode, AppError> {
    let launch = app.prepare_run(options).map_err(AppError::before_launch)?;
    output::warnings(&launch.vault.warnings());
    output::warnings(&launch.notes);
    let short = launch.unmaskable();
    if !short.is_empty() {
        let all = short.join(", ");
        output::warnings(&[format!("shorter than {SHORTEST} bytes, so not masked: {all}")]);
    }
    launch.confine()?;
    if waits {
        process::stop_until_continued();
    }
    let ended = launch.run_masked(&output::streams()?).map_err(AppError::before_launch)?;
    if ended.interrupted {
        // A shell that sees this stops its own script, as it would without us.
        interrupt();
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
