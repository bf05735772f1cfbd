//! Runs a program and takes what it prints, within bounds of time and size.

use std::ffi::OsString;
use std::io::Read;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use clawvault_core::memory::LockedBytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::Program;

/// Long enough for a person who is asked for a passphrase by the program.
const PATIENCE: Duration = Duration::from_secs(120);
/// What is read at first; most programs print less.
const FIRST: usize = 16 * 1024;

/// Why a program's words were not taken. Never holds any of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// It ended with a failure.
    #[error("{0} failed ({1})")]
    Failed(&'static str, String),
    /// It could not be started, or not be listened to.
    #[error("{0} cannot be run: {1}")]
    NotRun(&'static str, std::io::ErrorKind),
    /// It did not come to its end; it was stopped.
    #[error("{0} was not done in time")]
    TooSlow(&'static str),
    /// It said more than the bound, in bytes; it was stopped.
    #[error("{0} printed more than {1} bytes")]
    TooMuch(&'static str, usize),
    /// Its store cannot be listed.
    #[error("the store of {0} cannot be read: {1}")]
    Store(&'static str, clawvault_core::platform::read::ReadError),
}

/// Runs the program to its end and gives what it printed, at most `max` bytes.
pub fn capture(
    program: Program<'_>,
    arguments: Vec<OsString>,
    max: usize,
) -> Result<LockedBytes, ProgramError> {
    let (bytes, status) = capture_any(program, arguments, max, PATIENCE)?;
    if !status.success() {
        return Err(ProgramError::Failed(program.name, status.to_string()));
    }
    Ok(bytes)
}

/// The same however the program ends, within `patience`.
pub fn capture_any(
    program: Program<'_>,
    arguments: Vec<OsString>,
    max: usize,
    patience: Duration,
) -> Result<(LockedBytes, ExitStatus), ProgramError> {
    let started = Command::new(program.path)
        .args(arguments)
        .env_clear()
        .envs(program.environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = started.map_err(|error| ProgramError::NotRun(program.name, error.kind()))?;
    let listened = listen(program.name, &mut child, max, patience);
    if listened.is_err() {
        // Nothing more is wanted of it; it may have ended by itself.
        child.kill().ok();
        child.wait().ok();
    }
    listened
}

fn listen(
    name: &'static str,
    child: &mut Child,
    max: usize,
    patience: Duration,
) -> Result<(LockedBytes, ExitStatus), ProgramError> {
    let end = Instant::now() + patience;
    let not_run = |error: std::io::Error| ProgramError::NotRun(name, error.kind());
    let mut bytes = LockedBytes::zeroed(FIRST.min(max + 1));
    let mut filled = 0;
    if let Some(mut stdout) = child.stdout.take() {
        loop {
            wait_for(&stdout, end, name)?;
            match read(&mut stdout, &mut bytes[filled..]).map_err(not_run)? {
                0 => break,
                count => filled += count,
            }
            if filled > max {
                return Err(ProgramError::TooMuch(name, max));
            }
            if filled == bytes.len() {
                let mut larger = LockedBytes::zeroed(filled.saturating_mul(8).min(max + 1));
                larger[..filled].copy_from_slice(&bytes);
                bytes = larger;
            }
        }
    }
    let status = ended(name, child, end)?;
    bytes.truncate(filled);
    Ok((bytes, status))
}

fn read(stdout: &mut ChildStdout, into: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match stdout.read(into) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// The status of a program that closes its stdout, and may go on all the same.
fn ended(name: &'static str, child: &mut Child, end: Instant) -> Result<ExitStatus, ProgramError> {
    let not_run = |error: std::io::Error| ProgramError::NotRun(name, error.kind());
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty());
    wait_for(&pidfd.map_err(|error| not_run(error.into()))?, end, name)?;
    child.wait().map_err(not_run)
}

/// Waits until there is something to read, or for a process its end.
fn wait_for(fd: &impl AsFd, end: Instant, name: &'static str) -> Result<(), ProgramError> {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(|_| ProgramError::TooSlow(name))?;
        match poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&left)) {
            Ok(0) => return Err(ProgramError::TooSlow(name)),
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => {
                return Err(ProgramError::NotRun(name, std::io::Error::from(error).kind()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    fn say(script: &str, max: usize) -> Result<LockedBytes, ProgramError> {
        let environment = BTreeMap::from([("WORD".into(), "said".into())]);
        let program = Program { name: "sh", path: Path::new("/bin/sh"), environment: &environment };
        capture(program, ["-c".into(), script.into()].into(), max)
    }

    #[test]
    fn what_is_printed_is_taken_whole_or_not_at_all() {
        assert_eq!(
            say("printf '%s' \"$WORD\" two; echo no >&2", 7).unwrap().as_slice(),
            b"saidtwo"
        );
        assert_eq!(say("exec >&-; exit 0", 7).unwrap().as_slice(), b"");
        assert!(matches!(say("printf 12345678", 7), Err(ProgramError::TooMuch("sh", 7))));
        assert!(matches!(say("yes", 7), Err(ProgramError::TooMuch("sh", 7))));
        let failed = say("echo value; echo value >&2; exit 3", 70).unwrap_err().to_string();
        assert_eq!(failed, "sh failed (exit status: 3)");
        let long = say("head -c 100000 /dev/zero | tr '\\0' x", 100_000).unwrap();
        assert!(long.len() == 100_000 && long.iter().all(|byte| *byte == b'x'));
        // Nobody is at its stdin, and nothing of our environment reaches it.
        assert_eq!(say("cat; echo \"$HOME\"", 70).unwrap().as_slice(), b"\n");
    }
}
