//! When the last backup was made: a small sealed file in the home, for `status` and `doctor`.
//!
//! It is no part of the store, because a backup changes nothing there: a backup just made must not
//! be older than its vault. A note that is missing or does not open counts as no backup.

use serde::{Deserialize, Serialize};

use crate::crypto;
use crate::platform::failpoint;

use super::super::codec;
use super::{Vault, VaultError};

const NAME: &str = "last-backup";
const MAX_NOTE: usize = 256;

/// When a backup was made, and of what.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Note {
    /// In milliseconds since 1970.
    pub time_ms: i64,
    /// Generation of the vault.
    pub generation: u64,
}

impl Vault {
    /// The last backup that was made of this vault, as far as it knows.
    pub fn last_backup(&self) -> Option<Note> {
        let sealed = self.home.read(NAME, MAX_NOTE).ok()??;
        let plain = crypto::open(self.keys.records(), &self.note_place(), &sealed).ok()?;
        codec::decode(&plain).ok()
    }

    /// Notes that a backup of what the vault holds now was written then. One that cannot be noted
    /// is a backup all the same.
    pub(in super::super) fn note_backup(&mut self, time_ms: i64) {
        let note = Note { time_ms, generation: self.generation() };
        let noted = codec::encode(&note).map_err(VaultError::from).and_then(|plain| {
            let sealed = crypto::seal(self.keys.records(), &self.note_place(), &plain)?;
            failpoint::hit("backup.note")?;
            Ok(self.home.replace(NAME, &sealed)?)
        });
        if let Err(error) = noted {
            self.warnings.push(format!("The backup could not be noted in the home: {error}"));
        }
    }

    fn note_place(&self) -> Vec<u8> {
        [b"clawvault backup note 1", self.header.vault.as_bytes()].concat()
    }
}
