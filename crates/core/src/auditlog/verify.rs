//! Checks the chain from its first entry to its last, and against the anchored point.

use crate::crypto::{Digest, LogKeys};
use crate::domain::Event;
use crate::platform::Dir;

use super::log::{Step, read_all};
use super::{LogError, LogPoint, Read};

/// What a check of the log found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// Entries that are in order.
    pub entries: u64,
    /// Entries written while the vault was locked: anyone of this user could have written them.
    pub unproven: u64,
    /// Hash of the chain's end: kept elsewhere, it proves that nothing before it changed.
    pub head: Digest,
    /// The first thing that is wrong, with the number of its entry.
    pub broken: Option<(u64, &'static str)>,
}

/// Checks the whole log; `each` sees every entry that is read, in order.
///
/// `keys` are those of every epoch of the vault, the current one's first.
/// `points` are (number of entries, hash) pairs that must be part of the chain: the anchored one,
/// and a head that was kept elsewhere.
pub fn verify(
    dir: &Dir,
    keys: &[LogKeys],
    points: &[(u64, Digest)],
    each: &mut dyn FnMut(&Read),
) -> Result<Verdict, LogError> {
    let head = LogPoint::START.head;
    let mut verdict = Verdict { entries: 0, unproven: 0, head, broken: None };
    let mut missing: Vec<_> = points.iter().copied().filter(|(count, _)| *count > 0).collect();
    // Entries are missing before a segment: sound only if the operator accepted that right there.
    let mut gap = None;
    read_all(dir, keys, &mut |_, step| {
        let next = verdict.entries.saturating_add(1);
        let wrong = match step {
            Step::Head(None) => Some("a segment's head is altered"),
            Step::Head(Some((first, before))) => {
                if first != next || before != verdict.head {
                    gap =
                        gap.or(Some((next, "entries before this segment are missing or altered")));
                    // A gap leads forward: a segment that goes back is met by its first entry.
                    if first >= next {
                        (verdict.entries, verdict.head) = (first - 1, before);
                    }
                }
                None
            }
            Step::Rubbish => Some("bytes that are no entry"),
            Step::Entry(read, hash) => {
                each(&read);
                let wrong = if read.number != next {
                    Some("an entry is missing or out of order")
                } else if read.entry.is_none() {
                    Some("an entry is altered")
                } else {
                    None
                };
                if wrong.is_none() {
                    if accepts_gap(&read) {
                        gap = None;
                    }
                    verdict.broken = verdict.broken.or(gap.take());
                    verdict.entries = next;
                    verdict.unproven += u64::from(!read.proven);
                    verdict.head = hash;
                    missing.retain(|point| *point != (next, hash));
                }
                wrong
            }
        };
        verdict.broken = verdict.broken.or(wrong.map(|what| (next, what)));
        // A broken chain is still read to its end, for the one who wants to see what is there.
        true
    })?;
    verdict.broken = verdict.broken.or(gap);
    if let Some((count, _)) = missing.first() {
        let cut =
            (verdict.entries.min(*count).saturating_add(1), "the log was cut or rewritten since");
        verdict.broken = verdict.broken.or(Some(cut));
    }
    Ok(verdict)
}

/// True for the entry by which the operator accepts older files, as the holder of the keys.
fn accepts_gap(read: &Read) -> bool {
    let accepts = |e: &super::Entry| e.event == Event::AcceptRollback.as_str();
    read.proven && read.entry.as_ref().is_some_and(accepts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auditlog::{AuditLog, Entry};
    use crate::crypto::{Keys, VaultKey};
    use crate::domain::{Actor, Outcome};

    fn entry(at: i64) -> Entry {
        let actor = Actor { uid: 1, pid: 2, executable: "x".into(), parent: "sh".into() };
        Entry::new(at, Event::Get, Outcome::Ok, actor)
    }

    /// A log of five entries, the last written while locked.
    fn scratch() -> (tempfile::TempDir, Dir, Keys, LogPoint) {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("log");
        let keys = VaultKey::from_slot(&mut [5; 32]).derive();
        let public = keys.locked_entries().public();
        let mut at = LogPoint::START;
        for number in 0..5 {
            let (mut log, lost) = AuditLog::open(Dir::create(&path).unwrap(), Some(at)).unwrap();
            assert!(!lost);
            at = log.append(&entry(number), &public, (number < 4).then_some(&keys)).unwrap();
        }
        (temporary, Dir::create(&path).unwrap(), keys, at)
    }

    #[test]
    fn a_sound_log_verifies() {
        let (_keep, dir, keys, at) = scratch();
        let mut times = Vec::new();
        let verdict = verify(&dir, &[keys.log_keys()], &[(at.count, at.head)], &mut |read| {
            times.push(read.entry.as_ref().unwrap().time_ms);
        });
        let expected = Verdict { entries: 5, unproven: 1, head: at.head, broken: None };
        assert_eq!(verdict.unwrap(), expected);
        assert_eq!(times, [0, 1, 2, 3, 4]);
        let (log, lost) = AuditLog::open(dir, None).unwrap();
        assert_eq!((log.point(), lost), (at, false));
    }

    #[test]
    fn every_flip_and_every_cut_is_noticed() {
        let (_keep, dir, keys, at) = scratch();
        let whole = dir.read("00000001.log", 1 << 20).unwrap().unwrap();
        for place in (0..whole.len()).step_by(5) {
            let mut bent = whole.clone();
            bent[place] ^= 1;
            dir.replace("00000001.log", &bent).unwrap();
            let verdict =
                verify(&dir, &[keys.log_keys()], &[(at.count, at.head)], &mut |_| {}).unwrap();
            assert!(verdict.broken.is_some(), "flip at {place}");
            dir.replace("00000001.log", &whole[..place]).unwrap();
            let verdict =
                verify(&dir, &[keys.log_keys()], &[(at.count, at.head)], &mut |_| {}).unwrap();
            assert!(verdict.broken.is_some(), "cut at {place}");
        }
    }

    #[test]
    fn a_log_cut_before_the_anchor_goes_on_in_a_new_segment() {
        let (_keep, dir, keys, at) = scratch();
        dir.remove("00000001.log").unwrap();
        let (mut log, lost) = AuditLog::open(dir, Some(at)).unwrap();
        assert!(lost);
        let at = log.append(&entry(9), &keys.locked_entries().public(), Some(&keys)).unwrap();
        assert_eq!((at.segment, at.count), (2, 6));
        let dir = Dir::create(&_keep.path().join("log")).unwrap();
        let check = || {
            verify(&dir, &[keys.log_keys()], &[(at.count, at.head)], &mut |_| {}).unwrap().broken
        };
        assert_eq!(check().unwrap().0, 1);
    }
}
