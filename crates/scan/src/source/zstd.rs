//! What zstd made smaller, made whole again within bounds.

use std::io::{self, BufRead, Read};

use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

use super::{Outcome, Progress, text};
use crate::engine::Scanner;

/// How a frame begins (RFC 8878).
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Largest window, as a power of two: the memory that a frame may ask for.
const MAX_WINDOW_LOG: u32 = 23;
/// So many bytes may come out of anything.
const FREE: u64 = 8 << 20;
/// Beyond that, at most so many for each that goes in.
const MAX_RATIO: u64 = 200;
/// And never more than that, in bytes.
const MAX_OUT: u64 = 1 << 30;

/// What is said of bombs.
pub(super) const BOMB: &str = "compressed text that grows out of all proportion";
/// What is said of frames that are none.
pub(super) const DAMAGED: &str = "compressed text that is damaged";

/// Why a text could not be made whole.
#[derive(Debug)]
pub(super) enum Refused {
    /// It would become far larger than anybody writes.
    Bomb,
    /// It is no whole frame, or one that needs what is not here.
    Damaged,
    /// It could not be read.
    Read(io::Error),
}

/// Scans what frames hold, as a text of that name.
pub(super) fn scan(
    scanner: &Scanner<'_>,
    name: &[u8],
    input: impl BufRead,
    progress: &dyn Progress,
) -> Result<Outcome, Refused> {
    let mut inflate = Inflate::new(input).map_err(Refused::Read)?;
    let scanned = text::scan_reader(scanner, name, &mut inflate, progress);
    scanned.map_err(|error| inflate.refused.take().unwrap_or(Refused::Read(error)))
}

/// Whether bytes begin as a frame.
pub(super) fn is_frame(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Reads what frames hold, one behind the other.
struct Inflate<R> {
    input: R,
    context: DCtx<'static>,
    taken: u64,
    given: u64,
    /// What is left of the frame, by the decoder's word; 0 between frames.
    left: usize,
    /// Why it ended before its end.
    refused: Option<Refused>,
}

impl<R: BufRead> Inflate<R> {
    /// Reads from there.
    ///
    /// # Errors
    ///
    /// Memory ran out.
    fn new(input: R) -> io::Result<Self> {
        let mut context = DCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
        let set = context.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG));
        set.map_err(|_| io::Error::from(io::ErrorKind::Unsupported))?;
        Ok(Self { input, context, taken: 0, given: 0, left: 0, refused: None })
    }

    fn refuse(&mut self, why: Refused) -> io::Result<usize> {
        self.refused = Some(why);
        Err(io::ErrorKind::InvalidData.into())
    }
}

impl<R: BufRead> Read for Inflate<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() {
            let input = self.input.fill_buf()?;
            let at_end = input.is_empty();
            if at_end && self.left == 0 {
                break;
            }
            let mut source = InBuffer::around(input);
            let mut target = OutBuffer::around(&mut *buffer);
            let step = self.context.decompress_stream(&mut target, &mut source);
            let (taken, given) = (source.pos, target.pos());
            self.input.consume(taken);
            self.taken += taken as u64;
            self.given += given as u64;
            match step {
                Ok(left) => self.left = left,
                Err(_) => return self.refuse(Refused::Damaged),
            }
            if self.given > MAX_OUT.min(FREE + self.taken.saturating_mul(MAX_RATIO)) {
                return self.refuse(Refused::Bomb);
            }
            if given > 0 {
                return Ok(given);
            }
            if at_end || taken == 0 {
                return self.refuse(Refused::Damaged);
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
        let mut inflate = Inflate::new(bytes).unwrap();
        let mut out = Vec::new();
        match inflate.read_to_end(&mut out) {
            Ok(_) => Ok(out),
            Err(_) if matches!(inflate.refused, Some(Refused::Bomb)) => Err(BOMB),
            Err(_) => Err(DAMAGED),
        }
    }

    fn small(bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![0; zstd_safe::compress_bound(bytes.len())];
        let length = zstd_safe::compress(out.as_mut_slice(), bytes, 3).unwrap();
        out.truncate(length);
        out
    }

    #[test]
    fn frames_come_back_whole_and_bombs_do_not() {
        let text = b"some text, and some more text ".repeat(5_000);
        let frame = small(&text);
        assert!(is_frame(&frame));
        assert_eq!(whole(&frame), Ok(text.clone()));
        let twice = [&*frame, &frame].concat();
        assert_eq!(whole(&twice).map(|out| out.len()), Ok(2 * text.len()));
        for cut in [4, 5, 9, frame.len() / 2, frame.len() - 1] {
            assert_eq!(whole(&frame[..cut]), Err(DAMAGED), "{cut}");
        }
        assert_eq!(whole(&small(&vec![0; 64 << 20])), Err(BOMB));
        // A window of 128 MiB, in a frame of 7 bytes.
        assert_eq!(whole(&[0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3, 1]), Err(DAMAGED));
    }
}
