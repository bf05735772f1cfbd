//! `clawvault daemon`, `unlock` and `lock`

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clawvault_proto::messages::Status;

use super::surroundings::{self, Context};
use super::{output, time};
use crate::app::AppError;
use crate::daemon::{self, Options};

/// Serve the vault to commands until stopped; it starts locked
///
/// It stays in the foreground, for a service manager or a terminal. Give it a key of its own with
/// --identity or a unit's credential `clawvault-identity`, and it unlocks at once and stays unlocked;
/// else `clawvault unlock` unlocks it, and only the login session that did has the vault then.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault daemon &              then: clawvault unlock
  clawvault daemon --idle 30m --longest 12h
  clawvault daemon --identity /run/keys/vault.txt
  clawvault daemon --system       as a user of its own; deploy/ has the units")]
pub(super) struct Args {
    /// Lock after as long without a request: 30m, 8h, never [default: 8h]
    #[arg(long, value_name = "T")]
    idle: Option<String>,
    /// Lock as long after the unlocking: 12h, 7d, never [default: 24h]
    #[arg(long, value_name = "T")]
    longest: Option<String>,
    /// Stay unlocked when the machine sleeps
    #[arg(long)]
    stay_on_suspend: bool,
    /// Serve the users of this machine, who are told apart as the policy says ([daemon] operators,
    /// uid of an agent), at /run/clawvault/daemon.sock or --socket
    #[arg(long)]
    system: bool,
    /// Work where the system refuses to keep keys out of swap
    #[arg(long)]
    allow_swap: bool,
    /// Begin with audits and with asking vendors as long after the unlocking: 5s, 10m [default: 1m]
    #[arg(long, value_name = "T")]
    settle: Option<String>,
    /// Tell somebody when the vault is locked for as long: 30m, 12h [default: 8h]
    #[arg(long, value_name = "T")]
    locked_alert: Option<String>,
}

/// Open the vault in the daemon; this login session may use it from then on
#[derive(Debug, clap::Args)]
pub(super) struct UnlockArgs {}

/// Close the vault in the daemon and forget its key
#[derive(Debug, clap::Args)]
pub(super) struct LockArgs {}

const IDLE: Duration = Duration::from_secs(8 * 3600);
/// Whoever unlocks is let alone for the first minute.
const SETTLE: Duration = Duration::from_secs(60);
const LOCKED_LONG: Duration = Duration::from_secs(8 * 3600);
const LONGEST: Duration = Duration::from_secs(24 * 3600);

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let mut app = context.silent_app()?;
    // What it serves is the vault here, wherever it is asked for.
    app.elsewhere = false;
    let key = app.named_key()?;
    let shared = args.system.then(|| match app.socket.starts_with(&app.runtime) {
        true => PathBuf::from(surroundings::SYSTEM_SOCKET),
        false => app.socket.clone(),
    });
    // Who gave it a key for itself wants it to work when nobody is there.
    let usual = |limit: Duration| if key.is_some() { None } else { Some(limit) };
    let limit = |text: &Option<String>, limit| match text.as_deref() {
        None => Ok(usual(limit)),
        Some("never") => Ok(None),
        Some(text) => time::span(text).map(Some),
    };
    if shared.is_none() && app.socket.parent() != Some(&app.runtime) {
        let what = "a daemon of one user listens in that user's runtime directory";
        let advice = format!("Name a socket in {}, or give --system.", app.runtime.display());
        return Err(AppError::usage(what, advice));
    }
    let socket = shared.as_deref().unwrap_or(&app.socket).file_name();
    let socket = socket.map(|name| name.to_string_lossy().into_owned());
    let options = Options {
        idle: limit(&args.idle, IDLE)?,
        longest: limit(&args.longest, LONGEST)?,
        on_suspend: !args.stay_on_suspend && key.is_none(),
        swappable: args.allow_swap,
        settle: args.settle.as_deref().map_or(Ok(SETTLE), time::span)?,
        locked_long: args.locked_alert.as_deref().map_or(Ok(LOCKED_LONG), time::span)?,
        handed: surroundings::socket_is_handed()?,
        notify: surroundings::path("NOTIFY_SOCKET"),
        own_openclaw: super::import::openclaw_home().map(|(home, _)| home),
        who: app.who(),
        place: app.place,
        runtime: app.runtime,
        socket: socket.unwrap_or_default(),
        shared: shared.as_deref().and_then(Path::parent).map(Path::to_owned),
        key,
    };
    daemon::serve(options, &|text| output::talk(&format!("clawvault daemon: {text}")))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn unlock(_: &UnlockArgs, context: &Context) -> Result<ExitCode, AppError> {
    let status = context.app()?.unlock()?;
    output::talk("the vault is unlocked");
    if status.authority != "operator" {
        output::warnings(&[format!("this login session may not use it: {}", status.because)]);
    } else if let Some(when) = when_it_locks(&status) {
        output::talk(&format!("it locks by itself {when}"));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn lock(_: &LockArgs, context: &Context) -> Result<ExitCode, AppError> {
    context.silent_app()?.lock()?;
    output::talk("the vault is locked");
    Ok(ExitCode::SUCCESS)
}

/// When the daemon locks by itself, in words.
pub(super) fn when_it_locks(status: &Status) -> Option<String> {
    let at = |ms: Option<i64>| ms.map(time::moment);
    match (at(status.locks_idle_ms), at(status.locks_ms)) {
        (Some(idle), Some(latest)) => {
            Some(format!("at {idle} if nothing is asked until then, at {latest} in any case"))
        }
        (Some(idle), None) => Some(format!("at {idle} if nothing is asked until then")),
        (None, Some(latest)) => Some(format!("at {latest}")),
        (None, None) => None,
    }
}
