//! Changing secrets: new values, removal, going back. Every change is one commit, logged first.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::auditlog::Entry;
use crate::crypto::Keys;
use crate::domain::limits::{MAX_FIELDS, MAX_INDEX, MAX_VARIABLES, MAX_VERSIONS};
use crate::domain::{
    Event, FieldName, Injection, Outcome, ProfileName, SecretInfo, SecretName, Stage, Value,
    VersionInfo, goes_on_unlogged,
};
use crate::platform::failpoint;
use crate::store::{Change, Plain, StoreError};

use super::codec::{self, Index};
use super::epoch::store_name;
use super::trace::item;
use super::{Vault, VaultError, Who};

/// A value to store.
#[derive(Clone, Debug)]
pub struct Put {
    /// Profile of the secret.
    pub profile: ProfileName,
    /// Name of the secret.
    pub name: SecretName,
    /// Id of the vendor, where one is known.
    pub vendor: Option<String>,
    /// Where `run` puts it; `None` leaves that as it is.
    pub injections: Option<Vec<Injection>>,
    /// True to add to the injections and fields that are there, false to replace them.
    pub add: bool,
    /// True for a credential that administers others.
    pub admin: bool,
    /// The new fields.
    pub fields: Vec<(FieldName, Value)>,
}

/// What storing a value did, or would do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PutOutcome {
    /// A secret that was not there, or had been removed.
    Created,
    /// The value is the same, where it is injected is not.
    Relabelled,
    /// Everything is as it was.
    Unchanged,
    /// Another value: a new version.
    Updated,
}

/// A value stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Profile of the secret.
    pub profile: ProfileName,
    /// Name of the secret.
    pub name: SecretName,
    /// Its current version now.
    pub version: u32,
    /// What happened.
    pub outcome: PutOutcome,
}

/// A put that was thought through: the secret as it will be, and the sealed fields if new.
struct Plan {
    info: SecretInfo,
    fields: Option<Plain>,
    dropped: Vec<u32>,
    outcome: PutOutcome,
}

impl Vault {
    /// Says what [`Vault::put`] would do, without doing it.
    pub fn plan(&self, puts: &[Put]) -> Result<Vec<Stored>, VaultError> {
        Ok(self.plans(puts)?.iter().map(stored).collect())
    }

    /// Stores values: all of them in one commit, or none.
    pub fn put(
        &mut self,
        who: &Who,
        event: Event,
        puts: &[Put],
    ) -> Result<Vec<Stored>, VaultError> {
        let plans = self.plans(puts)?;
        let outcome = plans.iter().map(stored).collect();
        let plans: Vec<Plan> =
            plans.into_iter().filter(|plan| plan.outcome != PutOutcome::Unchanged).collect();
        if plans.is_empty() {
            return Ok(outcome);
        }
        let infos: Vec<&SecretInfo> = plans.iter().map(|plan| &plan.info).collect();
        let mut changes = self.index_changes(&infos)?;
        let current = |info: &SecretInfo| info.current().map_or(0, |v| v.number);
        let items = infos.iter().map(|info| item(info, current(info))).collect();
        for plan in plans {
            let key = self.secret_key(&plan.info.profile, &plan.info.name);
            let number = current(&plan.info);
            changes.push(Change { key, plain: Some(codec::encode(&plan.info)?) });
            if let Some(fields) = plan.fields {
                changes.push(Change { key: key.version(number), plain: Some(fields) });
            }
            let drop = |number: u32| Change { key: key.version(number), plain: None };
            changes.extend(plan.dropped.into_iter().map(drop));
        }
        let entry = who.entry(self.clock.now_ms(), event, Outcome::Ok, items);
        self.commit(&entry, &changes)?;
        Ok(outcome)
    }

    /// Hides a secret: nothing hands it out any more, its versions stay until they are purged.
    pub fn remove(
        &mut self,
        who: &Who,
        profile: &ProfileName,
        name: &SecretName,
    ) -> Result<(), VaultError> {
        let mut info = self.existing(profile, name)?;
        if info.removed_ms.is_some() {
            return Err(no_such(profile, name));
        }
        info.removed_ms = Some(self.clock.now_ms());
        self.write_info(who, Event::Remove, &info)
    }

    /// Removes a secret and all its versions for good, and every scrub that could put a value of it
    /// back; gives the numbers of those scrubs. Snapshots hold them a while longer.
    pub fn purge(
        &mut self,
        who: &Who,
        profile: &ProfileName,
        name: &SecretName,
    ) -> Result<Vec<u32>, VaultError> {
        let mut info = self.existing(profile, name)?;
        info.removed_ms = Some(self.clock.now_ms());
        let mut changes = self.index_changes(&[&info])?;
        let key = self.secret_key(profile, name);
        let numbers = info.versions.iter().map(|v| key.version(v.number));
        changes.extend([key].into_iter().chain(numbers).map(|key| Change { key, plain: None }));
        let (undo, scrubs) = self.scrubs_without(profile, name)?;
        changes.extend(undo);
        let items = vec![item(&info, 0)];
        let entry = who.entry(self.clock.now_ms(), Event::Purge, Outcome::Ok, items);
        self.commit(&entry, &changes)?;
        Ok(scrubs)
    }

    /// Makes an earlier version current again: the named one, or the one before the current.
    /// A removed secret comes back.
    pub fn roll_back(
        &mut self,
        who: &Who,
        profile: &ProfileName,
        name: &SecretName,
        to: Option<u32>,
    ) -> Result<u32, VaultError> {
        let mut info = self.existing(profile, name)?;
        let was_removed = info.removed_ms.take().is_some();
        let current = info.current().map(|v| v.number);
        let target = match to {
            Some(number) => info.version(number).map(|v| v.number),
            None if was_removed => current,
            None => {
                info.versions.iter().rev().find(|v| v.stage == Stage::Previous).map(|v| v.number)
            }
        };
        let target = target.ok_or_else(|| {
            let kind = if to.is_some() { "such" } else { "earlier" };
            VaultError::NoSuch(format!("{kind} version of {name} in profile {profile}"))
        })?;
        if Some(target) == current && !was_removed {
            return Err(VaultError::Limit(format!(
                "version {target} of {name} is current already"
            )));
        }
        for version in &mut info.versions {
            version.stage = match version.stage {
                _ if version.number == target => Stage::Current,
                Stage::Current => Stage::Previous,
                Stage::Previous => Stage::Retired,
                other => other,
            };
        }
        self.write_info(who, Event::Rollback, &info)?;
        Ok(target)
    }

    /// Logs, commits, anchors. On any error but [`VaultError::Unanchored`] nothing changed, and the
    /// log says that it failed. A removal goes on without the log, and takes the reserved space.
    pub(super) fn commit(&mut self, entry: &Entry, changes: &[Change]) -> Result<(), VaultError> {
        failpoint::hit("change.log")?;
        self.record_or_go_on(entry)?;
        failpoint::hit("change.commit")?;
        if let Err(error) = self.store(&entry.event, changes) {
            let failed = Entry { outcome: Outcome::Failed, ..entry.clone() };
            self.record(&failed).ok();
            return Err(error.into());
        }
        // Not synced: after a power cut an older anchor still lets this newer store pass.
        let passed = failpoint::hit("change.anchor").map_err(VaultError::from);
        passed.and_then(|()| self.remember(false)).map_err(|error| match error {
            VaultError::Platform(error) => VaultError::Unanchored(error),
            other => other,
        })
    }

    fn store(&mut self, event: &str, changes: &[Change]) -> Result<(), StoreError> {
        match self.ledger.commit(&self.keys, changes) {
            Err(StoreError::Engine { .. }) if goes_on_unlogged(event) && self.give_up_reserve() => {
                // After a refusal of the system the engine takes nothing until it is opened anew.
                self.ledger.store_mut().reopen(&self.home, &store_name(self.header.epoch))?;
                self.ledger.commit(&self.keys, changes).map(drop)
            }
            other => other.map(drop),
        }
    }

    fn write_info(&mut self, who: &Who, event: Event, info: &SecretInfo) -> Result<(), VaultError> {
        let mut changes = self.index_changes(&[info])?;
        let key = self.secret_key(&info.profile, &info.name);
        changes.push(Change { key, plain: Some(codec::encode(info)?) });
        let items = vec![item(info, info.current().map_or(0, |v| v.number))];
        let entry = who.entry(self.clock.now_ms(), event, Outcome::Ok, items);
        self.commit(&entry, &changes)
    }

    fn existing(&self, profile: &ProfileName, name: &SecretName) -> Result<SecretInfo, VaultError> {
        self.secret(profile, name)?.ok_or_else(|| no_such(profile, name))
    }

    fn plans(&self, puts: &[Put]) -> Result<Vec<Plan>, VaultError> {
        let mut seen = HashSet::new();
        let mut plans = Vec::with_capacity(puts.len());
        for put in puts {
            if !seen.insert((&put.profile, &put.name)) {
                return Err(VaultError::Limit(format!("{} is given twice", put.name)));
            }
            plans.push(self.plan_one(put)?);
        }
        Ok(plans)
    }

    fn plan_one(&self, put: &Put) -> Result<Plan, VaultError> {
        let existing = self.secret(&put.profile, &put.name)?;
        let before = existing.clone();
        let mut info = existing.unwrap_or_else(|| SecretInfo {
            profile: put.profile.clone(),
            name: put.name.clone(),
            vendor: None,
            injections: Vec::new(),
            admin: false,
            created_ms: self.clock.now_ms(),
            removed_ms: None,
            versions: Vec::new(),
        });
        let was_gone = before.is_none() || info.removed_ms.take().is_some();
        info.vendor = put.vendor.clone().or(info.vendor);
        info.admin |= put.admin;
        relabel(&mut info, put);
        let fields = self.merged_fields(&info, put)?;
        check_bounds(&info, &fields)?;
        let fingerprint = fingerprint(&self.keys, &fields);
        let same = info.current().is_some_and(|v| v.fingerprint == fingerprint);
        if same {
            let unchanged = before.as_ref() == Some(&info);
            let outcome = match (was_gone, unchanged) {
                (true, _) => PutOutcome::Created,
                (false, true) => PutOutcome::Unchanged,
                (false, false) => PutOutcome::Relabelled,
            };
            return Ok(Plan { info, fields: None, dropped: Vec::new(), outcome });
        }
        let dropped = self.add_version(&mut info, &fields, fingerprint);
        let outcome = if was_gone { PutOutcome::Created } else { PutOutcome::Updated };
        Ok(Plan { info, fields: Some(codec::encode_fields(&fields)?), dropped, outcome })
    }

    /// The put's fields, and beside them the current ones that it does not name.
    fn merged_fields(
        &self,
        info: &SecretInfo,
        put: &Put,
    ) -> Result<Vec<(FieldName, Value)>, VaultError> {
        let mut fields: BTreeMap<FieldName, Value> = BTreeMap::new();
        let others = |v: &&VersionInfo| {
            put.add && v.fields.iter().any(|(name, _)| put.fields.iter().all(|(n, _)| n != name))
        };
        if let Some(current) = info.current().filter(others) {
            fields.extend(self.open_fields(info.clone(), current.number)?.fields);
        }
        fields.extend(put.fields.iter().cloned());
        Ok(fields.into_iter().collect())
    }

    /// Adds a version as the current one; gives the numbers of those that fall out of the history.
    fn add_version(
        &self,
        info: &mut SecretInfo,
        fields: &[(FieldName, Value)],
        fingerprint: [u8; 16],
    ) -> Vec<u32> {
        for version in &mut info.versions {
            version.stage = match version.stage {
                Stage::Current => Stage::Previous,
                Stage::Previous => Stage::Retired,
                other => other,
            };
        }
        let number = info.versions.last().map_or(0, |v| v.number) + 1;
        let fields = lengths(fields);
        let (stage, created_ms) = (Stage::Current, self.clock.now_ms());
        info.versions.push(VersionInfo { number, stage, created_ms, fields, fingerprint });
        let surplus = info.versions.len().saturating_sub(MAX_VERSIONS);
        info.versions.drain(..surplus).map(|v| v.number).collect()
    }

    /// What changes in the profiles' indexes once these secrets are as given.
    fn index_changes(&self, infos: &[&SecretInfo]) -> Result<Vec<Change>, VaultError> {
        let profiles: BTreeSet<&ProfileName> = infos.iter().map(|info| &info.profile).collect();
        let mut changes = Vec::new();
        for profile in profiles {
            let key = self.index_key(profile);
            let before = match self.ledger.read(&self.keys, &key)? {
                Some(plain) => codec::decode(&plain)?,
                None => Index::Names(Vec::new()),
            };
            let Index::Names(names) = &before else { continue };
            let mut names: BTreeSet<SecretName> = names.iter().cloned().collect();
            for info in infos.iter().filter(|info| info.profile == *profile) {
                if codec::is_injectable(info) {
                    names.insert(info.name.clone());
                } else {
                    names.remove(&info.name);
                }
            }
            let after = if names.len() > MAX_INDEX {
                Index::TooMany
            } else {
                Index::Names(names.into_iter().collect())
            };
            if after != before {
                changes.push(Change { key, plain: Some(codec::encode(&after)?) });
            }
        }
        Ok(changes)
    }
}

/// Keyed digest of a version's fields.
pub(super) fn fingerprint(keys: &Keys, fields: &[(FieldName, Value)]) -> [u8; 16] {
    let parts: Vec<&[u8]> =
        fields.iter().flat_map(|(n, v)| [n.as_str().as_bytes(), v.expose()]).collect();
    let digest = keys.fingerprint(&parts);
    let mut short = [0; 16];
    short.copy_from_slice(&digest.0[..16]);
    short
}

/// A version's fields as its secret lists them: names, and lengths of the values.
pub(super) fn lengths(fields: &[(FieldName, Value)]) -> Vec<(FieldName, u32)> {
    let length = |value: &Value| u32::try_from(value.len()).unwrap_or(u32::MAX);
    fields.iter().map(|(n, v)| (n.clone(), length(v))).collect()
}

fn relabel(info: &mut SecretInfo, put: &Put) {
    let Some(wanted) = &put.injections else { return };
    let mut all: BTreeSet<Injection> = wanted.iter().cloned().collect();
    if put.add {
        all.extend(info.injections.iter().cloned());
    }
    info.injections = all.into_iter().collect();
}

pub(super) fn check_bounds(
    info: &SecretInfo,
    fields: &[(FieldName, Value)],
) -> Result<(), VaultError> {
    if fields.len() > MAX_FIELDS {
        return Err(VaultError::Limit(format!("{} has more than {MAX_FIELDS} fields", info.name)));
    }
    if info.injections.len() > MAX_VARIABLES {
        let text = format!("{} has more than {MAX_VARIABLES} variables", info.name);
        return Err(VaultError::Limit(text));
    }
    Ok(())
}

fn stored(plan: &Plan) -> Stored {
    Stored {
        profile: plan.info.profile.clone(),
        name: plan.info.name.clone(),
        version: plan.info.current().map_or(0, |v| v.number),
        outcome: plan.outcome,
    }
}

fn no_such(profile: &ProfileName, name: &SecretName) -> VaultError {
    VaultError::NoSuch(format!("secret {name} in profile {profile}"))
}
