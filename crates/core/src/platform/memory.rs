//! Key material, kept out of swap, wiped when dropped; randomness.

use std::fmt;

use zeroize::Zeroize;

use crate::memory::LockedBytes;

/// Keys of 32 bytes each, in locked memory.
pub struct LockedKeys<const N: usize>(LockedBytes);

impl<const N: usize> LockedKeys<N> {
    /// Moves `keys` into locked memory and wipes them at their old place.
    pub fn take(keys: &mut [[u8; 32]; N]) -> Self {
        let taken = Self::of(keys);
        keys.as_flattened_mut().zeroize();
        taken
    }

    /// Copies keys that lie in locked memory, and leaves none on the way.
    pub fn of(keys: &[[u8; 32]; N]) -> Self {
        let mut bytes = LockedBytes::zeroed_for_key(N * 32);
        bytes.copy_from_slice(keys.as_flattened());
        Self(bytes)
    }

    /// All keys, in the order they came in.
    pub fn keys(&self) -> &[[u8; 32]; N] {
        // The bytes are as many as `of` asked for; the fallback is never reached.
        self.0.as_chunks().0.first_chunk().unwrap_or(&[[0; 32]; N])
    }

    /// False where the system refused to keep the keys out of swap (`RLIMIT_MEMLOCK`).
    pub fn is_locked(&self) -> bool {
        self.0.is_locked()
    }
}

impl<const N: usize> fmt::Debug for LockedKeys<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockedKeys(..)")
    }
}

/// Fills `bytes` from the kernel's generator.
///
/// # Errors
/// When the kernel has no randomness to give; nothing may be sealed then.
pub fn random(bytes: &mut [u8]) -> Result<(), getrandom::Error> {
    getrandom::fill(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_wiped_and_debug_is_silent() {
        let mut source = [[7; 32], [8; 32]];
        let locked = LockedKeys::take(&mut source);
        assert_eq!(source, [[0; 32]; 2]);
        assert_eq!(locked.keys(), &[[7; 32], [8; 32]]);
        assert_eq!(format!("{locked:?}"), "LockedKeys(..)");
    }
}
