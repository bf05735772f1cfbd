//! The vault key and the keys that are derived from it, one for each duty.
//!
//! Derivation is BLAKE3's key-derivation mode (BLAKE3 paper §2.3): a context string that names the
//! duty, the vault key as key material. Keyed digests are BLAKE3's keyed mode.

use zeroize::Zeroizing;

use crate::memory::LockedBytes;
use crate::platform::memory::{LockedKeys, random};

use super::{CryptoError, EntryKey, ReportSigner};

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

/// The SHA-256 of what somebody else took it of.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}

/// The random key that everything in a vault hangs on.
#[derive(Debug)]
pub struct VaultKey(LockedKeys<1>);

impl VaultKey {
    /// Makes a new one.
    pub fn generate() -> Result<Self, CryptoError> {
        let mut bytes = [0; 32];
        random(&mut bytes).map_err(|_| CryptoError::NoRandomness)?;
        Ok(Self::from_slot(&mut bytes))
    }

    /// Takes over the bytes that a key slot gave; wipes them where they were.
    pub fn from_slot(bytes: &mut [u8; 32]) -> Self {
        Self(LockedKeys::take(std::array::from_mut(bytes)))
    }

    /// Takes a key from a peer's message; none where it is no key.
    pub fn from_locked(bytes: &LockedBytes) -> Option<Self> {
        let key: &[u8; 32] = bytes.first_chunk().filter(|_| bytes.len() == 32)?;
        Some(Self(LockedKeys::of(std::array::from_ref(key))))
    }

    /// The bytes, to be handed to the daemon.
    pub fn to_locked(&self) -> LockedBytes {
        let mut bytes = LockedBytes::zeroed_for_key(32);
        bytes.copy_from_slice(self.bytes());
        bytes
    }

    /// Another holder of the same key.
    pub fn copy(&self) -> Self {
        Self(LockedKeys::of(self.0.keys()))
    }

    /// The bytes, to be wrapped into a key slot.
    pub(super) fn bytes(&self) -> &[u8; 32] {
        let [key] = self.0.keys();
        key
    }

    /// Derives the working keys.
    pub fn derive(&self) -> Keys {
        let mut keys = DUTIES.map(|duty| blake3::derive_key(duty, self.bytes()));
        Keys(LockedKeys::take(&mut keys))
    }
}

/// One context string for each duty; the order is that of the constants below.
const DUTIES: [&str; 9] = [
    "clawvault 2026-11-22 v1 record sealing",
    "clawvault 2026-11-22 v1 name blinding",
    "clawvault 2026-11-22 v1 bucket and root digests",
    "clawvault 2026-11-22 v1 anchor and header authentication",
    "clawvault 2026-11-22 v1 snapshot authentication",
    "clawvault 2026-11-22 v1 value fingerprints",
    "clawvault 2026-11-22 v1 audit log authentication",
    "clawvault 2026-11-22 v1 audit entry sealing",
    "clawvault 2026-11-22 v1 audit entries of a locked vault",
];
const RECORDS: usize = 0;
const NAMES: usize = 1;
const LEDGER: usize = 2;
const ANCHOR: usize = 3;
const SNAPSHOTS: usize = 4;
const FINGERPRINTS: usize = 5;
const LOG: usize = 6;
const ENTRIES: usize = 7;
const LOCKED_ENTRIES: usize = 8;

/// The working keys of an open vault.
#[derive(Debug)]
pub struct Keys(LockedKeys<9>);

impl Keys {
    /// Seals records and the root.
    pub fn records(&self) -> &[u8; 32] {
        &self.0.keys()[RECORDS]
    }

    /// Blinds a name: what the store sees instead of it.
    pub fn blind(&self, parts: &[&[u8]]) -> Digest {
        self.keyed(NAMES, parts)
    }

    /// Digest of a bucket of the ledger.
    pub fn ledger(&self, parts: &[&[u8]]) -> Digest {
        self.keyed(LEDGER, parts)
    }

    /// Authenticates the header and the anchor's slots.
    pub fn authenticate(&self, parts: &[&[u8]]) -> Digest {
        self.keyed(ANCHOR, parts)
    }

    /// Authenticates a snapshot file.
    pub fn snapshot(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.0.keys()[SNAPSHOTS])
    }

    /// Tells equal values apart from different ones without opening them.
    pub fn fingerprint(&self, parts: &[&[u8]]) -> Digest {
        self.keyed(FINGERPRINTS, parts)
    }

    /// Authenticates a frame of the audit log.
    pub fn log(&self, parts: &[&[u8]]) -> Digest {
        self.keyed(LOG, parts)
    }

    /// The audit key's pair that signs reports; whoever has its public half can check one.
    ///
    /// # Errors
    /// Where the library takes no such seed.
    pub fn report_signer(&self) -> Result<ReportSigner, CryptoError> {
        let seed = Zeroizing::new(self.log(&[b"clawvault report signer 1"]).0);
        ReportSigner::from_seed(&seed)
    }

    /// The three log duties alone: what reads this epoch's entries once the vault key is replaced.
    pub fn log_keys(&self) -> LogKeys {
        let all = self.0.keys();
        LogKeys(LockedKeys::take(&mut [all[LOG], all[ENTRIES], all[LOCKED_ENTRIES]]))
    }

    /// Seals the audit entries of an open vault.
    pub fn entries(&self) -> &[u8; 32] {
        &self.0.keys()[ENTRIES]
    }

    /// Opens the audit entries that were written while the vault was locked.
    pub fn locked_entries(&self) -> EntryKey<'_> {
        EntryKey::from_seed(&self.0.keys()[LOCKED_ENTRIES])
    }

    /// False where the keys lie in memory that may be swapped out.
    pub fn are_locked(&self) -> bool {
        self.0.is_locked()
    }

    fn keyed(&self, duty: usize, parts: &[&[u8]]) -> Digest {
        finish(blake3::Hasher::new_keyed(&self.0.keys()[duty]), parts)
    }
}

/// The keys of one epoch's audit log; they open its entries and nothing else.
#[derive(Debug)]
pub struct LogKeys(LockedKeys<3>);

impl LogKeys {
    /// Length as bytes.
    pub const LEN: usize = 3 * 32;

    /// Reads what [`LogKeys::to_bytes`] gave; `None` for bytes of another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (keys, rest) = bytes.as_chunks::<32>();
        let mut keys: [[u8; 32]; 3] = keys.try_into().ok()?;
        let log = Self(LockedKeys::take(&mut keys));
        rest.is_empty().then_some(log)
    }

    /// The keys as bytes, to be sealed into a record.
    pub fn to_bytes(&self) -> LockedBytes {
        LockedBytes::copy_of(self.0.keys().as_flattened())
    }

    /// Authenticates a frame.
    pub fn log(&self, parts: &[&[u8]]) -> Digest {
        finish(blake3::Hasher::new_keyed(&self.0.keys()[0]), parts)
    }

    /// Opens the entries of an open vault.
    pub fn entries(&self) -> &[u8; 32] {
        &self.0.keys()[1]
    }

    /// Opens the entries that were written while the vault was locked.
    pub fn locked_entries(&self) -> EntryKey<'_> {
        EntryKey::from_seed(&self.0.keys()[2])
    }
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

    #[test]
    fn the_log_keys_are_those_of_the_vault_and_come_back_from_bytes() {
        let keys = VaultKey::from_slot(&mut [1; 32]).derive();
        let bytes = keys.log_keys().to_bytes();
        let log = LogKeys::from_bytes(&bytes).unwrap();
        assert_eq!(log.log(&[b"part"]), keys.log(&[b"part"]));
        assert_eq!(log.entries(), keys.entries());
        assert_eq!(log.locked_entries().public(), keys.locked_entries().public());
        assert!(LogKeys::from_bytes(&bytes[1..]).is_none());
        assert!(LogKeys::from_bytes(&[&bytes[..], &[0; 32][..]].concat()).is_none());
    }
}
