//! Sealing and unsealing, over well-kept libraries; nothing here reads a file or knows a name.

mod age_file;
mod age_keys;
mod entry_box;
mod error;
mod keys;
mod report;
mod seal;
pub mod slot;

pub use age_file::{AGE_MAGIC, AgeFile, decrypt};
pub use entry_box::EntryKey;
pub use error::CryptoError;
pub use keys::{DIGEST, Digest, Keys, LogKeys, VaultKey, digest, sha256};
pub use report::{ReportSigner, Signature, is_signed};
pub use seal::{OVERHEAD, open, open_locked, seal};
