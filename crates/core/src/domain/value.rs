//! A secret value: bytes that wipe themselves and never print.

use std::fmt;

use secrecy::{ExposeSecret, SecretSlice};

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

/// One field's value. Wiped when dropped; `Debug` shows its length only.
pub struct Value(SecretSlice<u8>);

impl Value {
    /// Takes the bytes over; they are wiped when refused, too.
    pub fn new(bytes: Vec<u8>) -> Result<Self, ValueError> {
        let value = Self(SecretSlice::from(bytes));
        match value.expose() {
            [] => Err(ValueError::Empty),
            long if long.len() > MAX_VALUE => Err(ValueError::TooLarge),
            bytes if bytes.contains(&0) => Err(ValueError::Nul),
            _ => Ok(value),
        }
    }

    /// The bytes themselves. Whoever calls this answers for every copy.
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.expose().len()
    }

    /// Always false: an empty value is never made.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        Self(SecretSlice::from(self.expose().to_vec()))
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
    }
}
