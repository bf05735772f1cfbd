//! Backups: everything that the vault keeps, in a form that needs no clawvault to be read.
//!
//! An age file for the public half of every key slot, of an uncompressed tar archive: `README`,
//! `policy.toml`, `secrets.json` with every version of every secret, the journals of their rotations
//! and what features keep. Not in it: the audit log, and
//! what `import --scrub` keeps for its own undoing. Who made a backup is not proven: whoever has
//! the public half of a key can make a file that opens with it.

mod beside;
mod document;
mod note;
mod read;
mod tar;

use std::io::{BufReader, BufWriter, Read, Write};
use std::path::PathBuf;

use crate::auditlog::Entry;
use crate::crypto::slot::{Identity, Recipient};
use crate::crypto::{AGE_MAGIC, AgeFile, CryptoError, decrypt};
use crate::domain::limits::MAX_BACKUP;
use crate::domain::{Event, FieldName, Life, Outcome, ProfileName, SecretInfo, SecretName, Value};
use crate::platform::{Dir, PlatformError, failpoint};

use super::header::SavedSlot;
use super::trace::item;
use super::{Slot, Vault, VaultError, Who};

pub use beside::SavedRecord;
pub use note::Note;

/// The form that this build writes; it reads this one and the one before.
const FORMAT: u32 = 2;
/// The form without rotations and records.
const FORMER: u32 = 1;
const README: &str = "README";
const README_TEXT: &str = include_str!("README.txt");
const POLICY: &str = "policy.toml";
const SECRETS: &str = "secrets.json";
/// Ends the name of the file beside a backup that a passphrase opens.
pub const IDENTITY_SUFFIX: &str = ".identity";

/// What a backup holds, opened.
#[derive(Debug)]
pub struct Backup {
    /// Id of the vault, in hex.
    pub vault: String,
    /// Commits that the vault had seen.
    pub generation: u64,
    /// When it was written, in milliseconds since 1970.
    pub written_ms: i64,
    /// What opened the vault.
    pub slots: Vec<SavedSlot>,
    /// Every secret, sorted by profile and name.
    pub secrets: Vec<Saved>,
    /// The policy's text; empty where none was applied.
    pub policy: String,
    /// What is known of keys at vendors, and what is under way, sorted by profile and name.
    pub lives: Vec<Life>,
    /// What features keep, sorted by name.
    pub records: Vec<SavedRecord>,
}

/// One secret of a backup with the fields of its versions.
#[derive(Debug)]
pub struct Saved {
    /// The secret; its fingerprints are not known before it is in a vault.
    pub info: SecretInfo,
    /// Fields of each version, in the order of `info.versions`.
    pub values: Vec<Vec<(FieldName, Value)>>,
}

impl Saved {
    /// What tells it from every other.
    pub fn key(&self) -> (&ProfileName, &SecretName) {
        (&self.info.profile, &self.info.name)
    }
}

/// Why a backup was not written or not taken.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// It began as a backup and is not whole.
    #[error("the backup is damaged: {0}")]
    Damaged(&'static str),
    /// Something stands where it was to be written.
    #[error("there is a file of that name already, or one that ends in {IDENTITY_SUFFIX}")]
    Exists,
    /// Something else than a backup.
    #[error("that is no backup of a vault: {0}")]
    Foreign(&'static str),
    /// Nothing is there.
    #[error("there is no such file to restore")]
    Missing,
    /// A backup of a later clawvault.
    #[error("the backup has format {0}; this clawvault knows format {FORMAT}")]
    Newer(u32),
    /// No identity fits.
    #[error("none of the keys at hand opens the backup")]
    NoKey,
    /// The vault has seen more than the backup.
    #[error("the backup is of generation {backup}, and the vault has generation {vault}")]
    Older {
        /// Generation of the backup.
        backup: u64,
        /// Generation of the vault.
        vault: u64,
    },
    /// Another vault stands where it was to be restored.
    #[error("the backup is of another vault than the one in {0}")]
    OtherVault(PathBuf),
    /// The system could not read it.
    #[error("the backup cannot be read: {0}")]
    Unreadable(std::io::ErrorKind),
}

/// What a backup took.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Taken {
    /// Secrets, removed ones too.
    pub secrets: usize,
    /// Versions of them.
    pub versions: usize,
    /// Generation of the vault.
    pub generation: u64,
    /// Files beside it that a passphrase opens.
    pub identities: usize,
}

impl Vault {
    /// Writes a backup to `name` in `dir`: a new file, whole or not at all, readable for its owner
    /// alone. One that stands there is replaced only with `replace`. The log comes first.
    pub fn back_up(
        &mut self,
        who: &Who,
        dir: &Dir,
        name: &str,
        replace: bool,
    ) -> Result<Taken, VaultError> {
        let identities = self.identity_files(name);
        let unchanged = |(name, bytes): &(String, Vec<u8>)| {
            dir.read(name, bytes.len()).ok().flatten().is_some_and(|found| *found == *bytes)
        };
        let names =
            identities.iter().filter(|file| !unchanged(file)).map(|(name, _)| name.as_str());
        if !replace && [name].into_iter().chain(names).any(|name| dir.has(name)) {
            return Err(BackupError::Exists.into());
        }
        let infos = self.secrets()?;
        let items = infos.iter().map(|info| item(info, 0)).collect();
        let now = self.clock.now_ms();
        let entry = who.entry(now, Event::Backup, Outcome::Ok, items);
        failpoint::hit("backup.log")?;
        self.record(&entry)?;
        self.remember(false)?;
        let temporary = format!(".{name}.new");
        let written = self.write_whole(&infos, now, dir, &temporary).and_then(|()| {
            failpoint::hit("backup.move-in")?;
            for (name, bytes) in &identities {
                dir.replace(name, bytes)?;
            }
            Ok(if replace { dir.rename(&temporary, name) } else { dir.settle(&temporary, name) }?)
        });
        if let Err(error) = written {
            dir.remove(&temporary).ok();
            let failed = Entry { outcome: Outcome::Failed, items: Vec::new(), ..entry };
            self.record(&failed).ok();
            return Err(error);
        }
        self.note_backup(now);
        Ok(Taken {
            secrets: infos.len(),
            versions: infos.iter().map(|info| info.versions.len()).sum(),
            generation: self.generation(),
            identities: identities.len(),
        })
    }

    /// The locked identities of passphrase slots, each with the name of its file: the passphrase
    /// opens nothing without them.
    fn identity_files(&self, name: &str) -> Vec<(String, Vec<u8>)> {
        let saved = self.header.slots.iter().map(Slot::saved);
        let files = saved.filter_map(|slot| slot.identity_file());
        let named = |(at, bytes): (usize, Vec<u8>)| {
            let number = if at == 0 { String::new() } else { format!(".{}", at + 1) };
            (format!("{name}{number}{IDENTITY_SUFFIX}"), bytes)
        };
        files.enumerate().map(named).collect()
    }

    fn write_whole(
        &self,
        infos: &[SecretInfo],
        now_ms: i64,
        dir: &Dir,
        name: &str,
    ) -> Result<(), VaultError> {
        let path = dir.path().join(name);
        let fail = |error| VaultError::from(PlatformError::io("write", &path, error));
        let policy = self.policy_text()?;
        // A member's size stands before it: the document is written twice, first to nowhere.
        let mut nowhere = std::io::sink();
        let mut counted = document::Out::new(&mut nowhere, &path);
        document::write(self, infos, now_ms, &mut counted)?;
        let size = counted.written;
        if size > MAX_BACKUP as u64 {
            let what = format!("a backup would be larger than {MAX_BACKUP} bytes");
            return Err(VaultError::Limit(what));
        }
        let recipients: Result<Vec<_>, _> =
            self.header.slots.iter().map(|slot| Recipient::parse(&slot.recipient)).collect();
        dir.remove(name)?;
        failpoint::hit("backup.write")?;
        let file = BufWriter::with_capacity(1 << 16, dir.create_new(name)?);
        let mut sealing = AgeFile::sealed_to(&recipients?)?.write_to(file).map_err(fail)?;
        let mut out = document::Out::new(&mut sealing, &path);
        let time_s = u64::try_from(now_ms / 1000).unwrap_or(0);
        for (name, text) in [(README, README_TEXT), (POLICY, policy.as_str())] {
            out.put(&tar::header(name, text.len() as u64, time_s))?;
            out.put(text.as_bytes())?;
            out.put(&[0; tar::BLOCK][..tar::padding(text.len() as u64)])?;
        }
        out.put(&tar::header(SECRETS, size, time_s))?;
        let before = out.written;
        document::write(self, infos, now_ms, &mut out)?;
        if out.written - before != size {
            return Err(VaultError::Damaged("it changed while it was read".to_owned()));
        }
        out.put(&[0; tar::BLOCK][..tar::padding(size)])?;
        out.put(&[0; 2 * tar::BLOCK])?;
        let file = sealing.finish().and_then(|mut buffered| {
            buffered.flush()?;
            buffered.into_inner().map_err(std::io::IntoInnerError::into_error)
        });
        file.and_then(|file| {
            failpoint::hit_io("backup.sync")?;
            file.sync_all()
        })
        .map_err(fail)
    }
}

impl Backup {
    /// Opens a backup of `length` bytes with the first identity that fits, and reads all of it.
    pub fn open(
        from: impl Read,
        length: u64,
        identities: &[Identity],
    ) -> Result<Self, BackupError> {
        let mut from = BufReader::with_capacity(1 << 16, from);
        let begin = std::io::BufRead::fill_buf(&mut from)
            .map_err(|error| BackupError::Unreadable(error.kind()))?;
        if !begin.starts_with(AGE_MAGIC) {
            return Err(match AGE_MAGIC.starts_with(begin) {
                true => BackupError::Damaged("it ends too early"),
                false => BackupError::Foreign("it is no age file"),
            });
        }
        let mut opened = decrypt(identities, from).map_err(|error| match error {
            CryptoError::WrongKey | CryptoError::TooMuchWork => BackupError::NoKey,
            _ => BackupError::Damaged("its beginning is altered"),
        })?;
        // What is inside is no longer than the file: a size that says more is not believed.
        Self::parse(&mut opened, length.min(MAX_BACKUP as u64))
    }

    /// Reads the archive that a backup holds; `max` bounds its documents, in bytes.
    pub fn parse(from: &mut dyn Read, max: u64) -> Result<Self, BackupError> {
        read::archive(from, max)
    }
}

#[cfg(test)]
mod tests;
