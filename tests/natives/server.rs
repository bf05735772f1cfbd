//! A server of somebody else's, started for one test.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::process::{Process, free_port};

const START: Duration = Duration::from_secs(60);
const NOBODY: u32 = 65534;

/// A directory, and the server that lives in it.
pub(crate) struct Server {
    /// Ends with it.
    _process: Process,
    pub(crate) port: u16,
    pub(crate) home: TempDir,
}

impl Server {
    /// Starts what `command` makes of a directory and a port, and waits until it takes connections.
    pub(crate) fn start(home: TempDir, command: impl FnOnce(&Path, u16) -> Command) -> Self {
        let port = free_port();
        let log = home.path().join("log");
        let process = Process::start(&mut command(home.path(), port), &log);
        let end = Instant::now() + START;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < end, "the server does not listen; {}", process.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { _process: process, port, home }
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.home.path().join("log")).unwrap()).into_owned()
    }
}

/// A directory that whoever the server runs as may use.
pub(crate) fn home() -> TempDir {
    let home = TempDir::new().unwrap();
    fs::set_permissions(home.path(), PermissionsExt::from_mode(0o700)).unwrap();
    if is_root() {
        chown(home.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    home
}

/// A command as nobody: root is refused by some servers.
pub(crate) fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    let nobody = NOBODY.to_string();
    command.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups"]).arg(program);
    command
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Where a program is: in one of `folders`, else on the PATH.
pub(crate) fn find(name: &str, folders: &[PathBuf]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let mut places = folders.iter().cloned().chain(std::env::split_paths(&path)).chain(sbin);
    let found = places.find(|place| place.join(name).is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed (tests/run installs it)")).join(name)
}
