//! Key material in pages of its own, kept out of swap, wiped when dropped.
//!
//! The page is plain heap memory with a page's alignment, locked by number through `region`: no
//! pointer is ever dereferenced here. When the lock is refused the bytes are still wiped; whoever
//! asks [`LockedKeys::is_locked`] can say so.

use std::fmt;

use zeroize::Zeroize;

const PAGE: usize = 4096;

#[repr(align(4096))]
struct Page([u8; PAGE]);

/// Keys of 32 bytes each, in one locked page.
pub struct LockedKeys<const N: usize> {
    page: Box<Page>,
    lock: Option<region::LockGuard>,
}

impl<const N: usize> LockedKeys<N> {
    const FIT: () = assert!(N * 32 <= PAGE, "more keys than a page holds");

    /// Moves `keys` into a locked page and wipes them at their old place.
    pub fn take(keys: &mut [[u8; 32]; N]) -> Self {
        let () = Self::FIT;
        let mut page = Box::new(Page([0; PAGE]));
        let lock = region::lock(page.0.as_ptr(), PAGE).ok();
        page.0[..N * 32].copy_from_slice(keys.as_flattened());
        keys.as_flattened_mut().zeroize();
        Self { page, lock }
    }

    /// All keys, in the order they came in.
    pub fn keys(&self) -> &[[u8; 32]; N] {
        // The page holds them by `FIT`; the fallback is never reached.
        self.page.0.as_chunks().0.first_chunk().unwrap_or(&[[0; 32]; N])
    }

    /// False where the system refused to keep the page out of swap (`RLIMIT_MEMLOCK`).
    pub fn is_locked(&self) -> bool {
        self.lock.is_some()
    }
}

impl<const N: usize> Drop for LockedKeys<N> {
    fn drop(&mut self) {
        self.page.0[..N * 32].zeroize();
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
