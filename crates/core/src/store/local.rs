//! The local store: one redb file, one durable transaction for each commit.
//!
//! redb does not verify pages on ordinary reads and may panic on altered ones; here its panics
//! become errors, and [`super::Ledger`] checks what it returns. It would make a new database out
//! of an empty file, so an empty file is damage before redb sees it.

use std::cell::RefCell;
use std::rc::Rc;

use redb::{
    Database, DatabaseError, Key, ReadOnlyDatabase, ReadOnlyTable, ReadTransaction,
    ReadableDatabase, StorageBackend, TableDefinition, TableError,
};

use crate::platform::Dir;
use crate::platform::failpoint;
use crate::platform::guard::guarded;

use super::{Batch, Each, Kind, RecordKey, Store, StoreError};

const ROOT: TableDefinition<(), &[u8]> = TableDefinition::new("root");
const BUCKET: TableDefinition<u16, &[u8]> = TableDefinition::new("bucket");
const RECORD: TableDefinition<&[u8], &[u8]> = TableDefinition::new("record");

/// Pages kept in memory: a launch touches a few dozen.
const CACHE: usize = 4 * 1024 * 1024;

/// A store in one file.
pub struct LocalStore {
    /// Opened by the first read after a commit: opening a table costs more than a read.
    tables: RefCell<Option<Rc<Tables>>>,
    /// Always there until the store is closed or dropped.
    engine: Option<Engine>,
}

/// The tables as of one commit. A table that does not exist yet holds nothing, which the ledger
/// then judges.
struct Tables {
    root: Option<ReadOnlyTable<(), &'static [u8]>>,
    bucket: Option<ReadOnlyTable<u16, &'static [u8]>>,
    record: Option<ReadOnlyTable<&'static [u8], &'static [u8]>>,
}

impl Tables {
    fn open(transaction: &ReadTransaction) -> Result<Self, redb::Error> {
        fn table<K: Key + 'static>(
            transaction: &ReadTransaction,
            definition: TableDefinition<'_, K, &'static [u8]>,
        ) -> Result<Option<ReadOnlyTable<K, &'static [u8]>>, redb::Error> {
            match transaction.open_table(definition) {
                Err(TableError::TableDoesNotExist(_)) => Ok(None),
                table => Ok(Some(table?)),
            }
        }
        Ok(Self {
            root: table(transaction, ROOT)?,
            bucket: table(transaction, BUCKET)?,
            record: table(transaction, RECORD)?,
        })
    }
}

enum Engine {
    Reader(ReadOnlyDatabase),
    Writer(Database),
}

impl LocalStore {
    /// Makes a new, empty store; an existing file is an error.
    pub fn create(dir: &Dir, name: &str) -> Result<Self, StoreError> {
        let backend = redb::backends::FileBackend::new(dir.create_new(name)?);
        failpoint::hit("store.create")?;
        Self::on("made", backend.map_err(|e| failure("made", &e.into()))?)
    }

    /// Opens the store for reading; one that was not closed in order is put in order first.
    pub fn open_read(dir: &Dir, name: &str) -> Result<Self, StoreError> {
        let backend = existing(dir, name)?;
        let opened = run("opened", || match builder().open_read_only_with_backend(backend) {
            Err(DatabaseError::RepairAborted) => Ok(None),
            other => other.map(Some),
        })?;
        match opened {
            Some(reader) => Ok(Self::with(Engine::Reader(reader))),
            None => Self::open_write(dir, name),
        }
    }

    /// Opens the store for reading and writing.
    pub fn open_write(dir: &Dir, name: &str) -> Result<Self, StoreError> {
        Self::on("opened", existing(dir, name)?)
    }

    /// The store on whatever holds its bytes; an empty one becomes a new store.
    fn on(action: &'static str, backend: impl StorageBackend) -> Result<Self, StoreError> {
        let opened = run(action, || builder().create_with_backend(backend))?;
        Ok(Self::with(Engine::Writer(opened)))
    }

    /// Opens the file anew, for writing: after a refusal of the system the engine takes nothing.
    pub fn reopen(&mut self, dir: &Dir, name: &str) -> Result<(), StoreError> {
        let (tables, engine) = (self.tables.take(), self.engine.take());
        guarded(move || drop(tables));
        guarded(move || drop(engine));
        *self = Self::open_write(dir, name)?;
        Ok(())
    }

    fn with(engine: Engine) -> Self {
        Self { tables: RefCell::new(None), engine: Some(engine) }
    }

    /// Closes the file in order, so that the next one to open it need not repair anything.
    pub fn close(mut self) -> Result<(), StoreError> {
        guarded(|| self.tables.take());
        failpoint::hit("store.close")?;
        match self.engine.take() {
            Some(Engine::Reader(reader)) => run("closed", || reader.close()),
            Some(Engine::Writer(database)) => run("closed", || database.close()),
            None => Ok(()),
        }
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&Tables) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let outcome = run("read", || {
            let known = self.tables.borrow().clone();
            let tables = match known {
                Some(tables) => tables,
                None => {
                    let transaction = match &self.engine {
                        Some(Engine::Reader(reader)) => reader.begin_read()?,
                        Some(Engine::Writer(database)) => database.begin_read()?,
                        None => return Err(redb::Error::DatabaseClosed),
                    };
                    let tables = Rc::new(Tables::open(&transaction)?);
                    self.tables.replace(Some(Rc::clone(&tables)));
                    tables
                }
            };
            work(&tables)
        });
        if outcome.is_err() {
            guarded(|| self.tables.take());
        }
        outcome
    }
}

/// The engine writes when it is dropped, and may panic on altered pages then, too.
impl Drop for LocalStore {
    fn drop(&mut self) {
        let (tables, engine) = (self.tables.take(), self.engine.take());
        guarded(move || drop(tables));
        guarded(move || drop(engine));
    }
}

impl Store for LocalStore {
    fn root(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|t| match &t.root {
            Some(table) => Ok(table.get(())?.map(|bytes| bytes.value().to_vec())),
            None => Ok(None),
        })
    }

    fn bucket(&self, number: u16) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|t| match &t.bucket {
            Some(table) => Ok(table.get(number)?.map(|bytes| bytes.value().to_vec())),
            None => Ok(None),
        })
    }

    fn record(&self, key: &RecordKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|t| match &t.record {
            Some(table) => Ok(table.get(&key.to_bytes()[..])?.map(|b| b.value().to_vec())),
            None => Ok(None),
        })
    }

    fn scan(&self, kind: Option<Kind>, each: &mut Each<'_>) -> Result<(), StoreError> {
        let from = [kind.map_or(0, |k| k as u8)];
        let to = [kind.map_or(u8::MAX, |k| k as u8 + 1)];
        self.read(|t| {
            let Some(table) = &t.record else { return Ok(Ok(())) };
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
        guarded(|| self.tables.take());
        failpoint::hit("store.commit")?;
        run("written", || -> Result<(), redb::Error> {
            let transaction = database.begin_write()?;
            failpoint::hit_io("store.commit.begin")?;
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
            failpoint::hit_io("store.commit.end")?;
            transaction.commit()?;
            Ok(failpoint::hit_io("store.committed")?)
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
    failpoint::hit("store.open")?;
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

#[cfg(test)]
mod tests;
