//! Proves every read: present means sealed to the generation that the root fixes, absent means not
//! listed in a bucket that the root fixes. What the store drops, keeps or swaps is noticed.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use crate::crypto::{self, Keys};
use crate::memory::LockedBytes;

use super::{BUCKETS, Batch, Bucket, Kind, RecordKey, Root, RootId, Store, StoreError};

/// Bytes of an opened record; in locked memory, wiped when dropped.
pub type Plain = LockedBytes;

/// One record to write, or to remove where there are no bytes.
#[derive(Debug)]
pub struct Change {
    /// Which record.
    pub key: RecordKey,
    /// Its new content.
    pub plain: Option<Plain>,
}

/// A proven view of a store.
pub struct Ledger<S> {
    store: S,
    vault: [u8; 16],
    root: Root,
    id: RootId,
    buckets: RefCell<HashMap<u16, Rc<Bucket>>>,
    spare: RefCell<Spare>,
}

/// Older copies to take single damaged records from; read from disk when first needed.
struct Spare {
    load: Box<dyn Fn() -> Vec<Box<dyn Store>>>,
    loaded: Option<Vec<Box<dyn Store>>>,
    lent_buckets: BTreeSet<u16>,
    lent_records: BTreeSet<RecordKey>,
}

impl<S: Store> Ledger<S> {
    /// Starts an empty ledger in an empty store; nothing is written before the first commit.
    pub fn start(store: S, keys: &Keys, vault: [u8; 16]) -> Result<Self, StoreError> {
        let root = Root::empty(keys);
        let (_, id) = root.seal(keys, &vault)?;
        Ok(Self::with(store, vault, root, id))
    }

    /// Opens the ledger of a store.
    pub fn open(store: S, keys: &Keys, vault: [u8; 16]) -> Result<Self, StoreError> {
        let sealed = store.root()?.ok_or(StoreError::Damaged("it has no root"))?;
        let (root, id) = Root::open(keys, &vault, &sealed)?;
        Ok(Self::with(store, vault, root, id))
    }

    fn with(store: S, vault: [u8; 16], root: Root, id: RootId) -> Self {
        let spare = Spare {
            load: Box::new(Vec::new),
            loaded: None,
            lent_buckets: BTreeSet::new(),
            lent_records: BTreeSet::new(),
        };
        let (buckets, spare) = (RefCell::default(), RefCell::new(spare));
        Self { store, vault, root, id, buckets, spare }
    }

    /// Names where older copies come from, should a record be damaged.
    pub fn set_spare(&mut self, load: impl Fn() -> Vec<Box<dyn Store>> + 'static) {
        self.spare.get_mut().load = Box::new(load);
    }

    /// How many damaged pieces were read from a spare copy so far.
    pub fn lent(&self) -> usize {
        let spare = self.spare.borrow();
        spare.lent_buckets.len() + spare.lent_records.len()
    }

    /// Everything that the root lists, each piece from where it is sound: for a new store. Damage
    /// is never mended in place, since the engine may be unable to write between altered pages.
    pub fn salvage(&self, keys: &Keys) -> Result<Batch, StoreError> {
        let missing = || StoreError::Damaged("a record is missing or altered");
        let root = self.store.root()?.ok_or_else(missing)?;
        let mut batch = Batch { root, ..Batch::default() };
        let records = &mut batch.records;
        self.sweep(keys, None, &mut |key, generation, plain| {
            let place = place(&self.vault, &key, generation);
            records.push((key, Some(crypto::seal(keys.records(), &place, &plain)?)));
            Ok(())
        })?;
        for number in 0..BUCKETS {
            batch.buckets.push((number, self.bucket(keys, number)?.to_bytes()));
        }
        Ok(batch)
    }

    /// Gives the store back, to be closed.
    pub fn into_store(self) -> S {
        self.store
    }

    /// Identity of the root that everything is proven against.
    pub fn root_id(&self) -> RootId {
        self.id
    }

    /// Number of records.
    pub fn count(&self) -> u64 {
        self.root.count
    }

    /// The store underneath.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The store underneath, to be opened anew.
    pub fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// Reads a record, or proves that there is none.
    pub fn read(&self, keys: &Keys, key: &RecordKey) -> Result<Option<Plain>, StoreError> {
        let Some(generation) = self.bucket(keys, key.bucket())?.generation(key) else {
            return Ok(None);
        };
        let stored = self.store.record(key);
        if let Ok(Some(sealed)) = &stored
            && let Ok(plain) = self.open_record(keys, key, generation, sealed)
        {
            return Ok(Some(plain));
        }
        let take = |spare: &dyn Store| {
            let sealed = spare.record(key).ok().flatten()?;
            self.open_record(keys, key, generation, &sealed).ok()
        };
        match self.lend(take).or_else(|| self.stray(keys, key, generation)) {
            Some(plain) => {
                self.spare.borrow_mut().lent_records.insert(*key);
                Ok(Some(plain))
            }
            None => Err(StoreError::Damaged("a record is missing or altered")),
        }
    }

    /// A sound record that the engine does not find by its key, because a page above it or its key is
    /// altered: it may come by all the same where the store is read from one end to the other. What a
    /// record is sealed to says whose it is; those that have a name of their own are left out.
    fn stray(&self, keys: &Keys, key: &RecordKey, generation: u64) -> Option<Plain> {
        let listed = |other: &RecordKey| {
            let bucket = self.bucket(keys, other.bucket());
            bucket.is_ok_and(|bucket| bucket.generation(other).is_some())
        };
        let mut found = None;
        let pass = self.store.scan(None, &mut |other, sealed| {
            if found.is_none() && (other == *key || !listed(&other)) {
                found = self.open_record(keys, key, generation, sealed).ok();
            }
            Ok(())
        });
        // Where the pass broke off, what came before is proven no less.
        pass.ok();
        found
    }

    /// Calls `each` with every record of a kind; a listed record that cannot be read is damage.
    pub fn scan(
        &self,
        keys: &Keys,
        kind: Kind,
        each: &mut dyn FnMut(RecordKey, Plain) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.sweep(keys, Some(kind), &mut |key, _, plain| each(key, plain))
    }

    /// The same with the generation of each record, of all kinds for `None`.
    fn sweep(
        &self,
        keys: &Keys,
        kind: Option<Kind>,
        each: &mut dyn FnMut(RecordKey, u64, Plain) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut expected = Vec::new();
        for number in 0..BUCKETS {
            let bucket = self.bucket(keys, number)?;
            let wanted =
                bucket.entries().iter().filter(|(k, _)| kind.is_none_or(|one| k.kind == one));
            expected.extend(wanted.map(|(key, generation)| (*key, *generation, false)));
        }
        // Buckets are ranges of the blinded name, so that the keys of one kind are sorted already.
        expected.sort_unstable_by_key(|(key, _, _)| *key);
        // One pass in the store's own order; what it skips or spoils is then asked for by key.
        let pass = self.store.scan(kind, &mut |key, sealed| {
            if let Ok(at) = expected.binary_search_by_key(&key, |(key, _, _)| *key)
                && let (_, generation, seen @ false) = &mut expected[at]
                && let Ok(plain) = self.open_record(keys, &key, *generation, sealed)
            {
                *seen = true;
                each(key, *generation, plain)?;
            }
            Ok(())
        });
        // An error of the caller's own stops the scan; one of the store is judged record by record.
        if let Err(error) = pass
            && !error.is_damage()
        {
            return Err(error);
        }
        for (key, generation, _) in expected.into_iter().filter(|(_, _, seen)| !seen) {
            let missing = StoreError::Damaged("a record is missing or altered");
            each(key, generation, self.read(keys, &key)?.ok_or(missing)?)?;
        }
        Ok(())
    }

    /// Every record that the root lists, with the generation it was written in.
    pub fn entries(&self, keys: &Keys) -> Result<Vec<(RecordKey, u64)>, StoreError> {
        let mut all = Vec::new();
        for number in 0..BUCKETS {
            all.extend_from_slice(self.bucket(keys, number)?.entries());
        }
        Ok(all)
    }

    /// Writes all changes as one generation; on an error none of them happened.
    pub fn commit(&mut self, keys: &Keys, changes: &[Change]) -> Result<RootId, StoreError> {
        self.commit_above(keys, 0, changes.iter().map(Ok))
    }

    /// The same in a generation above `generation`, from changes that come one at a time: of what
    /// they hold in plain no more than one is in memory.
    pub fn commit_above<E: From<StoreError>, C: Borrow<Change>>(
        &mut self,
        keys: &Keys,
        generation: u64,
        changes: impl Iterator<Item = Result<C, E>>,
    ) -> Result<RootId, E> {
        let mut root = self.root.clone();
        root.generation = root.generation.max(generation) + 1;
        let mut touched: BTreeMap<u16, Bucket> = BTreeMap::new();
        let mut batch = Batch::default();
        for change in changes {
            let change = change?;
            let change = change.borrow();
            let number = change.key.bucket();
            let bucket = match touched.entry(number) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(Bucket::clone(&*self.bucket(keys, number)?)),
            };
            let existed = bucket.generation(&change.key).is_some();
            let sealed = match &change.plain {
                Some(plain) => {
                    let place = place(&self.vault, &change.key, root.generation);
                    root.count += u64::from(!existed);
                    bucket.set(change.key, Some(root.generation));
                    let sealed = crypto::seal(keys.records(), &place, plain);
                    Some(sealed.map_err(StoreError::from)?)
                }
                None => {
                    root.count -= u64::from(existed);
                    bucket.set(change.key, None);
                    None
                }
            };
            batch.records.push((change.key, sealed));
        }
        for (number, bucket) in &touched {
            let bytes = bucket.to_bytes();
            root.set(keys, *number, &bytes);
            batch.buckets.push((*number, bytes));
        }
        let (sealed, id) = root.seal(keys, &self.vault)?;
        batch.root = sealed;
        self.store.commit(&batch)?;
        (self.root, self.id) = (root, id);
        let fresh = touched.into_iter().map(|(number, bucket)| (number, Rc::new(bucket)));
        self.buckets.get_mut().extend(fresh);
        Ok(id)
    }

    /// Writes the same content anew in a generation above `generation`.
    pub fn advance_past(&mut self, keys: &Keys, generation: u64) -> Result<RootId, StoreError> {
        self.commit_above(keys, generation, std::iter::empty::<Result<Change, StoreError>>())
    }

    fn bucket(&self, keys: &Keys, number: u16) -> Result<Rc<Bucket>, StoreError> {
        if let Some(known) = self.buckets.borrow().get(&number) {
            return Ok(known.clone());
        }
        let check = |bytes: &[u8]| {
            let proven = self.root.proves(keys, number, bytes);
            proven.then(|| Bucket::parse(bytes)).flatten()
        };
        let stored = self.store.bucket(number).ok().map(Option::unwrap_or_default);
        let bucket = stored.and_then(|bytes| check(&bytes)).or_else(|| {
            let lent = self.lend(|spare| check(&spare.bucket(number).ok()?.unwrap_or_default()));
            if lent.is_some() {
                self.spare.borrow_mut().lent_buckets.insert(number);
            }
            lent
        });
        let bucket = Rc::new(bucket.ok_or(StoreError::Damaged("a list of records is altered"))?);
        self.buckets.borrow_mut().insert(number, bucket.clone());
        Ok(bucket)
    }

    fn open_record(
        &self,
        keys: &Keys,
        key: &RecordKey,
        generation: u64,
        sealed: &[u8],
    ) -> Result<Plain, StoreError> {
        let place = place(&self.vault, key, generation);
        Ok(crypto::open_locked(keys.records(), &place, sealed)?)
    }

    fn lend<T>(&self, take: impl Fn(&dyn Store) -> Option<T>) -> Option<T> {
        let mut spare = self.spare.borrow_mut();
        if spare.loaded.is_none() {
            spare.loaded = Some((spare.load)());
        }
        spare.loaded.iter().flatten().find_map(|store| take(store.as_ref()))
    }
}

/// What a record is sealed to: format, vault, kind, blinded name, version, generation of writing.
fn place(vault: &[u8; 16], key: &RecordKey, generation: u64) -> Vec<u8> {
    [&b"clawvault record 1"[..], vault, &key.to_bytes(), &generation.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests;
