//! What the store calls a record: a kind, a blinded name, a version.

use crate::crypto::Digest;

/// Number of buckets that the ledger spreads record keys over.
pub const BUCKETS: u16 = 1024;

const LEN: usize = 1 + 32 + 4;

/// What a record is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Kind {
    /// A secret without its values: names, stages, ages.
    Secret = 1,
    /// The fields of one version.
    Version = 2,
    /// The policy document.
    Policy = 3,
    /// Which secrets of a profile have a variable.
    Index = 4,
    /// What a scrub took out of other files, and the list of scrubs.
    Undo = 5,
    /// The audit log's keys of an earlier epoch.
    LogKeys = 6,
    /// What is known of a secret's keys at their vendor, and what is under way there.
    Life = 7,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        use Kind::{Index, Life, LogKeys, Policy, Secret, Undo, Version};
        [Secret, Version, Policy, Index, Undo, LogKeys, Life]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// Key of one record.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RecordKey {
    /// What it is.
    pub kind: Kind,
    /// The blinded name.
    pub id: [u8; 32],
    /// Version number; 0 for what has none.
    pub version: u32,
}

impl RecordKey {
    /// Length of the key's bytes.
    pub const LEN: usize = LEN;

    /// Builds the key of something without versions.
    pub fn new(kind: Kind, id: Digest) -> Self {
        Self { kind, id: id.0, version: 0 }
    }

    /// The key of one version under the same blinded name.
    pub fn version(self, version: u32) -> Self {
        Self { kind: Kind::Version, version, ..self }
    }

    /// The bucket that answers for this key: the first ten bits of the blinded name.
    pub fn bucket(&self) -> u16 {
        u16::from_be_bytes([self.id[0], self.id[1]]) >> 6
    }

    /// The key as the store sees it; keys of one kind are neighbours.
    pub fn to_bytes(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[0] = self.kind as u8;
        bytes[1..33].copy_from_slice(&self.id);
        bytes[33..].copy_from_slice(&self.version.to_be_bytes());
        bytes
    }

    /// Reads a key back; `None` for bytes that no key has.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LEN] = bytes.try_into().ok()?;
        let (kind, rest) = bytes.split_first()?;
        let (id, version) = rest.split_first_chunk::<32>()?;
        let version = u32::from_be_bytes(version.try_into().ok()?);
        Some(Self { kind: Kind::from_byte(*kind)?, id: *id, version })
    }
}
