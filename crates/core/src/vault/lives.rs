//! The lives of keys at their vendors: one record for each secret, written together with what changes
//! about its versions, in one commit, or not at all.

use std::collections::BTreeMap;

use crate::auditlog::Item;
use crate::crypto::Signature;
use crate::domain::limits::MAX_VERSIONS;
use crate::domain::{
    Event, FieldName, Life, Outcome, ProfileName, SecretInfo, SecretName, Stage, Value, VersionInfo,
};
use crate::store::{Change, Kind};

use super::change::{check_bounds, fingerprint, lengths};
use super::{Vault, VaultError, Who, codec, record_keys};

/// A version that is handed out to nobody.
pub(super) type Blocked = (ProfileName, SecretName, u32);

/// One step in the life of a secret's keys.
#[derive(Clone, Debug)]
pub struct Step {
    /// The life as it will be, with the revision that was read.
    pub life: Life,
    /// What becomes of the versions.
    pub change: VersionChange,
}

/// What becomes of a secret's versions.
#[derive(Clone, Debug, Default)]
pub enum VersionChange {
    /// Nothing.
    #[default]
    None,
    /// A new one, pending; the rotation that is under way and the key of version 0 get its number.
    Pending(Vec<(FieldName, Value)>),
    /// These stages.
    Stages(Vec<(u32, Stage)>),
}

impl Vault {
    /// What is known of every secret's keys, sorted by profile and name.
    pub fn lives(&self) -> Result<Vec<Life>, VaultError> {
        let mut all: Vec<Life> = Vec::new();
        self.ledger.scan(&self.keys, Kind::Life, &mut |_, plain| {
            all.push(codec::decode(&plain)?);
            Ok(())
        })?;
        all.sort_unstable_by(|a, b| (&a.profile, &a.name).cmp(&(&b.profile, &b.name)));
        Ok(all)
    }

    /// What is known of one secret's keys.
    pub fn life(&self, profile: &ProfileName, name: &SecretName) -> Result<Life, VaultError> {
        let key = record_keys::life(&self.keys, profile, name);
        match self.ledger.read(&self.keys, &key)? {
            Some(plain) => Ok(codec::decode(&plain)?),
            None => Ok(Life::new(profile.clone(), name.clone())),
        }
    }

    /// Versions that are handed out to nobody.
    pub fn blocked(&self) -> Result<Vec<(ProfileName, SecretName, u32)>, VaultError> {
        match self.ledger.read(&self.keys, &record_keys::blocked(&self.keys))? {
            Some(plain) => Ok(codec::decode(&plain)?),
            None => Ok(Vec::new()),
        }
    }

    /// Logs that a report was made, of a revocation or of the rehearsal of one, and signs it with the
    /// audit key.
    ///
    /// # Errors
    /// Where the anchor cannot be written.
    pub fn attest(
        &mut self,
        who: &Who,
        drill: bool,
        report: &[u8],
    ) -> Result<Signature, VaultError> {
        let signature = self.keys.report_signer()?.sign(report);
        let event = if drill { Event::RevokeDrill } else { Event::Revoke };
        let mut entry = who.entry(self.clock.now_ms(), event, Outcome::Ok, Vec::new());
        entry.note = format!("report {}", crate::domain::hex(&signature.bytes[..8]));
        self.record_or_go_on(&entry)?;
        self.remember(false)?;
        Ok(signature)
    }

    /// The public half of the key that signs reports.
    ///
    /// # Errors
    /// Where the pair cannot be made.
    pub fn report_key(&self) -> Result<[u8; 32], VaultError> {
        Ok(self.keys.report_signer()?.public())
    }

    /// Makes steps, all in one commit or none; gives the lives as they are now.
    ///
    /// # Errors
    /// [`VaultError::Stale`] where somebody else made a step since a life was read.
    pub fn step(
        &mut self,
        who: &Who,
        event: Event,
        steps: Vec<Step>,
    ) -> Result<Vec<Life>, VaultError> {
        let (mut changes, mut items, mut lives) = (Vec::new(), Vec::new(), Vec::new());
        for Step { mut life, change } in steps {
            let now = self.life(&life.profile, &life.name)?;
            let twice =
                lives.iter().any(|l: &Life| l.profile == life.profile && l.name == life.name);
            if now.revision != life.revision || twice {
                return Err(VaultError::Stale(life.name.to_string()));
            }
            life.revision = now.revision.wrapping_add(1);
            let version = self.version_changes(&mut life, change, &mut changes)?;
            items.push(Item {
                profile: life.profile.to_string(),
                secret: life.name.to_string(),
                version,
            });
            let key = record_keys::life(&self.keys, &life.profile, &life.name);
            changes.push(Change { key, plain: Some(codec::encode(&life)?) });
            lives.push(life);
        }
        if lives.is_empty() {
            return Ok(lives);
        }
        changes.extend(self.blocked_change(&lives)?);
        let entry = who.entry(self.clock.now_ms(), event, Outcome::Ok, items);
        self.commit(&entry, &changes)?;
        Ok(lives)
    }

    /// What changes about the versions; gives the version that the log names.
    fn version_changes(
        &self,
        life: &mut Life,
        change: VersionChange,
        changes: &mut Vec<Change>,
    ) -> Result<u32, VaultError> {
        let key = self.secret_key(&life.profile, &life.name);
        let open = life.open.as_ref();
        let named = open.map_or(0, |open| open.new.unwrap_or(open.old));
        let mut info = match &change {
            VersionChange::None => return Ok(named),
            _ => self.secret(&life.profile, &life.name)?.ok_or_else(|| {
                VaultError::NoSuch(format!("secret {} in profile {}", life.name, life.profile))
            })?,
        };
        let named = match change {
            VersionChange::None => named,
            VersionChange::Pending(fields) => {
                check_bounds(&info, &fields)?;
                let number = info.versions.last().map_or(0, |v| v.number) + 1;
                info.versions.push(VersionInfo {
                    number,
                    stage: Stage::Pending,
                    created_ms: self.clock.now_ms(),
                    fields: lengths(&fields),
                    fingerprint: fingerprint(&self.keys, &fields),
                });
                let plain = Some(codec::encode_fields(&fields)?);
                changes.push(Change { key: key.version(number), plain });
                for dropped in surplus(&mut info) {
                    changes.push(Change { key: key.version(dropped), plain: None });
                }
                if let Some(open) = &mut life.open {
                    open.new = Some(number);
                }
                for known in life.keys.iter_mut().filter(|known| known.version == 0) {
                    known.version = number;
                }
                number
            }
            VersionChange::Stages(stages) => {
                for (number, stage) in stages {
                    for version in info.versions.iter_mut().filter(|v| v.number == number) {
                        version.stage = stage;
                    }
                }
                let current = info.versions.iter().filter(|v| v.stage == Stage::Current).count();
                if current > 1 {
                    let text = format!("{} would have two current versions", info.name);
                    return Err(VaultError::Limit(text));
                }
                named
            }
        };
        changes.push(Change { key, plain: Some(codec::encode(&info)?) });
        Ok(named)
    }

    /// The list of what is handed out to nobody, where these lives change it.
    fn blocked_change(&self, lives: &[Life]) -> Result<Option<Change>, VaultError> {
        let before = self.blocked()?;
        let touched: BTreeMap<_, _> =
            lives.iter().map(|life| ((&life.profile, &life.name), life)).collect();
        let others = |(profile, name, _): &&Blocked| !touched.contains_key(&(profile, name));
        let mut after: Vec<Blocked> = before.iter().filter(others).cloned().collect();
        after.extend(blocked_of(lives));
        after.sort_unstable();
        if after == before {
            return Ok(None);
        }
        let key = record_keys::blocked(&self.keys);
        Ok(Some(Change { key, plain: Some(codec::encode(&after)?) }))
    }
}

/// The oldest versions past the most that are kept; one that may be accepted somewhere stays longest.
fn surplus(info: &mut SecretInfo) -> Vec<u32> {
    let mut dropped = Vec::new();
    while info.versions.len() > MAX_VERSIONS {
        let spent = info.versions.iter().position(|v| v.stage == Stage::Retired).unwrap_or(0);
        dropped.push(info.versions.remove(spent).number);
    }
    dropped
}

/// What these lives say is handed out to nobody, sorted.
pub(super) fn blocked_of(lives: &[Life]) -> Vec<Blocked> {
    let of = |life: &Life| {
        let (profile, name) = (life.profile.clone(), life.name.clone());
        let one = move |version: &u32| (profile.clone(), name.clone(), *version);
        life.blocked.iter().map(one).collect::<Vec<_>>()
    };
    let mut all: Vec<Blocked> = lives.iter().flat_map(of).collect();
    all.sort_unstable();
    all
}
