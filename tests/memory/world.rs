//! A vault with secrets of which every byte is known, and commands that are stopped in it.

use std::fmt::Write as _;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::fs::FlockOperation;
use rustix::process::{Pid, Signal, kill_process};

use crate::canary::Canary;
use crate::dump::{At, dump, product_of, wait_until};
use crate::needles::{Found, Needles};
use crate::scratch::{Scratch, give};

/// A variable that every process here has: what is sought in a dump must be findable in it.
const CONTROL: &str = "MEMORY_CONTROL";

pub(crate) struct World {
    pub(crate) scratch: Scratch,
    pub(crate) values: Vec<Canary>,
    pub(crate) needles: Needles,
    control: Canary,
}

/// A process that stands still; it is ended with this.
pub(crate) struct Stopped {
    outer: Child,
    pub(crate) pid: u32,
}

impl World {
    /// A vault that a random passphrase opens, which lies in the file `pass`.
    pub(crate) fn by_passphrase(seed: u64) -> Self {
        Self::new(seed, 1, true)
    }

    fn new(seed: u64, secrets: usize, by_passphrase: bool) -> Self {
        let scratch = Scratch::new();
        println!("CLAWVAULT_TEST_SEED={seed}");
        let canary = |n: usize| Canary::new(seed.wrapping_add(n as u64 * 0x1000));
        let passphrase = canary(secrets + 1);
        let passphrase = by_passphrase.then(|| passphrase.text());
        if let Some(passphrase) = passphrase {
            scratch.write("pass", passphrase.as_bytes());
            let init = ["init", "--work-factor", "15", "--passphrase-file", "pass"];
            scratch.call(&init, b"").succeeded();
        } else {
            scratch.call(&["init"], b"").succeeded();
        }
        let values: Vec<Canary> = (1..=secrets).map(canary).collect();
        let mut needles = Needles::new();
        for (n, value) in values.iter().enumerate() {
            needles.add_value(&format!("value {n}"), value);
        }
        needles.add_keys(&scratch.home(), passphrase);
        let control = canary(0);
        needles.add_value("control", &control);
        Self { scratch, values, needles, control }
    }

    /// A vault with secrets in it, `env/key-0` as `KEY_0` and so on, that an identity file opens.
    pub(crate) fn filled(seed: u64, secrets: usize) -> Self {
        let world = Self::new(seed, secrets, false);
        world.write_document();
        world.scratch.call(&["import", "a.env"], b"").succeeded();
        world
    }

    /// All values as the document `a.env`.
    pub(crate) fn write_document(&self) {
        let mut text = String::new();
        for (n, value) in self.values.iter().enumerate() {
            writeln!(text, "KEY_{n}={}", value.text()).unwrap();
        }
        self.scratch.write("a.env", text.as_bytes());
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.scratch.command();
        command.args(arguments).env(CONTROL, self.control.text()).stdout(Stdio::null());
        command.stderr(Stdio::null());
        command
    }

    /// Starts a command and waits until it stands at `at`.
    pub(crate) fn stop(&self, mut command: Command, stdin: &[u8], at: At) -> Stopped {
        use std::io::Write as _;
        let mut outer = command.spawn().unwrap();
        let pid = outer.id();
        if let Some(pipe) = &mut outer.stdin {
            pipe.write_all(stdin).unwrap();
        }
        if !matches!(at, At::Read(_)) {
            drop(outer.stdin.take());
        }
        let stopped = Stopped { outer, pid };
        hold_still(pid, at);
        stopped
    }

    /// Starts a command on a terminal, types a line, and waits until it waits for the lock.
    pub(crate) fn stop_typed(&self, arguments: &[&str], line: &str) -> Stopped {
        use std::io::Write as _;
        let mut command = self.scratch.command_of(Path::new("/usr/bin/script"));
        let program = self.scratch.program().display();
        command.args(["-qec", &format!("exec {program} {}", arguments.join(" ")), "/dev/null"]);
        command.env(CONTROL, self.control.text()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut outer = command.spawn().unwrap();
        writeln!(outer.stdin.as_mut().unwrap(), "{line}").unwrap();
        let stopped = Stopped { pid: product_of(outer.id()), outer };
        hold_still(stopped.pid, At::Sleep);
        stopped
    }

    /// Runs a command to its very end, where `strace` keeps it from its last call.
    pub(crate) fn stop_at_end(&self, arguments: &[&str], stdin: &[u8]) -> Stopped {
        use std::io::Write as _;
        let mut command = self.scratch.command_of(Path::new("/usr/bin/strace"));
        command.args(["-o", "/dev/null", "-e", "trace=exit_group"]);
        command.args(["-e", "inject=exit_group:delay_enter=60s"]).arg(self.scratch.program());
        command.args(arguments).env(CONTROL, self.control.text());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut outer = command.spawn().unwrap();
        outer.stdin.take().unwrap().write_all(stdin).ok();
        let stopped = Stopped { pid: product_of(outer.id()), outer };
        wait_until(stopped.pid, At::End);
        stopped
    }

    /// Searches a process that stands still; fails where the search is blind.
    pub(crate) fn search(&mut self, stopped: &Stopped) -> Found {
        let mut found = self.needles.find(&dump(stopped.pid));
        let control = found.remove("control");
        assert!(control.is_some(), "the control is not found: the dump or the search is broken");
        found
    }

    /// Holds the vault's lock, as another command would.
    pub(crate) fn hold(&self) -> File {
        let path = self.scratch.home().join("lock");
        let lock = File::options().write(true).create(true).truncate(false).open(&path).unwrap();
        give(&path);
        rustix::fs::flock(&lock, FlockOperation::LockExclusive).unwrap();
        lock
    }
}

fn hold_still(pid: u32, at: At) {
    wait_until(pid, at);
    kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::STOP).unwrap();
}

/// A pipe that takes nothing more: who writes to it stands still.
pub(crate) fn full_pipe() -> (OwnedFd, OwnedFd) {
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let size = rustix::pipe::fcntl_setpipe_size(&writer, 4096).unwrap();
    assert_eq!(rustix::io::write(&writer, &vec![b'.'; size]).unwrap(), size);
    (reader, writer)
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let pid = Pid::from_raw(self.pid as i32).unwrap();
        kill_process(pid, Signal::KILL).ok();
        self.outer.kill().ok();
        self.outer.wait().ok();
    }
}
