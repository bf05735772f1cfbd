//! Values that somebody knows by name.

use std::ops::Range;

/// Is told of a place that holds a known value: where it is, what the value is, and the value.
pub type OnKnown<'a> = dyn FnMut(Range<usize>, &KnownSecret, &[u8]) + 'a;

/// Somebody who knows values by name, such as a vault.
pub trait Known: Sync {
    /// Length of the longest form of a value, in bytes.
    fn longest(&self) -> usize {
        usize::MAX
    }

    /// Tells sets of values apart, and tells no value to whoever can only guess it; `None` where
    /// that cannot be done, and nothing that was found with them may be kept.
    fn digest(&self) -> Option<[u8; 32]> {
        None
    }

    /// Calls `each` with every place in `text` that holds one of the values, in any form it is
    /// written in. Places are in bounds and do not overlap.
    fn find(&self, text: &[u8], each: &mut OnKnown<'_>);
}

/// A value that is known by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSecret {
    /// Its name, with its field where it has several, such as `anthropic/main` or `aws/main#key`.
    pub name: String,
    /// Its profile.
    pub profile: String,
    /// Number of the version.
    pub version: u64,
    /// Whether that version is still in use.
    pub current: bool,
}
