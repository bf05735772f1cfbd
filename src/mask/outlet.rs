//! Where masked output goes: a descriptor of ours that others share.

use std::io::{Error, Write};
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// One of our own streams.
#[derive(Debug)]
pub(super) struct Outlet(pub(super) OwnedFd);

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        loop {
            match rustix::io::write(&self.0, bytes) {
                // Somebody who shares the stream made it so; it stays as it is.
                Err(Errno::AGAIN) => {
                    poll(&mut [PollFd::new(&self.0, PollFlags::OUT)], None)?;
                }
                done => return Ok(done?),
            }
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
