//! What the use case finds out for the checks where they cannot look themselves: leaks by the
//! scanner, the vault's own word, OpenClaw's own audit.

use std::collections::BTreeMap;

use clawvault_core::domain::Setting;

use super::verdict::Suppression;

/// Where a secret lies in clear.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum LeakPlace {
    /// OpenClaw's configuration, its environment files, its stores of credentials.
    Config,
    /// An old copy of one.
    OldCopy,
    /// A system prompt.
    Prompt,
    /// Any other file of a workspace: code, notes.
    Code,
    /// A conversation, or a log.
    Transcript,
    /// A history of commands.
    History,
    /// A unit of systemd, or a file that gives one its environment.
    Unit,
    /// The environment of a running process.
    Environment,
}

/// A secret that lies in clear.
#[derive(Clone, Debug)]
pub struct Leak {
    /// Where.
    pub place: LeakPlace,
    /// The file and line, or the process.
    pub at: String,
    /// What kind of secret; never its value.
    pub what: String,
}

/// What the scanner found.
#[derive(Clone, Debug, Default)]
pub struct Leaks {
    /// The findings.
    pub found: Vec<Leak>,
    /// How many texts were looked at.
    pub texts: u64,
    /// Why not all of it was looked at, where it was not.
    pub cut: Option<String>,
}

/// A secret of the vault.
#[derive(Clone, Debug, Default)]
pub struct Key {
    /// Its profile.
    pub profile: String,
    /// Its name.
    pub name: String,
    /// Who issued it, where that is known.
    pub vendor: Option<String>,
    /// Whether it administers others.
    pub admin: bool,
    /// Whether a program gets it as a variable.
    pub injected: bool,
    /// When its current version came in, in seconds since 1970-01-01 UTC.
    pub created: i64,
    /// When it was last handed out, the same way; none where the log has nothing.
    pub used: Option<i64>,
    /// Equal where two secrets are the same.
    pub fingerprint: [u8; 16],
    /// After how many days it is due by its rule; none: never.
    pub due_days: Option<i64>,
    /// Whether a rule limits what it may cost.
    pub limited: bool,
    /// Whether its vendor charges by use.
    pub metered: bool,
    /// Whether it can be revoked from here: a recipe, or steps for a person.
    pub revocable: bool,
}

/// What an open vault tells.
#[derive(Clone, Debug, Default)]
pub struct VaultWord {
    /// Its secrets.
    pub keys: Vec<Key>,
    /// Findings that the policy says are lived with, by the id of the check.
    pub suppressions: BTreeMap<String, Suppression>,
    /// The policy document as settings.
    pub policy: Setting,
    /// The last backup that it knows of: when, in seconds since 1970-01-01 UTC, and where.
    pub backup: Option<(i64, String)>,
    /// When each event of the log last went well, by its word.
    pub events: Vec<(String, i64)>,
    /// The time of the oldest entry of the log that is kept.
    pub log_since: Option<i64>,
    /// What was found wrong with the log, where something was.
    pub log_fault: Option<String>,
    /// Requests that it refused in the last 30 days.
    pub refusals: u64,
    /// What suddenly costs more; none where nobody read what keys cost.
    pub spikes: Option<Vec<String>>,
    /// When the daemon, or `audit --notify`, last audited everything, in seconds since 1970-01-01 UTC.
    pub audited: Option<i64>,
    /// When an alert last arrived somewhere, in seconds since 1970-01-01 UTC.
    pub alerted: Option<i64>,
    /// Whether it can be opened by a key that is kept elsewhere.
    pub recovery: bool,
}

impl VaultWord {
    /// When an event last went well.
    pub fn last(&self, event: &str) -> Option<i64> {
        self.events.iter().find(|(word, _)| word == event).map(|(_, time)| *time)
    }
}

/// A finding of `openclaw security audit`.
#[derive(Clone, Debug)]
pub struct OwnFinding {
    /// Its check: `gateway.bind_no_auth`.
    pub check: String,
    /// `critical`, `warn` or `info`.
    pub severity: String,
    /// What it says.
    pub title: String,
    /// What it advises.
    pub remedy: String,
}
