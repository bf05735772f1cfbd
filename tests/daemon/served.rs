//! A vault with a daemon, in directories of their own.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_clawvault");
const PATIENCE: Duration = Duration::from_secs(20);

/// What a command said, and how it ended.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) struct Served {
    root: TempDir,
    pub(crate) daemon: Option<Child>,
}

impl Served {
    /// A vault with `env/one` as `ONE`, and nobody who serves it.
    pub(crate) fn vault() -> Self {
        // Once for the process; it leads its session from then on.
        rustix::process::setsid().ok();
        // In memory: a sync costs nothing, and this is not about the disk.
        let root = TempDir::new_in("/dev/shm").unwrap();
        let served = Self { root, daemon: None };
        let runtime = served.path("run");
        std::fs::create_dir(&runtime).unwrap();
        std::fs::set_permissions(&runtime, PermissionsExt::from_mode(0o700)).unwrap();
        served.call("init").ok();
        served.set("env/one", "the-first-value");
        served
    }

    /// The same, served and unlocked.
    pub(crate) fn unlocked() -> Self {
        let mut served = Self::vault();
        served.serve(&[]);
        served.call("unlock").ok();
        served
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Starts the daemon and waits until it listens.
    pub(crate) fn serve(&mut self, options: &[&str]) {
        let mut command = self.command(&["daemon"]);
        command.args(options).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.daemon = Some(command.spawn().unwrap());
        self.await_listening();
    }

    pub(crate) fn await_listening(&self) {
        until("the daemon listens", || UnixStream::connect(self.socket()).is_ok());
    }

    pub(crate) fn pid(&self) -> u32 {
        self.daemon.as_ref().unwrap().id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid() as i32).unwrap(), signal).unwrap();
    }

    /// Waits for the daemon's end; gives its code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let mut daemon = self.daemon.take().unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = daemon.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < end, "the daemon does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The socket: the one name in the runtime directory that ends so.
    pub(crate) fn socket(&self) -> PathBuf {
        let all = std::fs::read_dir(self.path("run/clawvault")).into_iter().flatten().flatten();
        let found =
            all.map(|entry| entry.path()).find(|path| path.extension() == Some("sock".as_ref()));
        found.unwrap_or_else(|| self.path("run/clawvault/none.sock"))
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(PROGRAM, arguments)
    }

    pub(crate) fn command_of(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        let bin = Path::new(PROGRAM).parent().unwrap().display();
        command
            .current_dir(self.root.path())
            .env_clear()
            .env("PATH", format!("{bin}:/usr/bin:/bin"))
            .env("HOME", self.root.path())
            .env("CLAWVAULT_HOME", self.path("home"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .args(arguments);
        command
    }

    /// A call, its words split at blanks.
    pub(crate) fn call(&self, words: &str) -> Said {
        self.call_with(words, b"")
    }

    pub(crate) fn call_with(&self, words: &str, stdin: &[u8]) -> Said {
        finish(self.command(&words.split(' ').collect::<Vec<_>>()), stdin)
    }

    /// A shell in which `cv` is the program in this vault's surroundings, whatever else was taken away.
    pub(crate) fn script(&self, script: &str) -> String {
        let runtime = self.path("run");
        let home = self.path("home");
        format!(
            "cv() {{ CLAWVAULT_HOME={} XDG_RUNTIME_DIR={} {PROGRAM} \"$@\"; }}; {script}",
            home.display(),
            runtime.display()
        )
    }

    pub(crate) fn sh(&self, script: &str) -> Said {
        finish(self.command_of("/bin/sh", &["-c", &self.script(script)]), b"")
    }

    /// A shell as a program that clawvault launched.
    pub(crate) fn run_sh(&self, options: &[&str], script: &str) -> Said {
        let script = self.script(script);
        let words = [&["run"], options, &["--", "/bin/sh", "-c", &script]].concat();
        finish(self.command(&words), b"")
    }

    /// Launches a shell that goes on by itself, and waits until its run is recorded.
    pub(crate) fn begin_run(&self, options: &[&str], script: &str) -> Child {
        let records =
            || std::fs::read_dir(self.path("run/clawvault/runs")).map_or(0, Iterator::count);
        let before = records();
        let words = [&["run"], options, &["--", "/bin/sh", "-c", script]].concat();
        let mut command = self.command(&words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        until("the run has begun", || records() > before);
        child
    }

    pub(crate) fn set(&self, name: &str, value: &str) {
        let variable = name.split('/').next_back().unwrap().to_uppercase().replace('-', "_");
        self.call_with(&format!("set {name} --env {variable}"), value.as_bytes()).ok();
    }

    /// The log's lines.
    pub(crate) fn log(&self) -> Vec<String> {
        self.call("log").ok().lines().map(str::to_owned).collect()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().ok();
            daemon.wait().ok();
        }
    }
}

impl Said {
    /// What it printed, of a command that succeeded.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    /// That it was refused with this code, and said what and what to do.
    pub(crate) fn refused(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        assert!(self.err.contains("hint: "), "{}", self.err);
    }
}

pub(crate) fn finish(mut command: Command, stdin: &[u8]) -> Said {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin).ok();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Waits for something that is to come true soon.
pub(crate) fn until(what: &str, mut is: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
