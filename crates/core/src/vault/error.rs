//! What the vault refuses. Each message is one line; `advice` is the line that says what to do.

use std::path::PathBuf;

use crate::auditlog::LogError;
use crate::crypto::CryptoError;
use crate::domain::PolicyError;
use crate::platform::PlatformError;
use crate::store::StoreError;

use super::BackupError;

/// A refusal or failure of the vault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// A backup was not written, or not taken.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// Sealing failed, or a new slot could not be made.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// Something on disk is not what was written, and no copy makes it good.
    #[error("the vault is damaged: {0}")]
    Damaged(String),
    /// A vault, or traces of one, stands where a new one was to be made.
    #[error("there is a vault already in {0}")]
    Exists(PathBuf),
    /// A bound was passed.
    #[error("{0}")]
    Limit(String),
    /// Neither an identity nor a passphrase opened it.
    #[error("{0}")]
    Locked(String),
    /// The audit log cannot be written: no value leaves.
    #[error("the audit log cannot be written, so no value is handed out: {0}")]
    Log(#[source] LogError),
    /// A vault of a later clawvault.
    #[error("the vault has format {0}; this clawvault knows format {known}", known = super::header::FORMAT)]
    Newer(u32),
    /// There is no vault here.
    #[error("there is no vault in {0}")]
    NoVault(PathBuf),
    /// There is no such secret or version.
    #[error("there is no {0}")]
    NoSuch(String),
    /// Somebody else made a step in the life of this secret's keys.
    #[error("another process is rotating or revoking {0}")]
    Stale(String),
    /// The operating system refused.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// The policy document is not in order.
    #[error("the policy is not in order: {0}")]
    Policy(#[from] PolicyError),
    /// The files are older than what this machine saw last.
    #[error("the vault was rolled back: generation {found} is here, generation {seen} was seen")]
    RolledBack {
        /// Generation of the files.
        found: u64,
        /// Generation that the anchor remembers.
        seen: u64,
    },
    /// The header has keys that were replaced since.
    #[error("the vault was rolled back: it has the keys of epoch {found}, epoch {seen} was seen")]
    OldEpoch {
        /// Epoch of the header.
        found: u32,
        /// Epoch that the state directory has an anchor of.
        seen: u32,
    },
    /// New keys are in force, only what the old ones open could not be removed.
    #[error("the new keys are in force, but what the old ones open is not removed yet: {0}")]
    Uncleared(#[source] PlatformError),
    /// A change is stored and stays, only the anchor behind it could not be written.
    #[error("the change is stored, but the anchor against roll-back is behind it: {0}")]
    Unanchored(#[source] PlatformError),
    /// The store's engine failed.
    #[error("{0}")]
    Store(StoreError),
}

impl From<StoreError> for VaultError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged(what) => Self::Damaged(what.to_owned()),
            StoreError::Platform(error) => Self::Platform(error),
            other => Self::Store(other),
        }
    }
}

impl From<LogError> for VaultError {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}
