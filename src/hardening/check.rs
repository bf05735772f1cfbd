//! One check: what it is, what it says.

use std::fmt;

use serde::Serialize;

use super::facts::{Facts, Family};
use super::host::Unseen;
use super::mend::Mend;

/// Part of the checklist; the first word of an id.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    /// The machine: logins, firewall, updates, kernel.
    Server,
    /// OpenClaw, its keys, tools and skills.
    Application,
    /// What is listened to, and what goes out.
    Network,
    /// Prompts, approvals, untrusted data, retention.
    Ai,
    /// Logs, alerts, backups, versions.
    Operations,
}

impl Area {
    /// All of them, in the order of the checklist.
    pub const ALL: [Self; 5] =
        [Self::Server, Self::Application, Self::Network, Self::Ai, Self::Operations];

    /// Its word in ids.
    pub fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Application => "application",
            Self::Network => "network",
            Self::Ai => "ai",
            Self::Operations => "operations",
        }
    }
}

/// How bad it is where a check fails.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Takes other faults to matter.
    Low,
    /// Makes an attack easier.
    Medium,
    /// Opens a way in, or gives secrets away to who is in.
    High,
    /// Open to anyone now.
    Critical,
}

impl Severity {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Pass,
    /// There is nothing here that it concerns.
    Na,
    /// It could not be looked at; the evidence says why.
    Unknown,
    /// Not as good as it could be, or only perhaps bad.
    Warn,
    /// Not as it should be.
    Fail,
}

impl Status {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Na => "na",
            Self::Unknown => "unknown",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// How to mend it, as commands for the distribution at hand.
#[derive(Clone, Copy, Debug)]
pub enum Fix {
    /// The same everywhere.
    All(&'static str),
    /// Debian and Ubuntu; RHEL and its kin.
    By {
        /// With apt, ufw, `/etc/default`.
        debian: &'static str,
        /// With dnf, firewalld, `/etc/sysconfig`.
        rhel: &'static str,
    },
}

impl Fix {
    /// The text for a distribution.
    pub fn text(self, family: Family) -> &'static str {
        match (self, family) {
            (Self::All(text), _) => text,
            (Self::By { rhel, .. }, Family::Rhel) => rhel,
            (Self::By { debian, .. }, _) => debian,
        }
    }
}

/// What a check saw.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// What was seen, on one line; never a value.
    pub evidence: String,
    /// A better fix than the check's own, where the place is known.
    pub fix: Option<String>,
    /// What `--fix` would do about it; none where it is not safe and reversible.
    pub mend: Option<Mend>,
}

impl Outcome {
    /// As it should be.
    pub fn pass(evidence: impl Into<String>) -> Self {
        Self::new(Status::Pass, evidence)
    }

    /// Not as good as it could be.
    pub fn warn(evidence: impl Into<String>) -> Self {
        Self::new(Status::Warn, evidence)
    }

    /// Not as it should be.
    pub fn fail(evidence: impl Into<String>) -> Self {
        Self::new(Status::Fail, evidence)
    }

    /// There is nothing here that it concerns.
    pub fn na(evidence: impl Into<String>) -> Self {
        Self::new(Status::Na, evidence)
    }

    /// It could not be looked at.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::new(Status::Unknown, why)
    }

    /// Pass where `good`, else fail.
    pub fn judge(good: bool, evidence: impl Into<String>) -> Self {
        if good { Self::pass(evidence) } else { Self::fail(evidence) }
    }

    /// Pass where nothing was `found`, else fail with what was found: the first few, and how many.
    pub fn none_of(found: &[String], good: impl Into<String>) -> Self {
        if found.is_empty() { Self::pass(good) } else { Self::fail(listed(found)) }
    }

    /// With the fix for this very place.
    #[must_use]
    pub fn with_fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    /// With what `--fix` would do.
    #[must_use]
    pub fn with_mend(self, mend: Mend) -> Self {
        Self { mend: Some(mend), ..self }
    }

    fn new(status: Status, evidence: impl Into<String>) -> Self {
        Self { status, evidence: evidence.into(), fix: None, mend: None }
    }
}

/// Most things that one evidence names.
const NAMED: usize = 8;

/// Things, separated by `; `: the first few, and how many more there are.
pub(super) fn listed(found: &[String]) -> String {
    let mut text = found.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    if found.len() > NAMED {
        text.push_str(&format!("; and {} more", found.len() - NAMED));
    }
    text
}

/// One line of the audit.
pub struct Check {
    /// `<area>.<subject>.<what>`; a contract.
    pub id: &'static str,
    /// How bad it is where it fails.
    pub severity: Severity,
    /// What should be, and why, in a sentence.
    pub title: &'static str,
    /// How to mend it.
    pub fix: Fix,
    /// Where to read on: a manual page, a document's address.
    pub reference: &'static str,
    /// Looks. What it cannot see ends it as `unknown`.
    pub look: fn(&Facts<'_>) -> Result<Outcome, Unseen>,
}

impl Check {
    /// The area, which is the first word of the id.
    pub fn area(&self) -> Area {
        let word = self.id.split('.').next().unwrap_or_default();
        // A test holds every id to this.
        Area::ALL.into_iter().find(|area| area.word() == word).unwrap_or(Area::Operations)
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

/// A check and what it saw.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The check.
    pub check: &'static Check,
    /// What it saw.
    pub outcome: Outcome,
    /// The fix for this host.
    pub fix: String,
    /// Who decided to live with it, where someone did.
    pub suppressed: Option<super::Suppressed>,
}
