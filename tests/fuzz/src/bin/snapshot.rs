//! Snapshot files: nothing is whole without its keyed digest over every byte, and what is taken
//! out is no more than what is there.
#![no_main]

use clawvault_core::store::{BUCKETS, Batch, SnapshotStore, write_snapshot};
use clawvault_fuzz::KEYS;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(snapshot) = SnapshotStore::parse(bytes) else { return };
    let whole = snapshot.is_whole(&KEYS, bytes);
    let (body, digest) = bytes.split_last_chunk::<32>().unwrap_or((&[], &[0; 32]));
    let proven = KEYS.snapshot().update(body).finalize().as_bytes() == digest;
    assert!(proven || !whole, "whole without a proof");

    let mut copy = Vec::new();
    write_snapshot(&snapshot, &KEYS, &snapshot.header, &mut copy).expect("memory takes it");
    let header = snapshot.header.clone();
    let batch = snapshot.into_batch();
    assert!(header.len() + size(&batch) <= bytes.len());

    let read = SnapshotStore::parse(&copy).expect("what was written is read");
    assert!(read.is_whole(&KEYS, &copy));
    let middle = copy.len() / 2;
    copy[middle] ^= 1;
    assert!(!read.is_whole(&KEYS, &copy), "an altered byte goes unnoticed");
    assert_eq!(read.header, header);
    let copied = read.into_batch();
    // The writer asks for the buckets that exist; a foreign file may name others.
    let existing = batch.buckets.iter().filter(|(number, _)| *number < BUCKETS);
    assert!(copied.buckets.iter().eq(existing));
    assert_eq!((copied.root, copied.records), (batch.root, batch.records));
});

fn size(batch: &Batch) -> usize {
    let buckets: usize = batch.buckets.iter().map(|(_, bytes)| bytes.len()).sum();
    let sealed = batch.records.iter().filter_map(|(_, sealed)| sealed.as_ref());
    batch.root.len() + buckets + sealed.map(Vec::len).sum::<usize>()
}
