//! The meaning: secrets with versions and stages, sealed, proven, logged.
//!
//! [`Vault::reveal`] is the only way to a value, and it writes the audit log first. Nothing here
//! reads the environment or asks a person; whoever opens a vault brings the keys.

mod anchor;
mod backup;
mod change;
pub mod codec;
mod create;
mod epoch;
mod error;
mod header;
mod kept;
mod leftovers;
mod lives;
mod open;
mod policy;
mod recipients;
mod record_keys;
mod restore;
mod reveal;
mod snapshots;
mod trace;
mod undo;
mod upkeep;

use std::cell::OnceCell;

use crate::auditlog::{AuditLog, Sockets};
use crate::crypto::{Keys, VaultKey};
use crate::domain::limits::MAX_LOCKED;
use crate::domain::{LogRules, ProfileName, SecretInfo, SecretName, hex, unhex};
use crate::memory::{self, Spill};
use crate::platform::{Clock, Dir, FileLock};
use crate::store::{Kind, Ledger, LocalStore, RecordKey};

pub use anchor::Anchored;
pub use backup::{Backup, BackupError, IDENTITY_SUFFIX, Note, Saved, SavedRecord, Taken};
pub use change::{Put, PutOutcome, Stored};
pub use create::{NewSlot, Origin};
pub use epoch::{Content, NextEpoch};
pub use error::VaultError;
pub use header::{Header, SavedSlot, Slot, SlotKind};
pub use kept::{Keep, Kept, KeptPiece, mark};
pub use lives::{Step, VersionChange};
pub use open::{Opener, Place};
pub use restore::Difference;
pub use reveal::{Purpose, Want};
pub use trace::{Who, note_closed};
pub use undo::{Original, Recorded, UndoPiece};

/// An open vault; nobody else has it open.
pub struct Vault {
    home: Dir,
    header: Header,
    /// Recipient of the slot that opened it.
    opened_by: String,
    keys: Keys,
    ledger: Ledger<LocalStore>,
    anchor: anchor::Anchor,
    log: AuditLog,
    clock: Box<dyn Clock>,
    warnings: Vec<String>,
    rules: OnceCell<LogRules>,
    sockets: Sockets,
    _lock: FileLock,
}

impl Vault {
    /// The vault's id and key slots.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Recipient of the key slot that opened it.
    pub fn opened_by(&self) -> &str {
        &self.opened_by
    }

    /// What a person should know about how the vault was found, in whole sentences.
    pub fn warnings(&self) -> Vec<String> {
        let mut all = self.warnings.clone();
        all.extend(memory_warning());
        let lent = self.ledger.lent();
        if lent > 0 {
            all.push(format!(
                "{lent} damaged pieces of the store were read from elsewhere; \
                 `clawvault doctor --repair` writes them anew"
            ));
        }
        all
    }

    /// The same, and forgets what was found so far: for one who serves many.
    pub fn take_warnings(&mut self) -> Vec<String> {
        let all = self.warnings();
        self.warnings.clear();
        all
    }

    /// True for the key of this vault.
    pub fn is_key(&self, key: &VaultKey) -> bool {
        let proof = |keys: &Keys| keys.fingerprint(&[b"the same key"]);
        proof(&self.keys).matches(&proof(&key.derive()).0)
    }

    /// A proof, in hex, that one with this vault's key said so of a launched program. It holds until the
    /// vault key is replaced.
    pub fn prove_run(&self, said: &[u8]) -> String {
        hex(&self.keys.authenticate(&[b"run", said]).0)
    }

    /// True for a proof that [`Vault::prove_run`] gave of the same.
    pub fn is_proof_of_run(&self, said: &[u8], proof: &str) -> bool {
        unhex(proof).is_some_and(|proof| self.keys.authenticate(&[b"run", said]).matches(&proof))
    }

    /// Number of commits since the vault was made.
    pub fn generation(&self) -> u64 {
        self.ledger.root_id().generation
    }

    /// Where the audit log stands.
    pub fn log_point(&self) -> crate::auditlog::LogPoint {
        self.log.point()
    }

    /// False where the system refused to keep the keys out of swap.
    pub fn keys_are_locked(&self) -> bool {
        self.keys.are_locked()
    }

    /// Every secret, removed ones too, sorted by profile and name.
    pub fn secrets(&self) -> Result<Vec<SecretInfo>, VaultError> {
        let mut all = Vec::new();
        self.ledger.scan(&self.keys, Kind::Secret, &mut |_, plain| {
            all.push(codec::decode(&plain)?);
            Ok(())
        })?;
        all.sort_unstable_by(|a: &SecretInfo, b| (&a.profile, &a.name).cmp(&(&b.profile, &b.name)));
        Ok(all)
    }

    /// One secret, removed or not; its absence is proven.
    pub fn secret(
        &self,
        profile: &ProfileName,
        name: &SecretName,
    ) -> Result<Option<SecretInfo>, VaultError> {
        let Some(plain) = self.ledger.read(&self.keys, &self.secret_key(profile, name))? else {
            return Ok(None);
        };
        Ok(Some(codec::decode(&plain)?))
    }

    /// Secrets of a profile that have a variable, are not removed and administer nothing.
    pub fn injectable(&self, profile: &ProfileName) -> Result<Vec<SecretInfo>, VaultError> {
        let index = match self.ledger.read(&self.keys, &self.index_key(profile))? {
            Some(plain) => codec::decode::<codec::Index>(&plain)?,
            None => return Ok(Vec::new()),
        };
        let fits = |info: &SecretInfo| info.profile == *profile && codec::is_injectable(info);
        match index {
            codec::Index::Names(names) => {
                let mut found = Vec::with_capacity(names.len());
                for name in names {
                    found.extend(self.secret(profile, &name)?.filter(fits));
                }
                Ok(found)
            }
            codec::Index::TooMany => Ok(self.secrets()?.into_iter().filter(fits).collect()),
        }
    }

    /// Reads every record; gives their number, and how many pieces a snapshot had to lend.
    pub fn check(&self) -> Result<(u64, usize), VaultError> {
        for (key, _) in self.ledger.entries(&self.keys)? {
            self.ledger.read(&self.keys, &key)?;
        }
        Ok((self.ledger.count(), self.ledger.lent()))
    }

    /// A secret's name as the store sees it, in hex: for records that must not tell names.
    pub fn blinded(&self, profile: &ProfileName, name: &SecretName) -> String {
        hex(&self.secret_key(profile, name).id)
    }

    fn secret_key(&self, profile: &ProfileName, name: &SecretName) -> RecordKey {
        record_keys::secret(&self.keys, profile, name)
    }

    fn index_key(&self, profile: &ProfileName) -> RecordKey {
        record_keys::index(&self.keys, profile)
    }
}

/// What a person should know of how this process keeps keys and values.
pub fn memory_warning() -> Option<String> {
    Some(match memory::spill()? {
        Spill::Refused => {
            "The system refused to keep all keys and values out of swap (RLIMIT_MEMLOCK)."
                .to_owned()
        }
        Spill::Full => format!(
            "More was open at once than is kept out of swap ({} KiB); the rest is wiped as well, \
             but may have been swapped.",
            MAX_LOCKED / 1024
        ),
    })
}

#[cfg(test)]
mod tests;
