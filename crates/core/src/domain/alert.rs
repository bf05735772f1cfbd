//! What somebody should be told of: events of every part of the house, without any value.

use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertKind {
    /// A share of a limit is spent.
    Limit,
    /// At this pace a limit is reached before its time is over.
    Forecast,
    /// An hour costs far more than the same hour usually does.
    Spike,
    /// A vendor's figures could not be had for a while.
    NoReadings,
    /// A rotation failed.
    RotationFailed,
    /// A key is older than its schedule allows.
    RotationOverdue,
    /// A vendor refuses a key that is in use.
    KeyDead,
    /// A key was found where it must not be.
    LeakFound,
    /// The audit log is not in order.
    LogBroken,
    /// Many requests were refused within a short time.
    ManyRefusals,
    /// The last backup is old, or there is none.
    BackupOld,
    /// The daemon has been locked for long.
    LockedLong,
    /// An executable used a secret that never did before.
    NewExecutable,
    /// Somebody tries whether alerts arrive.
    Test,
    /// The hardening audit found what the one before did not.
    AuditWorse,
    /// How a hardening audit went.
    AuditReport,
    /// A key is to be replaced, and only a person can do it.
    RotationDue,
    /// A rotation waits for a run that holds the old key.
    RotationWaits,
}

impl AlertKind {
    /// Its word; it never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Forecast => "forecast",
            Self::Spike => "spike",
            Self::NoReadings => "no-readings",
            Self::RotationFailed => "rotation-failed",
            Self::RotationOverdue => "rotation-overdue",
            Self::KeyDead => "key-dead",
            Self::LeakFound => "leak-found",
            Self::LogBroken => "log-broken",
            Self::ManyRefusals => "many-refusals",
            Self::BackupOld => "backup-old",
            Self::LockedLong => "locked-long",
            Self::NewExecutable => "new-executable",
            Self::Test => "test",
            Self::AuditWorse => "audit-worse",
            Self::AuditReport => "audit-report",
            Self::RotationDue => "rotation-due",
            Self::RotationWaits => "rotation-waits",
        }
    }
}

/// How much it matters.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    #[default]
    Info,
    /// Somebody should look at it today.
    Warning,
    /// Somebody has to act: it is told in quiet hours, too.
    Critical,
}

impl Severity {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One event.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AlertEvent {
    /// The same for the same event, however often it is noticed: what it is about decides it.
    pub id: String,
    /// What happened.
    pub kind: AlertKind,
    /// How much it matters.
    pub severity: Severity,
    /// When it was noticed, in milliseconds since 1970.
    pub time_ms: i64,
    /// What it is about: the name of a secret, an agent, a vendor; empty where it is about the vault.
    pub subject: String,
    /// One sentence for people. Never a value, nor a piece of one.
    pub text: String,
}

impl AlertEvent {
    /// An event that is the same one as every other about the same subject and `which` (a stretch of
    /// time, an entry of the log).
    pub fn new(
        kind: AlertKind,
        severity: Severity,
        time_ms: i64,
        subject: impl Into<String>,
        which: &str,
        text: impl Into<String>,
    ) -> Self {
        let subject = subject.into();
        let mut hasher = blake3::Hasher::new_derive_key("clawvault 2026-11-30 v1 alert id");
        for part in [kind.as_str(), &subject, which] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        let mut id = [0; 16];
        hasher.finalize_xof().fill(&mut id);
        Self { id: super::hex(&id), kind, severity, time_ms, subject, text: text.into() }
    }
}
