//! The life of a secret's keys at its vendor, as the vault keeps it: what is known of each version
//! there, and what is under way. Never a value.

use serde::{Deserialize, Serialize};

use super::{ProfileName, SecretName};

/// Most finished rotations that are remembered for one secret.
const MAX_PAST: usize = 8;
/// Most ids of keys that are remembered for one secret.
const MAX_KEYS: usize = 40;

/// What is known of a secret beyond its versions.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Life {
    /// First half of the secret's key.
    pub profile: ProfileName,
    /// Second half.
    pub name: SecretName,
    /// Counts its changes: who writes it names the one that was read, so two never act at once.
    pub revision: u32,
    /// What the vendor calls the keys.
    pub keys: Vec<KeyInfo>,
    /// Versions that are handed out to nobody: they were revoked, or are about to be.
    pub blocked: Vec<u32>,
    /// The last attempt that ended without a new key, in milliseconds since 1970.
    pub failed_ms: Option<i64>,
    /// Vendor's names of keys whose values nobody has: to be removed there by a person.
    pub orphans: Vec<String>,
    /// What is under way.
    pub open: Option<Rotation>,
    /// What is over, newest last.
    pub past: Vec<Past>,
}

/// What the vendor calls one version.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct KeyInfo {
    /// The version; 0 for one that is stored in the same step.
    pub version: u32,
    /// The vendor's own id of it.
    pub key_id: Option<String>,
    /// When it ends by itself, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
}

/// What is wanted.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Aim {
    /// A new key in place of the old one.
    Replace,
    /// No key that the vendor accepts.
    Revoke,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing was sent yet.
    Planned,
    /// A person makes the key at the vendor's console and gives it to `rotations resume`.
    Awaiting,
    /// The call that creates may be on its way: what became of it is settled before another one.
    Creating,
    /// The new key is in the vault, pending.
    Stored,
    /// The vendor accepts the new key.
    Proven,
    /// The new key is current, the old one previous.
    Switched,
    /// Every sink knows; the old key lives on for the overlap, and while a run holds it.
    Deployed,
    /// The old key is being revoked.
    Revoking,
    /// The vendor refuses the old key.
    Revoked,
    /// The only key there was is gone: a call that replaces in place lost the new one.
    Lost,
}

impl State {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Awaiting => "awaiting",
            Self::Creating => "creating",
            Self::Stored => "stored",
            Self::Proven => "proven",
            Self::Switched => "switched",
            Self::Deployed => "deployed",
            Self::Revoking => "revoking",
            Self::Revoked => "revoked",
            Self::Lost => "lost",
        }
    }
}

/// The process that works on it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// Its start, in clock ticks since boot.
    pub started: u64,
}

/// A rotation or revocation under way.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Rotation {
    /// Names it for a person.
    pub id: String,
    /// What is wanted.
    pub aim: Aim,
    /// How far it is.
    pub state: State,
    /// The version that was current when it began.
    pub old: u32,
    /// The new version.
    pub new: Option<u32>,
    /// Versions that are still to be refused by the vendor.
    pub targets: Vec<u32>,
    /// The new key's name at the vendor; empty before the first call.
    pub label: String,
    /// When it began, in milliseconds since 1970.
    pub began_ms: i64,
    /// When it last came further.
    pub changed_ms: i64,
    /// Not before this is it worth to go on.
    pub next_ms: i64,
    /// Attempts at the present step that failed.
    pub attempts: u32,
    /// The process that works on it, or last did.
    pub holder: Option<Holder>,
    /// What stands in the way: our own words.
    pub trouble: Option<String>,
    /// True once a person said that the new key works where no call can tell.
    pub confirmed: bool,
    /// True where only a person can go on.
    pub needs_person: bool,
}

/// A rotation that is over.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Past {
    /// Its name.
    pub id: String,
    /// What was wanted.
    pub aim: Aim,
    /// How far it came.
    pub state: State,
    /// The versions before and after.
    pub old: u32,
    /// The new version, if there is one.
    pub new: Option<u32>,
    /// When it began and ended.
    pub began_ms: i64,
    /// When it ended.
    pub ended_ms: i64,
    /// Why it came no further, or what is not proven.
    pub note: Option<String>,
}

impl Life {
    /// Of a secret of which nothing is known yet.
    pub fn new(profile: ProfileName, name: SecretName) -> Self {
        Self {
            profile,
            name,
            revision: 0,
            keys: Vec::new(),
            blocked: Vec::new(),
            failed_ms: None,
            orphans: Vec::new(),
            open: None,
            past: Vec::new(),
        }
    }

    /// The vendor's id of a version.
    pub fn key_id(&self, version: u32) -> Option<&str> {
        self.keys.iter().find(|key| key.version == version)?.key_id.as_deref()
    }

    /// When a version ends by itself.
    pub fn expires_ms(&self, version: u32) -> Option<i64> {
        self.keys.iter().find(|key| key.version == version)?.expires_ms
    }

    /// Remembers what the vendor says of a version.
    pub fn know(&mut self, key: KeyInfo) {
        self.keys.retain(|known| known.version != key.version);
        self.keys.push(key);
        let surplus = self.keys.len().saturating_sub(MAX_KEYS);
        self.keys.drain(..surplus);
    }

    /// Ends what is under way.
    pub fn end(&mut self, state: State, now_ms: i64, note: Option<String>) {
        let Some(open) = self.open.take() else { return };
        self.past.push(Past {
            id: open.id,
            aim: open.aim,
            state,
            old: open.old,
            new: open.new,
            began_ms: open.began_ms,
            ended_ms: now_ms,
            note,
        });
        let surplus = self.past.len().saturating_sub(MAX_PAST);
        self.past.drain(..surplus);
    }
}
