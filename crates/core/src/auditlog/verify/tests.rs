//! What a check finds in logs that are sound, old, turned over, shortened by retention, or harmed.

use super::*;
use crate::auditlog::{AuditLog, Entry, Removed, defer};
use crate::crypto::{Keys, VaultKey};
use crate::domain::{Actor, Outcome};

fn entry(at: i64) -> Entry {
    let actor = Actor { uid: 1, pid: 2, executable: "x".into(), ..Actor::default() };
    Entry::new(at, Event::Get, Outcome::Ok, actor)
}

struct Scratch {
    temporary: tempfile::TempDir,
    keys: Keys,
    readers: [LogKeys; 1],
    at: LogPoint,
}

impl Scratch {
    /// A log of five entries, the last written while locked.
    fn new() -> Self {
        let keys = VaultKey::from_slot(&mut [5; 32]).derive();
        let readers = [keys.log_keys()];
        let temporary = tempfile::tempdir().unwrap();
        let mut scratch = Self { temporary, keys, readers, at: LogPoint::START };
        for number in 0..4 {
            scratch.append(number);
        }
        defer(&scratch.dir(), &entry(4), &scratch.keys.locked_entries().public()).unwrap();
        let mut log = scratch.open();
        assert_eq!(log.fold_pending(&scratch.readers).unwrap(), 1);
        scratch.at = log.point();
        scratch
    }

    fn dir(&self) -> Dir {
        Dir::create(&self.temporary.path().join("log")).unwrap()
    }

    fn open(&self) -> AuditLog {
        let (log, lost) = AuditLog::open(self.dir(), Some(self.at)).unwrap();
        assert!(!lost);
        log
    }

    fn append(&mut self, at: i64) {
        self.at = self.open().append(&entry(at), &self.keys).unwrap();
    }

    /// Closes the segment; the next one begins with an entry of its own.
    fn turn_over(&mut self, at: i64) {
        let mut log = self.open();
        log.turn_over(entry(at), &self.keys, &self.readers).unwrap();
        self.at = log.point();
    }

    fn check_from(&self, since_ms: Option<i64>) -> (Verdict, Vec<i64>) {
        let scope = Scope { points: vec![(self.at.count, self.at.head)], since_ms };
        let mut times = Vec::new();
        let verdict = verify(&self.dir(), &self.readers, &scope, &mut |read| {
            times.extend(read.entry.as_ref().map(|entry| entry.time_ms));
            true
        });
        (verdict.unwrap(), times)
    }

    fn broken(&self) -> Option<(u64, &'static str)> {
        self.check_from(None).0.broken
    }
}

#[test]
fn a_sound_log_verifies() {
    let scratch = Scratch::new();
    let head = scratch.at.head;
    let expected = Verdict { entries: 5, removed: 0, unproven: 1, head, broken: None };
    assert_eq!(scratch.check_from(None), (expected, vec![0, 1, 2, 3, 4]));
    let (log, lost) = AuditLog::open(scratch.dir(), None).unwrap();
    assert_eq!((log.point(), lost), (scratch.at, false));
}

#[test]
fn a_log_of_the_first_form_is_read_and_goes_on() {
    let mut scratch = Scratch::new();
    let old = include_bytes!("../../../../../fixtures/log/first-form.log");
    scratch.dir().replace("00000001.log", old).unwrap();
    let (log, lost) = AuditLog::open(scratch.dir(), None).unwrap();
    assert_eq!((log.point().count, lost), (5, false));
    scratch.at = log.point();
    scratch.append(6);
    let scope = Scope::default();
    let mut all = Vec::new();
    let verdict = verify(&scratch.dir(), &scratch.readers, &scope, &mut |read| {
        all.push((read.proven, read.entry.clone().unwrap()));
        true
    });
    let verdict = verdict.unwrap();
    assert_eq!((verdict.entries, verdict.unproven, verdict.broken), (6, 1, None));
    let words: Vec<(&str, Outcome)> =
        all.iter().map(|(_, entry)| (entry.event.as_str(), entry.outcome)).collect();
    let (ok, refused, failed) = (Outcome::Ok, Outcome::Refused, Outcome::Failed);
    let expected = [
        ("init", ok),
        ("import", ok),
        ("run", ok),
        ("unlock", refused),
        ("get", failed),
        ("get", ok),
    ];
    assert_eq!(words, expected);
    let (_, run) = &all[2];
    assert_eq!(
        (run.run.as_deref(), run.agent.as_deref()),
        (Some("0011223344556677"), Some("support"))
    );
    assert_eq!((run.items[0].secret.as_str(), run.items[0].version), ("openai/main", 1));
    assert_eq!((run.actor.uid, run.actor.pid, run.time_ms), (1000, 4242, 1_763_800_002_000));
    assert_eq!((run.actor.parent.as_str(), run.actor.parent_pid), ("bash", 0));
    assert_eq!(all[4].1.note, "noted");
}

#[test]
fn every_flip_and_every_cut_is_noticed() {
    let mut scratch = Scratch::new();
    scratch.turn_over(5);
    for file in ["00000001.log", "00000002.log"] {
        let dir = scratch.dir();
        let whole = dir.read(file, 1 << 20).unwrap().unwrap();
        // The mark that closes a segment is no entry: without it the next segment still follows.
        let end = whole.len() - if file == "00000001.log" { 4 } else { 0 };
        for place in (0..end).step_by(5) {
            let mut bent = whole.clone();
            bent[place] ^= 1;
            dir.replace(file, &bent).unwrap();
            assert!(scratch.broken().is_some(), "{file}: flip at {place}");
            dir.replace(file, &whole[..place]).unwrap();
            assert!(scratch.broken().is_some(), "{file}: cut at {place}");
        }
        dir.replace(file, &whole).unwrap();
        assert_eq!(scratch.broken(), None);
    }
}

#[test]
fn a_log_cut_before_the_anchor_goes_on_in_a_new_segment() {
    let mut scratch = Scratch::new();
    scratch.dir().remove("00000001.log").unwrap();
    let (mut log, lost) = AuditLog::open(scratch.dir(), Some(scratch.at)).unwrap();
    assert!(lost);
    scratch.at = log.append(&entry(9), &scratch.keys).unwrap();
    assert_eq!((scratch.at.segment, scratch.at.count), (2, 6));
    assert_eq!(scratch.broken().unwrap().0, 1);
}

#[test]
fn segments_follow_each_other_wherever_the_anchor_stands() {
    let mut scratch = Scratch::new();
    let mut points = vec![scratch.at];
    for segment in 0..3 {
        scratch.turn_over(10 + 2 * segment);
        points.push(scratch.at);
        scratch.append(11 + 2 * segment);
        points.push(scratch.at);
    }
    assert_eq!((scratch.at.segment, scratch.broken()), (4, None));
    for point in points.iter().copied() {
        let (log, lost) = AuditLog::open(scratch.dir(), Some(point)).unwrap();
        assert_eq!((log.point(), lost), (scratch.at, false), "from {point:?}");
    }
    // A segment that was closed and whose successor was not begun: the next entry begins it.
    scratch.dir().remove("00000004.log").unwrap();
    let (mut log, lost) = AuditLog::open(scratch.dir(), Some(points[3])).unwrap();
    assert_eq!((log.point(), lost), (points[4], false));
    scratch.at = log.append(&entry(20), &scratch.keys).unwrap();
    assert_eq!((scratch.at.segment, scratch.broken()), (4, None));
    // One that does not continue the closed one is none of this chain.
    scratch.dir().replace("00000003.log", &[0; 100]).unwrap();
    assert!(AuditLog::open(scratch.dir(), Some(points[1])).unwrap().1);
}

#[test]
fn a_view_since_a_moment_is_exact_and_reads_only_what_it_needs() {
    let mut scratch = Scratch::new();
    // The clock jumps forward, then back: the first segment ends at 900.
    scratch.append(900);
    scratch.turn_over(20);
    scratch.append(21);
    scratch.turn_over(30);
    scratch.append(1000);
    scratch.turn_over(1001);
    for since in [0, 4, 5, 21, 31, 900, 901, 1000, 1001, 1002] {
        let (verdict, all) = scratch.check_from(Some(since));
        assert_eq!(verdict.broken, None);
        let shown: Vec<i64> = all.iter().copied().filter(|time| *time >= since).collect();
        let (_, every) = scratch.check_from(None);
        let expected: Vec<i64> = every.into_iter().filter(|time| *time >= since).collect();
        assert_eq!(shown, expected, "since {since}");
    }
    assert_eq!(scratch.check_from(Some(1001)).1, [1001]);
    assert_eq!(scratch.check_from(Some(901)).1.len(), 3);
    assert_eq!(scratch.check_from(Some(900)).1.len(), 11);
}

#[test]
fn retention_removes_whole_segments_and_exactly_that_gap_is_accepted() {
    let mut scratch = Scratch::new();
    for time in [100, 200, 300] {
        scratch.turn_over(time);
        scratch.append(time + 1);
    }
    let files =
        || -> Vec<String> { scratch.dir().list().unwrap().into_iter().map(|f| f.name).collect() };
    let kept: Vec<Vec<u8>> = files()
        .iter()
        .filter(|file| file.ends_with(".log"))
        .map(|file| scratch.dir().read(file, 1 << 20).unwrap().unwrap().to_vec())
        .collect();
    let heads: Vec<(u64, Digest)> = vec![(scratch.at.count, scratch.at.head)];
    let announce = |removed: Removed| Entry { removed: Some(removed), ..entry(400) };
    let mut log = scratch.open();
    assert!(!log.has_segment_before(&scratch.readers, 4).unwrap());
    assert!(log.has_segment_before(&scratch.readers, 102).unwrap());
    let count = log.retain(102, &scratch.keys, &scratch.readers, &announce).unwrap();
    assert_eq!(count, 2);
    scratch.at = log.point();
    let (verdict, times) = scratch.check_from(None);
    assert_eq!((verdict.broken, verdict.removed), (None, 7));
    assert_eq!(times, [200, 201, 300, 301, 400, 400]);

    // A head from before is still in it, or said to be of what was removed.
    let check = |points: Vec<(u64, Digest)>| {
        let scope = Scope { points, since_ms: None };
        verify(&scratch.dir(), &scratch.readers, &scope, &mut |_| true).unwrap().broken
    };
    assert_eq!(check(heads), None);
    assert!(check(vec![(3, Digest([1; 32]))]).unwrap().1.contains("retention"));

    // One segment more is missing than was announced; then one that was announced is back.
    let dir = scratch.dir();
    dir.remove("00000003.log").unwrap();
    assert_eq!(scratch.broken().unwrap().0, 1);
    dir.replace("00000003.log", &kept[2]).unwrap();
    dir.replace("00000002.log", &kept[1]).unwrap();
    assert_eq!(scratch.broken(), None);
    dir.remove("00000003.log").unwrap();
    assert!(scratch.broken().is_some());
}

#[test]
fn what_waits_is_marked_as_late_and_rubbish_there_is_dropped() {
    use std::io::Write;
    let mut scratch = Scratch::new();
    let public = scratch.keys.locked_entries().public();
    defer(&scratch.dir(), &entry(7), &public).unwrap();
    let file = scratch.temporary.path().join("log/pending");
    let mut file = std::fs::File::options().append(true).open(file).unwrap();
    file.write_all(&[0, 0, 0, 3, 1, 2, 3]).unwrap();
    defer(&scratch.dir(), &entry(8), &public).unwrap();
    file.write_all(&[0, 0, 9]).unwrap();
    let mut log = scratch.open();
    assert_eq!(log.fold_pending(&scratch.readers).unwrap(), 2);
    assert_eq!(log.fold_pending(&scratch.readers).unwrap(), 0);
    scratch.at = log.point();
    let mut late = Vec::new();
    let verdict = verify(&scratch.dir(), &scratch.readers, &Scope::default(), &mut |read| {
        late.push((read.proven, read.entry.as_ref().unwrap().late));
        true
    });
    assert_eq!(verdict.unwrap().broken, None);
    assert_eq!(late[4..], [(false, true); 3]);
}
