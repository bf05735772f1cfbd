//! What a scrub took out of other files, sealed, so that it can be put back.
//!
//! A list names the scrubs; each file's bytes are a record of their own. Both are bounded: the
//! oldest scrubs are forgotten, and said, when a new one needs the room.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::auditlog::Item;
use crate::crypto::Keys;
use crate::domain::limits::{MAX_SCRUBBED_FILES, MAX_SCRUBS, MAX_UNDO};
use crate::domain::{
    Event, FieldName, Outcome, ProfileName, ScrubInfo, ScrubbedFile, SecretName, Value,
};
use crate::memory::LockedBytes;
use crate::platform::failpoint;
use crate::store::{Change, Plain};

use super::{Vault, VaultError, Who, codec, record_keys};

/// A file as it was before a scrub.
pub struct Original<'a> {
    /// Its path, absolute and without links, as bytes.
    pub path: Vec<u8>,
    /// Its rights.
    pub mode: u32,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Digest of what the scrub will leave there; none where it will remove the file.
    pub left: Option<[u8; 32]>,
}

/// A scrub that can be undone from now on.
#[derive(Debug)]
pub struct Recorded {
    /// Its number.
    pub id: u32,
    /// Numbers of the scrubs that were forgotten to make room for it.
    pub forgotten: Vec<u32>,
}

/// What the scrubs of a vault are kept in, on the way to another store.
#[derive(Debug)]
pub struct UndoPiece(Kept);

#[derive(Debug)]
enum Kept {
    List(Scrubs),
    Original(u32, u32, Plain),
}

impl UndoPiece {
    /// The record that it becomes under other keys.
    pub(super) fn change(self, keys: &Keys) -> Result<Change, VaultError> {
        let (key, plain) = match self.0 {
            Kept::List(scrubs) => (record_keys::scrubs(keys), codec::encode(&scrubs)?),
            Kept::Original(scrub, number, plain) => {
                (record_keys::original(keys, scrub, number), plain)
            }
        };
        Ok(Change { key, plain: Some(plain) })
    }
}

/// Which scrubs there are, oldest first.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Scrubs {
    last: u32,
    list: Vec<ScrubInfo>,
}

impl Vault {
    /// The newest version of a secret whose field has this very value; none where no version has.
    pub fn keeps(
        &self,
        profile: &ProfileName,
        name: &SecretName,
        field: &FieldName,
        value: &Value,
    ) -> Result<Option<u32>, VaultError> {
        let Some(info) = self.secret(profile, name)?.filter(|info| info.removed_ms.is_none())
        else {
            return Ok(None);
        };
        let numbers: Vec<u32> = info.versions.iter().rev().map(|version| version.number).collect();
        for number in numbers {
            if self.open_fields(info.clone(), number)?.field(field) == Some(value) {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// The scrubs that can be undone, oldest first.
    pub fn scrubs(&self) -> Result<Vec<ScrubInfo>, VaultError> {
        Ok(self.scrub_list()?.list)
    }

    /// Seals files as they are before a scrub, which is logged by this. Nothing may be taken out of
    /// them before it returns.
    pub fn record_scrub(
        &mut self,
        who: &Who,
        files: &[Original<'_>],
        secrets: &[(ProfileName, SecretName)],
    ) -> Result<Recorded, VaultError> {
        let total: u64 = files.iter().map(|file| file.bytes.len() as u64).sum();
        if total > MAX_UNDO || files.len() > MAX_SCRUBBED_FILES {
            return Err(VaultError::Limit(format!(
                "a scrub of more than {MAX_SCRUBBED_FILES} files or {MAX_UNDO} bytes cannot be undone"
            )));
        }
        let mut scrubs = self.scrub_list()?;
        let mut changes = Vec::new();
        let oldest = scrubs.list.drain(..scrubs.surplus(total));
        let oldest: Vec<ScrubInfo> = oldest.collect();
        oldest.iter().for_each(|info| changes.extend(self.without(info)));
        let forgotten = oldest.iter().map(|info| info.id).collect();
        scrubs.last += 1;
        let (id, mut listed) = (scrubs.last, Vec::with_capacity(files.len()));
        for (number, file) in (0..).zip(files) {
            // Not locked: the same bytes lie in a file, and large ones would push values out.
            let plain = LockedBytes::unlocked(Zeroizing::new(file.bytes.to_vec()));
            changes.push(Change {
                key: record_keys::original(&self.keys, id, number),
                plain: Some(plain),
            });
            let (path, mode, left) = (file.path.clone(), file.mode, file.left);
            listed.push(ScrubbedFile { number, path, mode, length: file.bytes.len() as u64, left });
        }
        let time_ms = self.clock.now_ms();
        scrubs.list.push(ScrubInfo { id, time_ms, files: listed, secrets: secrets.to_vec() });
        changes.push(self.list_change(&scrubs)?);
        let entry = who.entry(time_ms, Event::Scrub, Outcome::Ok, items(secrets));
        self.commit(&entry, &changes)?;
        failpoint::hit("scrub.sealed")?;
        Ok(Recorded { id, forgotten })
    }

    /// Opens the files of a scrub, after logging it: they are about to be put back.
    pub fn reveal_scrub(
        &mut self,
        who: &Who,
        info: &ScrubInfo,
    ) -> Result<Vec<(ScrubbedFile, Plain)>, VaultError> {
        let now = self.clock.now_ms();
        let entry = who.entry(now, Event::ScrubUndo, Outcome::Ok, items(&info.secrets));
        self.record(&entry)?;
        self.remember(false)?;
        let open = |file: &ScrubbedFile| Ok((file.clone(), self.original(info.id, file.number)?));
        info.files.iter().map(open).collect()
    }

    /// Forgets files of a scrub by their numbers, and the scrub with its last file. What led here
    /// was logged when they were recorded or revealed.
    pub fn forget_scrubbed(&mut self, id: u32, numbers: &[u32]) -> Result<(), VaultError> {
        let mut scrubs = self.scrub_list()?;
        let Some(at) = scrubs.list.iter().position(|info| info.id == id) else { return Ok(()) };
        let gone = |number: &u32| Change {
            key: record_keys::original(&self.keys, id, *number),
            plain: None,
        };
        let mut changes: Vec<Change> = numbers.iter().map(gone).collect();
        scrubs.list[at].files.retain(|file| !numbers.contains(&file.number));
        if scrubs.list[at].files.is_empty() {
            scrubs.list.remove(at);
        }
        changes.push(self.list_change(&scrubs)?);
        failpoint::hit("scrub.forget")?;
        self.ledger.commit(&self.keys, &changes)?;
        self.remember(false)
    }

    /// What forgets every scrub that took values of this secret out of files, and their numbers.
    pub(super) fn scrubs_without(
        &self,
        profile: &ProfileName,
        name: &SecretName,
    ) -> Result<(Vec<Change>, Vec<u32>), VaultError> {
        let mut scrubs = self.scrub_list()?;
        let holds = |info: &ScrubInfo| info.secrets.iter().any(|(p, n)| (p, n) == (profile, name));
        let (gone, kept): (Vec<_>, Vec<_>) = scrubs.list.drain(..).partition(holds);
        if gone.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let mut changes: Vec<Change> = gone.iter().flat_map(|info| self.without(info)).collect();
        scrubs.list = kept;
        changes.push(self.list_change(&scrubs)?);
        Ok((changes, gone.iter().map(|info| info.id).collect()))
    }

    /// The scrubs with the files that they keep, opened one by one. It logs nothing, so it goes
    /// nowhere but into another store.
    pub(super) fn undo_pieces(
        &self,
    ) -> Result<impl Iterator<Item = Result<UndoPiece, VaultError>> + '_, VaultError> {
        let scrubs = self.scrub_list()?;
        let file = |info: &ScrubInfo| {
            let id = info.id;
            let numbers = info.files.iter().map(move |file| (id, file.number));
            numbers.collect::<Vec<_>>()
        };
        let files: Vec<(u32, u32)> = scrubs.list.iter().flat_map(file).collect();
        let originals = files.into_iter().map(|(id, number)| {
            Ok(UndoPiece(Kept::Original(id, number, self.original(id, number)?)))
        });
        let list = (scrubs.last > 0).then_some(Ok(UndoPiece(Kept::List(scrubs))));
        Ok(list.into_iter().chain(originals))
    }

    fn original(&self, id: u32, number: u32) -> Result<Plain, VaultError> {
        let plain = self.ledger.read(&self.keys, &record_keys::original(&self.keys, id, number))?;
        plain.ok_or_else(|| VaultError::Damaged(format!("a file of scrub {id} is missing")))
    }

    fn without(&self, info: &ScrubInfo) -> Vec<Change> {
        let key = |file: &ScrubbedFile| record_keys::original(&self.keys, info.id, file.number);
        info.files.iter().map(|file| Change { key: key(file), plain: None }).collect()
    }

    fn scrub_list(&self) -> Result<Scrubs, VaultError> {
        match self.ledger.read(&self.keys, &record_keys::scrubs(&self.keys))? {
            Some(plain) => Ok(codec::decode(&plain)?),
            None => Ok(Scrubs::default()),
        }
    }

    fn list_change(&self, scrubs: &Scrubs) -> Result<Change, VaultError> {
        Ok(Change { key: record_keys::scrubs(&self.keys), plain: Some(codec::encode(scrubs)?) })
    }
}

impl Scrubs {
    /// How many of the oldest scrubs have to go for one more of so many bytes.
    fn surplus(&self, bytes: u64) -> usize {
        let sizes = |info: &ScrubInfo| info.files.iter().map(|file| file.length).sum::<u64>();
        let (mut kept, mut total) = (0, bytes);
        for info in self.list.iter().rev().take(MAX_SCRUBS - 1) {
            total += sizes(info);
            if total > MAX_UNDO {
                break;
            }
            kept += 1;
        }
        self.list.len() - kept
    }
}

fn items(secrets: &[(ProfileName, SecretName)]) -> Vec<Item> {
    let item = |(profile, name): &(ProfileName, SecretName)| Item {
        profile: profile.to_string(),
        secret: name.to_string(),
        version: 0,
    };
    secrets.iter().map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_scrubs_make_room() {
        let scrubs = |sizes: &[u64]| {
            let file =
                |length| ScrubbedFile { number: 0, path: Vec::new(), mode: 0, length, left: None };
            let info = |length: &u64| ScrubInfo {
                id: 1,
                time_ms: 0,
                files: vec![file(*length)],
                secrets: Vec::new(),
            };
            Scrubs { last: 1, list: sizes.iter().map(info).collect() }
        };
        let half = MAX_UNDO / 2;
        for (sizes, bytes, surplus) in [
            (&[][..], MAX_UNDO, 0),
            (&[1; MAX_SCRUBS - 1], 1, 0),
            (&[1; MAX_SCRUBS], 1, 1),
            (&[half, half], 0, 0),
            (&[half, half], 1, 1),
            (&[1, half, 1], half, 2),
            (&[1, 1], MAX_UNDO, 2),
        ] {
            assert_eq!(scrubs(sizes).surplus(bytes), surplus, "{sizes:?} {bytes}");
        }
    }
}
