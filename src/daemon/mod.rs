//! The daemon: the vault unlocked once, and served to whoever may have something of it.
//!
//! One thread owns the vault and does one thing after the other ([`keeper`]); another one speaks to
//! all peers ([`connection`]). Who may have what is judged anew for each connection and after every
//! change ([`authority`]). Locking stops everything that holds a value.

mod authority;
mod chores;
mod connection;
mod gateways;
mod keeper;
mod race;
mod scheduler;
mod shared;
mod timers;
mod users;

use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clawvault_core::crypto::VaultKey;
use clawvault_core::memory;
use clawvault_core::platform::bell;
use clawvault_core::platform::socket::{self, Bound};
use clawvault_core::platform::{Dir, PlatformError};
use clawvault_core::vault::{Place, Who};
use tokio::net::UnixListener as Listener;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::rotation::Reach;
use crate::app::{App, AppError, Code, KeySource, LOCKED_LONG};
use chores::Rests;
use keeper::Keeper;
use shared::Shared;

/// What the daemon is told.
pub struct Options {
    /// Where the vault lies.
    pub place: Place,
    /// Where records of runs, and the socket, are kept.
    pub runtime: PathBuf,
    /// Name of the socket there.
    pub socket: String,
    /// For a daemon of the whole system: the directory of its socket, which others may enter.
    pub shared: Option<PathBuf>,
    /// True where the service manager handed a listening socket over.
    pub handed: bool,
    /// Where the service manager listens.
    pub notify: Option<PathBuf>,
    /// Locks after as long without a request.
    pub idle: Option<Duration>,
    /// Locks as long after it was unlocked.
    pub longest: Option<Duration>,
    /// Locks when the machine has slept.
    pub on_suspend: bool,
    /// OpenClaw's state directory of this user, for the audits that are made by the calendar.
    pub own_openclaw: Option<PathBuf>,
    /// Works where the system refuses to keep keys out of swap.
    pub swappable: bool,
    /// How long whoever unlocks is let alone by what the daemon does by itself.
    pub settle: Duration,
    /// Locked for as long is told.
    pub locked_long: Duration,
    /// A key that was named for the daemon itself: it unlocks with it at once.
    pub key: Option<(VaultKey, String)>,
    /// This process, for the log.
    pub who: Who,
}

/// Listens, serves, and ends in order on SIGTERM, SIGINT or SIGHUP. `say` tells a person what goes on.
///
/// # Errors
/// Where another one runs, the socket cannot be had, or keys cannot be kept out of swap.
pub fn serve(options: Options, say: &dyn Fn(&str)) -> Result<(), AppError> {
    let probe = memory::LockedBytes::zeroed_for_key(32);
    if !probe.is_locked() && !options.swappable {
        return Err(AppError::new(
            Code::Failed,
            "the system refuses to keep keys out of swap (RLIMIT_MEMLOCK)",
            "Raise the limit (LimitMEMLOCK=16M in a unit), or give --allow-swap.",
        ));
    }
    drop(probe);
    let dir = Dir::create(&options.runtime)?;
    let bound = match (options.handed, &options.shared) {
        (true, _) => socket::adopt(&dir, &options.socket),
        (false, Some(shared)) => socket::bind_shared(&dir, shared, &options.socket),
        (false, None) => socket::bind(&dir, &options.socket),
    };
    let bound = bound.map_err(not_bound)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed("no runtime can be made", &error))?;
    let descriptors = socket::raise_descriptors();
    let served = runtime.block_on(run(options, &bound, &dir, descriptors, say));
    drop(runtime);
    memory::wipe_stack::<{ memory::DEEPEST }>();
    served
}

async fn run(
    options: Options,
    bound: &Bound,
    dir: &Dir,
    descriptors: u64,
    say: &dyn Fn(&str),
) -> Result<(), AppError> {
    let listener = listening(&bound.listener).map_err(|e| failed("the socket is of no use", &e))?;
    let socket = options.shared.as_deref().unwrap_or(dir.path()).join(&options.socket);
    let (handed, notify) = (options.handed, options.notify.clone());
    let tell = |text: &str| {
        // Who listens there may be gone; that is no matter of ours.
        notify.as_deref().map(|address| socket::notify(address, text).ok());
    };
    if let Some(dir) = &options.shared {
        // Where the manager made it, it stands; without one, nobody is told of new versions.
        bell::make(&dir.join("bells"), true).ok();
    }
    let signals = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
    let signals: Result<Vec<_>, _> = signals.into_iter().map(signal).collect();
    let mut signals = signals.map_err(|error| failed("no signal can be awaited", &error))?;
    let key = options.key.as_ref().map(|(key, by)| (key.copy(), by.clone()));
    let who = options.who.clone();
    let app_parts = (options.place.clone(), options.runtime.clone(), socket.clone());
    let (own_openclaw, locked_long) = (options.own_openclaw.clone(), options.locked_long);
    let rests = Rests { settle: options.settle, locked_long };
    let shared = Arc::new(Shared::new(options, descriptors));
    let keeper = Keeper::start(&shared).map_err(|e| failed("no thread can be started", &e))?;
    if let Some((key, opened_by)) = key {
        match shared.unlock(key, opened_by, who).await {
            Ok(()) => say("unlocked with the key that was named for the daemon"),
            Err(error) => {
                shared.stop();
                keeper.end();
                return Err(error);
            }
        }
    }
    let (place, runtime, socket_path) = app_parts.clone();
    let reach =
        Reach { place, runtime, socket: socket_path, elsewhere: false, surroundings: Vec::new() };
    scheduler::start(&shared, reach).map_err(|e| failed("no thread can be started", &e))?;
    say(&format!("listening at {}", socket.display()));
    tell(&format!("READY=1\nSTATUS={}", shared.in_words()));
    chores(&shared, app_parts, own_openclaw, rests);
    let timers = tokio::spawn(timers::watch(Arc::clone(&shared)));
    let accepting = tokio::spawn(connection::accept(listener, Arc::clone(&shared)));
    let mut words = shared.in_words();
    let mut locked_at = (!shared.is_unlocked()).then(Instant::now);
    loop {
        let any = std::future::poll_fn(|context| {
            let any = signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if any { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        });
        if tokio::time::timeout(Duration::from_secs(1), any).await.is_ok() {
            break;
        }
        if keeper.is_over() {
            return Err(AppError::new(
                Code::Failed,
                "the thread that has the vault came to an end",
                "Start the daemon again; nothing is half written. Please report it.",
            ));
        }
        if words != shared.in_words() {
            words = shared.in_words();
            tell(&format!("STATUS={words}"));
            locked_at = (!shared.is_unlocked()).then(Instant::now);
        }
        if locked_at.is_some_and(|at| at.elapsed() >= locked_long) {
            say(LOCKED_LONG);
            locked_at = None;
        }
    }
    tell("STOPPING=1");
    say("stopping");
    accepting.abort();
    timers.abort();
    shared.lock("the daemon was stopped", None).await;
    shared.stop();
    // What scheduler and chores were about stands in the vault: the next daemon goes on there.
    shared.wake();
    keeper.end();
    if !handed {
        socket::unbind(&socket);
    }
    Ok(())
}

/// Starts the thread that does by itself what commands do; it ends once the keeper takes no job any more.
fn chores(
    shared: &Arc<Shared>,
    (place, runtime, socket): (Place, PathBuf, PathBuf),
    own_openclaw: Option<PathBuf>,
    rests: Rests,
) {
    let shared = Arc::clone(shared);
    let app = move || {
        let keys = KeySource { identity: None, passphrase_file: None, prompt: Box::new(|| None) };
        App::new(place.clone(), runtime.clone(), socket.clone(), keys)
    };
    let work = move || chores::work(&app, own_openclaw.as_deref(), rests, &shared);
    // Where no thread can be had, everything else goes on; what is due stays due.
    std::thread::Builder::new().name("chores".to_owned()).spawn(work).ok();
}

fn listening(listener: &UnixListener) -> std::io::Result<Listener> {
    let listener = listener.try_clone()?;
    listener.set_nonblocking(true)?;
    Listener::from_std(listener)
}

fn failed(what: &str, error: &std::io::Error) -> AppError {
    let advice = "Free some memory, processes or descriptors, and try again.";
    AppError::new(Code::Failed, format!("{what}: {}", error.kind()), advice)
}

fn not_bound(error: PlatformError) -> AppError {
    match error {
        PlatformError::Busy { holder, .. } => AppError::new(
            Code::Failed,
            format!("another daemon runs for this vault: {holder}"),
            "`clawvault status` shows it; end it before you start another.",
        ),
        other => other.into(),
    }
}
