//! What the process stands in: home, state and runtime directories, keys, as XDG has them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clawvault_core::crypto::slot::Passphrase;
use clawvault_core::domain::hex;
use clawvault_core::platform::process::{CoreLimit, effective_uid};
use clawvault_core::vault::Place;

use super::{Keys, prompt};
use crate::app::{App, AppError, Code, KeySource};

/// The environment variables that this program reads, besides those of XDG.
const HOME: &str = "CLAWVAULT_HOME";
const IDENTITY: &str = "CLAWVAULT_IDENTITY";
const SOCKET: &str = "CLAWVAULT_SOCKET";
/// Where a daemon of the whole system listens.
pub(super) const SYSTEM_SOCKET: &str = "/run/clawvault/daemon.sock";
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// Name of the credential that a unit gives the identity as.
const CREDENTIAL: &str = "clawvault-identity";

/// Keys named on the command line.
#[derive(Clone, Debug)]
pub(super) struct NamedKeys {
    identity: Option<PathBuf>,
    passphrase_file: Option<PathBuf>,
    socket: Option<PathBuf>,
}

impl From<Keys> for NamedKeys {
    fn from(keys: Keys) -> Self {
        let Keys { identity, passphrase_file, socket } = keys;
        Self { identity, passphrase_file, socket }
    }
}

/// What every command gets.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) keys: NamedKeys,
    pub(super) core_limit: CoreLimit,
    pub(super) supervised: Supervised,
}

/// Whether one that stands beside a program started this process, to become the program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Supervised {
    No,
    First,
    Again,
}

impl Context {
    /// The app that asks a person for a passphrase where one can be asked.
    pub(super) fn app(&self) -> Result<App, AppError> {
        // Asked once: a command that opens the vault several times asks a person only the first.
        let known = std::cell::RefCell::new(None::<Passphrase>);
        self.app_with(Box::new(move || {
            let mut known = known.borrow_mut();
            if known.is_none() {
                *known = prompt::passphrase("Passphrase of the vault: ");
            }
            known.clone()
        }))
    }

    /// The same, for what may have to tell gateways by OpenClaw's own command.
    pub(super) fn telling_app(&self) -> Result<App, AppError> {
        let mut app = self.app()?;
        app.surroundings = environment();
        Ok(app)
    }

    /// The app that asks nobody.
    pub(super) fn silent_app(&self) -> Result<App, AppError> {
        self.app_with(Box::new(|| None))
    }

    fn app_with(&self, ask: Box<dyn Fn() -> Option<Passphrase>>) -> Result<App, AppError> {
        let (home, state) = match path(HOME) {
            Some(home) => (home.clone(), home.join("state")),
            None => (xdg("XDG_DATA_HOME", ".local/share")?, xdg("XDG_STATE_HOME", ".local/state")?),
        };
        let runtime = match path("XDG_RUNTIME_DIR") {
            Some(runtime) if runtime.is_absolute() => runtime.join("clawvault"),
            _ => home.join("run"),
        };
        let identity = self.identity();
        let passphrase_file = self.keys.passphrase_file.clone();
        let keys = KeySource { identity, passphrase_file, prompt: ask };
        let own = runtime.join(socket_name(path(HOME).as_deref()));
        let named = self.keys.socket.clone().or_else(|| path(SOCKET));
        let is_here = || path(HOME).is_some() || own.exists() || home.join("vault.toml").exists();
        // A vault of the user's own comes first; without one, there may be one of the system.
        let system = || Some(PathBuf::from(SYSTEM_SOCKET)).filter(|it| !is_here() && it.exists());
        let other = named.filter(|named| *named != own).or_else(system);
        // Who names a home and a socket says that they belong together.
        let elsewhere = other.is_some() && path(HOME).is_none();
        let socket = other.unwrap_or(own);
        let mut app = App::new(Place { home, state }, runtime, socket, keys);
        app.elsewhere = elsewhere;
        Ok(app)
    }

    /// The identity file: as named, else the credential of this unit.
    fn identity(&self) -> Option<PathBuf> {
        let named = self.keys.identity.clone().or_else(|| path(IDENTITY));
        if named.is_some() || self.keys.passphrase_file.is_some() {
            return named;
        }
        path(CREDENTIALS).map(|directory| directory.join(CREDENTIAL)).filter(|file| file.exists())
    }

    /// Refuses keys that a launched program could read as well.
    pub(super) fn refuse_inherited_keys(&self) -> Result<(), AppError> {
        let files = [self.identity(), self.keys.passphrase_file.clone()];
        for file in files.into_iter().flatten() {
            if path(CREDENTIALS).is_some_and(|directory| is_below(&file, &directory)) {
                return Err(AppError::new(
                    Code::Denied,
                    "the key lies in this unit's credentials, where the program could read it too",
                    "Give the credential to the daemon's unit, and none to the program's.",
                ));
            }
            if file.starts_with("/dev/fd") || file.starts_with("/proc/self/fd") {
                return Err(AppError::new(
                    Code::Denied,
                    "the key comes from an open descriptor, which the program would inherit",
                    "Name a file instead.",
                ));
            }
        }
        Ok(())
    }
}

/// Name of the daemon's socket: a home that was named has a daemon of its own.
fn socket_name(home: Option<&Path>) -> String {
    use std::os::unix::ffi::OsStrExt;
    let Some(home) = home else { return "daemon.sock".to_owned() };
    let real = home.canonicalize().unwrap_or_else(|_| home.to_owned());
    let digest = clawvault_core::crypto::digest(&[b"home", real.as_os_str().as_bytes()]);
    format!("daemon-{}.sock", hex(&digest.0[..4]))
}

fn is_below(file: &Path, directory: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real(file).starts_with(real(directory))
}

/// A path from the environment; empty counts as unset.
pub(super) fn path(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// True where the service manager handed one listening socket to this very process.
pub(super) fn socket_is_handed() -> Result<bool, AppError> {
    if clawvault_core::platform::socket::stdin_listens() {
        return Ok(true);
    }
    let number = |variable: &str| std::env::var(variable).ok()?.parse::<u32>().ok();
    if number("LISTEN_PID") != Some(std::process::id()) {
        return Ok(false);
    }
    match number("LISTEN_FDS") {
        None | Some(0) => Ok(false),
        Some(1) => Ok(true),
        Some(count) => Err(AppError::usage(
            format!("the service manager handed {count} sockets over"),
            "Name one ListenStream= in the socket unit.",
        )),
    }
}

/// The user's home directory.
pub(super) fn user_home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| home.is_absolute())
}

/// All variables of this process.
pub(super) fn environment() -> Vec<(OsString, OsString)> {
    std::env::vars_os().collect()
}

/// Ways by which a program could have something started outside of what it is confined to: the user's
/// service manager, buses, terminals that others hold.
pub(super) fn doors_outside() -> Vec<PathBuf> {
    let uid = effective_uid();
    let mut all =
        vec![PathBuf::from(format!("/tmp/tmux-{uid}")), format!("/dev/shm/clawvault-{uid}").into()];
    all.push(PathBuf::from(SYSTEM_SOCKET).parent().map(Path::to_owned).unwrap_or_default());
    let runtimes = [path("XDG_RUNTIME_DIR"), Some(format!("/run/user/{uid}").into())];
    for runtime in runtimes.into_iter().flatten() {
        all.extend(
            ["bus", "systemd", "dbus-1", "gnupg", "tmux-sockets"].map(|name| runtime.join(name)),
        );
    }
    all.extend(path("TMUX_TMPDIR").map(|dir| dir.join(format!("tmux-{uid}"))));
    all.retain(|path| path.exists());
    all
}

/// Where throw-away vaults go: in memory where possible.
pub(super) fn temporary() -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    path("XDG_RUNTIME_DIR")
        .or_else(|| Some(shared).filter(|p| p.is_dir()))
        .unwrap_or_else(std::env::temp_dir)
}

/// Where it is kept what can be made again; nowhere, for a user without a home.
pub(super) fn cache() -> Option<PathBuf> {
    match path(HOME) {
        Some(home) => Some(home.join("cache")),
        None => xdg("XDG_CACHE_HOME", ".cache").ok(),
    }
}

/// A directory by the XDG base directory specification: absolute, else under the user's home.
fn xdg(variable: &str, below_home: &str) -> Result<PathBuf, AppError> {
    if let Some(directory) = path(variable).filter(|directory| directory.is_absolute()) {
        return Ok(directory.join("clawvault"));
    }
    let home = user_home().ok_or_else(|| {
        let what = format!("user {} has no home directory", effective_uid());
        AppError::new(Code::Failed, what, "Name the vault's home with CLAWVAULT_HOME.")
    })?;
    Ok(home.join(below_home).join("clawvault"))
}
