//! What zstd made smaller (RFC 8878), made whole again.

use std::io::{self, BufRead, Read};

use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

/// How a frame begins.
pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Largest window, as a power of two: the memory that a frame may ask for.
const MAX_WINDOW_LOG: u32 = 23;

/// Reads what frames hold, one behind the other. What is no frame, is cut short or asks for more
/// memory than 8 MiB is an error.
pub(super) struct Decoder<R> {
    input: R,
    context: DCtx<'static>,
    /// What the decoder still waits for; 0 between frames.
    left: usize,
}

impl<R: BufRead> Decoder<R> {
    pub(super) fn new(input: R) -> io::Result<Self> {
        let mut context = DCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
        let set = context.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG));
        set.map_err(|_| io::Error::from(io::ErrorKind::Unsupported))?;
        Ok(Self { input, context, left: 0 })
    }
}

impl<R: BufRead> Read for Decoder<R> {
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
            self.left = step.map_err(|_| io::ErrorKind::InvalidData)?;
            if given > 0 {
                return Ok(given);
            }
            if at_end || taken == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(0)
    }
}
