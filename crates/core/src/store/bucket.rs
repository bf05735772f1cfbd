//! A bucket of the ledger: which records exist, and in which generation each was written.
//!
//! The generation is part of what a record is sealed to, so a listed pair admits exactly one
//! sealed record, and a key that is not listed does not exist.

use super::RecordKey;

const ENTRY: usize = RecordKey::LEN + 8;

/// Sorted list of (key, generation of writing).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bucket(Vec<(RecordKey, u64)>);

impl Bucket {
    /// Reads a bucket; `None` where the bytes are not sorted, whole entries.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut entries = Vec::with_capacity(bytes.len() / ENTRY);
        let mut chunks = bytes.chunks_exact(ENTRY);
        for chunk in &mut chunks {
            let (key, generation) = chunk.split_at(RecordKey::LEN);
            let generation = u64::from_be_bytes(generation.try_into().ok()?);
            entries.push((RecordKey::from_bytes(key)?, generation));
        }
        let sorted = entries.windows(2).all(|pair| pair[0].0 < pair[1].0);
        (sorted && chunks.remainder().is_empty()).then_some(Self(entries))
    }

    /// The bucket as the store keeps it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * ENTRY);
        for (key, generation) in &self.0 {
            bytes.extend_from_slice(&key.to_bytes());
            bytes.extend_from_slice(&generation.to_be_bytes());
        }
        bytes
    }

    /// The generation in which the record was written; `None` means that it does not exist.
    pub fn generation(&self, key: &RecordKey) -> Option<u64> {
        let at = self.0.binary_search_by_key(key, |(k, _)| *k).ok()?;
        Some(self.0[at].1)
    }

    /// Notes that the record was written, or removed where `generation` is `None`.
    pub fn set(&mut self, key: RecordKey, generation: Option<u64>) {
        match (self.0.binary_search_by_key(&key, |(k, _)| *k), generation) {
            (Ok(at), Some(generation)) => self.0[at].1 = generation,
            (Ok(at), None) => drop(self.0.remove(at)),
            (Err(at), Some(generation)) => self.0.insert(at, (key, generation)),
            (Err(_), None) => {}
        }
    }

    /// Every (key, generation), sorted.
    pub fn entries(&self) -> &[(RecordKey, u64)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::Kind;

    fn key(byte: u8, version: u32) -> RecordKey {
        RecordKey { kind: Kind::Version, id: [byte; 32], version }
    }

    proptest! {
        #[test]
        fn round_trips(changes in proptest::collection::vec((any::<u8>(), 0..4u32, any::<Option<u64>>()), 0..60)) {
            let mut bucket = Bucket::default();
            for (byte, version, generation) in &changes {
                bucket.set(key(*byte, *version), *generation);
            }
            prop_assert_eq!(Bucket::parse(&bucket.to_bytes()), Some(bucket.clone()));
            for (byte, version, _) in &changes {
                let last = changes.iter().rev().find(|c| (c.0, c.1) == (*byte, *version)).unwrap();
                prop_assert_eq!(bucket.generation(&key(*byte, *version)), last.2);
            }
        }

        #[test]
        fn rubbish_is_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(bucket) = Bucket::parse(&bytes) {
                prop_assert_eq!(bucket.to_bytes(), bytes);
            }
        }
    }
}
