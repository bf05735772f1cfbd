//! Our terminal while the program has one of its own: keys go through as they are typed.
//!
//! *Invariant:* our terminal is raw only while this process is in its foreground and runs; its
//! settings come back when it stops, when it ends, and when it fails.

use std::ops::Range;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::getpgrp;
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr};
use zeroize::Zeroizing;

/// Most keys that are taken before the program takes them, in bytes.
const MOST: usize = 4096;

/// The keys of our terminal.
pub(super) struct Keyboard {
    terminal: OwnedFd,
    /// Our side of the program's terminal; writing to it never waits.
    program: OwnedFd,
    /// Our terminal's own settings, while it is raw.
    settings: Option<Termios>,
    /// What was typed; of it, what is not yet taken.
    typed: Zeroizing<[u8; MOST]>,
    waiting: Range<usize>,
    hung_up: bool,
}

impl Keyboard {
    /// The terminal that `stdin` is, else the one that this session has; if there is one.
    pub(super) fn of(stdin: &OwnedFd, program: &OwnedFd) -> Option<Self> {
        let terminal = if isatty(stdin) {
            stdin.try_clone().ok()?
        } else {
            let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
            rustix::fs::open("/dev/tty", flags, Mode::empty()).ok()?
        };
        rustix::io::ioctl_fionbio(program, true).ok()?;
        let program = program.try_clone().ok()?;
        let typed = Zeroizing::new([0; MOST]);
        Some(Self { terminal, program, settings: None, typed, waiting: 0..0, hung_up: false })
    }

    /// Takes the keys, if this process is in the foreground and has not taken them.
    pub(super) fn take(&mut self) {
        if !self.is_taken() {
            self.set_raw();
        }
    }

    /// Takes them anew after this process was stopped from outside: others may have changed the
    /// settings since.
    pub(super) fn take_again(&mut self) {
        if self.is_taken() {
            self.set_raw();
        }
    }

    fn set_raw(&mut self) {
        // A terminal that is not this session's has no foreground.
        if tcgetpgrp(&self.terminal).is_ok_and(|at| at != getpgrp()) {
            return;
        }
        let Ok(found) = tcgetattr(&self.terminal) else { return };
        let settings = self.settings.take().unwrap_or(found);
        let mut raw = settings.clone();
        raw.make_raw();
        self.settings = Some(settings);
        tcsetattr(&self.terminal, OptionalActions::Now, &raw).ok();
    }

    /// Gives the keys back.
    pub(super) fn give_back(&mut self) {
        if let Some(settings) = self.settings.take() {
            tcsetattr(&self.terminal, OptionalActions::Now, &settings).ok();
        }
    }

    /// False in the background, where nobody tells when it ends.
    pub(super) fn is_taken(&self) -> bool {
        self.settings.is_some()
    }

    /// What has to be waited for next.
    pub(super) fn waits_for(&self) -> Option<PollFd<'_>> {
        if self.hung_up || !self.is_taken() {
            return None;
        }
        Some(if self.waiting.is_empty() {
            PollFd::new(&self.terminal, PollFlags::IN)
        } else {
            PollFd::new(&self.program, PollFlags::OUT)
        })
    }

    /// Passes keys on, as far as that can be done without waiting.
    pub(super) fn pass(&mut self) {
        if self.waiting.is_empty() {
            match rustix::io::read(&self.terminal, self.typed.as_mut_slice()) {
                Ok(0) | Err(Errno::IO) => self.hung_up = true,
                Ok(count) => self.waiting = 0..count,
                Err(_) => {}
            }
        }
        match rustix::io::write(&self.program, &self.typed[self.waiting.clone()]) {
            Ok(count) => self.waiting.start += count,
            Err(Errno::AGAIN | Errno::INTR) => {}
            // Nobody is there to take them.
            Err(_) => self.waiting = 0..0,
        }
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.give_back();
    }
}
