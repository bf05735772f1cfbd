//! The anchor: what this machine saw last, kept outside the vault's home, against roll-back.
//!
//! Two slots in one file, written in turn, each authenticated: a torn write leaves the other. Each
//! epoch of the vault has a file of its own, and the files of earlier ones stay: one of a later
//! epoch tells that the header is an old one.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::auditlog::LogPoint;
use crate::crypto::{Digest, Keys};
use crate::platform::{Dir, PlatformError, Private, failpoint};
use crate::store::RootId;

const SLOT: usize = 512;
const BODY: usize = 8 + 8 + 8 + 32 + 4 + 8 + 8 + 32;

/// What the anchor remembers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Anchored {
    /// The last root that was acknowledged.
    pub root: RootId,
    /// Where the audit log stood.
    pub log: LogPoint,
}

/// The anchor file, open.
#[derive(Debug)]
pub(super) struct Anchor {
    file: File,
    dir: Dir,
    epoch: u32,
    /// True while it stands under its temporary name: its epoch began, and what the epochs before
    /// left may still lie there.
    pub(super) is_pending: bool,
    turn: u64,
    /// What was found, or written since.
    pub(super) last: Option<Anchored>,
    /// True where a slot holds bytes that do not authenticate.
    pub(super) has_bad_slot: bool,
}

impl Anchor {
    /// Opens the anchor of an epoch, making an empty one where there is none.
    pub(super) fn open(dir: Dir, epoch: u32, keys: &Keys) -> Result<Self, PlatformError> {
        let is_new = !dir.has(&name(epoch));
        let is_pending = is_new && epoch > 1 && dir.has(&temporary(epoch));
        let name = if is_pending { temporary(epoch) } else { name(epoch) };
        let (file, size) = dir.create_file(&name)?;
        if is_new {
            failpoint::hit("anchor.made")?;
            dir.sync()?;
        }
        let mut bytes = [0; 2 * SLOT];
        let known = &mut bytes[..size.min(2 * SLOT)];
        let fail = |e| PlatformError::io("read", &dir.path().join(&name), e);
        file.read_exact_at(known, 0).map_err(fail)?;
        let has_bad_slot = size > 2 * SLOT;
        let mut anchor = Self { file, dir, epoch, is_pending, turn: 0, last: None, has_bad_slot };
        let mut empty = 0;
        for (place, slot) in (0..).zip(bytes.chunks(SLOT)) {
            match parse(slot, keys).filter(|(turn, _)| turn % 2 == place) {
                Some((turn, anchored)) if turn > anchor.turn => {
                    (anchor.turn, anchor.last) = (turn, Some(anchored));
                }
                Some(_) => {}
                None if slot.iter().all(|byte| *byte == 0) => empty += 1,
                None => anchor.has_bad_slot = true,
            }
        }
        // The second turn filled the second slot: an empty one is a lost one from then on.
        anchor.has_bad_slot |= anchor.turn > 1 && empty > 0;
        Ok(anchor)
    }

    /// Writes the first anchor of an epoch that is about to begin, durably and under its temporary
    /// name; [`Anchor::settle`] gives it its own.
    pub(super) fn begin(
        &self,
        epoch: u32,
        keys: &Keys,
        now: Anchored,
    ) -> Result<Self, PlatformError> {
        let dir = Dir::open(self.dir.path(), Private::Required)?;
        let name = temporary(epoch);
        dir.remove(&name)?;
        let file = dir.create_new(&name)?;
        let (is_pending, last, has_bad_slot) = (true, None, false);
        let mut anchor = Self { file, dir, epoch, is_pending, turn: 0, last, has_bad_slot };
        anchor.write(now, keys, true)?;
        anchor.dir.sync()?;
        Ok(anchor)
    }

    /// Gives the anchor of an epoch that has begun its own name.
    pub(super) fn settle(&mut self) -> Result<(), PlatformError> {
        failpoint::hit("epoch.settle")?;
        self.dir.rename(&temporary(self.epoch), &name(self.epoch))?;
        self.is_pending = false;
        Ok(())
    }

    /// Removes what an epoch that never began left here.
    pub(super) fn clear_unbegun(&self) -> Result<(), PlatformError> {
        self.dir.remove(&temporary(self.epoch.saturating_add(1)))
    }

    /// Remembers `now`. With `durable` it survives a power cut before this returns; without, only
    /// the end of this process: an anchor that lags behind refuses nothing that is sound.
    pub(super) fn write(
        &mut self,
        now: Anchored,
        keys: &Keys,
        durable: bool,
    ) -> Result<(), PlatformError> {
        if self.last == Some(now) && !self.has_bad_slot {
            return Ok(());
        }
        let turn = self.turn + 1;
        let body = encode(turn, &now);
        let mut slot = [0; SLOT];
        slot[..BODY].copy_from_slice(&body);
        slot[BODY..BODY + 32].copy_from_slice(&keys.authenticate(&[b"anchor", &body]).0);
        let path = self.dir.path().join(name(self.epoch));
        let fail = |e| PlatformError::io("write", &path, e);
        if self.has_bad_slot {
            // What is good has one slot, which the other's turn leaves alone; the rest goes.
            failpoint::hit("anchor.cut")?;
            let good = if self.last.is_some() { 2 * SLOT as u64 } else { 0 };
            self.file.set_len(good).map_err(fail)?;
        }
        failpoint::hit("anchor.write")?;
        self.file.write_all_at(&slot, (turn % 2) * SLOT as u64).map_err(fail)?;
        if durable {
            failpoint::hit("anchor.sync")?;
            self.file.sync_data().map_err(fail)?;
        }
        (self.turn, self.last) = (turn, Some(now));
        Ok(())
    }
}

fn name(epoch: u32) -> String {
    if epoch == 1 { "anchor".to_owned() } else { format!("anchor-{epoch}") }
}

fn temporary(epoch: u32) -> String {
    format!(".{}.new", name(epoch))
}

/// True where the anchor of the next epoch stands here: the header of this one is an old copy.
pub(super) fn knows_later(dir: &Dir, epoch: u32) -> bool {
    dir.has(&name(epoch.saturating_add(1)))
}

/// True where the next epoch may have begun: it has an anchor, be it under its temporary name.
pub(super) fn may_know_later(dir: &Dir, epoch: u32) -> bool {
    knows_later(dir, epoch) || dir.has(&temporary(epoch.saturating_add(1)))
}

/// Forgets that epochs after this one were seen.
pub(super) fn forget_later(dir: &Dir, epoch: u32) -> Result<(), PlatformError> {
    for found in dir.list()? {
        if epoch_of(&found.name).is_some_and(|later| later > epoch) {
            dir.remove(&found.name)?;
        }
    }
    dir.sync()
}

/// The last epoch that has an anchor here, be it under its temporary name; 0 where there is none.
pub(super) fn last_epoch(dir: &Dir) -> Result<u32, PlatformError> {
    Ok(dir.list()?.iter().filter_map(|found| epoch_of(&found.name)).max().unwrap_or(0))
}

fn epoch_of(file: &str) -> Option<u32> {
    let name = file.strip_prefix('.').and_then(|n| n.strip_suffix(".new")).unwrap_or(file);
    match name.strip_prefix("anchor")? {
        "" => Some(1),
        number => number.strip_prefix('-')?.parse().ok(),
    }
}

/// The highest generation that an anchor here claims; the keys that would prove it are lost.
pub(super) fn claimed_generation(dir: &Dir) -> Result<u64, PlatformError> {
    let generation = |slot: &[u8]| {
        let rest = slot.strip_prefix(b"cvanchr1")?.get(8..)?;
        Some(u64::from_be_bytes(*rest.first_chunk()?))
    };
    let mut highest = 0;
    for found in dir.list()?.into_iter().filter(|found| !found.is_dir) {
        let bytes = dir.read(&found.name, 4 * SLOT)?.unwrap_or_default();
        // A claim that leaves no room above it is none.
        let claims = bytes.chunks(SLOT).filter_map(generation).filter(|claim| *claim < 1 << 62);
        highest = claims.fold(highest, u64::max);
    }
    Ok(highest)
}

fn encode(turn: u64, now: &Anchored) -> Vec<u8> {
    [
        &b"cvanchr1"[..],
        &turn.to_be_bytes(),
        &now.root.generation.to_be_bytes(),
        &now.root.digest.0,
        &now.log.segment.to_be_bytes(),
        &now.log.offset.to_be_bytes(),
        &now.log.count.to_be_bytes(),
        &now.log.head.0,
    ]
    .concat()
}

fn parse(slot: &[u8], keys: &Keys) -> Option<(u64, Anchored)> {
    let (body, rest) = slot.split_at_checked(BODY)?;
    let proof: &[u8; 32] = rest.first_chunk()?;
    if !keys.authenticate(&[b"anchor", body]).matches(proof) {
        return None;
    }
    // What pads the slot is not authenticated, so it has to be what was written: nothing.
    if rest.get(32..)?.iter().any(|byte| *byte != 0) {
        return None;
    }
    let mut rest = body.strip_prefix(b"cvanchr1")?;
    let mut take = |length: usize| {
        let (part, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(part)
    };
    let turn = u64::from_be_bytes(take(8)?.try_into().ok()?);
    let generation = u64::from_be_bytes(take(8)?.try_into().ok()?);
    let digest = Digest(take(32)?.try_into().ok()?);
    let segment = u32::from_be_bytes(take(4)?.try_into().ok()?);
    let offset = u64::from_be_bytes(take(8)?.try_into().ok()?);
    let count = u64::from_be_bytes(take(8)?.try_into().ok()?);
    let head = Digest(take(32)?.try_into().ok()?);
    let log = LogPoint { segment, offset, count, head };
    Some((turn, Anchored { root: RootId { generation, digest }, log }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::VaultKey;

    fn at(generation: u64) -> Anchored {
        let root = RootId { generation, digest: Digest([7; 32]) };
        Anchored { root, log: LogPoint::START }
    }

    #[test]
    fn the_newer_sound_slot_counts() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("state");
        let keys = VaultKey::from_slot(&mut [5; 32]).derive();
        let open = || Anchor::open(Dir::create(&path).unwrap(), 1, &keys).unwrap();
        assert_eq!(open().last, None);
        for generation in 1..=3 {
            open().write(at(generation), &keys, true).unwrap();
        }
        assert_eq!(open().last, Some(at(3)));
        let file = path.join(name(1));
        let whole = std::fs::read(&file).unwrap();
        for place in 0..whole.len() {
            let mut bent = whole.clone();
            bent[place] ^= 1;
            std::fs::write(&file, &bent).unwrap();
            let anchor = open();
            assert!(anchor.has_bad_slot, "flip at {place}");
            let expected = if place < SLOT { 3 } else { 2 };
            assert_eq!(anchor.last, Some(at(expected)), "flip at {place}");
        }
    }

    #[test]
    fn a_slot_that_is_lost_moved_or_followed_is_noticed_and_made_good() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("state");
        let keys = VaultKey::from_slot(&mut [5; 32]).derive();
        let open = || Anchor::open(Dir::create(&path).unwrap(), 1, &keys).unwrap();
        for generation in 1..=3 {
            open().write(at(generation), &keys, true).unwrap();
            assert!(!open().has_bad_slot);
        }
        let file = path.join(name(1));
        let whole = std::fs::read(&file).unwrap();
        let (first, second) = whole.split_at(SLOT);
        let lost = [0; SLOT];
        let cases = [
            ("newest zeroed", [first, &lost].concat(), Some(2)),
            ("older zeroed", [&lost, second].concat(), Some(3)),
            ("newest cut", first.to_vec(), Some(2)),
            ("swapped", [second, first].concat(), None),
            ("older doubled", [first, first].concat(), Some(2)),
            ("newest doubled", [second, second].concat(), Some(3)),
            ("followed", [&whole[..], b"more"].concat(), Some(3)),
            ("foreign", vec![7; 2 * SLOT], None),
        ];
        for (case, bytes, left) in cases {
            std::fs::write(&file, bytes).unwrap();
            let mut anchor = open();
            assert!(anchor.has_bad_slot, "{case}");
            assert_eq!(anchor.last, left.map(at), "{case}");
            anchor.write(at(3), &keys, true).unwrap();
            assert!(!open().has_bad_slot, "{case}");
            assert_eq!(open().last, Some(at(3)), "{case}");
        }
    }
}
