//! Where sealed bytes lie, and the proof that what is read is what was written last.
//!
//! [`Store`] is a dumb table of bytes. [`Ledger`] sits on it, holds the root, and proves every read
//! and every absence; it never trusts the engine. Names and values are unknown here.

mod bucket;
mod cache;
mod error;
mod key;
mod ledger;
mod local;
mod root;
mod snapshot;

pub use bucket::Bucket;
pub use cache::{Cache, CacheError};
pub use error::StoreError;
pub use key::{BUCKETS, Kind, RecordKey};
pub use ledger::{Change, Ledger, Plain};
pub use local::LocalStore;
pub use root::{Root, RootId};
pub use snapshot::{SnapshotStore, write_snapshot};

/// One durable change of the store: everything in it, or nothing.
#[derive(Debug, Default)]
pub struct Batch {
    /// The sealed root.
    pub root: Vec<u8>,
    /// Buckets to write whole.
    pub buckets: Vec<(u16, Vec<u8>)>,
    /// Records to write, or to remove where there are no bytes.
    pub records: Vec<(RecordKey, Option<Vec<u8>>)>,
}

/// What a scan calls with each record; an error stops it.
pub type Each<'a> = dyn FnMut(RecordKey, &[u8]) -> Result<(), StoreError> + 'a;

/// A table of sealed bytes. Implementations need not be honest: [`Ledger`] checks.
pub trait Store {
    /// The sealed root, where there is one.
    fn root(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// One bucket of the ledger, by number.
    fn bucket(&self, number: u16) -> Result<Option<Vec<u8>>, StoreError>;

    /// One sealed record.
    fn record(&self, key: &RecordKey) -> Result<Option<Vec<u8>>, StoreError>;

    /// Calls `each` with every record of a kind, in the order of their keys; all kinds for `None`.
    fn scan(&self, kind: Option<Kind>, each: &mut Each<'_>) -> Result<(), StoreError>;

    /// Writes a batch durably: it survives a power cut once this returns.
    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError>;
}
