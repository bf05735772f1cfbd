//! Starts the program, stands beside it until it ends, and passes on what concerns it.

use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use clawvault_core::domain::Value;
use clawvault_core::memory;
use clawvault_core::platform::process::exit_code;
use clawvault_core::platform::signals::{Received, Signals};
use clawvault_needles::{Needles, Stream};
use nix::sys::signal::Signal as Name;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, kill_current_process_group, kill_process};

use super::keyboard::Keyboard;
use super::program::changed;
use super::pump::{Pump, Sink};
use super::wiring::{Screen, Source, Wiring};
use super::{MaskError, Outer, Program, SESSION};

/// In the background nobody tells when it ends: so often the terminal is asked.
const BACKGROUND: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
/// So long a reader that takes nothing is waited for, once a signal asks us to end.
const SOON: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// How a masked run ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// The program's exit code; 128 and the number of the signal that ended it.
    pub code: u8,
    /// What kept output from being written, other than a reader that went away.
    pub lost: Option<ErrorKind>,
    /// Ended by the key that interrupts: then we should end so, too, for the shell's script to.
    pub interrupted: bool,
}

/// Runs the program to its end. The values are named; `started` is told the program's process.
pub fn run(
    program: Program,
    values: &[(String, &Value)],
    outer: &Outer,
    started: impl FnOnce(u32),
) -> Result<Ended, MaskError> {
    let bytes: Vec<&[u8]> = values.iter().map(|(_, value)| value.expose()).collect();
    let needles = Arc::new(Needles::new(&bytes)?);
    let marks: Arc<[String]> = values.iter().map(|(name, _)| format!("[masked:{name}]")).collect();
    let wiring = Wiring::of(outer)?;
    let keyboard = wiring.session.as_ref().and_then(|ours| Keyboard::of(&outer.stdin, ours));
    let own_session = wiring.session.is_some();
    let program = if own_session { led(program) } else { program };
    let pid = program.start(&wiring.streams, false)?;
    started(pid.as_raw_nonzero().get().unsigned_abs());
    drop(wiring.streams);
    let signals =
        Signals::hold(&[Name::SIGWINCH]).map_err(MaskError::system("hand over signals"))?;
    let pumps = Pumps::start(wiring.sources, &needles, &marks)?;
    let mut watch = Watch {
        program: pid,
        own_session,
        keyboard,
        screens: wiring.screens,
        signals,
        interrupted: own_session,
    };
    // What was copied on the way here does not stay as long as the program runs.
    memory::wipe_stack::<{ memory::DEEPEST }>();
    let code = watch.until_its_end()?;
    let lost = pumps.finish(&watch.signals);
    let interrupted = watch.interrupted && i32::from(code) == 128 + Signal::INT.as_raw();
    Ok(Ended { code, lost, interrupted })
}

/// The same program with a leader of its session.
fn led(program: Program) -> Program {
    let mut arguments = vec![SESSION.into(), program.path.into_os_string()];
    arguments.extend(program.arguments);
    Program { path: PathBuf::from("/proc/self/exe"), arguments, ..program }
}

/// What is watched while the program runs.
struct Watch {
    program: Pid,
    own_session: bool,
    keyboard: Option<Keyboard>,
    screens: Vec<Screen>,
    signals: Signals,
    /// Whether an interruption is one by the key: in a session of its own nobody else's reach it.
    interrupted: bool,
}

impl Watch {
    /// Passes keys and signals on until the program has ended.
    fn until_its_end(&mut self) -> Result<u8, MaskError> {
        loop {
            if let Some(keyboard) = &mut self.keyboard {
                keyboard.take();
            }
            while let Some(status) = changed(self.program)? {
                if let Some(code) = exit_code(status) {
                    // What came for both of us asks nothing more of us.
                    while let Some(received) = self.signals.next() {
                        self.receive(received);
                    }
                    return Ok(code);
                }
                if self.own_session {
                    self.stop();
                }
            }
            if self.wait()
                && let Some(keyboard) = &mut self.keyboard
            {
                keyboard.pass();
            }
            while let Some(received) = self.signals.next() {
                self.receive(received);
            }
        }
    }

    /// Waits until something is to do; tells whether the keyboard is ready.
    fn wait(&self) -> bool {
        let mut all = vec![PollFd::new(&self.signals, PollFlags::IN)];
        all.extend(self.keyboard.as_ref().and_then(Keyboard::waits_for));
        let in_background = self.keyboard.as_ref().is_some_and(|keyboard| !keyboard.is_taken());
        let limit = if in_background { Some(&BACKGROUND) } else { None };
        poll(&mut all, limit).is_ok() && all.get(1).is_some_and(|fd| !fd.revents().is_empty())
    }

    fn receive(&mut self, received: Received) {
        if received.signal == Signal::WINCH {
            self.screens.iter().for_each(Screen::fit);
        }
        if received.signal == Signal::CONT
            && let Some(keyboard) = &mut self.keyboard
        {
            keyboard.take_again();
        }
        self.interrupted |= received.signal == Signal::INT && received.by_kernel;
        // Of a key, the program in our own group has its own.
        let has_it = received.by_kernel && !self.own_session;
        // A terminal that it does not live on tells it nothing.
        let resized = received.signal == Signal::WINCH && !self.own_session;
        if (received.is_passed_on() && !has_it) || resized {
            kill_process(self.program, received.signal).ok();
        }
    }

    /// Stops with the program, and goes on with it.
    fn stop(&mut self) {
        self.screens.iter().for_each(Screen::settle);
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.give_back();
        }
        // As the key would have done: with whatever runs beside us. Where nobody could continue
        // us, the kernel does not stop us either.
        kill_current_process_group(Signal::TSTP).ok();
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.take();
        }
        self.screens.iter().for_each(Screen::fit);
        kill_process(self.program, Signal::CONT).ok();
    }
}

/// The threads that pass output on.
struct Pumps {
    all: Vec<JoinHandle<Option<ErrorKind>>>,
    /// Closed when the program has ended.
    running: OwnedFd,
    /// Its other ends are closed when all threads have ended.
    done: OwnedFd,
}

impl Pumps {
    fn start(
        sources: Vec<Source>,
        needles: &Arc<Needles>,
        marks: &Arc<[String]>,
    ) -> Result<Self, MaskError> {
        let start = || -> Result<Self, std::io::Error> {
            let (ended, running) = pipe_with(PipeFlags::CLOEXEC)?;
            let (done, working) = pipe_with(PipeFlags::CLOEXEC)?;
            let mut all = Vec::with_capacity(sources.len());
            for Source { from, terminal, to } in sources {
                let pump = Pump {
                    from,
                    terminal,
                    stream: Stream::new(Arc::clone(needles)),
                    sink: Sink::new(to, Arc::clone(marks)),
                    ended: ended.try_clone()?,
                };
                let working = working.try_clone()?;
                all.push(std::thread::Builder::new().spawn(move || {
                    let lost = pump.run();
                    drop(working);
                    lost
                })?);
            }
            Ok(Self { all, running, done })
        };
        start().map_err(MaskError::system("start a thread"))
    }

    /// Lets what the program has written go out, and ends; soon when a signal asks for that.
    fn finish(self, signals: &Signals) -> Option<ErrorKind> {
        drop(self.running);
        let mut limit = None;
        loop {
            let mut both =
                [PollFd::new(&self.done, PollFlags::IN), PollFd::new(signals, PollFlags::IN)];
            if poll(&mut both, limit) == Ok(0) {
                return None;
            }
            if !both[0].revents().is_empty() {
                break;
            }
            while let Some(received) = signals.next() {
                if received.is_passed_on() {
                    limit = Some(&SOON);
                }
            }
        }
        let ended = self.all.into_iter().map(JoinHandle::join);
        ended.map(|lost| lost.unwrap_or(Some(ErrorKind::Other))).find_map(|lost| lost)
    }
}
