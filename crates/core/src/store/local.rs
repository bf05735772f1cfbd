//! The local store: one redb file, one durable transaction for each commit.
//!
//! redb does not verify pages on ordinary reads and may panic on altered ones; here its panics
//! become errors, and [`super::Ledger`] checks what it returns. It would make a new database out
//! of an empty file, so an empty file is damage before redb sees it.

use redb::{
    Database, DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, StorageBackend,
    TableDefinition, TableError,
};

use crate::platform::Dir;
use crate::platform::guard::guarded;

use super::{Batch, Each, Kind, RecordKey, Store, StoreError};

const ROOT: TableDefinition<(), &[u8]> = TableDefinition::new("root");
const BUCKET: TableDefinition<u16, &[u8]> = TableDefinition::new("bucket");
const RECORD: TableDefinition<&[u8], &[u8]> = TableDefinition::new("record");

/// Pages kept in memory: a launch touches a few dozen.
const CACHE: usize = 4 * 1024 * 1024;

/// A store in one file.
pub struct LocalStore {
    /// Always there until the store is closed or dropped.
    engine: Option<Engine>,
}

enum Engine {
    Reader(ReadOnlyDatabase),
    Writer(Database),
}

impl LocalStore {
    /// Makes a new, empty store; an existing file is an error.
    pub fn create(dir: &Dir, name: &str) -> Result<Self, StoreError> {
        let backend = redb::backends::FileBackend::new(dir.create_new(name)?);
        let opened = run("made", || builder().create_with_backend(backend?))?;
        Ok(Self { engine: Some(Engine::Writer(opened)) })
    }

    /// Opens the store for reading; one that was not closed in order is put in order first.
    pub fn open_read(dir: &Dir, name: &str) -> Result<Self, StoreError> {
        let backend = existing(dir, name)?;
        let opened = run("opened", || match builder().open_read_only_with_backend(backend) {
            Err(DatabaseError::RepairAborted) => Ok(None),
            other => other.map(Some),
        })?;
        match opened {
            Some(reader) => Ok(Self { engine: Some(Engine::Reader(reader)) }),
            None => Self::open_write(dir, name),
        }
    }

    /// Opens the store for reading and writing.
    pub fn open_write(dir: &Dir, name: &str) -> Result<Self, StoreError> {
        let backend = existing(dir, name)?;
        let opened = run("opened", || builder().create_with_backend(backend))?;
        Ok(Self { engine: Some(Engine::Writer(opened)) })
    }

    /// Closes the file in order, so that the next one to open it need not repair anything.
    pub fn close(mut self) -> Result<(), StoreError> {
        match self.engine.take() {
            Some(Engine::Reader(reader)) => run("closed", || reader.close()),
            Some(Engine::Writer(database)) => run("closed", || database.close()),
            None => Ok(()),
        }
    }

    /// One value; a table that does not exist yet holds nothing, which the ledger then judges.
    fn get<'k, K: redb::Key + 'static>(
        &self,
        table: TableDefinition<'_, K, &'static [u8]>,
        key: impl std::borrow::Borrow<K::SelfType<'k>>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|t| match t.open_table(table) {
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            table => Ok(table?.get(key)?.map(|bytes| bytes.value().to_vec())),
        })
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        run("read", || {
            let transaction = match &self.engine {
                Some(Engine::Reader(reader)) => reader.begin_read()?,
                Some(Engine::Writer(database)) => database.begin_read()?,
                None => return Err(redb::Error::DatabaseClosed),
            };
            work(&transaction)
        })
    }
}

/// The engine writes when it is dropped, and may panic on altered pages then, too.
impl Drop for LocalStore {
    fn drop(&mut self) {
        let engine = self.engine.take();
        guarded(move || drop(engine));
    }
}

impl Store for LocalStore {
    fn root(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(ROOT, ())
    }

    fn bucket(&self, number: u16) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(BUCKET, number)
    }

    fn record(&self, key: &RecordKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(RECORD, &key.to_bytes()[..])
    }

    fn scan(&self, kind: Option<Kind>, each: &mut Each<'_>) -> Result<(), StoreError> {
        let from = [kind.map_or(0, |k| k as u8)];
        let to = [kind.map_or(u8::MAX, |k| k as u8 + 1)];
        self.read(|t| {
            let table = t.open_table(RECORD)?;
            for entry in table.range(&from[..]..&to[..])? {
                let (key, sealed) = entry?;
                if let Some(key) = RecordKey::from_bytes(key.value())
                    && let Err(stop) = each(key, sealed.value())
                {
                    return Ok(Err(stop));
                }
            }
            Ok(Ok(()))
        })?
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let Some(Engine::Writer(database)) = &self.engine else {
            let reason = "it was opened for reading".to_owned();
            return Err(StoreError::Engine { action: "written", reason });
        };
        run("written", || -> Result<(), redb::Error> {
            let transaction = database.begin_write()?;
            {
                transaction.open_table(ROOT)?.insert((), batch.root.as_slice())?;
                let mut buckets = transaction.open_table(BUCKET)?;
                for (number, bytes) in &batch.buckets {
                    buckets.insert(number, bytes.as_slice())?;
                }
                let mut records = transaction.open_table(RECORD)?;
                for (key, sealed) in &batch.records {
                    let key = key.to_bytes();
                    match sealed {
                        Some(sealed) => drop(records.insert(&key[..], sealed.as_slice())?),
                        None => drop(records.remove(&key[..])?),
                    }
                }
            }
            Ok(transaction.commit()?)
        })
    }
}

fn builder() -> redb::Builder {
    let mut builder = redb::Builder::new();
    builder.set_cache_size(CACHE);
    builder
}

fn existing(dir: &Dir, name: &str) -> Result<impl StorageBackend + use<>, StoreError> {
    let (file, size) = dir.open_file(name)?.ok_or(StoreError::Damaged("its file is missing"))?;
    if size == 0 {
        return Err(StoreError::Damaged("its file is empty"));
    }
    redb::backends::FileBackend::new(file).map_err(|e| failure("opened", &e.into()))
}

/// Runs the engine; a panic of it is damage, as are its own words for altered bytes.
fn run<T, E: Into<redb::Error>>(
    action: &'static str,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, StoreError> {
    match guarded(work) {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(failure(action, &error.into())),
        None => Err(StoreError::Damaged("the engine gave up on altered bytes")),
    }
}

fn failure(action: &'static str, error: &redb::Error) -> StoreError {
    match error {
        redb::Error::Io(io) if is_shortage(io) => {
            StoreError::Engine { action, reason: io.to_string() }
        }
        redb::Error::Corrupted(_)
        | redb::Error::Io(_)
        | redb::Error::RepairAborted
        | redb::Error::TableDoesNotExist(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TypeDefinitionChanged { .. }
        | redb::Error::UpgradeRequired(_) => StoreError::Damaged("the engine found altered bytes"),
        other => StoreError::Engine { action, reason: other.to_string() },
    }
}

/// Tells a system that lacks space, rights or descriptors from a file that ends too early.
fn is_shortage(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};
    !matches!(error.kind(), UnexpectedEof | InvalidData)
}
