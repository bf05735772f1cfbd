//! Writing the audit log, and the anchor behind it.

use crate::auditlog::{AuditLog, Entry, Item, LogError, LogPoint, Read, Verdict, verify};
use crate::crypto::Digest;
use crate::domain::{Actor, Event, Outcome, SecretInfo};

use super::{Anchored, Vault, VaultError};

/// On whose behalf something is done.
#[derive(Clone, Debug)]
pub struct Who {
    /// The process that asked.
    pub actor: Actor,
    /// The run that it is for, where there is one.
    pub run: Option<String>,
    /// The agent whose grant is used, where one is.
    pub agent: Option<String>,
}

impl Who {
    /// An entry of this actor that touches `items`.
    pub(super) fn entry(
        &self,
        time_ms: i64,
        event: Event,
        outcome: Outcome,
        items: Vec<Item>,
    ) -> Entry {
        let entry = Entry::new(time_ms, event, outcome, self.actor.clone());
        Entry { run: self.run.clone(), agent: self.agent.clone(), items, ..entry }
    }
}

/// The item for a version of a secret.
pub(super) fn item(info: &SecretInfo, version: u32) -> Item {
    let (profile, secret) = (info.profile.to_string(), info.name.to_string());
    Item { profile, secret, version }
}

impl Vault {
    /// Appends an entry durably. What it announces must not happen where this fails.
    pub(super) fn record(&mut self, entry: &Entry) -> Result<LogPoint, LogError> {
        // The header is authenticated, so its public half is the one that belongs to the key.
        let public = self.header.log_key().unwrap_or_else(|| self.keys.locked_entries().public());
        self.log.append(entry, &public, Some(&self.keys))
    }

    /// Notes a refusal or failure; one that cannot be noted changes nothing about it.
    pub fn note(&mut self, who: &Who, event: Event, outcome: Outcome, items: Vec<Item>) {
        let entry = who.entry(self.clock.now_ms(), event, outcome, items);
        if self.record(&entry).is_ok() {
            self.remember(false).ok();
        }
    }

    /// Writes root and log head to the anchor.
    pub(super) fn remember(&mut self, durable: bool) -> Result<(), VaultError> {
        let now = Anchored { root: self.ledger.root_id(), log: self.log.point() };
        Ok(self.anchor.write(now, &self.keys, durable)?)
    }

    /// Checks the whole log against the anchored point, and against a head (number of entries,
    /// hash) that was kept elsewhere; `each` sees every entry in order.
    pub fn verify_log(
        &self,
        kept: Option<(u64, Digest)>,
        each: &mut dyn FnMut(&Read),
    ) -> Result<Verdict, VaultError> {
        let dir = self.home.create_dir(super::open::LOG)?;
        let mut keys = vec![self.keys.log_keys()];
        keys.extend(self.past_log_keys()?.into_iter().map(|(_, keys)| keys));
        let anchored = self.log.point();
        let points = [Some((anchored.count, anchored.head)), kept];
        let points: Vec<(u64, Digest)> = points.into_iter().flatten().collect();
        Ok(verify(&dir, &keys, &points, each)?)
    }
}

/// Logs that the vault did not open; its keys are not at hand, so the entry carries no proof.
pub(super) fn record_locked(log: &mut AuditLog, entry: &Entry, public: &[u8; 32]) {
    log.append(entry, public, None).ok();
}
