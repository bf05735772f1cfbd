//! What the store refuses, and whose fault it is.

use crate::crypto::CryptoError;
use crate::platform::PlatformError;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Sealing failed: no randomness.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// What lies there is not what was written: the disk, a foreign hand, or another vault's file.
    #[error("the store is damaged: {0}")]
    Damaged(&'static str),
    /// The engine could not read or write; the system's reason is in the text.
    #[error("the store cannot be {action}: {reason}")]
    Engine {
        /// `opened`, `read` or `written`.
        action: &'static str,
        /// The engine's words; it sees sealed bytes only.
        reason: String,
    },
    /// A file of the store could not be reached.
    #[error(transparent)]
    Platform(#[from] PlatformError),
}

impl StoreError {
    /// True where the bytes are at fault, not the disk's space or rights.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_))
    }
}
