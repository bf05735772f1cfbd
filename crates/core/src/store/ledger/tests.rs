//! The ledger over a store that cheats.

use super::*;
use crate::crypto::VaultKey;
use crate::platform::Dir;
use crate::store::{LocalStore, SnapshotStore, write_snapshot};

const VAULT: [u8; 16] = [9; 16];

fn keys() -> Keys {
    VaultKey::from_slot(&mut [5; 32]).derive()
}

fn key(keys: &Keys, name: &str) -> RecordKey {
    RecordKey::new(Kind::Secret, keys.blind(&[name.as_bytes()]))
}

fn write(ledger: &mut Ledger<LocalStore>, keys: &Keys, name: &str, text: &str) -> RootId {
    let plain = Some(Plain::copy_of(text.as_bytes()));
    ledger.commit(keys, &[Change { key: key(keys, name), plain }]).unwrap()
}

fn scratch() -> (tempfile::TempDir, Dir, Keys) {
    let temporary = tempfile::tempdir().unwrap();
    let dir = Dir::create(&temporary.path().join("home")).unwrap();
    (temporary, dir, keys())
}

#[test]
fn what_was_written_is_read_and_what_was_not_is_proven_absent() {
    let (_keep, dir, keys) = scratch();
    let store = LocalStore::create(&dir, "s").unwrap();
    let mut ledger = Ledger::start(store, &keys, VAULT).unwrap();
    write(&mut ledger, &keys, "a", "one");
    let last = write(&mut ledger, &keys, "a", "two");
    drop(ledger);
    let ledger = Ledger::open(LocalStore::open_read(&dir, "s").unwrap(), &keys, VAULT).unwrap();
    assert_eq!(ledger.root_id(), last);
    assert_eq!((last.generation, ledger.count()), (2, 1));
    assert_eq!(ledger.read(&keys, &key(&keys, "a")).unwrap().unwrap().as_slice(), b"two");
    assert!(ledger.read(&keys, &key(&keys, "b")).unwrap().is_none());
    let other = VaultKey::from_slot(&mut [6; 32]).derive();
    assert!(Ledger::open(LocalStore::open_read(&dir, "s").unwrap(), &other, VAULT).is_err());
}

/// Drops, replays or swaps a record under the ledger's feet.
#[test]
fn a_dropped_replayed_or_swapped_record_is_damage() {
    type Cheat = fn(&mut Batch, &RecordKey, &RecordKey, Vec<u8>, Vec<u8>);
    let cheats: [Cheat; 3] = [
        |b, a, _, _, _| b.records.push((*a, None)),
        |b, a, _, old, _| b.records.push((*a, Some(old))),
        |b, a, _, _, other| b.records.push((*a, Some(other))),
    ];
    for cheat in cheats {
        let (_keep, dir, keys) = scratch();
        let store = LocalStore::create(&dir, "s").unwrap();
        let mut ledger = Ledger::start(store, &keys, VAULT).unwrap();
        let (a, b) = (key(&keys, "a"), key(&keys, "b"));
        write(&mut ledger, &keys, "a", "old");
        let old = ledger.store.record(&a).unwrap().unwrap();
        write(&mut ledger, &keys, "a", "new");
        write(&mut ledger, &keys, "b", "other");
        let other = ledger.store.record(&b).unwrap().unwrap();
        let root = ledger.store.root().unwrap().unwrap();
        let mut batch = Batch { root, ..Batch::default() };
        cheat(&mut batch, &a, &b, old, other);
        ledger.store.commit(&batch).unwrap();
        assert!(ledger.read(&keys, &a).unwrap_err().is_damage());
        assert!(ledger.scan(&keys, Kind::Secret, &mut |_, _| Ok(())).unwrap_err().is_damage());
        assert!(ledger.read(&keys, &b).unwrap().is_some());
    }
}

#[test]
fn a_damaged_record_is_lent_by_a_snapshot_of_its_generation_only() {
    let (_keep, dir, keys) = scratch();
    let store = LocalStore::create(&dir, "s").unwrap();
    let mut ledger = Ledger::start(store, &keys, VAULT).unwrap();
    let (a, b) = (key(&keys, "a"), key(&keys, "b"));
    write(&mut ledger, &keys, "a", "same");
    write(&mut ledger, &keys, "b", "old");
    let mut bytes = Vec::new();
    write_snapshot(&ledger.store, &keys, b"header", &mut bytes).unwrap();
    write(&mut ledger, &keys, "b", "new");
    let root = ledger.store.root().unwrap().unwrap();
    let records = vec![(a, Some(b"rubbish".to_vec())), (b, None)];
    ledger.store.commit(&Batch { root, records, ..Batch::default() }).unwrap();
    ledger.set_spare(move || vec![Box::new(SnapshotStore::parse(&bytes).unwrap())]);
    assert_eq!(ledger.read(&keys, &a).unwrap().unwrap().as_slice(), b"same");
    assert_eq!(ledger.lent(), 1);
    assert!(ledger.read(&keys, &b).unwrap_err().is_damage());
    assert!(ledger.salvage(&keys).unwrap_err().is_damage());
    write(&mut ledger, &keys, "b", "newer");
    let whole = ledger.salvage(&keys).unwrap();
    let mut store = LocalStore::create(&dir, "t").unwrap();
    store.commit(&whole).unwrap();
    let ledger = Ledger::open(store, &keys, VAULT).unwrap();
    assert_eq!(ledger.read(&keys, &a).unwrap().unwrap().as_slice(), b"same");
}

#[test]
fn a_snapshot_knows_whether_it_is_whole() {
    let (_keep, dir, keys) = scratch();
    let store = LocalStore::create(&dir, "s").unwrap();
    let mut ledger = Ledger::start(store, &keys, VAULT).unwrap();
    write(&mut ledger, &keys, "a", "one");
    let mut bytes = Vec::new();
    write_snapshot(&ledger.store, &keys, b"header", &mut bytes).unwrap();
    assert!(SnapshotStore::parse(&bytes).unwrap().is_whole(&keys, &bytes));
    for at in (0..bytes.len()).step_by(7) {
        let mut bent = bytes.clone();
        bent[at] ^= 4;
        let whole = SnapshotStore::parse(&bent).is_some_and(|s| s.is_whole(&keys, &bent));
        assert!(!whole, "byte {at}");
    }
    assert!(SnapshotStore::parse(b"").is_none());
}

/// A store whose engine does not find a record by its key, and comes by it in a pass.
struct Strays(LocalStore, RecordKey);

impl Store for Strays {
    fn root(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.root()
    }

    fn bucket(&self, number: u16) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.bucket(number)
    }

    fn record(&self, key: &RecordKey) -> Result<Option<Vec<u8>>, StoreError> {
        if *key == self.1 { Ok(None) } else { self.0.record(key) }
    }

    fn scan(
        &self,
        kind: Option<Kind>,
        each: &mut crate::store::Each<'_>,
    ) -> Result<(), StoreError> {
        self.0.scan(kind, each)
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.0.commit(batch)
    }
}

#[test]
fn a_record_that_only_a_pass_comes_by_is_read_and_mended() {
    let (_keep, dir, keys) = scratch();
    let mut ledger = Ledger::start(LocalStore::create(&dir, "s").unwrap(), &keys, VAULT).unwrap();
    write(&mut ledger, &keys, "a", "one");
    write(&mut ledger, &keys, "b", "two");
    let (a, b) = (key(&keys, "a"), key(&keys, "b"));
    let ledger = Ledger::open(Strays(ledger.into_store(), a), &keys, VAULT).unwrap();
    let whole = ledger.salvage(&keys).unwrap();
    assert_eq!(ledger.read(&keys, &a).unwrap().unwrap().as_slice(), b"one");
    assert_eq!(ledger.lent(), 1, "and it is told");
    let mut store = LocalStore::create(&dir, "t").unwrap();
    store.commit(&whole).unwrap();
    let mended = Ledger::open(store, &keys, VAULT).unwrap();
    for (key, text) in [(a, b"one"), (b, b"two")] {
        assert_eq!(mended.read(&keys, &key).unwrap().unwrap().as_slice(), text);
    }
}

#[test]
fn a_record_whose_key_is_altered_is_known_by_what_it_is_sealed_to() {
    let (_keep, dir, keys) = scratch();
    let mut ledger = Ledger::start(LocalStore::create(&dir, "s").unwrap(), &keys, VAULT).unwrap();
    write(&mut ledger, &keys, "a", "one");
    write(&mut ledger, &keys, "b", "two");
    let a = key(&keys, "a");
    let sealed = ledger.store.record(&a).unwrap();
    let mut other = a;
    other.id[9] ^= 4;
    let root = ledger.store.root().unwrap().unwrap();
    let records = vec![(a, None), (other, sealed)];
    ledger.store.commit(&Batch { root, records, ..Batch::default() }).unwrap();
    assert_eq!(ledger.read(&keys, &a).unwrap().unwrap().as_slice(), b"one");
    assert!(ledger.read(&keys, &other).unwrap().is_none(), "nothing is listed by that key");
    assert_eq!(ledger.salvage(&keys).unwrap().records.len(), 2);
}
