//! What features keep between two runs, sealed and proven like secrets: readings, waiting alerts,
//! pauses. Each is bytes under a name that begins with the feature's own word.
//!
//! Whoever changes a record says what it read before: where somebody else changed it meanwhile,
//! nothing is written, and the other starts over.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::crypto::Keys;
use crate::domain::limits::{MAX_KEPT, MAX_KEPT_AT_ONCE, MAX_NAME};
use crate::domain::{Event, Outcome};
use crate::store::{Change, Kind, Plain, RecordKey, StoreError};

use super::backup::SavedRecord;
use super::{Vault, VaultError, Who, record_keys};

/// A record as it was read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Kept {
    /// Its name.
    pub name: String,
    /// Its bytes; empty where there is none.
    pub bytes: Vec<u8>,
}

/// A record as it is to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Keep {
    /// Its name, such as `spend/index`.
    pub name: String,
    /// [`mark`] of the bytes that were read before.
    pub was: [u8; 16],
    /// The new bytes; empty to remove it.
    pub now: Vec<u8>,
}

/// A record on its way to another store.
#[derive(Debug, Deserialize, Serialize)]
pub struct KeptPiece {
    name: String,
    bytes: Vec<u8>,
}

/// Tells bytes from others.
pub fn mark(bytes: &[u8]) -> [u8; 16] {
    let mut mark = [0; 16];
    mark.copy_from_slice(&crate::crypto::digest(&[b"kept", bytes]).0[..16]);
    mark
}

impl Vault {
    /// The record of that name; an empty one where there is none.
    pub fn kept(&self, name: &str) -> Result<Kept, VaultError> {
        let Some(plain) = self.ledger.read(&self.keys, &record_keys::kept(&self.keys, name))?
        else {
            return Ok(Kept { name: name.to_owned(), bytes: Vec::new() });
        };
        let piece: KeptPiece = super::codec::decode(&plain)?;
        Ok(Kept { name: piece.name, bytes: piece.bytes })
    }

    /// Writes records in one commit; false, and nothing is written, where one of them is not any more
    /// what was read.
    pub fn keep(&mut self, who: &Who, changes: &[Keep]) -> Result<bool, VaultError> {
        let mut seen = BTreeSet::new();
        let mut all = Vec::with_capacity(changes.len());
        for keep in changes {
            let event = event_of(&keep.name);
            if event.is_none() || keep.name.len() > MAX_NAME * 2 || keep.now.len() > MAX_KEPT {
                return Err(VaultError::Limit("a record is not one that is kept".to_owned()));
            }
            if changes.len() > MAX_KEPT_AT_ONCE || !seen.insert(&keep.name) {
                return Err(VaultError::Limit("too many records at once, or one twice".to_owned()));
            }
            if mark(&self.kept(&keep.name)?.bytes) != keep.was {
                return Ok(false);
            }
            let plain = match keep.now.is_empty() {
                true => None,
                false => Some(encode(&keep.name, &keep.now)?),
            };
            all.push(Change { key: record_keys::kept(&self.keys, &keep.name), plain });
        }
        let Some(event) = changes.first().and_then(|keep| event_of(&keep.name)) else {
            return Ok(true);
        };
        let entry = who.entry(self.clock.now_ms(), event, Outcome::Ok, Vec::new());
        self.commit(&entry, &all)?;
        Ok(true)
    }

    /// All records, for another store.
    pub(super) fn kept_pieces(&self) -> Result<Vec<KeptPiece>, VaultError> {
        let mut all = Vec::new();
        self.ledger.scan(&self.keys, Kind::Kept, &mut |_, plain| {
            all.push(super::codec::decode(&plain)?);
            Ok(())
        })?;
        Ok(all)
    }
}

impl KeptPiece {
    /// As a backup holds it.
    pub(super) fn into_saved(self) -> SavedRecord {
        SavedRecord { name: self.name, bytes: self.bytes }
    }

    /// Out of a backup; none where no feature keeps such a record.
    pub(super) fn of_saved(saved: &SavedRecord) -> Option<Self> {
        let fits = saved.name.len() <= MAX_NAME * 2
            && (1..=MAX_KEPT).contains(&saved.bytes.len())
            && event_of(&saved.name).is_some();
        fits.then(|| Self { name: saved.name.clone(), bytes: saved.bytes.clone() })
    }

    /// The record that it becomes under other keys.
    pub(super) fn change(&self, keys: &Keys) -> Result<Change, VaultError> {
        let key: RecordKey = record_keys::kept(keys, &self.name);
        Ok(Change { key, plain: Some(encode(&self.name, &self.bytes)?) })
    }
}

fn encode(name: &str, bytes: &[u8]) -> Result<Plain, StoreError> {
    // Borrowed, so that what may be large is copied once.
    let encoded = postcard::to_stdvec(&(name, bytes));
    let encoded = encoded.map_err(|_| StoreError::Damaged("a record cannot be encoded"))?;
    Ok(Plain::unlocked(Zeroizing::new(encoded)))
}

/// The word of the log for a record: that of the feature it belongs to.
fn event_of(name: &str) -> Option<Event> {
    Some(match name.split_once('/')?.0 {
        "spend" => Event::Spend,
        "alert" => Event::Alert,
        "pause" => Event::Pause,
        _ => return None,
    })
}
