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
    /// The key's plugin is no program on the PATH.
    #[error("no program on the PATH is the plugin of that key")]
    NoPlugin,
    /// A plugin's identity does not say which recipient it belongs to.
    #[error("the identity of a plugin does not tell its recipient")]
    NoRecipient,
    /// The build lacks the feature for this kind of key.
    #[error("this clawvault is built without that kind of key")]
    NotBuilt,
    /// A plugin did not do its part.
    #[error("the plugin of that key refused")]
    Plugin,
    /// An SSH key that is under a passphrase itself.
    #[error("that SSH key is under a passphrase of its own")]
    Protected,
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
