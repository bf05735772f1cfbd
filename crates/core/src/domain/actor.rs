//! Who did something, what it was, and how it ended: the words of the audit log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The process that asked.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Actor {
    /// Its user, from the kernel.
    pub uid: u32,
    /// Its number.
    pub pid: u32,
    /// Its executable.
    pub executable: String,
    /// Which file that was.
    pub file: Option<FileIdentity>,
    /// Short name of the process that started it.
    pub parent: String,
    /// Number of that process.
    pub parent_pid: u32,
    /// Its executable; empty where it may not be seen.
    pub parent_executable: String,
    /// Which file that was.
    pub parent_file: Option<FileIdentity>,
}

/// A file told apart from every other, and from itself once it was written to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct FileIdentity {
    /// Device that it lies on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// Length in bytes.
    pub size: u64,
    /// Last change of its content, in nanoseconds since 1970.
    pub modified: i64,
    /// Last change of anything about it, in nanoseconds since 1970.
    pub changed: i64,
}

/// A program that is launched.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Program {
    /// Its path.
    pub path: String,
    /// Which file that is.
    pub file: Option<FileIdentity>,
}

/// What was asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// What waits for receivers of alerts changed.
    Alert,
    /// An older vault was accepted in place of a newer one.
    AcceptRollback,
    /// All values were written to an encrypted backup.
    Backup,
    /// Values were written to a document.
    Export,
    /// A value was shown.
    Get,
    /// The versions of a secret were listed.
    History,
    /// Values came in from documents.
    Import,
    /// The vault was made.
    Init,
    /// Names of secrets were listed.
    List,
    /// The daemon closed the vault and forgot its key.
    Lock,
    /// The log before this entry is missing or altered.
    LogDamaged,
    /// The anchor was missing or invalid and was written anew.
    AnchorLost,
    /// Secrets are handed out to no program, or are again.
    Pause,
    /// The policy document was replaced.
    Policy,
    /// The policy document was read.
    PolicyShow,
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
    /// Values went to OpenClaw's resolver.
    Resolve,
    /// The vault was made from a backup.
    Restore,
    /// Old segments of the log were removed, as the policy says.
    Retention,
    /// An earlier version became current again.
    Rollback,
    /// Values went into a launched process.
    Run,
    /// A key was replaced at its vendor, or a step on the way there was made.
    Rotate,
    /// A key was revoked at its vendor, or a step on the way there was made.
    Revoke,
    /// The revocation of every key was rehearsed; none was touched.
    RevokeDrill,
    /// Values were sought in files or in a repository.
    Scan,
    /// Values were taken out of the files that they were imported from.
    Scrub,
    /// What a scrub had taken out was put back.
    ScrubUndo,
    /// A segment of the log was closed, and a new one begun.
    Segment,
    /// Figures of vendors came in.
    Spend,
    /// A value was set.
    Set,
    /// A secret was looked at, without its value.
    Show,
    /// The daemon opened the vault, or it did not open.
    Unlock,
    /// A vendor was asked whether it accepts a key.
    Verify,
}

impl Event {
    /// The word that the log shows; it never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::AcceptRollback => "accept-rollback",
            Self::Backup => "backup",
            Self::Export => "export",
            Self::Get => "get",
            Self::History => "history",
            Self::Import => "import",
            Self::Init => "init",
            Self::List => "list",
            Self::Lock => "lock",
            Self::LogDamaged => "log-damaged",
            Self::AnchorLost => "anchor-lost",
            Self::Pause => "pause",
            Self::Policy => "policy",
            Self::PolicyShow => "policy-show",
            Self::Purge => "purge",
            Self::RecipientAdd => "recipient-add",
            Self::RecipientRemove => "recipient-remove",
            Self::Rekey => "rekey",
            Self::Remove => "remove",
            Self::Repair => "repair",
            Self::Resolve => "resolve",
            Self::Restore => "restore",
            Self::Retention => "retention",
            Self::Rollback => "rollback",
            Self::Rotate => "rotate",
            Self::Revoke => "revoke",
            Self::RevokeDrill => "revoke-drill",
            Self::Run => "run",
            Self::Scan => "scan",
            Self::Scrub => "scrub",
            Self::ScrubUndo => "scrub-undo",
            Self::Segment => "segment",
            Self::Spend => "spend",
            Self::Set => "set",
            Self::Show => "show",
            Self::Unlock => "unlock",
            Self::Verify => "verify",
        }
    }
}

/// True for what goes on although the log cannot be written: it takes power away, or ends what was
/// begun at a vendor, and a full disk must not keep a key alive. The entry is then written elsewhere,
/// and into the log later.
pub fn goes_on_unlogged(event: &str) -> bool {
    [Event::Purge, Event::Remove, Event::Revoke, Event::Rotate]
        .iter()
        .any(|spared| spared.as_str() == event)
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
