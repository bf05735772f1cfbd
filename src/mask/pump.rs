//! One stream of the program, from its pipe or terminal through the mask to ours; one thread each.
//!
//! Reading, masking, writing in turn: what our reader does not take, the program waits for, as it
//! would without us. Nothing is read ahead.

use std::convert::Infallible;
use std::io::{BufWriter, ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use clawvault_needles::{Piece, Stream};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::outlet::Outlet;

/// Beginnings of values that are not longer than this do not wait on a terminal: else the echo of
/// a key, or the end of a sequence that moves the cursor, would come one key late.
const SHOWN: usize = 2;
/// How long a terminal is quiet before they are shown.
const QUIET: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
/// A terminal hands over what was written to it a little later: so long after the program's end
/// it is waited for, where somebody else keeps it open.
const LINGER: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
/// More than a terminal can hold of what the program wrote before its end, in bytes.
const MOST_LEFT: usize = 1024 * 1024;
/// Small pieces leave together, in bytes.
const GATHERED: usize = 32 * 1024;

/// One stream.
pub(super) struct Pump {
    pub(super) from: OwnedFd,
    /// Whether it is a terminal of ours, and no pipe.
    pub(super) terminal: bool,
    pub(super) stream: Stream,
    pub(super) sink: Sink,
    /// Its other end is closed when the program has ended.
    pub(super) ended: OwnedFd,
}

impl Pump {
    /// Passes on what comes until nothing more can; tells what kept it from being written.
    ///
    /// When our reader goes away the pipe is closed, so that the program notices as it would
    /// without us. A terminal is read on, for nobody: it is more than an output.
    pub(super) fn run(mut self) -> Option<ErrorKind> {
        // So much may still be read, once the program has ended.
        let mut left = None;
        while left != Some(0) {
            let waits = self.terminal && self.stream.waits(SHOWN);
            let quiet = if waits { Some(&QUIET) } else { None };
            let ready = match left {
                None => self.ready(quiet),
                Some(_) if self.terminal => readable(&self.from, LINGER),
                Some(_) => readable(&self.from, AT_ONCE),
            };
            match ready {
                Ready::Ended => left = Some(self.left()),
                Ready::Quiet if left.is_some() => break,
                Ready::Quiet => {
                    let Ok(()) = self.stream.show(SHOWN, |piece| self.sink.put(piece));
                }
                Ready::Bytes => match self.read(left.unwrap_or(usize::MAX)) {
                    Some(0) | None => break,
                    Some(count) => {
                        left = left.map(|left| left.saturating_sub(count));
                        let Ok(()) = self.stream.advance(count, |piece| self.sink.put(piece));
                    }
                },
            }
            self.sink.flush();
            if self.sink.failed.is_some() && !self.terminal {
                break;
            }
        }
        let Ok(()) = self.stream.finish(|piece| self.sink.put(piece));
        self.sink.flush();
        // Whom it was for went away: that is no failure.
        self.sink.failed.filter(|kind| *kind != ErrorKind::BrokenPipe)
    }

    fn ready(&self, quiet: Option<&Timespec>) -> Ready {
        let mut both =
            [PollFd::new(&self.from, PollFlags::IN), PollFd::new(&self.ended, PollFlags::IN)];
        match poll(&mut both, quiet) {
            Ok(0) => Ready::Quiet,
            Ok(_) if !both[1].revents().is_empty() => Ready::Ended,
            _ => Ready::Bytes,
        }
    }

    /// How much the program can have left behind.
    fn left(&self) -> usize {
        if self.terminal {
            return MOST_LEFT;
        }
        let waiting = rustix::io::ioctl_fionread(&self.from).unwrap_or(0);
        usize::try_from(waiting).unwrap_or(usize::MAX)
    }

    /// Reads once, at most so much; nothing where there never will be more.
    fn read(&mut self, most: usize) -> Option<usize> {
        let room = self.stream.room();
        let most = most.min(room.len());
        loop {
            match rustix::io::read(&self.from, &mut room[..most]) {
                Ok(count) => return Some(count),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    poll(&mut [PollFd::new(&self.from, PollFlags::IN)], None).ok()?;
                }
                // A terminal that nobody has open any more says so.
                Err(_) => return None,
            }
        }
    }
}

enum Ready {
    Bytes,
    Quiet,
    Ended,
}

fn readable(from: &OwnedFd, within: Timespec) -> Ready {
    match poll(&mut [PollFd::new(from, PollFlags::IN)], Some(&within)) {
        Ok(0) => Ready::Quiet,
        _ => Ready::Bytes,
    }
}

/// Where one stream goes.
pub(super) struct Sink {
    out: BufWriter<Outlet>,
    /// What stands for each value.
    marks: Arc<[String]>,
    failed: Option<ErrorKind>,
}

impl Sink {
    pub(super) fn new(to: OwnedFd, marks: Arc<[String]>) -> Self {
        Self { out: BufWriter::with_capacity(GATHERED, Outlet(to)), marks, failed: None }
    }

    /// After a failure nothing more is written.
    fn put(&mut self, piece: Piece<'_>) -> Result<(), Infallible> {
        let bytes = match piece {
            Piece::Plain(bytes) => bytes,
            Piece::Value(number) => self.marks.get(number).map_or(&[] as &[u8], |m| m.as_bytes()),
        };
        if self.failed.is_none() {
            self.failed = self.out.write_all(bytes).err().map(|error| error.kind());
        }
        Ok(())
    }

    fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = self.out.flush().err().map(|error| error.kind());
        }
    }
}
