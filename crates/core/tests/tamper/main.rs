//! The audit log under an enemy's hand: whatever is edited, dropped, doubled, moved, cut, spliced in
//! or forked off, the check names an entry that is wrong, against the anchored point or against a
//! head that was kept elsewhere.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

#[path = "../../../../tests/support/random.rs"]
mod random;

use std::collections::BTreeMap;
use std::ops::Range;

use clawvault_core::auditlog::{AuditLog, Entry, LogPoint, Scope, defer, verify};
use clawvault_core::crypto::{Digest, Keys, LogKeys, VaultKey};
use clawvault_core::domain::{Actor, Event, Outcome};
use clawvault_core::platform::Dir;

use random::{Random, trials};

const TRIALS: usize = 1000;
const HEAD: usize = 56;
const FRAME: usize = 44;
/// Closes a segment; no entry, and nothing depends on it once the next segment stands.
const END: usize = 4;

/// The segments of a log, by file name.
type Files = BTreeMap<String, Vec<u8>>;

struct Log {
    temporary: tempfile::TempDir,
    keys: Keys,
    readers: [LogKeys; 1],
    at: LogPoint,
}

impl Log {
    fn new(key: u8) -> Self {
        let keys = VaultKey::from_slot(&mut [key; 32]).derive();
        let readers = [keys.log_keys()];
        Self { temporary: tempfile::tempdir().unwrap(), keys, readers, at: LogPoint::START }
    }

    fn dir(&self) -> Dir {
        Dir::create(&self.temporary.path().join("log")).unwrap()
    }

    fn open(&self) -> AuditLog {
        AuditLog::open(self.dir(), Some(self.at)).unwrap().0
    }

    fn append(&mut self, entries: Range<i64>) {
        let mut log = self.open();
        for number in entries {
            log.append(&entry(number), &self.keys).unwrap();
        }
        self.at = log.point();
    }

    fn append_late(&mut self, number: i64) {
        defer(&self.dir(), &entry(number), &self.keys.locked_entries().public()).unwrap();
        let mut log = self.open();
        log.fold_pending(&self.readers).unwrap();
        self.at = log.point();
    }

    fn turn_over(&mut self, number: i64) {
        let mut log = self.open();
        log.turn_over(entry(number), &self.keys, &self.readers).unwrap();
        self.at = log.point();
    }

    fn files(&self) -> Files {
        let names = self.dir().list().unwrap().into_iter().map(|found| found.name);
        let logs = names.filter(|name| name.ends_with(".log"));
        logs.map(|name| (name.clone(), self.dir().read(&name, 1 << 20).unwrap().unwrap().to_vec()))
            .collect()
    }

    fn put(&self, files: &Files) {
        let dir = self.dir();
        for name in self.files().keys().filter(|name| !files.contains_key(*name)) {
            dir.remove(name).unwrap();
        }
        for (name, bytes) in files {
            std::fs::write(dir.path().join(name), bytes).unwrap();
            let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(dir.path().join(name), private).unwrap();
        }
    }

    /// The number of the first entry that is wrong.
    fn broken(&self, points: &[(u64, Digest)]) -> Option<u64> {
        let scope = Scope { points: points.to_vec(), since_ms: None };
        let verdict = verify(&self.dir(), &self.readers, &scope, &mut |_| true).unwrap();
        verdict.broken.map(|(number, _)| number)
    }

    fn head(&self) -> (u64, Digest) {
        (self.at.count, self.at.head)
    }
}

fn entry(number: i64) -> Entry {
    let actor = Actor { uid: 1, pid: 2, executable: "x".into(), ..Actor::default() };
    Entry::new(number, Event::Get, Outcome::Ok, actor)
}

/// Three segments, twelve entries, one of them late.
fn small() -> Log {
    let mut log = Log::new(5);
    log.append(0..4);
    log.turn_over(4);
    log.append(5..6);
    log.append_late(6);
    log.append(7..8);
    log.turn_over(8);
    log.append(9..12);
    log
}

/// Where the frames of a segment lie.
fn frames(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut at = HEAD;
    let mut all = Vec::new();
    while at + FRAME <= bytes.len() {
        let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        all.push(at..at + FRAME + length);
        at += FRAME + length;
    }
    all
}

#[test]
fn a_change_of_every_entry_is_noticed_and_named() {
    let log = small();
    let (whole, head) = (log.files(), log.head());
    assert_eq!(log.broken(&[head]), None);
    let mut number = 0;
    for (name, bytes) in &whole {
        for frame in frames(bytes) {
            number += 1;
            // Length, number, proof and sealed bytes, each.
            for place in [0, 3, 4, 11, 12, 43, 44, frame.len() / 2, frame.len() - 1] {
                let mut files = whole.clone();
                files.get_mut(name).unwrap()[frame.start + place] ^= 1;
                log.put(&files);
                let found = log.broken(&[head]);
                assert_eq!(found, Some(number), "entry {number}, byte {place}");
            }
        }
    }
    assert_eq!(number, 12);
}

#[test]
fn a_thousand_random_harms_are_noticed() {
    let mut random = Random::of_test("tamper");
    let log = small();
    let (whole, head) = (log.files(), log.head());
    let mut other = small();
    other.append(12..15);
    let foreign = Log { at: log.at, ..small() };
    let mut strange = Log::new(6);
    strange.append(0..12);
    let donors = [other.files(), foreign.files(), strange.files()];
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let all = trials(TRIALS);
    for trial in 0..all {
        let (kind, files) = loop {
            let (kind, files) = harm(&whole, &donors, &mut random);
            if files != whole {
                break (kind, files);
            }
        };
        log.put(&files);
        assert!(log.broken(&[head]).is_some(), "trial {trial}: {kind} is not noticed");
        *counts.entry(kind).or_default() += 1;
    }
    println!("{all} harms, all noticed: {counts:?}");
    assert!(counts.len() == 7 && counts.values().all(|count| *count >= all / 20), "{counts:?}");
}

/// Does one thing to a log.
fn harm(whole: &Files, donors: &[Files], random: &mut Random) -> (&'static str, Files) {
    let mut files = whole.clone();
    let mut pick = |bound: usize| random.below(bound as u64) as usize;
    let name = whole.keys().nth(pick(whole.len())).unwrap();
    let bytes = files.get_mut(name).unwrap();
    let all = frames(bytes);
    let (one, two) = (all[pick(all.len())].clone(), all[pick(all.len())].clone());
    let kind = match pick(7) {
        0 => {
            let end = all.last().unwrap().end;
            bytes[pick(end)] ^= 1 << pick(8);
            "edit"
        }
        1 => {
            bytes.drain(one);
            "drop"
        }
        2 => {
            let moved = bytes[one.clone()].to_vec();
            let at = if two.start > one.start { two.end - one.len() } else { two.start };
            bytes.drain(one);
            bytes.splice(at..at, moved);
            "reorder"
        }
        3 => {
            // The mark at the end is no entry.
            bytes.truncate(pick(all.last().unwrap().end));
            "truncate"
        }
        4 => {
            let twin = bytes[one.clone()].to_vec();
            bytes.splice(two.end..two.end, twin);
            "double"
        }
        5 => {
            let donor = &donors[pick(donors.len())];
            let from = donor.values().nth(pick(donor.len())).unwrap();
            let given = frames(from);
            let given = from[given[pick(given.len())].clone()].to_vec();
            if pick(2) == 0 {
                bytes.splice(one, given);
            } else {
                bytes.splice(one.end..one.end, given);
            }
            "splice"
        }
        _ => {
            files = fork(whole, pick(12) as u64);
            "fork"
        }
    };
    (kind, files)
}

/// The log up to an entry, gone on by someone without the vault's key: every entry is sealed to the
/// public half, as of a locked vault, and the chain is right.
fn fork(whole: &Files, from: u64) -> Files {
    let mut fork = Log::new(5);
    let mut count = 0;
    let mut kept = Files::new();
    for (name, bytes) in whole {
        let mut end = HEAD;
        for frame in frames(bytes) {
            if count < from {
                (count, end) = (count + 1, frame.end);
            }
        }
        kept.insert(name.clone(), bytes[..end].to_vec());
        if count == from {
            break;
        }
    }
    fork.put(&kept);
    fork.at = AuditLog::open(fork.dir(), None).unwrap().0.point();
    assert_eq!(fork.at.count, from);
    for number in from..12 {
        fork.append_late(number as i64 + 100);
    }
    fork.files()
}

/// Who holds the keys can rewrite everything, the anchor too: a head kept elsewhere shows it.
#[test]
fn a_log_rewritten_with_the_keys_is_noticed_against_a_head_kept_elsewhere() {
    let log = small();
    for length in 0..12 {
        let mut rewritten = Log::new(5);
        rewritten.append(100..100 + length);
        rewritten.append(0..20);
        assert_eq!(rewritten.broken(&[rewritten.head()]), None);
        assert!(rewritten.broken(&[rewritten.head(), log.head()]).is_some());
    }
    let mut longer = small();
    longer.append(12..20);
    let kept = longer.head();
    longer.append(20..22);
    assert_eq!(longer.broken(&[longer.head(), kept]), None);
}

#[test]
fn a_segment_that_is_removed_or_put_in_the_place_of_another_is_noticed() {
    let log = small();
    let (whole, head) = (log.files(), log.head());
    let names: Vec<&String> = whole.keys().collect();
    for one in &names {
        let mut files = whole.clone();
        files.remove(*one);
        log.put(&files);
        assert!(log.broken(&[head]).is_some(), "{one} is removed");
        for two in names.iter().filter(|two| two != &one) {
            let mut files = whole.clone();
            files.insert((*one).clone(), whole[*two].clone());
            log.put(&files);
            assert!(log.broken(&[head]).is_some(), "{two} in the place of {one}");
        }
    }
    // The mark that closes a segment says nothing about entries.
    let mut files = whole.clone();
    let first = files.get_mut(names[0]).unwrap();
    first.truncate(first.len() - END);
    log.put(&files);
    assert_eq!(log.broken(&[head]), None);
}
