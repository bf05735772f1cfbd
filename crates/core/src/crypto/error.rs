//! What can go wrong with keys and sealed bytes. No variant carries any of them.

/// A failure of sealing or unsealing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// The bytes are not what was sealed, or not under this key and for this place.
    #[error("sealed bytes do not authenticate")]
    Forged,
    /// A key, recipient or key slot is not in its format.
    #[error("a key or key slot is malformed")]
    Malformed,
    /// The kernel gave no randomness.
    #[error("the system has no randomness to give")]
    NoRandomness,
    /// The key slot demands more work than the bound allows.
    #[error("the passphrase slot asks for more work than is allowed")]
    TooMuchWork,
    /// Neither this identity nor this passphrase fits the slot.
    #[error("the key does not fit")]
    WrongKey,
}
