//! A secret value: bytes that wipe themselves and never print.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::memory::LockedBytes;

use super::limits::MAX_VALUE;

/// Why bytes cannot be a value. Never repeats them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// No bytes at all: nothing to keep.
    #[error("the value is empty")]
    Empty,
    /// A NUL byte; no environment or C program could receive it.
    #[error("the value holds a NUL byte, which no environment variable can carry")]
    Nul,
    /// Past the bound.
    #[error("the value is larger than {MAX_VALUE} bytes")]
    TooLarge,
}

/// One field's value. Wiped when its last holder drops it; `Debug` shows its length only.
///
/// It is a range of locked bytes, which the fields of one record share: a clone is one more holder,
/// never a copy.
#[derive(Clone)]
pub struct Value {
    bytes: Arc<LockedBytes>,
    range: Range<usize>,
}

impl Value {
    /// Takes the bytes over; they are wiped when refused, too.
    pub fn new(bytes: Vec<u8>) -> Result<Self, ValueError> {
        let range = 0..bytes.len();
        Self::within(&Arc::new(LockedBytes::from(bytes)), range)
    }

    /// Copies the bytes out of a buffer that its owner wipes.
    pub fn copy_of(bytes: &[u8]) -> Result<Self, ValueError> {
        Self::within(&Arc::new(LockedBytes::copy_of(bytes)), 0..bytes.len())
    }

    /// A key on its way to the daemon: bytes of any kind.
    pub fn of_key(bytes: LockedBytes) -> Self {
        let range = 0..bytes.len();
        Self { bytes: Arc::new(bytes), range }
    }

    /// The value that lies at `range` of bytes that others may share; an empty one past their end.
    pub fn within(bytes: &Arc<LockedBytes>, range: Range<usize>) -> Result<Self, ValueError> {
        match bytes.get(range.clone()).unwrap_or_default() {
            [] => Err(ValueError::Empty),
            long if long.len() > MAX_VALUE => Err(ValueError::TooLarge),
            text if text.contains(&0) => Err(ValueError::Nul),
            _ => Ok(Self { bytes: Arc::clone(bytes), range }),
        }
    }

    /// The bytes themselves. Whoever calls this answers for every copy.
    pub fn expose(&self) -> &[u8] {
        &self.bytes[self.range.clone()]
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Always false: an empty value is never made.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Value {}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_and_debug_is_silent() {
        assert_eq!(Value::new(Vec::new()).unwrap_err(), ValueError::Empty);
        assert_eq!(Value::new(b"a\0b".to_vec()).unwrap_err(), ValueError::Nul);
        assert_eq!(Value::new(vec![b'x'; MAX_VALUE + 1]).unwrap_err(), ValueError::TooLarge);
        let value = Value::new(b"sk-test".to_vec()).unwrap();
        assert_eq!(format!("{value:?}"), "Value(7 bytes)");
        let shared = Arc::new(LockedBytes::copy_of(b"one\0two"));
        assert_eq!(Value::within(&shared, 4..7).unwrap().expose(), b"two");
        assert_eq!(Value::within(&shared, 2..5).unwrap_err(), ValueError::Nul);
        assert_eq!(Value::within(&shared, 4..9).unwrap_err(), ValueError::Empty);
    }
}
