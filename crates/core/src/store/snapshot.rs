//! A snapshot: the store's sealed bytes in one file, to repair from.
//!
//! Layout: magic, header document, then pieces (tag, key, bytes), then a keyed digest of all of
//! it. Every piece authenticates itself against a root, so a damaged snapshot still lends its
//! sound pieces; the digest says whether it is whole.

use std::collections::BTreeMap;
use std::io::Write;

use crate::crypto::{DIGEST, Keys};

use super::{BUCKETS, Batch, Each, Kind, RecordKey, Store, StoreError};

const MAGIC: &[u8; 20] = b"clawvault snapshot 1";
const HEADER: u8 = 0;
const ROOT: u8 = 1;
const BUCKET: u8 = 2;
const RECORD: u8 = 3;
const END: u8 = 255;

/// Writes a snapshot of `store` to `out`.
pub fn write_snapshot(
    store: &dyn Store,
    keys: &Keys,
    header: &[u8],
    out: &mut dyn Write,
) -> Result<(), StoreError> {
    let mut hasher = keys.snapshot();
    let mut put = |bytes: &[u8]| -> Result<(), StoreError> {
        hasher.update(bytes);
        out.write_all(bytes).map_err(|e| unwritable(&e))
    };
    let mut piece = |tag: u8, key: &[u8], bytes: &[u8]| -> Result<(), StoreError> {
        let too_long = |_| StoreError::Damaged("a piece is too long for a snapshot");
        put(&[tag])?;
        put(&u32::try_from(key.len()).map_err(too_long)?.to_be_bytes())?;
        put(&u32::try_from(bytes.len()).map_err(too_long)?.to_be_bytes())?;
        put(key)?;
        put(bytes)
    };
    piece(HEADER, MAGIC, header)?;
    piece(ROOT, &[], &store.root()?.unwrap_or_default())?;
    for number in 0..BUCKETS {
        if let Some(bytes) = store.bucket(number)? {
            piece(BUCKET, &number.to_be_bytes(), &bytes)?;
        }
    }
    store.scan(None, &mut |key, sealed| piece(RECORD, &key.to_bytes(), sealed))?;
    piece(END, &[], &[])?;
    let digest = hasher.finalize();
    out.write_all(digest.as_bytes()).map_err(|e| unwritable(&e))
}

fn unwritable(error: &std::io::Error) -> StoreError {
    StoreError::Engine { action: "copied to a snapshot", reason: error.to_string() }
}

/// A snapshot read back: a store that cannot be written.
#[derive(Debug, Default)]
pub struct SnapshotStore {
    /// The vault's header document as it was.
    pub header: Vec<u8>,
    whole: Option<[u8; DIGEST]>,
    length: usize,
    root: Option<Vec<u8>>,
    buckets: BTreeMap<u16, Vec<u8>>,
    records: BTreeMap<RecordKey, Vec<u8>>,
}

impl SnapshotStore {
    /// Reads as many pieces as can be read; `None` where the file is no snapshot at all.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut snapshot = Self::default();
        let mut rest = bytes;
        while let Some(Piece { tag, key, bytes: piece, rest: after }) = Piece::parse(rest) {
            rest = after;
            match tag {
                HEADER if key == MAGIC => snapshot.header = piece.to_vec(),
                ROOT => snapshot.root = Some(piece.to_vec()),
                BUCKET => {
                    let number = key.try_into().map(u16::from_be_bytes).ok()?;
                    snapshot.buckets.insert(number, piece.to_vec());
                }
                RECORD => drop(
                    RecordKey::from_bytes(key).map(|k| snapshot.records.insert(k, piece.to_vec())),
                ),
                END => {
                    snapshot.whole = rest.try_into().ok();
                    snapshot.length = bytes.len() - rest.len();
                    break;
                }
                _ => break,
            }
        }
        (!snapshot.header.is_empty()).then_some(snapshot)
    }

    /// True where the file is complete and unaltered.
    pub fn is_whole(&self, keys: &Keys, bytes: &[u8]) -> bool {
        let digest = keys.snapshot().update(&bytes[..self.length.min(bytes.len())]).finalize();
        self.whole.is_some_and(|expected| digest == blake3::Hash::from(expected))
    }

    /// Everything in it, to build a new store from.
    pub fn into_batch(self) -> Batch {
        Batch {
            root: self.root.unwrap_or_default(),
            buckets: self.buckets.into_iter().collect(),
            records: self.records.into_iter().map(|(k, v)| (k, Some(v))).collect(),
        }
    }
}

struct Piece<'a> {
    tag: u8,
    key: &'a [u8],
    bytes: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Piece<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        let (key_length, rest) = rest.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (key, rest) = rest.split_at_checked(u32::from_be_bytes(*key_length) as usize)?;
        let (bytes, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        Some(Self { tag: *tag, key, bytes, rest })
    }
}

impl Store for SnapshotStore {
    fn root(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.root.clone())
    }

    fn bucket(&self, number: u16) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.buckets.get(&number).cloned())
    }

    fn record(&self, key: &RecordKey) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.records.get(key).cloned())
    }

    fn scan(&self, kind: Option<Kind>, each: &mut Each<'_>) -> Result<(), StoreError> {
        let wanted = self.records.iter().filter(|(k, _)| kind.is_none_or(|w| w == k.kind));
        wanted.into_iter().try_for_each(|(key, sealed)| each(*key, sealed))
    }

    fn commit(&mut self, _: &Batch) -> Result<(), StoreError> {
        Err(StoreError::Engine { action: "written", reason: "a snapshot is read only".into() })
    }
}
