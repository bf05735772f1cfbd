//! Making a vault: header, store, log and anchor, so that a crash leaves nothing that a second try
//! does not clear away.

use std::cell::OnceCell;

use crate::auditlog::{AuditLog, Sockets, reserve};
use crate::crypto::slot::{Passphrase, Recipient};
use crate::crypto::{CryptoError, VaultKey};
use crate::domain::{Event, Outcome, hex};
use crate::platform::{Clock, Dir, FileLock, PlatformError, failpoint, memory};

use super::anchor::{self, Anchor};
use super::epoch;
use super::header::{Header, SavedSlot, Slot, SlotKind, parse_id};
use super::open::{HEADER, LOCK, LOG, PATIENCE, Place, UNFINISHED, has_traces};
use super::{Content, Vault, VaultError, Who};

/// A key slot to be made.
#[derive(Debug)]
pub enum NewSlot {
    /// For an age recipient.
    Recipient(SlotKind, Recipient),
    /// For a passphrase, with scrypt's N = 2^work.
    Passphrase(Passphrase, u8),
    /// As a backup has it.
    Saved(SavedSlot),
}

impl NewSlot {
    pub(super) fn make(&self, key: &VaultKey, now_ms: i64) -> Result<Slot, CryptoError> {
        match self {
            Self::Recipient(kind, recipient) => Slot::new(*kind, recipient, key, now_ms),
            Self::Passphrase(text, work) => Slot::with_passphrase(text, *work, key, now_ms),
            Self::Saved(slot) => Slot::unwrapped(slot).rewrapped(key),
        }
    }
}

/// What a vault is made from, where it continues one that was.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Id of the vault, in hex.
    pub vault: String,
    /// The new vault's generation is above this one.
    pub generation: u64,
    /// What the audit log calls the making.
    pub event: Event,
}

impl Vault {
    /// Makes a new vault. An empty home is fine; one with traces of a vault is not touched.
    pub fn create(
        place: &Place,
        slots: &[NewSlot],
        who: &Who,
        clock: Box<dyn Clock>,
    ) -> Result<Self, VaultError> {
        let mut id = [0; 16];
        memory::random(&mut id).map_err(|_| CryptoError::NoRandomness)?;
        let origin = Origin { vault: hex(&id), generation: 0, event: Event::Init };
        Self::create_from(place, &origin, slots, who, clock, std::iter::empty())
    }

    /// Makes a vault that holds `contents` from its first generation on. Its epoch is above every
    /// one that the state directory has seen of this vault.
    pub fn create_from(
        place: &Place,
        origin: &Origin,
        slots: &[NewSlot],
        who: &Who,
        clock: Box<dyn Clock>,
        contents: impl Iterator<Item = Result<Content, VaultError>>,
    ) -> Result<Self, VaultError> {
        let no_id = || VaultError::Limit("that is no id of a vault".to_owned());
        let id = parse_id(&origin.vault).ok_or_else(no_id)?;
        let home = Dir::create(&place.home)?;
        let lock = FileLock::take(&home, LOCK, PATIENCE)?;
        clear_unfinished(&home)?;
        refuse_traces(&home)?;
        failpoint::hit("init.unfinished")?;
        home.replace(UNFINISHED, b"")?;
        let state = Dir::create(&place.state)?.create_dir(&origin.vault)?;
        let epoch = anchor::last_epoch(&state)?.checked_add(1).ok_or_else(no_id)?;
        let key = VaultKey::generate()?;
        let keys = key.derive();
        let mut header = Header::new(&id, epoch, &keys);
        for slot in slots {
            header.slots.push(slot.make(&key, clock.now_ms())?);
        }
        failpoint::hit("init.store")?;
        let ledger = epoch::write_store(&home, (&header, &keys), origin.generation, contents)?;
        failpoint::hit("init.log")?;
        let (log, _) = AuditLog::open(home.create_dir(LOG)?, None)?;
        let anchor = Anchor::open(state, epoch, &keys)?;
        let text = header.to_text(&keys)?;
        let opened_by = header.slots.first().map(|slot| slot.recipient.clone()).unwrap_or_default();
        let mut vault = Self {
            home,
            header,
            opened_by,
            keys,
            ledger,
            anchor,
            log,
            clock,
            warnings: Vec::new(),
            rules: OnceCell::new(),
            sockets: Sockets::default(),
            _lock: lock,
        };
        let entry = who.entry(vault.clock.now_ms(), origin.event, Outcome::Ok, Vec::new());
        failpoint::hit("init.entry")?;
        vault.record(&entry)?;
        failpoint::hit("init.anchor")?;
        vault.remember(true)?;
        // Without room for it the vault is sound; any later look at it tries again.
        if let Ok(dir) = vault.log.dir() {
            reserve::keep(dir).ok();
        }
        failpoint::hit("init.header")?;
        vault.home.replace(HEADER, text.as_bytes())?;
        failpoint::hit("init.settle")?;
        vault.home.remove(UNFINISHED)?;
        vault.home.sync()?;
        Ok(vault)
    }
}

fn refuse_traces(home: &Dir) -> Result<(), VaultError> {
    if home.has(HEADER) {
        return Err(VaultError::Exists(home.path().to_owned()));
    }
    if has_traces(home) {
        let what = "there are traces of a vault here, but its header vault.toml is missing";
        return Err(VaultError::Damaged(what.to_owned()));
    }
    Ok(())
}

/// Removes what an interrupted `create` left; nothing of it was ever acknowledged.
fn clear_unfinished(home: &Dir) -> Result<(), PlatformError> {
    home.remove_unfinished()?;
    if !home.has(UNFINISHED) || home.has(HEADER) {
        return home.remove(UNFINISHED);
    }
    failpoint::hit("init.clear")?;
    for file in home.list()?.into_iter().filter(|file| epoch::is_store(&file.name)) {
        home.remove(&file.name)?;
    }
    match home.dir(LOG) {
        Ok(log) => {
            for file in log.list()? {
                log.remove(&file.name)?;
            }
            home.remove_dir(LOG)?;
        }
        // While anything is left the mark has to stand.
        Err(error) if !error.is_missing() => return Err(error),
        Err(_) => {}
    }
    home.remove(UNFINISHED)
}
