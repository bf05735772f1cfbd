//! The root: one sealed record that fixes the whole content of the store.

use zeroize::Zeroizing;

use crate::crypto::{self, Digest, Keys, digest};

use super::{BUCKETS, StoreError};

const HEAD: usize = 16;
/// Bytes kept of a bucket's keyed digest: nobody without the key can aim at even one of them.
const DIGEST: usize = 16;
const LEN: usize = HEAD + BUCKETS as usize * DIGEST;

/// Generation and digest of a sealed root: what the anchor remembers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RootId {
    /// Counts commits since the vault was made.
    pub generation: u64,
    /// Digest of the sealed bytes.
    pub digest: Digest,
}

/// Generation, count of records, and one digest for each bucket.
#[derive(Clone)]
pub struct Root {
    /// Counts commits since the vault was made.
    pub generation: u64,
    /// Number of records.
    pub count: u64,
    buckets: Vec<[u8; DIGEST]>,
}

impl Root {
    /// The root of an empty store.
    pub fn empty(keys: &Keys) -> Self {
        let buckets = (0..BUCKETS).map(|n| bucket_digest(keys, n, &[])).collect();
        Self { generation: 0, count: 0, buckets }
    }

    /// Checks a bucket's bytes against the root.
    pub fn proves(&self, keys: &Keys, number: u16, bytes: &[u8]) -> bool {
        let expected = self.buckets.get(usize::from(number));
        expected.is_some_and(|digest| bucket_digest(keys, number, bytes) == *digest)
    }

    /// Notes a bucket's new bytes.
    pub fn set(&mut self, keys: &Keys, number: u16, bytes: &[u8]) {
        if let Some(slot) = self.buckets.get_mut(usize::from(number)) {
            *slot = bucket_digest(keys, number, bytes);
        }
    }

    /// Seals the root for the store.
    pub fn seal(&self, keys: &Keys, vault: &[u8; 16]) -> Result<(Vec<u8>, RootId), StoreError> {
        let mut plain = Zeroizing::new(Vec::with_capacity(LEN));
        plain.extend_from_slice(&self.generation.to_be_bytes());
        plain.extend_from_slice(&self.count.to_be_bytes());
        for bucket in &self.buckets {
            plain.extend_from_slice(bucket);
        }
        let sealed = crypto::seal(keys.records(), &place(vault), &plain)?;
        let id = RootId { generation: self.generation, digest: digest(&[&sealed]) };
        Ok((sealed, id))
    }

    /// Opens a sealed root.
    pub fn open(
        keys: &Keys,
        vault: &[u8; 16],
        sealed: &[u8],
    ) -> Result<(Self, RootId), StoreError> {
        let damaged = || StoreError::Damaged("its root does not authenticate");
        let plain = crypto::open(keys.records(), &place(vault), sealed).map_err(|_| damaged())?;
        let (head, digests) = plain.split_at_checked(HEAD).ok_or_else(damaged)?;
        let (generation, count) = head.split_first_chunk::<8>().ok_or_else(damaged)?;
        let count = count.try_into().map_err(|_| damaged())?;
        let (chunks, rest) = digests.as_chunks::<DIGEST>();
        if plain.len() != LEN || !rest.is_empty() {
            return Err(damaged());
        }
        let root = Self {
            generation: u64::from_be_bytes(*generation),
            count: u64::from_be_bytes(count),
            buckets: chunks.to_vec(),
        };
        let id = RootId { generation: root.generation, digest: digest(&[sealed]) };
        Ok((root, id))
    }
}

fn bucket_digest(keys: &Keys, number: u16, bytes: &[u8]) -> [u8; DIGEST] {
    let Digest(whole) = keys.ledger(&[&number.to_be_bytes(), bytes]);
    let mut short = [0; DIGEST];
    short.copy_from_slice(&whole[..DIGEST]);
    short
}

fn place(vault: &[u8; 16]) -> Vec<u8> {
    [&b"clawvault root 1"[..], vault].concat()
}
