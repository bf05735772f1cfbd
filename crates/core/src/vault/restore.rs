//! Making a vault of a backup: the same id and key slots, a new vault key, every version.
//!
//! What opened the vault before opens it again, because the new key is wrapped for the same public
//! halves. Its generation is above all that the backup, and an anchor on this machine, have seen.

use std::collections::{BTreeMap, BTreeSet};

use crate::crypto::{CryptoError, Keys, VaultKey};
use crate::domain::limits::MAX_INDEX;
use crate::domain::{Event, ProfileName, SecretInfo, SecretName};
use crate::platform::{Clock, Dir};
use crate::store::{Change, Ledger};

use super::backup::{Backup, Saved};
use super::codec::{self, Index};
use super::header::{Header, Slot, id_of};
use super::{
    BackupError, Place, Vault, VaultError, Who, anchor, index_key, policy_key, secret_key,
};

/// What a restore changes in a vault.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Difference {
    /// Secrets that only the backup has.
    pub added: Vec<(ProfileName, SecretName)>,
    /// Secrets that both have, with other versions, stages or variables.
    pub changed: Vec<(ProfileName, SecretName)>,
    /// Secrets that only the vault has.
    pub gone: Vec<(ProfileName, SecretName)>,
    /// True where the policy is another.
    pub policy: bool,
}

impl Vault {
    /// Makes a vault of a backup in an empty home; one with traces of a vault is not touched.
    pub fn restore(
        place: &Place,
        backup: &Backup,
        who: &Who,
        clock: Box<dyn Clock>,
    ) -> Result<Self, VaultError> {
        let claimed = super::open::prepare(place)?;
        let id = id_of(&backup.vault).ok_or(BackupError::Foreign("its vault has no id"))?;
        let key = VaultKey::generate()?;
        let keys = key.derive();
        let mut header = Header::new(&id, &keys);
        header.slots = renewed(backup, &key)?;
        let seen = Dir::create(&place.state)?.create_dir(&header.vault)?;
        let above = backup.generation.max(anchor::claimed_generation(&seen)?);
        let fill = |ledger: &mut Ledger<_>, keys: &Keys| {
            ledger.commit_above(keys, above, content(keys, backup))?;
            Ok(())
        };
        let mut vault =
            Self::found(place, claimed, (header, keys), fill, (Event::Restore, who), clock)?;
        vault.note_backup(backup.written_ms);
        Ok(vault)
    }

    /// What restoring the backup over this vault changes.
    pub fn difference(&self, backup: &Backup) -> Result<Difference, VaultError> {
        let key = |info: &SecretInfo| (info.profile.clone(), info.name.clone());
        let here = self.secrets()?;
        let mut before: BTreeMap<_, _> = here.into_iter().map(|info| (key(&info), info)).collect();
        let mut difference = Difference::default();
        for saved in &backup.secrets {
            let info = with_fingerprints(&self.keys, saved);
            match before.remove(&key(&info)) {
                None => difference.added.push(key(&info)),
                Some(there) if there != info => difference.changed.push(key(&info)),
                Some(_) => {}
            }
        }
        difference.gone = before.into_keys().collect();
        difference.policy = self.policy_text()? != backup.policy;
        Ok(difference)
    }

    /// Reads every record back: true where the vault holds the backup, all of it and no more.
    pub fn holds(&self, backup: &Backup) -> Result<bool, VaultError> {
        self.check()?;
        for Saved { info, values } in &backup.secrets {
            for (version, fields) in info.versions.iter().zip(values) {
                let found = self.secret(&info.profile, &info.name)?;
                let Some(found) = found.filter(|f| f.version(version.number).is_some()) else {
                    return Ok(false);
                };
                if self.open_fields(found, version.number)?.fields != *fields {
                    return Ok(false);
                }
            }
        }
        Ok(self.difference(backup)? == Difference::default())
    }
}

/// The backup's slots for a new vault key.
pub(super) fn renewed(backup: &Backup, key: &VaultKey) -> Result<Vec<Slot>, CryptoError> {
    backup.slots.iter().map(|slot| Slot::renewed(slot, key)).collect()
}

/// Everything in the backup as records for a vault of these keys.
pub(super) fn content<'a>(
    keys: &'a Keys,
    backup: &'a Backup,
) -> impl Iterator<Item = Result<Change, VaultError>> + 'a {
    let secrets = backup.secrets.iter().flat_map(move |saved| {
        let info = with_fingerprints(keys, saved);
        let key = secret_key(keys, &info.profile, &info.name);
        let versions = info.versions.iter().map(|version| key.version(version.number));
        let versions = versions.collect::<Vec<_>>().into_iter().zip(&saved.values);
        let versions = versions
            .map(|(key, fields)| Ok(Change { key, plain: Some(codec::encode_fields(fields)?) }));
        let info = codec::encode(&info).map_err(VaultError::from);
        std::iter::once(info.map(|plain| Change { key, plain: Some(plain) })).chain(versions)
    });
    let indexes = indexes(backup).into_iter().map(move |(profile, index)| {
        let key = index_key(keys, profile);
        Ok(Change { key, plain: Some(codec::encode(&index)?) })
    });
    let policy = (!backup.policy.is_empty())
        .then(|| Ok(Change { key: policy_key(keys), plain: Some(codec::encode(&backup.policy)?) }));
    secrets.chain(indexes).chain(policy)
}

fn indexes(backup: &Backup) -> BTreeMap<&ProfileName, Index> {
    let mut names: BTreeMap<&ProfileName, BTreeSet<&SecretName>> = BTreeMap::new();
    for saved in backup.secrets.iter().filter(|saved| codec::is_injectable(&saved.info)) {
        names.entry(&saved.info.profile).or_default().insert(&saved.info.name);
    }
    let index = |names: BTreeSet<&SecretName>| match names.len() {
        0..=MAX_INDEX => Index::Names(names.into_iter().cloned().collect()),
        _ => Index::TooMany,
    };
    names.into_iter().map(|(profile, names)| (profile, index(names))).collect()
}

fn with_fingerprints(keys: &Keys, saved: &Saved) -> SecretInfo {
    let mut info = saved.info.clone();
    for (version, fields) in info.versions.iter_mut().zip(&saved.values) {
        version.fingerprint = super::change::fingerprint(keys, fields);
    }
    info
}
