//! Key material in pages of its own, kept out of swap, wiped when dropped.
//!
//! The page is plain heap memory with a page's alignment, locked by number through `region`: no
//! pointer is ever dereferenced here. When the lock is refused the bytes are still wiped; whoever
//! asks [`LockedKey::is_locked`] can say so.

use std::fmt;

use zeroize::Zeroize;

const PAGE: usize = 4096;

#[repr(align(4096))]
struct Page([u8; PAGE]);

/// 32 bytes of key material in a locked page.
pub struct LockedKey {
    page: Box<Page>,
    lock: Option<region::LockGuard>,
}

impl LockedKey {
    /// Moves `bytes` into a locked page and wipes them at their old place.
    pub fn take(bytes: &mut [u8; 32]) -> Self {
        let mut page = Box::new(Page([0; PAGE]));
        let lock = region::lock(page.0.as_ptr(), PAGE).ok();
        page.0[..32].copy_from_slice(bytes);
        bytes.zeroize();
        Self { page, lock }
    }

    /// The key.
    pub fn bytes(&self) -> &[u8; 32] {
        // The page is longer than the key; the fallback is never reached.
        self.page.0.first_chunk().unwrap_or(&[0; 32])
    }

    /// False where the system refused to keep the page out of swap (`RLIMIT_MEMLOCK`).
    pub fn is_locked(&self) -> bool {
        self.lock.is_some()
    }
}

impl Drop for LockedKey {
    fn drop(&mut self) {
        self.page.0.zeroize();
    }
}

impl fmt::Debug for LockedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockedKey(..)")
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
        let mut source = [7; 32];
        let key = LockedKey::take(&mut source);
        assert_eq!(source, [0; 32]);
        assert_eq!(key.bytes(), &[7; 32]);
        assert_eq!(format!("{key:?}"), "LockedKey(..)");
    }
}
