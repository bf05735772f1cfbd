//! Frames: two lengths of four bytes, little-endian; then a message; then a body.
//!
//! The message is what the codec reads. The body is bytes that only their holder may see: values, a
//! key, a document. Both have hard bounds, which the reader names, and which are checked before any
//! room is made for them.

use std::sync::Arc;

use clawvault_core::domain::Value;
use clawvault_core::domain::limits::MAX_DOCUMENT;
use clawvault_core::memory::LockedBytes;
use prost::Message;

/// Bytes of the two lengths.
pub const HEAD: usize = 8;
/// Longest message.
pub const MAX_MESSAGE: usize = 1024 * 1024;
/// Longest body: a document, or all fields of one version.
pub const MAX_BODY: usize = MAX_DOCUMENT;
/// A reply is split into frames of about this many bytes, so that it is never held whole.
pub const PIECE: usize = 64 * 1024;
/// Room that a receiver makes at first.
const FIRST: usize = 4 * 1024;

/// What a reader takes.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Longest message.
    pub message: usize,
    /// Longest body.
    pub body: usize,
}

impl Bounds {
    /// All that the protocol knows.
    pub const FULL: Self = Self { message: MAX_MESSAGE, body: MAX_BODY };
}

/// Why bytes are no frame, or not the awaited one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Past a bound.
    #[error("a message is larger than what is taken")]
    TooLarge,
    /// The message does not decode, or the body is not as long as it says.
    #[error("a message is malformed")]
    Malformed,
}

/// A frame as it came in.
pub struct Frame {
    /// The encoded message.
    message: Vec<u8>,
    /// What came behind it.
    pub body: Arc<LockedBytes>,
}

impl Frame {
    /// Reads the message.
    ///
    /// # Errors
    /// Where it is not of that type.
    pub fn decode<M: Message + Default>(&self) -> Result<M, FrameError> {
        M::decode(self.message.as_slice()).map_err(|_| FrameError::Malformed)
    }

    /// Bytes of message and body.
    pub fn len(&self) -> usize {
        self.message.len() + self.body.len()
    }

    /// True where it holds nothing at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A frame on its way out: bytes that may be copied, then values that stay where they lie.
pub struct Outgoing {
    /// Lengths and message.
    pub head: Vec<u8>,
    /// The body, piece by piece.
    pub body: Vec<Value>,
}

impl Outgoing {
    /// A frame of a message and values.
    ///
    /// # Errors
    /// Where one is larger than the protocol's bounds.
    pub fn new(message: &impl Message, body: Vec<Value>) -> Result<Self, FrameError> {
        let (length, behind) = (message.encoded_len(), body.iter().map(Value::len).sum::<usize>());
        if length > MAX_MESSAGE || behind > MAX_BODY {
            return Err(FrameError::TooLarge);
        }
        let mut head = Vec::with_capacity(HEAD + length);
        for part in [length, behind] {
            head.extend_from_slice(&u32::try_from(part).unwrap_or(u32::MAX).to_le_bytes());
        }
        message.encode(&mut head).map_err(|_| FrameError::TooLarge)?;
        Ok(Self { head, body })
    }

    /// Bytes that go over the wire.
    pub fn len(&self) -> usize {
        self.head.len() + self.body.iter().map(Value::len).sum::<usize>()
    }

    /// Never true: the lengths are always there.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Everything from byte `at` on, in pieces that are written together.
    pub fn rest(&self, at: usize) -> Vec<std::io::IoSlice<'_>> {
        let pieces =
            std::iter::once(self.head.as_slice()).chain(self.body.iter().map(Value::expose));
        let (mut skip, mut rest) = (at, Vec::with_capacity(1 + self.body.len()));
        for piece in pieces {
            let from = skip.min(piece.len());
            skip -= from;
            if from < piece.len() {
                rest.push(std::io::IoSlice::new(&piece[from..]));
            }
        }
        rest
    }
}

/// Puts frames together out of what comes in, in locked memory.
#[derive(Default)]
pub struct Receiver {
    buffer: Option<LockedBytes>,
    /// Bytes of the buffer that came in and belong to no frame yet.
    held: std::ops::Range<usize>,
    /// Bytes that the next frame will have in all, where that is known.
    awaited: usize,
}

impl Receiver {
    /// One with as much room at first.
    pub fn with_room(bytes: usize) -> Self {
        Self { buffer: Some(LockedBytes::zeroed(bytes)), ..Self::default() }
    }

    /// Where the next bytes are to be read into; never empty.
    pub fn room(&mut self) -> &mut [u8] {
        let kept = self.held.len();
        let wanted = self.awaited.max(kept + 1).max(FIRST);
        let buffer = match self.buffer.take() {
            Some(buffer) if self.held.start == 0 && buffer.len() >= wanted => buffer,
            Some(mut buffer) if buffer.len() >= wanted => {
                buffer.copy_within(self.held.clone(), 0);
                buffer
            }
            other => {
                let mut larger = LockedBytes::zeroed(wanted);
                if let Some(old) = other {
                    larger[..kept].copy_from_slice(&old[self.held.clone()]);
                }
                larger
            }
        };
        self.held = 0..kept;
        &mut self.buffer.insert(buffer)[kept..]
    }

    /// Takes in `count` bytes that were read into the room.
    pub fn filled(&mut self, count: usize) {
        let most = self.buffer.as_ref().map_or(0, |buffer| buffer.len());
        self.held.end = self.held.end.saturating_add(count).min(most);
    }

    /// True where a frame has begun and is not complete.
    pub fn is_within(&self) -> bool {
        !self.held.is_empty()
    }

    /// The lengths of message and body of the frame that has begun, if they have come.
    ///
    /// # Errors
    /// Where one is past its bound.
    pub fn announced(&self, bounds: Bounds) -> Result<Option<(usize, usize)>, FrameError> {
        let held = self.held();
        let Some((first, rest)) = held.split_first_chunk::<4>() else { return Ok(None) };
        let Some(second) = rest.first_chunk::<4>() else { return Ok(None) };
        let length = |bytes: &[u8; 4]| usize::try_from(u32::from_le_bytes(*bytes));
        match (length(first), length(second)) {
            (Ok(message), Ok(body)) if message <= bounds.message && body <= bounds.body => {
                Ok(Some((message, body)))
            }
            _ => Err(FrameError::TooLarge),
        }
    }

    /// The next frame, once all of it has come.
    ///
    /// # Errors
    /// Where it is past a bound: nothing that follows can be read any more.
    pub fn next(&mut self, bounds: Bounds) -> Result<Option<Frame>, FrameError> {
        let Some((message, body)) = self.announced(bounds)? else { return Ok(None) };
        let whole = HEAD + message + body;
        if self.held.len() < whole {
            self.awaited = whole;
            return Ok(None);
        }
        let held = self.held();
        let frame = Frame {
            message: held[HEAD..HEAD + message].to_vec(),
            body: Arc::new(LockedBytes::copy_of(&held[HEAD + message..whole])),
        };
        self.held.start += whole;
        self.awaited = 0;
        if self.held.is_empty() {
            // A connection that waits costs no room.
            (self.buffer, self.held) = (None, 0..0);
        }
        Ok(Some(frame))
    }

    fn held(&self) -> &[u8] {
        self.buffer.as_ref().map_or(&[], |buffer| &buffer[self.held.clone()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Hello;

    fn wire(frame: &Outgoing) -> Vec<u8> {
        frame.rest(0).iter().flat_map(|piece| piece.to_vec()).collect()
    }

    #[test]
    fn frames_come_out_as_they_went_in_whatever_the_pieces() {
        let hello = |n: usize| Hello { version: 1, oldest: 1, program: "x".repeat(n) };
        let value = |n: usize| Value::new(vec![b'v'; n]).unwrap();
        let frames = [
            Outgoing::new(&hello(0), vec![]).unwrap(),
            Outgoing::new(&hello(9000), vec![value(3), value(70_000)]).unwrap(),
            Outgoing::new(&hello(5), vec![value(1)]).unwrap(),
        ];
        let bytes: Vec<u8> = frames.iter().flat_map(wire).collect();
        for piece in [1, 7, 4096, bytes.len()] {
            let (mut receiver, mut got) = (Receiver::default(), Vec::new());
            for mut part in bytes.chunks(piece) {
                while !part.is_empty() {
                    let room = receiver.room();
                    let count = room.len().min(part.len());
                    room[..count].copy_from_slice(&part[..count]);
                    receiver.filled(count);
                    part = &part[count..];
                    while let Some(frame) = receiver.next(Bounds::FULL).unwrap() {
                        let hello: Hello = frame.decode().unwrap();
                        got.push((hello.program.len(), frame.body.len()));
                    }
                }
            }
            assert_eq!(got, [(0, 0), (9000, 70_003), (5, 1)]);
            assert!(!receiver.is_within());
        }
        let tail: usize = frames[1].rest(9010).iter().map(|piece| piece.len()).sum();
        assert_eq!(tail, frames[1].len() - 9010);
    }

    #[test]
    fn what_is_past_a_bound_is_refused_by_its_lengths_alone() {
        for (message, body) in [(u32::MAX, 0), (0, u32::MAX), (MAX_MESSAGE as u32 + 1, 0), (11, 0)]
        {
            let mut receiver = Receiver::default();
            let room = receiver.room();
            room[..4].copy_from_slice(&message.to_le_bytes());
            room[4..8].copy_from_slice(&body.to_le_bytes());
            receiver.filled(8);
            let bounds = Bounds { message: 10, ..Bounds::FULL };
            assert_eq!(receiver.next(bounds).err(), Some(FrameError::TooLarge));
        }
    }
}
