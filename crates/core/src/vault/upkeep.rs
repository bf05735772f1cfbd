//! Putting the audit log in order: what waits comes in, segments end, old ones go, space is
//! reserved, digests are learnt. Done by commands that nobody waits for, and never by a launch.

use crate::auditlog::{Digests, Entry, LogError, Refusals, Removed, Sockets, reserve};
use crate::domain::{Actor, Event, Outcome};

use super::{Vault, VaultError, Who};

impl Vault {
    /// Puts the log in order. What does not succeed is a warning.
    pub fn tend_log(&mut self, who: &Who) {
        // A log that cannot be used was told of where it was to be written.
        if self.log.dir().is_ok()
            && let Err(error) = self.tend(who)
        {
            self.warnings.push(format!("The audit log is not put in order: {error}"));
        }
    }

    fn tend(&mut self, who: &Who) -> Result<(), VaultError> {
        let before = self.log.point();
        self.log.fold_pending(&self.log_readers()?)?;
        if let Some(mut counts) = Refusals::open_due(self.log.dir()?) {
            let due = counts.take_due(self.clock.now_ms());
            if !due.is_empty() {
                self.record_counts(&due, counts);
            }
        }
        if !reserve::keep(self.log.dir()?).map_err(LogError::from)? {
            let what = "The disk is nearly full: no space is reserved to log and store a removal.";
            self.warnings.push(what.to_owned());
        }
        if self.log.is_old(&self.log_readers()?, self.clock.now_ms())? {
            self.begin_segment(&who.actor)?;
        }
        if let Some(keep) = self.log_rules().keep {
            self.retain(who, self.clock.now_ms().saturating_sub(keep.as_ms()))?;
        }
        if self.log.point() != before {
            self.remember(false)?;
        }
        self.learn_digests(&who.actor)
    }

    /// Closes the segment that takes entries, and begins a new one.
    pub(super) fn begin_segment(&mut self, actor: &Actor) -> Result<(), LogError> {
        let now = self.clock.now_ms();
        let entry = Entry::new(now, Event::Segment, Outcome::Ok, actor.clone());
        // Without the keys of earlier epochs the segment is closed all the same.
        let readers = self.log_readers().unwrap_or_else(|_| vec![self.keys.log_keys()]);
        self.log.turn_over(entry, &self.keys, &readers)
    }

    fn retain(&mut self, who: &Who, before_ms: i64) -> Result<(), VaultError> {
        let readers = self.log_readers()?;
        if !self.log.has_segment_before(&readers, before_ms)? {
            return Ok(());
        }
        // The anchor must not point into what goes.
        self.remember(true)?;
        let now = self.clock.now_ms();
        let announce = |removed: Removed| {
            let entry = who.entry(now, Event::Retention, Outcome::Ok, Vec::new());
            Entry { removed: Some(removed), ..entry }
        };
        self.log.retain(before_ms, &self.keys, &readers, &announce)?;
        Ok(())
    }

    /// Digests of executables, as far as they are known.
    pub fn digests(&self) -> Digests {
        self.log.dir().map(|dir| Digests::load(dir, &self.keys)).unwrap_or_default()
    }

    /// Keeps what was learnt about executables.
    pub fn keep_digests(&self, digests: Digests) -> Result<(), VaultError> {
        Ok(digests.save(self.log.dir()?, &self.keys)?)
    }

    fn learn_digests(&self, actor: &Actor) -> Result<(), VaultError> {
        let mut digests = self.digests();
        let seen =
            [(&actor.executable, &actor.file), (&actor.parent_executable, &actor.parent_file)];
        for (path, file) in seen {
            if let Some(file) = file {
                digests.of(path, file);
            }
        }
        self.keep_digests(digests)
    }

    /// Where the logs of the system listen, if elsewhere than usual.
    pub fn use_sockets(&mut self, sockets: Sockets) {
        self.sockets = sockets;
    }
}
