//! Making a vault of a backup: the same id and key slots, a new vault key, every version.
//!
//! What opened the vault before opens it again, because the new key is wrapped for the same public
//! halves. Its generation is above all that the backup, and an anchor on this machine, have seen.

use std::collections::BTreeMap;

use crate::domain::{Event, ProfileName, SecretInfo, SecretName};
use crate::platform::{Clock, Dir};

use super::backup::{Backup, Saved};
use super::kept::KeptPiece;
use super::{Content, NewSlot, Origin, Place, Slot, Vault, VaultError, Who, anchor, change};

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
        let seen = Dir::create(&place.state)?.create_dir(&backup.vault)?;
        let generation = backup.generation.max(anchor::claimed_generation(&seen)?);
        let origin = Origin { vault: backup.vault.clone(), generation, event: Event::Restore };
        let slots: Vec<NewSlot> = backup.slots.iter().cloned().map(NewSlot::Saved).collect();
        let mut vault = Self::create_from(place, &origin, &slots, who, clock, contents(backup))?;
        vault.note_backup(backup.written_ms);
        Ok(vault)
    }

    /// Puts a backup in the place of what the vault holds and of what opens it, in one step.
    pub fn restore_over(&mut self, who: &Who, backup: &Backup) -> Result<(), VaultError> {
        let slots: Vec<Slot> = backup.slots.iter().map(Slot::unwrapped).collect();
        let next = self.prepare_epoch(&slots, backup.generation, contents(backup))?;
        let note = format!("a backup of generation {}", backup.generation);
        self.enter_epoch(who, Event::Restore, &note, next)?;
        self.note_backup(backup.written_ms);
        Ok(())
    }

    /// What restoring the backup over this vault changes.
    pub fn difference(&self, backup: &Backup) -> Result<Difference, VaultError> {
        let key = |info: &SecretInfo| (info.profile.clone(), info.name.clone());
        let here = self.secrets()?;
        let mut before: BTreeMap<_, _> = here.into_iter().map(|info| (key(&info), info)).collect();
        let mut difference = Difference::default();
        for saved in &backup.secrets {
            let info = self.with_fingerprints(saved);
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
        let beside = (self.lives_to_save()?, self.records_to_save()?);
        if self.difference(backup)? != Difference::default()
            || (&beside.0, &beside.1) != (&backup.lives, &backup.records)
        {
            return Ok(false);
        }
        for Saved { info, values } in &backup.secrets {
            for (version, fields) in info.versions.iter().zip(values) {
                if self.open_fields(info.clone(), version.number)?.fields != *fields {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The secret as it would be here.
    fn with_fingerprints(&self, saved: &Saved) -> SecretInfo {
        let mut info = saved.info.clone();
        for (version, fields) in info.versions.iter_mut().zip(&saved.values) {
            version.fingerprint = change::fingerprint(&self.keys, fields);
        }
        info
    }
}

fn contents(backup: &Backup) -> impl Iterator<Item = Result<Content, VaultError>> + '_ {
    let policy = (!backup.policy.is_empty()).then(|| Ok(Content::Policy(backup.policy.clone())));
    let secret = |saved: &Saved| Ok(Content::Secret(saved.info.clone(), saved.values.clone()));
    let lives = Some(&backup.lives).filter(|lives| !lives.is_empty());
    let lives = lives.map(|lives| Ok(Content::Lives(lives.clone())));
    let records = backup.records.iter().filter_map(KeptPiece::of_saved);
    let records = records.map(|piece| Ok(Content::Kept(piece)));
    policy.into_iter().chain(backup.secrets.iter().map(secret)).chain(lives).chain(records)
}
