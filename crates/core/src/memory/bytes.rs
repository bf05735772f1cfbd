//! Bytes in the arena, or, where that is full or refused, on the heap; wiped either way.

use std::fmt;
use std::ops::{Deref, DerefMut};

use secrecy::{ExposeSecret, ExposeSecretMut, SecretSlice};
use zeroize::{Zeroize, Zeroizing};

use super::arena::{self, For, Piece};

/// A fixed number of bytes that are wiped when dropped; `Debug` shows their number only.
pub struct LockedBytes {
    place: Place,
    len: usize,
}

enum Place {
    Arena(Piece),
    Heap(SecretSlice<u8>),
}

impl LockedBytes {
    /// As many zero bytes, to be filled.
    pub fn zeroed(len: usize) -> Self {
        Self::of(len, For::Value)
    }

    /// As [`LockedBytes::zeroed`], for a key: locked even where values have taken their share.
    pub fn zeroed_for_key(len: usize) -> Self {
        Self::of(len, For::Key)
    }

    /// A copy of `bytes`.
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut copy = Self::zeroed(bytes.len());
        copy.copy_from_slice(bytes);
        copy
    }

    /// Wipes what is not a value and leaves it where it is: it need not be locked.
    pub fn unlocked(mut bytes: Zeroizing<Vec<u8>>) -> Self {
        let bytes = std::mem::take(&mut *bytes);
        let len = bytes.len();
        Self { place: Place::Heap(SecretSlice::from(bytes)), len }
    }

    /// The bytes themselves.
    pub fn as_slice(&self) -> &[u8] {
        self
    }

    /// Shortens to `len` bytes; the rest is wiped.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len {
            self[len..].zeroize();
            self.len = len;
        }
    }

    /// False where the system refused to keep these bytes out of swap, or too many were open.
    pub fn is_locked(&self) -> bool {
        matches!(self.place, Place::Arena(_))
    }

    fn of(len: usize, whom: For) -> Self {
        let place = match arena::take(len, whom) {
            Some(piece) => Place::Arena(piece),
            None => Place::Heap(SecretSlice::from(vec![0; len])),
        };
        Self { place, len }
    }
}

/// Moves the bytes: they are wiped where they were, or stay where they cannot be locked.
impl From<Vec<u8>> for LockedBytes {
    fn from(bytes: Vec<u8>) -> Self {
        let mut bytes = Zeroizing::new(bytes);
        match arena::take(bytes.len(), For::Value) {
            Some(piece) => {
                let mut moved = Self { place: Place::Arena(piece), len: bytes.len() };
                moved.copy_from_slice(&bytes);
                moved
            }
            None => Self::unlocked(Zeroizing::new(std::mem::take(&mut *bytes))),
        }
    }
}

impl ExposeSecret<[u8]> for LockedBytes {
    fn expose_secret(&self) -> &[u8] {
        let whole = match &self.place {
            Place::Arena(piece) => &**piece,
            Place::Heap(bytes) => bytes.expose_secret(),
        };
        &whole[..self.len]
    }
}

impl ExposeSecretMut<[u8]> for LockedBytes {
    fn expose_secret_mut(&mut self) -> &mut [u8] {
        let whole = match &mut self.place {
            Place::Arena(piece) => &mut **piece,
            Place::Heap(bytes) => bytes.expose_secret_mut(),
        };
        &mut whole[..self.len]
    }
}

impl Deref for LockedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.expose_secret()
    }
}

impl DerefMut for LockedBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.expose_secret_mut()
    }
}

impl Drop for LockedBytes {
    fn drop(&mut self) {
        self.zeroize();
        if let Place::Arena(piece) = &mut self.place {
            arena::give_back(std::mem::take(piece));
        }
    }
}

impl fmt::Debug for LockedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LockedBytes({})", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_comes_wiped_and_goes_wiped() {
        for len in [0, 1, 63, 64, 65, 5000, 40_000] {
            let mut bytes = LockedBytes::zeroed(len);
            assert_eq!(*bytes, vec![0; len]);
            bytes.fill(7);
            bytes.truncate(len / 2);
            assert_eq!(*bytes, vec![7; len / 2]);
            assert_eq!(format!("{bytes:?}"), format!("LockedBytes({})", len / 2));
        }
        assert_eq!(&*LockedBytes::from(b"moved".to_vec()), b"moved");
        assert_eq!(&*LockedBytes::copy_of(b"copied"), b"copied");
    }
}
