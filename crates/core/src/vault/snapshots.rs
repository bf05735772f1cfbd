//! Snapshots of the store beside it: when they are due, which are kept, how damage is made good.

use std::io::{BufWriter, Write};

use crate::crypto::Keys;
use crate::domain::limits::MAX_OWN_FILE;
use crate::platform::{Dir, failpoint};
use crate::store::{Batch, Ledger, LocalStore, Root, RootId, SnapshotStore, Store, write_snapshot};

use super::epoch::store_name;
use super::open::LOG;
use super::{Vault, VaultError};

/// Directory of the snapshots in the home.
pub(super) const DIRECTORY: &str = "snapshots";
const KEPT: usize = 3;
const INTERVAL_MS: i64 = 60_000;
const SUFFIX: &str = ".snapshot";

impl Vault {
    /// Takes a snapshot where one is due, then closes the store in order.
    ///
    /// Called after the change was acknowledged: nothing here is needed for it to be durable.
    pub fn close(mut self) -> Result<(), VaultError> {
        let outcome = self.snapshot_if_due();
        self.ledger.into_store().close()?;
        outcome
    }

    /// Closes the store in order and takes no snapshot: for one who has no time.
    pub fn close_at_once(self) -> Result<(), VaultError> {
        Ok(self.ledger.into_store().close()?)
    }

    fn snapshot_if_due(&mut self) -> Result<(), VaultError> {
        self.snapshot_if_due_unless(&|| false)
    }

    /// Takes a snapshot where one is due; gives up, and leaves no trace, as soon as `stop` says so.
    pub fn snapshot_if_due_unless(&mut self, stop: &dyn Fn() -> bool) -> Result<(), VaultError> {
        if self.ledger.count() == 0 {
            return Ok(());
        }
        failpoint::hit("snapshot.due")?;
        let dir = self.home.create_dir(DIRECTORY)?;
        let now = self.clock.now_ms();
        if let Some((generation, taken)) = names(&dir)?.last().and_then(|name| parse_name(name)) {
            // A clock that was set back must not stop snapshots for ever.
            let is_young = (0..INTERVAL_MS).contains(&(now - taken));
            if is_young || generation == self.generation() {
                return Ok(());
            }
        }
        self.snapshot_unless(stop)
    }

    /// Takes a snapshot now. Damage is mended first: a copy of damage would push out a good one.
    pub fn snapshot(&mut self) -> Result<(), VaultError> {
        self.snapshot_unless(&|| false)
    }

    fn snapshot_unless(&mut self, stop: Stop<'_>) -> Result<(), VaultError> {
        for (key, _) in self.ledger.entries(&self.keys)? {
            if stop() {
                return Err(VaultError::Limit("the snapshot was given up".to_owned()));
            }
            self.ledger.read(&self.keys, &key)?;
        }
        if self.ledger.lent() > 0 {
            self.rewrite()?;
        }
        let dir = self.home.create_dir(DIRECTORY)?;
        let name = format!("{:020}-{}{SUFFIX}", self.generation(), self.clock.now_ms());
        let header = self.header.to_text(&self.keys)?;
        write(&dir, &name, (self.ledger.store(), &self.keys), header.as_bytes(), stop)?;
        let all = names(&dir)?;
        for old in &all[..all.len().saturating_sub(KEPT)] {
            failpoint::hit("snapshot.prune")?;
            dir.remove(old)?;
        }
        // A crash leaves what was never renamed into place; nobody else writes while we hold the lock.
        dir.remove_unfinished()?;
        self.home.remove_unfinished()?;
        Ok(self.home.create_dir(LOG)?.remove_unfinished()?)
    }

    /// Moves everything to a new store file, then takes a snapshot: mends what no read shows, too,
    /// such as pages that the engine needs only for writing.
    pub fn mend(&mut self) -> Result<(), VaultError> {
        self.rewrite()?;
        self.snapshot()
    }

    fn rewrite(&mut self) -> Result<(), VaultError> {
        let id =
            self.header.id().ok_or_else(|| VaultError::Damaged("its header has no id".into()))?;
        let batch = self.ledger.salvage(&self.keys)?;
        self.ledger = install(
            &self.home,
            &store_name(self.header.epoch),
            (&self.keys, &id),
            &batch,
            self.clock.now_ms(),
        )?;
        Ok(())
    }
}

fn write(
    dir: &Dir,
    name: &str,
    (store, keys): (&dyn Store, &Keys),
    header: &[u8],
    stop: Stop<'_>,
) -> Result<(), VaultError> {
    let temporary = format!(".{name}.new");
    failpoint::hit("snapshot.create")?;
    let written = dir.create_new(&temporary).map_err(VaultError::from).and_then(|file| {
        failpoint::hit("snapshot.write")?;
        let mut out = BufWriter::with_capacity(1 << 16, Stoppable { out: file, stop });
        write_snapshot(store, keys, header, &mut out)?;
        let synced = out
            .flush()
            .and_then(|()| failpoint::hit_io("snapshot.sync"))
            .and_then(|()| out.get_ref().out.sync_all());
        synced.map_err(|e| crate::platform::PlatformError::io("write", dir.path(), e))?;
        failpoint::hit("snapshot.read-back")?;
        // Read back before anything older is dropped for it.
        let bytes = dir.read(&temporary, MAX_OWN_FILE)?.unwrap_or_default();
        let whole = SnapshotStore::parse(&bytes).is_some_and(|s| s.is_whole(keys, &bytes));
        if whole { Ok(()) } else { Err(VaultError::Damaged("a snapshot did not read back".into())) }
    });
    match written.and_then(|()| Ok(failpoint::hit("snapshot.move-in")?)) {
        Ok(()) => Ok(dir.rename(&temporary, name)?),
        Err(error) => {
            dir.remove(&temporary).ok();
            Err(error)
        }
    }
}

/// Whether to give up.
type Stop<'a> = &'a dyn Fn() -> bool;

/// A file that takes no more once it is to stop.
struct Stoppable<'a, W> {
    out: W,
    stop: Stop<'a>,
}

impl<W: Write> Write for Stoppable<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if (self.stop)() {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        self.out.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// Names of the snapshots, oldest first.
fn names(dir: &Dir) -> Result<Vec<String>, VaultError> {
    let names = dir.list()?.into_iter().map(|found| found.name);
    Ok(names.filter(|name| name.ends_with(SUFFIX) && !name.starts_with('.')).collect())
}

/// Generation of the newest snapshot, by its name; 0 where there is none.
pub(super) fn newest_generation(home: &Dir) -> u64 {
    let names = home.dir(DIRECTORY).ok().and_then(|dir| names(&dir).ok()).unwrap_or_default();
    names
        .iter()
        .filter_map(|name| parse_name(name))
        .map(|(generation, _)| generation)
        .max()
        .unwrap_or(0)
}

/// Generation and time of a snapshot.
fn parse_name(name: &str) -> Option<(u64, i64)> {
    let (generation, taken) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    Some((generation.parse().ok()?, taken.parse().ok()?))
}

/// Reads every snapshot that can be read, newest first.
pub(super) fn load(home: &Dir) -> Vec<SnapshotStore> {
    let Ok(dir) = home.dir(DIRECTORY) else { return Vec::new() };
    let mut names = names(&dir).unwrap_or_default();
    names.reverse();
    let read = |name: &String| SnapshotStore::parse(&dir.read(name, MAX_OWN_FILE).ok()??);
    names.iter().filter_map(read).collect()
}

/// Builds the store anew from a snapshot that holds everything up to the anchored root.
///
/// The damaged file is kept beside it. Without a snapshot of that very root nothing is touched,
/// unless `accept` says that a loss is accepted: an acknowledged change would be lost silently.
pub(super) fn rebuild(
    home: &Dir,
    file: &str,
    (keys, vault): (&Keys, &[u8; 16]),
    anchored: Option<RootId>,
    accept: bool,
    now_ms: i64,
) -> Result<Ledger<LocalStore>, VaultError> {
    let mut newest = None;
    for snapshot in load(home) {
        let root = snapshot.root()?.and_then(|sealed| Root::open(keys, vault, &sealed).ok());
        let Some((_, id)) = root else { continue };
        newest = newest.max(Some(id.generation));
        if anchored != Some(id) && !accept {
            continue;
        }
        return install(home, file, (keys, vault), &snapshot.into_batch(), now_ms);
    }
    Err(VaultError::Damaged(match (newest, anchored) {
        (Some(have), Some(root)) => format!(
            "the store cannot be read, and the newest sound snapshot is of generation {have} while \
             generation {} was acknowledged",
            root.generation
        ),
        (Some(have), None) => format!(
            "the store cannot be read; a snapshot of generation {have} is there, but without the \
             anchor nothing proves that it is the last"
        ),
        (None, _) => "the store cannot be read and there is no sound snapshot".to_owned(),
    }))
}

/// Makes a store file of what `batch` holds, reads it back, and puts it in the old one's place;
/// the old one is kept beside it.
fn install(
    home: &Dir,
    file: &str,
    (keys, vault): (&Keys, &[u8; 16]),
    batch: &Batch,
    now_ms: i64,
) -> Result<Ledger<LocalStore>, VaultError> {
    let temporary = format!(".{file}.new");
    failpoint::hit("install.create")?;
    home.remove(&temporary)?;
    let mut store = LocalStore::create(home, &temporary)?;
    failpoint::hit("install.commit")?;
    store.commit(batch)?;
    let ledger = Ledger::open(store, keys, *vault)?;
    for (key, _) in ledger.entries(keys)? {
        ledger.read(keys, &key)?;
    }
    failpoint::hit("install.close")?;
    ledger.into_store().close()?;
    if home.has(file) {
        // At no instant is there no store: the two change places, then the damaged one moves on.
        failpoint::hit("install.exchange")?;
        home.exchange(&temporary, file)?;
        failpoint::hit("install.set-aside")?;
        home.rename(&temporary, &format!("{file}.damaged-{now_ms}"))?;
    } else {
        failpoint::hit("install.move-in")?;
        home.rename(&temporary, file)?;
    }
    failpoint::hit("install.open")?;
    Ok(Ledger::open(LocalStore::open_write(home, file)?, keys, *vault)?)
}
