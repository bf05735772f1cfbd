//! Stands beside a program and starts it anew when a secret that it has got another version.
//!
//! It holds no value: each time, `clawvault run` itself is started, which asks the vault and stops
//! (SIGSTOP) just before it becomes the program. Only then is the old one told to end, so that one
//! that cannot be renewed goes on as it is. The program stays in our process group: keys of the
//! terminal and job control are the shell's. Whoever loses its parents below us is reaped here.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use clawvault_core::platform::bell::{self, Ear};
use clawvault_core::platform::process::{ProcessId, changed, exit_code};
use clawvault_core::platform::signals::{Received, Signals};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, getpid, kill_process, set_child_subreaper};

/// What this executable is called (`argv[0]`) when it stands beside a program.
pub const SUPERVISOR: &str = "clawvault-supervisor";
/// What `run` is called when it is started by one that does; the first may ask a person.
pub const SUPERVISED: &str = "clawvault-supervised";
/// The same, later: nobody is asked.
pub const RENEWED: &str = "clawvault-renewed";

/// Changes that come together are one.
const SETTLE: Duration = Duration::from_millis(200);
/// So long one that was told to end is waited for.
const GRACE: Duration = Duration::from_secs(10);
/// The least time between two restarts; it doubles while they follow each other.
const LEAST: Duration = Duration::from_secs(1);
/// The longest such time, and how long it must be quiet for it to be the least again.
const MOST: Duration = Duration::from_secs(60);

/// What is done when a secret of the program has another version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnRotate {
    /// It is started anew.
    Restart,
    /// It is sent a signal of this number, and asks for what is new itself.
    Signal(i32),
}

/// What a supervisor needs to know.
#[derive(Clone, Debug)]
pub struct Beside {
    /// What to do.
    pub on: OnRotate,
    /// Directory of the bell that is rung for it.
    pub bells: PathBuf,
    /// True for a program that a hang-up would end though it lives on without a terminal.
    pub spare_hangup: bool,
    /// The arguments of `run`.
    pub run: Vec<OsString>,
}

/// How it ended.
#[derive(Clone, Copy, Debug)]
pub struct Stood {
    /// The program's exit code; 128 and the number of the signal that ended it.
    pub code: u8,
    /// Ended by the key that interrupts: then we should end so, too.
    pub interrupted: bool,
}

impl Beside {
    /// Becomes the supervisor: this process forgets all that it knew, keeps its number, and is seen no
    /// more of. Comes back only where that failed.
    pub fn become_it(&self) -> io::Error {
        let on = match self.on {
            OnRotate::Restart => 0,
            OnRotate::Signal(number) => number,
        };
        let mut command = Command::new("/proc/self/exe");
        command.arg0(SUPERVISOR).arg(on.to_string()).arg(u8::from(self.spare_hangup).to_string());
        command.arg(&self.bells).args(&self.run).exec()
    }

    /// What the arguments of such a process say.
    pub fn of(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut number = || arguments.next()?.to_str()?.parse::<i32>().ok();
        let on = match number()? {
            0 => OnRotate::Restart,
            other => OnRotate::Signal(other),
        };
        let spare_hangup = number()? == 1;
        let bells = PathBuf::from(arguments.next()?);
        Some(Self { on, bells, spare_hangup, run: arguments.collect() })
    }

    /// Stands beside the program until it ends by itself; `say` tells a person what went on.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn stand(&self, say: &dyn Fn(&str)) -> io::Result<Stood> {
        set_child_subreaper(Some(getpid()))?;
        let ear = Ear::at(&self.bells, bell::name_of(ProcessId::own()))?;
        let signals = Signals::hold(&[])?;
        let mut stage = Stage::new(self, say);
        stage.prepare(SUPERVISED)?;
        loop {
            // Signals first: one that says that a child ended must not be taken after the look at children.
            while let Some(received) = signals.next() {
                stage.pass(received);
            }
            while let Some((pid, status)) = changed(None).unwrap_or(None) {
                if let Some(stood) = stage.see(pid, status.stopping_signal(), exit_code(status)) {
                    return Ok(stood);
                }
            }
            if ear.has_heard() {
                stage.ring();
            }
            stage.act()?;
            let mut all = [PollFd::new(&signals, PollFlags::IN), PollFd::new(&ear, PollFlags::IN)];
            let limit = stage.wakes().map(|left| Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            });
            poll(&mut all, limit.as_ref()).ok();
        }
    }
}

/// Who is on, who waits behind it, and what is due.
struct Stage<'a> {
    beside: &'a Beside,
    say: &'a dyn Fn(&str),
    /// The program.
    on: Option<Pid>,
    /// The next one, and whether it only waits to be let on.
    next: Option<(Pid, bool)>,
    /// When the next is begun.
    due: Option<Instant>,
    /// When the one that was told to end is ended.
    patience: Option<Instant>,
    /// When the last was begun, and how long to wait before another.
    last: Option<Instant>,
    pause: Duration,
    interrupted: bool,
}

impl<'a> Stage<'a> {
    fn new(beside: &'a Beside, say: &'a dyn Fn(&str)) -> Self {
        let (on, next, due, patience, last) = (None, None, None, None, None);
        Self { beside, say, on, next, due, patience, last, pause: LEAST, interrupted: false }
    }

    fn prepare(&mut self, name: &str) -> io::Result<()> {
        let mut command = Command::new("/proc/self/exe");
        let child = command.arg0(name).args(&self.beside.run).spawn()?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        self.next = pid.map(|pid| (pid, false));
        self.last = Some(Instant::now());
        Ok(())
    }

    /// Takes note of a change; tells how it all ended, once it has.
    fn see(&mut self, pid: Pid, stopped: Option<i32>, ended: Option<u8>) -> Option<Stood> {
        let by_itself = stopped == Some(Signal::STOP.as_raw());
        if let Some((next, waits)) = self.next
            && next == pid
        {
            match (ended, self.on) {
                // The first one: whatever kept it from beginning, it said itself.
                (Some(code), None) => return Some(self.end(code)),
                (Some(code), Some(_)) => {
                    (self.say)(&format!(
                        "the program was not renewed (it ended with {code}) and goes on as it is"
                    ));
                    self.next = None;
                    self.later();
                }
                (None, on) if by_itself && !waits => {
                    self.next = Some((pid, true));
                    match on {
                        None => self.let_on(),
                        Some(old) => self.ask_to_end(old),
                    }
                }
                (None, _) => {}
            }
            return None;
        }
        if self.on == Some(pid)
            && let Some(code) = ended
        {
            self.on = None;
            self.patience = None;
            return match self.next {
                Some((_, true)) => {
                    self.let_on();
                    (self.say)("the program was started anew: a secret of it has another version");
                    None
                }
                // It ended by itself; what was being made ready is not needed.
                Some((next, false)) => {
                    kill_process(next, Signal::KILL).ok();
                    Some(self.end(code))
                }
                None => Some(self.end(code)),
            };
        }
        None
    }

    fn end(&self, code: u8) -> Stood {
        let by_key = i32::from(code) == 128 + Signal::INT.as_raw();
        Stood { code, interrupted: self.interrupted && by_key }
    }

    fn let_on(&mut self) {
        if let Some((pid, _)) = self.next.take() {
            kill_process(pid, Signal::CONT).ok();
            self.on = Some(pid);
        }
    }

    fn ask_to_end(&mut self, old: Pid) {
        kill_process(old, Signal::TERM).ok();
        // One that is stopped could not hear it.
        kill_process(old, Signal::CONT).ok();
        self.patience = Some(Instant::now() + GRACE);
    }

    /// A secret has another version: soon, but not before the pause since the last time is over.
    fn ring(&mut self) {
        let now = Instant::now();
        let quiet = self.last.is_none_or(|last| now.saturating_duration_since(last) > MOST);
        self.pause = if quiet { LEAST } else { self.pause };
        let earliest = self.last.map_or(now, |last| last + self.pause);
        let due = earliest.max(now + SETTLE);
        self.due = Some(self.due.map_or(due, |known| known.min(due)));
    }

    /// Not now: in a while, and each time in a longer one.
    fn later(&mut self) {
        self.pause = (self.pause * 2).min(MOST);
        self.due = Some(Instant::now() + self.pause);
    }

    /// Does what is due.
    fn act(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if self.patience.is_some_and(|then| now >= then)
            && let Some(old) = self.on
        {
            kill_process(old, Signal::KILL).ok();
            self.patience = None;
        }
        if self.due.is_some_and(|due| now >= due)
            && self.next.is_none()
            && let Some(on) = self.on
        {
            self.due = None;
            match self.beside.on {
                OnRotate::Signal(number) => {
                    Signal::from_named_raw(number).map(|signal| kill_process(on, signal).ok());
                    self.last = Some(now);
                }
                OnRotate::Restart => {
                    self.pause = (self.pause * 2).min(MOST);
                    self.prepare(RENEWED)?;
                }
            }
        }
        Ok(())
    }

    /// How long nothing is due; for ever where there is none.
    fn wakes(&self) -> Option<Duration> {
        // What is due waits for the next one, which tells of itself.
        let due = self.due.filter(|_| self.next.is_none() && self.on.is_some());
        let all = [due, self.patience];
        let first = all.into_iter().flatten().min()?;
        Some(first.saturating_duration_since(Instant::now()))
    }

    /// Passes on what was sent to us alone: of a key, the program in our group has its own.
    fn pass(&mut self, received: Received) {
        self.interrupted |= received.signal == Signal::INT && received.by_kernel;
        if !received.is_passed_on() || received.by_kernel {
            return;
        }
        if received.signal == Signal::HUP && self.beside.spare_hangup {
            return;
        }
        for pid in [self.on, self.next.map(|(pid, _)| pid)].into_iter().flatten() {
            kill_process(pid, received.signal).ok();
            if self.on != Some(pid) {
                kill_process(pid, Signal::CONT).ok();
            }
        }
    }
}
