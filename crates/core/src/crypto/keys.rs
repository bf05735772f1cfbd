//! The vault key and the keys that are derived from it, one for each duty.
//!
//! Derivation is BLAKE3's key-derivation mode (BLAKE3 paper §2.3): a context string that names the
//! duty, the vault key as key material. Keyed digests are BLAKE3's keyed mode.

use crate::platform::memory::{LockedKey, random};

use super::{CryptoError, EntryKey};

/// Length of a digest, in bytes.
pub const DIGEST: usize = 32;

/// A BLAKE3 digest.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest(pub [u8; DIGEST]);

impl Digest {
    /// Compares without telling by its time where two digests differ.
    pub fn matches(&self, other: &[u8; DIGEST]) -> bool {
        blake3::Hash::from(self.0) == blake3::Hash::from(*other)
    }
}

/// Hashes `parts`, each preceded by its length so that no two lists of parts collide.
pub fn digest(parts: &[&[u8]]) -> Digest {
    finish(blake3::Hasher::new(), parts)
}

/// The random key that everything in a vault hangs on.
#[derive(Debug)]
pub struct VaultKey(LockedKey);

impl VaultKey {
    /// Makes a new one.
    pub fn generate() -> Result<Self, CryptoError> {
        let mut bytes = [0; 32];
        random(&mut bytes).map_err(|_| CryptoError::NoRandomness)?;
        Ok(Self(LockedKey::take(&mut bytes)))
    }

    /// Takes over the bytes that a key slot gave; wipes them where they were.
    pub fn from_slot(bytes: &mut [u8; 32]) -> Self {
        Self(LockedKey::take(bytes))
    }

    /// The bytes, to be wrapped into a key slot.
    pub(super) fn bytes(&self) -> &[u8; 32] {
        self.0.bytes()
    }

    /// Derives the working keys.
    pub fn derive(&self) -> Keys {
        let key = |duty: &str| {
            let context = format!("clawvault 2026-11-22 v1 {duty}");
            let mut bytes = blake3::derive_key(&context, self.0.bytes());
            LockedKey::take(&mut bytes)
        };
        Keys {
            records: key("record sealing"),
            names: key("name blinding"),
            ledger: key("bucket and root digests"),
            anchor: key("anchor and header authentication"),
            snapshots: key("snapshot authentication"),
            fingerprints: key("value fingerprints"),
            log: key("audit log authentication"),
            entries: EntryKey::from_seed(key("audit entry sealing")),
        }
    }
}

/// The working keys of an open vault.
#[derive(Debug)]
pub struct Keys {
    /// Seals records and the root.
    pub records: LockedKey,
    names: LockedKey,
    ledger: LockedKey,
    anchor: LockedKey,
    snapshots: LockedKey,
    fingerprints: LockedKey,
    log: LockedKey,
    /// Opens audit entries; its public half seals them while the vault is locked.
    pub entries: EntryKey,
}

impl Keys {
    /// Blinds a name: what the store sees instead of it.
    pub fn blind(&self, parts: &[&[u8]]) -> Digest {
        keyed(&self.names, parts)
    }

    /// Digest of a bucket of the ledger.
    pub fn ledger(&self, parts: &[&[u8]]) -> Digest {
        keyed(&self.ledger, parts)
    }

    /// Authenticates the header and the anchor's slots.
    pub fn authenticate(&self, parts: &[&[u8]]) -> Digest {
        keyed(&self.anchor, parts)
    }

    /// Authenticates a snapshot file.
    pub fn snapshot(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(self.snapshots.bytes())
    }

    /// Tells equal values apart from different ones without opening them.
    pub fn fingerprint(&self, parts: &[&[u8]]) -> Digest {
        keyed(&self.fingerprints, parts)
    }

    /// Authenticates a frame of the audit log.
    pub fn log(&self, parts: &[&[u8]]) -> Digest {
        keyed(&self.log, parts)
    }

    /// False where any key lies in memory that may be swapped out.
    pub fn are_locked(&self) -> bool {
        self.records.is_locked() && self.names.is_locked()
    }
}

fn keyed(key: &LockedKey, parts: &[&[u8]]) -> Digest {
    finish(blake3::Hasher::new_keyed(key.bytes()), parts)
}

fn finish(mut hasher: blake3::Hasher, parts: &[&[u8]]) -> Digest {
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    Digest(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duties_have_different_keys_and_parts_do_not_run_together() {
        let keys = VaultKey::from_slot(&mut [1; 32]).derive();
        let part: &[&[u8]] = &[b"ab"];
        assert_ne!(keys.blind(part), keys.ledger(part));
        assert_ne!(keys.blind(&[b"ab", b"c"]), keys.blind(&[b"a", b"bc"]));
        assert_eq!(keys.blind(part), VaultKey::from_slot(&mut [1; 32]).derive().blind(part));
    }
}
