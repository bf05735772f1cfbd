//! Writing the audit log, and the anchor behind it.

use crate::auditlog::{
    AuditLog, Entry, Item, LogError, LogPoint, Read, Refusals, Scope, Verdict, defer, reserve,
    sentence, verify,
};
use crate::crypto::LogKeys;
use crate::domain::{Actor, Event, LogRules, Mirror, Outcome, Program, SecretInfo};
use crate::platform::{Dir, PlatformError};

use super::open::LOG;
use super::{Anchored, Vault, VaultError};

/// On whose behalf something is done.
#[derive(Clone, Debug, Default)]
pub struct Who {
    /// The process that asked.
    pub actor: Actor,
    /// The run that it is for, where there is one.
    pub run: Option<String>,
    /// The agent whose grant is used, where one is.
    pub agent: Option<String>,
    /// The program that is launched, where one is.
    pub program: Option<Program>,
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
        let (run, agent, program) = (self.run.clone(), self.agent.clone(), self.program.clone());
        Entry { run, agent, program, items, ..entry }
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
        let rules = self.log_rules();
        if self.log.is_full(rules.segment.0) {
            self.begin_segment(&entry.actor)?;
        }
        let point = self.log.append(entry, &self.keys)?;
        if let Some(mirror) = rules.mirror {
            // Who reads that log must not be able to stop the vault.
            self.sockets.send(mirror, point.count, entry).ok();
        }
        Ok(point)
    }

    /// Appends entries durably, all or none, with one sync.
    pub(super) fn record_all(&mut self, entries: &[Entry]) -> Result<(), LogError> {
        let rules = self.log_rules();
        let Some(first) = entries.first() else { return Ok(()) };
        if self.log.is_full(rules.segment.0) {
            self.begin_segment(&first.actor)?;
        }
        let point = self.log.append_all(entries, &self.keys)?;
        if let Some(mirror) = rules.mirror {
            let numbers = point.count.saturating_sub(entries.len() as u64) + 1..;
            for (number, entry) in numbers.zip(entries) {
                self.sockets.send(mirror, number, entry).ok();
            }
        }
        Ok(())
    }

    /// Appends an entry; for what takes power away, space is given up for it, and where it cannot
    /// be written all the same it is noted elsewhere and the matter goes on.
    pub(super) fn record_or_go_on(&mut self, entry: &Entry) -> Result<(), LogError> {
        let Err(first) = self.record(entry) else { return Ok(()) };
        if !crate::domain::goes_on_unlogged(&entry.event) {
            return Err(first);
        }
        if self.give_up_reserve() && self.record(entry).is_ok() {
            return Ok(());
        }
        let heard = self.sockets.send(Mirror::Journald, 0, entry).is_ok();
        let waits = match self.log.dir() {
            Ok(dir) => defer(dir, entry, &self.log_public()).is_ok(),
            Err(_) => false,
        };
        let place = match (heard, waits) {
            (true, true) => "the system's journal has this, and the log takes it in later",
            (true, false) => "the system's journal has this instead",
            (false, true) => "the log takes this in later",
            (false, false) => "this line is the only trace",
        };
        self.warnings.push(format!(
            "The audit log cannot be written ({first}); {place}: {}",
            sentence(entry)
        ));
        Ok(())
    }

    /// Frees the space that is kept for removals. False where there was none.
    pub(super) fn give_up_reserve(&self) -> bool {
        self.log.dir().is_ok_and(reserve::give_up)
    }

    /// Notes a refusal or failure; one that cannot be noted changes nothing about it. Of many of
    /// one kind within a minute, all but the first are only counted.
    pub fn note(&mut self, who: &Who, event: Event, outcome: Outcome, items: Vec<Item>) {
        let entry = who.entry(self.clock.now_ms(), event, outcome, items);
        let counts = self.log.dir().ok().and_then(Refusals::open);
        if let Some(mut counts) = counts {
            let due = counts.take_due(entry.time_ms);
            let admitted = counts.admits(&entry, self.asked_for(&entry));
            self.record_counts(&due, counts);
            if !admitted {
                return;
            }
        }
        if self.record(&entry).is_ok() {
            self.remember(false).ok();
        } else if let Ok(dir) = self.log.dir() {
            defer(dir, &entry, &self.log_public()).ok();
        }
    }

    /// Stands for the names that an entry is about, and tells none of them.
    fn asked_for(&self, entry: &Entry) -> [u8; 16] {
        let mut parts = vec![&b"asked for"[..], entry.agent.as_deref().unwrap_or("").as_bytes()];
        for item in &entry.items {
            parts.extend([item.profile.as_bytes(), item.secret.as_bytes()]);
        }
        let mut short = [0; 16];
        short.copy_from_slice(&self.keys.log(&parts).0[..16]);
        short
    }

    /// Writes entries that say how many refusals followed the first, then the other counts back.
    pub(super) fn record_counts(&mut self, due: &[Entry], counts: Refusals) {
        let mut lost = false;
        for entry in due {
            lost |= self.record(entry).is_err();
        }
        // Counts that could not be written down stay where they are.
        if !lost && let Ok(dir) = self.log.dir() {
            counts.save(dir).ok();
        }
    }

    /// Logs that names were read. Where that cannot be logged, a warning says so: values never
    /// leave like that, names do.
    pub fn witness(&mut self, who: &Who, event: Event, items: Vec<Item>) {
        let entry = who.entry(self.clock.now_ms(), event, Outcome::Ok, items);
        match self.record(&entry) {
            Ok(_) => drop(self.remember(false)),
            Err(error) => self.warnings.push(format!(
                "The audit log cannot be written, so it does not tell of this reading: {error}"
            )),
        }
    }

    /// Writes root and log head to the anchor.
    pub(super) fn remember(&mut self, durable: bool) -> Result<(), VaultError> {
        let now = Anchored { root: self.ledger.root_id(), log: self.log.point() };
        Ok(self.anchor.write(now, &self.keys, durable)?)
    }

    /// Checks the log against the anchored point, and against the further points of `scope`;
    /// `each` sees every entry in order and says whether to go on.
    pub fn verify_log(
        &self,
        mut scope: Scope,
        each: &mut dyn FnMut(&Read) -> bool,
    ) -> Result<Verdict, VaultError> {
        let dir = self.home.create_dir(LOG)?;
        let anchored = self.log.point();
        scope.points.insert(0, (anchored.count, anchored.head));
        Ok(verify(&dir, &self.log_readers()?, &scope, each)?)
    }

    /// The keys that read the log: those of every epoch, the current one's first.
    pub(super) fn log_readers(&self) -> Result<Vec<LogKeys>, VaultError> {
        let past = self.past_log_keys()?.into_iter().map(|(_, keys)| keys);
        Ok([self.keys.log_keys()].into_iter().chain(past).collect())
    }

    /// The `[log]` section of the policy; the usual rules where it cannot be read.
    pub(super) fn log_rules(&self) -> LogRules {
        let known = self.rules.get().copied();
        known.unwrap_or_else(|| match self.policy() {
            Ok(policy) => policy.log,
            Err(_) => *self.rules.get_or_init(LogRules::default),
        })
    }

    /// The header is authenticated, so its public half is the one that belongs to the key.
    fn log_public(&self) -> [u8; 32] {
        self.header.log_key().unwrap_or_else(|| self.keys.locked_entries().public())
    }
}

/// Logs that something was refused while the vault is closed.
pub fn note_closed(place: &super::Place, who: &Who, event: Event, now_ms: i64) {
    let Ok(home) = super::open::open_home(place) else { return };
    let header = home.read(super::open::HEADER, super::header::MAX_HEADER).ok().flatten();
    let header = header.and_then(|bytes| super::Header::parse(&bytes).ok());
    if let Some(public) = header.and_then(|header| header.log_key()) {
        record_locked(&home, &who.entry(now_ms, event, Outcome::Refused, Vec::new()), &public);
    }
}

/// Opens the log. One that the system refuses to open takes no entry, and so no value leaves; what
/// goes on without the log still does.
pub(super) fn open_log(
    home: &Dir,
    anchored: Option<LogPoint>,
) -> Result<(AuditLog, bool), VaultError> {
    let opened = home.create_dir(LOG).map_err(LogError::from);
    match opened.and_then(|dir| AuditLog::open(dir, anchored)) {
        // Without an anchor nothing would be known of where the log stands; and a caller must not be
        // able to read names unlogged by a limit that it sets.
        Err(LogError::Platform(error @ PlatformError::Io { .. }))
            if anchored.is_some() && !error.is_descriptor_limit() =>
        {
            Ok((AuditLog::unusable(&error, anchored), false))
        }
        Err(LogError::Platform(error)) => Err(error.into()),
        other => Ok(other?),
    }
}

/// Logs that the vault did not open. Its keys are not at hand, so the entry waits until they are;
/// the system's journal gets it where it cannot even wait.
pub(super) fn record_locked(home: &Dir, entry: &Entry, public: &[u8; 32]) {
    let Ok(dir) = home.create_dir(LOG) else { return };
    let mut entries = vec![entry.clone()];
    if let Some(mut counts) = Refusals::open(&dir) {
        entries = counts.take_due(entry.time_ms);
        if counts.admits(entry, [0; 16]) {
            entries.push(entry.clone());
        }
        counts.save(&dir).ok();
    }
    for entry in entries {
        if defer(&dir, &entry, public).is_err() {
            crate::auditlog::Sockets::default().send(Mirror::Journald, 0, &entry).ok();
        }
    }
}
