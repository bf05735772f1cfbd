//! A home of its own for one test, and the real program in it: nothing of the caller's environment
//! reaches it, and what it says is captured.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_clawvault");

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: ExitStatus,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn of(output: Output) -> Self {
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        Self { status: output.status, out: output.stdout, err }
    }

    /// The exit code; `None` where a signal ended it.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Its stdout, of a command that has to succeed without a word on stderr that it was damaged.
    pub(crate) fn sound(self, what: &str) -> String {
        assert_eq!(self.code(), Some(0), "{what}: {}", self.err);
        assert!(!self.err.contains("warning"), "{what} warns: {}", self.err);
        String::from_utf8(self.out).expect("stdout is text")
    }
}

/// A temporary directory with a vault's home in it.
pub(crate) struct Sandbox {
    directory: TempDir,
}

impl Sandbox {
    /// An empty one: the home does not exist yet.
    pub(crate) fn empty() -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory is made") }
    }

    /// An empty one in memory, for what asks the disk nothing: a sync costs nothing there.
    pub(crate) fn in_memory() -> Self {
        let made = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self { directory: made.expect("a temporary directory is made") }
    }

    /// A copy in memory, rights and all.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::in_memory();
        let all = self.path(".");
        let copied = Command::new("cp").arg("-a").arg(all).arg(copy.path("")).status();
        assert!(copied.is_ok_and(|status| status.success()), "the sandbox is copied");
        copy
    }

    /// One with a fresh vault.
    pub(crate) fn with_vault() -> Self {
        let sandbox = Self::empty();
        sandbox.run(&["init"], b"").sound("init");
        sandbox
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// The program with these arguments, on this home.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        command_in(&self.home(), arguments)
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Said {
        run(&mut self.command(arguments), input)
    }
}

/// The program with these arguments, on the vault in `home`.
pub(crate) fn command_in(home: &Path, arguments: &[&str]) -> Command {
    command_of(PROGRAM, home, arguments)
}

/// Another program, in the same surroundings.
pub(crate) fn command_of(program: impl AsRef<OsStr>, home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("CLAWVAULT_HOME", home).args(arguments);
    command
}

/// Runs a command to its end; it may end before it has read its input.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Said {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    child.stdin.take().expect("stdin is a pipe").write_all(input).ok();
    Said::of(child.wait_with_output().expect("the child is waited for"))
}

/// The middle one of several durations.
pub(crate) fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}
