//! Signals that wait to be read, instead of interrupting: no handler runs.
//!
//! What was ignored stays ignored for the program, unless it decides otherwise. It would inherit what
//! is held back, so signals are held back only once it runs.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SigSet, Signal as Name};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Signal, getpid, kill_process};

/// What is passed on to the program.
const PASSED_ON: [Name; 6] =
    [Name::SIGHUP, Name::SIGINT, Name::SIGQUIT, Name::SIGTERM, Name::SIGUSR1, Name::SIGUSR2];

/// The signals of this process, and of the threads that it starts from here on.
pub struct Signals(SignalFd);

/// One that came.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// Which.
    pub signal: Signal,
    /// Sent by the kernel: of a key, to every process in the foreground of the terminal.
    pub by_kernel: bool,
}

impl Signals {
    /// Holds back what is passed on, the program's changes, and `others`.
    ///
    /// # Errors
    /// Where the system has no descriptor for them.
    pub fn hold(others: &[Name]) -> io::Result<Self> {
        let mut set = SigSet::empty();
        for name in PASSED_ON.iter().chain(&[Name::SIGCHLD, Name::SIGCONT]).chain(others) {
            set.add(*name);
        }
        set.thread_block()?;
        Ok(Self(SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?))
    }

    /// Holds nothing back any more: for a program that was started by one that did.
    pub fn release() {
        SigSet::all().thread_unblock().ok();
    }

    /// The next one that waits.
    pub fn next(&self) -> Option<Received> {
        let seen = self.0.read_signal().ok()??;
        let number = i32::try_from(seen.ssi_signo).ok()?;
        Some(Received { signal: Signal::from_named_raw(number)?, by_kernel: seen.ssi_code > 0 })
    }

    /// Waits until one comes.
    pub fn wait(&self) {
        // Interrupted is as good as come: the caller looks, and waits again.
        poll(&mut [PollFd::new(&self.0, PollFlags::IN)], None).ok();
    }
}

/// Ends this process as the key that interrupts ends one; comes back only where that is ignored.
pub fn interrupt() {
    let mut set = SigSet::empty();
    set.add(Name::SIGINT);
    if set.thread_unblock().is_ok() {
        kill_process(getpid(), Signal::INT).ok();
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Received {
    /// Whether it is one that the program gets from us.
    pub fn is_passed_on(self) -> bool {
        PASSED_ON.iter().any(|name| *name as i32 == self.signal.as_raw())
    }
}
