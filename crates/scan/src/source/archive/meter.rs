//! How much comes out of how little: what is packed to unpack without end is stopped.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// So many bytes may come out of anything, however small.
const FREE: u64 = 32 << 20;
/// Past that, so many for each that is stored. Texts are packed to a tenth, seldom to a hundredth;
/// deflate can do a thousandth.
const RATIO: u64 = 128;
/// Most members of all archives in one file.
const MAX_MEMBERS: u64 = 200_000;

/// Counts for all layers of one file.
#[derive(Clone, Default)]
pub(in crate::source) struct Meter(Rc<Counts>);

#[derive(Default)]
struct Counts {
    stored: Cell<u64>,
    unpacked: Cell<u64>,
    members: Cell<u64>,
}

impl Meter {
    /// So many bytes more are stored.
    pub(super) fn stored(&self, bytes: u64) {
        self.0.stored.set(self.0.stored.get().saturating_add(bytes));
    }

    /// So many bytes more came out; false where that is too much.
    fn unpacked(&self, bytes: u64) -> bool {
        let all = self.0.unpacked.get().saturating_add(bytes);
        self.0.unpacked.set(all);
        all <= FREE.saturating_add(self.0.stored.get().saturating_mul(RATIO))
    }

    /// One member more; false where that is too many.
    pub(super) fn member(&self) -> bool {
        self.0.members.set(self.0.members.get() + 1);
        self.0.members.get() <= MAX_MEMBERS
    }
}

/// Counts what is stored.
pub(super) struct Metered<'a> {
    pub(super) inner: &'a mut dyn Read,
    pub(super) meter: Meter,
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.meter.stored(read as u64);
        Ok(read)
    }
}

/// Ends a packed stream where it is damaged, or becomes too much.
pub(super) struct Limited<R> {
    inner: R,
    meter: Meter,
    stopped: Option<&'static str>,
}

impl<R> Limited<R> {
    pub(super) fn new(inner: R, meter: &Meter) -> Self {
        Self { inner, meter: meter.clone(), stopped: None }
    }

    /// Why it ended early, if it did.
    pub(super) fn stopped(&self) -> Option<&'static str> {
        self.stopped
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stopped.is_some() {
            return Ok(0);
        }
        match self.inner.read(buffer) {
            Ok(read) if self.meter.unpacked(read as u64) => Ok(read),
            Ok(_) => {
                self.stopped = Some("archives that unpack to too much");
                Ok(0)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(_) => {
                self.stopped = Some("archives that are damaged");
                Ok(0)
            }
        }
    }
}
