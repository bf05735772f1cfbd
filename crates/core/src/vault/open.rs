//! Opening a vault: header, slots, lock, anchor, store, log, in this order.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::auditlog::Sockets;
use crate::crypto::slot::{Identity, Passphrase};
use crate::crypto::{CryptoError, Keys, VaultKey};
use crate::domain::{Event, Outcome};
use crate::memory::wipe_stack;
use crate::platform::{Clock, Dir, FileLock, PlatformError, Private, failpoint};
use crate::store::{Ledger, LocalStore, Store, StoreError};

use super::anchor::{self, Anchor};
use super::epoch::{self, store_name};
use super::header::{Header, MAX_HEADER};
use super::snapshots::{self, DIRECTORY as SNAPSHOTS};
use super::trace::{open_log, record_locked};
use super::{Vault, VaultError, Who};

pub(super) const HEADER: &str = "vault.toml";
pub(super) const LOG: &str = "log";
pub(super) const LOCK: &str = "lock";
/// Stands while `create` works; what it finds after a crash was never acknowledged.
pub(super) const UNFINISHED: &str = ".unfinished";
/// How long a second command waits for the first.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Where a vault lies.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its home: header, store, snapshots, log.
    pub home: PathBuf,
    /// Where anchors are kept, one directory for each vault.
    pub state: PathBuf,
}

/// What opens a vault, and for whom.
pub struct Opener<'a> {
    /// Identities to try.
    pub identities: Vec<Identity>,
    /// Asks for the passphrase; `None` where nobody can be asked.
    pub passphrase: &'a dyn Fn() -> Option<Passphrase>,
    /// The key itself, and the recipient of the slot that gave it, where it is open already.
    pub key: Option<(VaultKey, String)>,
    /// Who opens it.
    pub who: &'a Who,
    /// Tells the time.
    pub clock: Box<dyn Clock>,
    /// True where something will be written.
    pub write: bool,
    /// True to accept files that are older than the anchor.
    pub accept_rollback: bool,
}

impl Vault {
    /// Opens a vault; waits up to five seconds for whoever has it open.
    pub fn open(place: &Place, opener: Opener<'_>) -> Result<Self, VaultError> {
        Self::open_with_key(place, opener).map(|(vault, _)| vault)
    }

    /// Opens a key slot and nothing else: gives the vault key and the slot's recipient.
    pub fn unlock(place: &Place, opener: &Opener<'_>) -> Result<(VaultKey, String), VaultError> {
        let home = open_home(place)?;
        let (header, _) = find_header(&home, place)?;
        let opened = unlock(Some(&home), &header, opener);
        wipe_stack::<{ 8 * 1024 }>();
        opened
    }

    /// The header of a vault as it lies there, not yet proven.
    pub fn header_text(place: &Place) -> Result<String, VaultError> {
        let home = open_home(place)?;
        let text = home.read(HEADER, MAX_HEADER)?;
        let text = text.ok_or_else(|| VaultError::NoSuch("vault".to_owned()))?;
        let text = String::from_utf8(text.to_vec());
        text.map_err(|_| VaultError::Damaged("its header is no text".to_owned()))
    }

    /// Opens a key slot of a header whose vault lies out of reach.
    pub fn unlock_header(
        text: &str,
        opener: &Opener<'_>,
    ) -> Result<(VaultKey, String), VaultError> {
        let opened = unlock(None, &Header::parse(text.as_bytes())?, opener);
        wipe_stack::<{ 8 * 1024 }>();
        opened
    }

    /// The same, and gives the vault key: for one who adds a key slot.
    pub fn open_with_key(
        place: &Place,
        opener: Opener<'_>,
    ) -> Result<(Self, VaultKey), VaultError> {
        let home = open_home(place)?;
        let (first, bytes) = find_header(&home, place)?;
        let (key, opened_by) = unlock(Some(&home), &first, &opener)?;
        // What it left where the frames of the next calls come to lie; a wait wipes the rest.
        wipe_stack::<{ 8 * 1024 }>();
        let lock = FileLock::take(&home, LOCK, PATIENCE)?;
        let mut warnings = Vec::new();
        let keys = key.derive();
        // While we waited, or asked, another command may have written a new header.
        let header = match home.read(HEADER, MAX_HEADER)? {
            Some(now) if *now == *bytes && Header::verify(&now, &keys) => first,
            Some(now) if Header::verify(&now, &keys) => Header::parse(&now)?,
            Some(now) if opener.key.is_none() && *now != *bytes && Header::parse(&now).is_ok() => {
                // Its keys are new.
                drop(lock);
                return Self::open_with_key(place, opener);
            }
            // A key that was handed over is proven by nothing yet.
            _ if opener.key.is_some() => {
                return Err(VaultError::Locked("the key does not open this vault".to_owned()));
            }
            _ => restored_header((&home, place), &keys, &opener, &mut warnings)?,
        };
        let id = header.id().ok_or_else(|| VaultError::Damaged("its header has no id".into()))?;
        if opener.write {
            // A crash at the very end of `create` leaves it, and it must not outlive the first
            // change: were the header lost later, `create` would clear away a vault in use.
            home.remove(UNFINISHED)?;
        }
        let anchor = open_anchor((&home, place), &header, &keys, &opener)?;
        let anchored = anchor.last;
        let store = store_name(header.epoch);
        let opened = if opener.write {
            LocalStore::open_write(&home, &store)
        } else {
            LocalStore::open_read(&home, &store)
        };
        let opened = opened.and_then(|store| Ledger::open(store, &keys, id));
        let mut repaired = false;
        let mut ledger = match opened {
            Err(StoreError::Damaged(_)) => {
                let root = anchored.map(|a| a.root);
                let now = opener.clock.now_ms();
                repaired = true;
                snapshots::rebuild(&home, &store, (&keys, &id), root, opener.accept_rollback, now)?
            }
            other => other?,
        };
        let spare = place.home.clone();
        ledger.set_spare(move || spare_stores(&spare));
        if let Some(anchored) = anchored
            && !opener.accept_rollback
        {
            let (found, seen) = (ledger.root_id(), anchored.root);
            let forked = found.generation == seen.generation && found != seen;
            if found.generation < seen.generation || forked {
                let (found, seen) = (found.generation, seen.generation);
                return Err(VaultError::RolledBack { found, seen });
            }
        }
        if opener.accept_rollback {
            // No generation is ever written twice: a copy of the abandoned one must not fit again.
            let seen = anchored.map_or(0, |a| a.root.generation);
            ledger.advance_past(&keys, seen.max(snapshots::newest_generation(&home)))?;
        }
        let (log, log_lost) = open_log(&home, anchored.map(|a| a.log))?;
        let mut vault = Self {
            home,
            header,
            opened_by,
            keys,
            ledger,
            anchor,
            log,
            clock: opener.clock,
            warnings,
            rules: OnceCell::new(),
            sockets: Sockets::default(),
            _lock: lock,
        };
        vault.settle(opener.who, repaired, log_lost, opener.accept_rollback)?;
        Ok((vault, key))
    }

    /// Reports and logs what was out of order, and brings the anchor up to date.
    fn settle(
        &mut self,
        who: &Who,
        repaired: bool,
        log_lost: bool,
        accepted: bool,
    ) -> Result<(), VaultError> {
        let anchor_lost = self.anchor.last.is_none() || self.anchor.has_bad_slot;
        let found = [
            // First: the entry that stands where others are missing must say that it is accepted.
            (
                accepted,
                Event::AcceptRollback,
                "The vault is accepted as it is; changes that the anchor remembers beyond it are gone.",
            ),
            (
                repaired && !accepted,
                Event::Repair,
                "The store was damaged and was rebuilt from a snapshot; nothing acknowledged is lost.",
            ),
            (
                repaired && accepted,
                Event::Repair,
                "The store was damaged and was rebuilt from the newest sound snapshot; later changes are gone.",
            ),
            (
                log_lost,
                Event::LogDamaged,
                "The audit log was cut, altered or removed; `clawvault log --verify` names the place.",
            ),
            (
                anchor_lost,
                Event::AnchorLost,
                "The anchor against roll-back was missing or altered and was written anew; an older copy of the vault would not have been noticed.",
            ),
        ];
        for (_, event, sentence) in found.into_iter().filter(|(is, _, _)| *is) {
            self.warnings.push(sentence.to_owned());
            let entry = who.entry(self.clock.now_ms(), event, Outcome::Ok, Vec::new());
            failpoint::hit("settle.log")?;
            self.record(&entry)?;
        }
        let root_moved = self.anchor.last.is_none_or(|a| a.root != self.ledger.root_id());
        if root_moved || anchor_lost || log_lost {
            failpoint::hit("settle.anchor")?;
            self.remember(true)?;
        }
        Ok(())
    }
}

/// Opens the home of a vault, for reading only; no vault there is an error of its own.
pub(super) fn open_home(place: &Place) -> Result<Dir, VaultError> {
    match Dir::open(&place.home, Private::Required) {
        Ok(home) => Ok(home),
        Err(error) if error.is_missing() => Err(VaultError::NoVault(place.home.clone())),
        Err(error) => Err(error.into()),
    }
}

/// Reads the header; where it is missing or unreadable, a snapshot's copy of it.
fn find_header(home: &Dir, place: &Place) -> Result<(Header, Zeroizing<Vec<u8>>), VaultError> {
    let broken = match home.read(HEADER, MAX_HEADER)? {
        Some(bytes) => match Header::parse(&bytes) {
            Ok(header) => return Ok((header, bytes)),
            Err(error @ VaultError::Newer(_)) => return Err(error),
            Err(error) => error,
        },
        None if !has_traces(home) || home.has(UNFINISHED) => {
            return Err(VaultError::NoVault(place.home.clone()));
        }
        None => VaultError::Damaged("its header vault.toml is missing".to_owned()),
    };
    for snapshot in snapshots::load(home) {
        if let Ok(header) = Header::parse(&snapshot.header) {
            return Ok((header, Zeroizing::new(snapshot.header)));
        }
    }
    Err(broken)
}

/// Puts a snapshot's copy of the header in the place of one that is not authentic.
fn restored_header(
    (home, place): (&Dir, &Place),
    keys: &Keys,
    opener: &Opener<'_>,
    warnings: &mut Vec<String>,
) -> Result<Header, VaultError> {
    let mut copies = snapshots::load(home).into_iter().map(|s| s.header);
    let Some(copy) = copies.find(|copy| Header::verify(copy, keys)) else {
        let what = "its header is altered and no snapshot has a sound copy";
        return Err(VaultError::Damaged(what.to_owned()));
    };
    let header = Header::parse(&copy)?;
    let found = header.epoch;
    // A copy from before the keys were replaced must not bring them back.
    if anchor::may_know_later(&state_dir(place, &header)?, found) && !opener.accept_rollback {
        return Err(VaultError::OldEpoch { found, seen: found.saturating_add(1) });
    }
    failpoint::hit("header.restore")?;
    home.replace(HEADER, &copy)?;
    warnings.push("The header was damaged and was restored from a snapshot.".to_owned());
    Ok(header)
}

// A frame of its own, so that what it leaves can be wiped.
#[inline(never)]
fn unlock(
    home: Option<&Dir>,
    header: &Header,
    opener: &Opener<'_>,
) -> Result<(VaultKey, String), VaultError> {
    if let Some((key, opened_by)) = &opener.key {
        return Ok((key.copy(), opened_by.clone()));
    }
    let mut refusal = match header.unlock(&opener.identities) {
        Ok(opened) => return Ok(opened),
        Err(refusal) => refusal,
    };
    // A snapshot's header may hold the slot as it was; whether it counts, `sound_header` says.
    if matches!(refusal, CryptoError::Malformed | CryptoError::Forged) {
        let copies = home.map(snapshots::load).into_iter().flatten();
        let mut copies = copies.filter_map(|copy| Header::parse(&copy.header).ok());
        if let Some(opened) = copies.find_map(|copy| copy.unlock(&opener.identities).ok()) {
            return Ok(opened);
        }
    }
    let mut tried = !opener.identities.is_empty();
    if header.has_passphrase()
        && let Some(passphrase) = (opener.passphrase)()
    {
        tried = true;
        match header.unlock_passphrase(&passphrase) {
            Ok(identity) => match header.unlock(&[identity]) {
                Ok(opened) => return Ok(opened),
                Err(other) => refusal = other,
            },
            Err(other) => refusal = other,
        }
    }
    if let Some(home) = home {
        record_refusal(home, header, opener);
    }
    Err(match refusal {
        CryptoError::Malformed | CryptoError::Forged => {
            VaultError::Damaged("a key slot of its header is altered".to_owned())
        }
        CryptoError::WrongKey if tried => {
            VaultError::Locked("the identity or passphrase does not open this vault".to_owned())
        }
        CryptoError::WrongKey => VaultError::Locked("no identity was found for this vault".into()),
        other => VaultError::Crypto(other),
    })
}

fn record_refusal(home: &Dir, header: &Header, opener: &Opener<'_>) {
    let Some(public) = header.log_key() else { return };
    if failpoint::hit("log.refusal").is_ok() {
        let now = opener.clock.now_ms();
        let entry = opener.who.entry(now, Event::Unlock, Outcome::Refused, Vec::new());
        record_locked(home, &entry, &public);
    }
}

/// Where the vault's anchors lie.
fn state_dir(place: &Place, header: &Header) -> Result<Dir, PlatformError> {
    Dir::create(&place.state)?.create_dir(&header.vault)
}

/// Opens the anchor of the header's epoch, and ends or undoes what an interrupted change of epoch
/// left. Where a later epoch was seen, the header is an old one.
fn open_anchor(
    (home, place): (&Dir, &Place),
    header: &Header,
    keys: &Keys,
    opener: &Opener<'_>,
) -> Result<Anchor, VaultError> {
    let (dir, found) = (state_dir(place, header)?, header.epoch);
    if opener.accept_rollback {
        anchor::forget_later(&dir, found)?;
    } else if anchor::knows_later(&dir, found) {
        return Err(VaultError::OldEpoch { found, seen: found.saturating_add(1) });
    }
    let mut anchor = Anchor::open(dir, found, keys)?;
    if anchor.is_pending {
        epoch::clear_before(home, found)?;
        anchor.settle()?;
    }
    if opener.write {
        failpoint::hit("epoch.undo")?;
        home.remove(&store_name(found.saturating_add(1)))?;
        anchor.clear_unbegun()?;
    }
    Ok(anchor)
}

/// The snapshots of a home, to take single damaged records from.
pub(super) fn spare_stores(home: &Path) -> Vec<Box<dyn Store>> {
    let Ok(home) = Dir::open(home, Private::Required) else { return Vec::new() };
    snapshots::load(&home).into_iter().map(|s| Box::new(s) as Box<dyn Store>).collect()
}

/// True where something of a vault lies in the home.
pub(super) fn has_traces(home: &Dir) -> bool {
    [HEADER, LOG, SNAPSHOTS].iter().any(|name| home.has(name))
        || home.list().is_ok_and(|all| all.iter().any(|found| epoch::is_store(&found.name)))
}
