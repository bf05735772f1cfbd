//! The program that is run: what it needs, how it starts, how it ended.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{Error, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clawvault_core::platform::process::{self, CoreLimit, harden, restore_core_limit};
use rustix::io::Errno;
use rustix::process::{Pid, WaitStatus};

use super::MaskError;

/// A program with everything it needs.
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// What it is called as (`argv[0]`), and its arguments.
    pub arguments: Vec<OsString>,
    /// Its whole environment; our own where there is none.
    pub environment: Option<BTreeMap<OsString, OsString>>,
    /// The core limit that it would have had without us.
    pub core_limit: CoreLimit,
}

/// stdin, stdout and stderr of a program; ours where there is none.
pub(super) type Streams = [Option<OwnedFd>; 3];

impl Program {
    /// Starts it with these streams, and in a process group of its own if `apart`.
    ///
    /// Every other descriptor of ours closes on exec, and the standard library sets `SIGPIPE` back
    /// to its default.
    pub(super) fn start(self, streams: &Streams, apart: bool) -> Result<Pid, MaskError> {
        let mut arguments = self.arguments.iter().map(OsString::as_os_str);
        let name = arguments.next().unwrap_or_default();
        let attempt = |path: &Path, name: &OsStr, arguments: &[&OsStr]| {
            let mut command = Command::new(path);
            command.arg0(name).args(arguments);
            if let Some(environment) = &self.environment {
                command.env_clear().envs(environment);
            }
            if apart {
                command.process_group(0);
            }
            let [input, output, error] = streams.each_ref().map(stdio);
            command.stdin(input?).stdout(output?).stderr(error?).spawn()
        };
        restore_core_limit(self.core_limit);
        let rest: Vec<&OsStr> = arguments.collect();
        let mut started = attempt(&self.path, name, &rest);
        if started.as_ref().is_err_and(|e| e.raw_os_error() == Some(Errno::NOEXEC.raw_os_error())) {
            // A script that does not say what it is written in is the shell's, as execvp(3) has it.
            let script: Vec<&OsStr> = [self.path.as_os_str()].into_iter().chain(rest).collect();
            started = attempt(Path::new("/bin/sh"), OsStr::new("sh"), &script);
        }
        harden();
        let shown = || name.to_string_lossy().into_owned();
        let child = started.map_err(|error| match error.kind() {
            ErrorKind::NotFound => MaskError::NotFound(shown()),
            _ => MaskError::NotRunnable(shown()),
        })?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        pid.ok_or(Errno::SRCH).map_err(MaskError::system("name the program's process"))
    }
}

fn stdio(stream: &Option<OwnedFd>) -> Result<Stdio, Error> {
    stream.as_ref().map_or(Ok(Stdio::inherit()), |fd| fd.try_clone().map(Stdio::from))
}

/// What became of the program since this was last asked: stopped, or ended.
pub(super) fn changed(program: Pid) -> Result<Option<WaitStatus>, MaskError> {
    let seen = process::changed(Some(program));
    let seen = seen.map_err(MaskError::system("wait for the program"))?;
    Ok(seen.map(|(_, status)| status))
}
