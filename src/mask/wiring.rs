//! What the program's three streams are connected to, so that each stays what it was.

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::fstat;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{
    OptionalActions, OutputModes, isatty, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
};

use super::MaskError;
use super::program::Streams;

/// A terminal is empty when it was found so so many times, a moment apart.
const EMPTY: usize = 3;
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
const MOMENT: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
/// A reader that is slow to take it is not waited for longer, in moments.
const PATIENCE: usize = 60;

/// Our own streams.
#[derive(Debug)]
pub struct Outer {
    /// Ours to read.
    pub stdin: OwnedFd,
    /// Ours to write data to.
    pub stdout: OwnedFd,
    /// Ours to talk on.
    pub stderr: OwnedFd,
}

/// Everything that lies between the program's streams and ours.
pub(super) struct Wiring {
    /// What the program gets.
    pub(super) streams: Streams,
    pub(super) sources: Vec<Source>,
    /// Our side of the terminal that the program's session gets, if stdout is one.
    pub(super) session: Option<OwnedFd>,
    pub(super) screens: Vec<Screen>,
}

/// What the program writes, and where it goes.
pub(super) struct Source {
    pub(super) from: OwnedFd,
    pub(super) terminal: bool,
    pub(super) to: OwnedFd,
}

/// A terminal of the program (our side of it) that is as large as one of ours.
pub(super) struct Screen {
    outer: OwnedFd,
    inner: OwnedFd,
}

impl Screen {
    /// Makes the program's terminal as large as ours is now.
    pub(super) fn fit(&self) {
        if let Ok(size) = tcgetwinsize(&self.outer) {
            tcsetwinsize(&self.inner, size).ok();
        }
    }

    /// Waits until what the program wrote was read from its terminal.
    pub(super) fn settle(&self) {
        let mut empty = 0;
        for _ in 0..PATIENCE {
            let mut inner = [PollFd::new(&self.inner, PollFlags::IN)];
            empty = if poll(&mut inner, Some(&AT_ONCE)) == Ok(0) { empty + 1 } else { 0 };
            if empty == EMPTY {
                break;
            }
            poll(&mut [], Some(&MOMENT)).ok();
        }
    }
}

impl Wiring {
    /// Makes pipes and terminals in the manner of our own streams.
    pub(super) fn of(outer: &Outer) -> Result<Self, MaskError> {
        Self::make(outer).map_err(MaskError::system("make a pipe or a terminal"))
    }

    fn make(outer: &Outer) -> Result<Self, std::io::Error> {
        let Outer { stdin, stdout, stderr } = outer;
        let mut wiring = Self {
            streams: [None, None, None],
            sources: Vec::new(),
            session: None,
            screens: Vec::new(),
        };
        let output = if isatty(stdout) {
            let (master, slave) = wiring.terminal(stdout, true)?;
            wiring.session = Some(master);
            if isatty(stdin) {
                wiring.streams[0] = Some(slave.try_clone()?);
            }
            slave
        } else {
            wiring.pipe(stdout)?
        };
        wiring.streams[2] = Some(if is_same(stdout, stderr)? {
            output.try_clone()?
        } else if isatty(stderr) {
            wiring.terminal(stderr, false)?.1
        } else {
            wiring.pipe(stderr)?
        });
        wiring.streams[1] = Some(output);
        Ok(wiring)
    }

    /// A pipe that ends in this stream of ours; gives the program's end.
    fn pipe(&mut self, to: &OwnedFd) -> Result<OwnedFd, std::io::Error> {
        let (from, end) = pipe_with(PipeFlags::CLOEXEC)?;
        self.sources.push(Source { from, terminal: false, to: to.try_clone()? });
        Ok(end)
    }

    /// A terminal that ends in this one of ours; gives our side and the program's.
    ///
    /// One that is output only (not `whole`) does not touch the bytes: ours does.
    fn terminal(
        &mut self,
        to: &OwnedFd,
        whole: bool,
    ) -> Result<(OwnedFd, OwnedFd), std::io::Error> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let slave = ioctl_tiocgptpeer(&master, flags)?;
        let mut settings = tcgetattr(to)?;
        if !whole {
            settings.output_modes.remove(OutputModes::OPOST);
        }
        tcsetattr(&slave, OptionalActions::Now, &settings)?;
        let screen = Screen { outer: to.try_clone()?, inner: master.try_clone()? };
        screen.fit();
        self.screens.push(screen);
        self.sources.push(Source {
            from: master.try_clone()?,
            terminal: true,
            to: to.try_clone()?,
        });
        Ok((master, slave))
    }
}

/// Whether both lead to the same file, pipe or terminal: then the program's do, too, and the order
/// of what it writes to them stays.
fn is_same(one: impl AsFd, other: impl AsFd) -> Result<bool, Errno> {
    let (one, other) = (fstat(one)?, fstat(other)?);
    Ok((one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
}
