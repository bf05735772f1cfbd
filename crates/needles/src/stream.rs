//! A stream: bytes come in as they are read, and go out but for what may be the beginning of a
//! value.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::Needles;

/// Room for one reading, besides what is held back.
const ROOM: usize = 128 * 1024;

/// A part of what goes out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Piece<'a> {
    /// Bytes as they came in.
    Plain(&'a [u8]),
    /// In the place of a value, by its number.
    Value(usize),
}

/// One stream.
pub struct Stream {
    needles: Arc<Needles>,
    buffer: Zeroizing<Vec<u8>>,
    /// So many bytes of the buffer are held back.
    held: usize,
    /// So many of these went out all the same.
    shown: usize,
}

impl Stream {
    /// A stream at its beginning.
    pub fn new(needles: Arc<Needles>) -> Self {
        let buffer = Zeroizing::new(vec![0; needles.longest() + ROOM]);
        Self { needles, buffer, held: 0, shown: 0 }
    }

    /// Room for what is read next; then [`Stream::advance`] is told how much it was.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.buffer[self.held..]
    }

    /// Hands out all that can be, of `count` new bytes and of what was held back.
    pub fn advance<E>(
        &mut self,
        count: usize,
        out: impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.settle(self.held + count, false, out)
    }

    /// Hands out what was held back: nothing more comes.
    pub fn finish<E>(&mut self, out: impl FnMut(Piece<'_>) -> Result<(), E>) -> Result<(), E> {
        self.settle(self.held, true, out)
    }

    /// True while bytes wait, not more than `most`, that [`Stream::show`] would hand out.
    pub fn waits(&self, most: usize) -> bool {
        self.shown < self.held && self.held <= most
    }

    /// Hands out what is held back if it is not more than `most` bytes, and goes on seeking the
    /// value that it may begin: of that value, these bytes will have been seen.
    pub fn show<E>(
        &mut self,
        most: usize,
        mut out: impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.waits(most) {
            return Ok(());
        }
        let from = std::mem::replace(&mut self.shown, self.held);
        out(Piece::Plain(&self.buffer[from..self.held]))
    }

    fn settle<E>(
        &mut self,
        filled: usize,
        last: bool,
        mut out: impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let text = &self.buffer[..filled];
        let cut_off = |from| if last { filled } else { self.needles.cut_off(text, from) };
        let plain = |from: usize, to: usize| {
            let from = from.max(self.shown);
            if from < to { Some(Piece::Plain(&text[from..to])) } else { None }
        };
        let mut done = 0;
        let mut hold = cut_off(0);
        while let Some(found) = self.needles.find(text, done)
            && found.start < hold
        {
            plain(done, found.start).map_or(Ok(()), &mut out)?;
            out(Piece::Value(found.value))?;
            done = found.end;
            if done > hold {
                hold = cut_off(done);
            }
        }
        plain(done, hold).map_or(Ok(()), &mut out)?;
        self.buffer.copy_within(hold..filled, 0);
        self.held = filled - hold;
        self.shown = self.shown.saturating_sub(hold);
        Ok(())
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stream({} bytes held back)", self.held)
    }
}
