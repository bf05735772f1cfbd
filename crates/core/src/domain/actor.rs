//! Who did something, what it was, and how it ended: the words of the audit log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The process that asked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Actor {
    /// Its user, from the kernel.
    pub uid: u32,
    /// Its number.
    pub pid: u32,
    /// Its executable.
    pub executable: String,
    /// Short name of the process that started it.
    pub parent: String,
}

/// What was asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// An older vault was accepted in place of a newer one.
    AcceptRollback,
    /// Values were written to a document.
    Export,
    /// A value was shown.
    Get,
    /// Values came in from documents.
    Import,
    /// The vault was made.
    Init,
    /// The log before this entry is missing or altered.
    LogDamaged,
    /// The anchor was missing or invalid and was written anew.
    AnchorLost,
    /// The policy document was replaced.
    Policy,
    /// A secret was removed for good.
    Purge,
    /// A key slot was added.
    RecipientAdd,
    /// A key slot was removed, and the vault key replaced.
    RecipientRemove,
    /// The vault key was replaced.
    Rekey,
    /// A secret was hidden.
    Remove,
    /// The store was rebuilt from a snapshot.
    Repair,
    /// An earlier version became current again.
    Rollback,
    /// Values went into a launched process.
    Run,
    /// Values were taken out of the files that they were imported from.
    Scrub,
    /// What a scrub had taken out was put back.
    ScrubUndo,
    /// A value was set.
    Set,
    /// The vault did not open.
    Unlock,
}

impl Event {
    /// The word that the log shows; it never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AcceptRollback => "accept-rollback",
            Self::Export => "export",
            Self::Get => "get",
            Self::Import => "import",
            Self::Init => "init",
            Self::LogDamaged => "log-damaged",
            Self::AnchorLost => "anchor-lost",
            Self::Policy => "policy",
            Self::Purge => "purge",
            Self::RecipientAdd => "recipient-add",
            Self::RecipientRemove => "recipient-remove",
            Self::Rekey => "rekey",
            Self::Remove => "remove",
            Self::Repair => "repair",
            Self::Rollback => "rollback",
            Self::Run => "run",
            Self::Scrub => "scrub",
            Self::ScrubUndo => "scrub-undo",
            Self::Set => "set",
            Self::Unlock => "unlock",
        }
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Outcome {
    /// It was done, or was about to be: the entry is written before a value leaves.
    Ok,
    /// A rule forbade it.
    Refused,
    /// It was tried and failed.
    Failed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
        })
    }
}
