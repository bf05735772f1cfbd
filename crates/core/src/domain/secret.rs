//! A secret as everyone but a launched process sees it: names, stages, ages. Never a value.

use serde::{Deserialize, Serialize};

use super::{FieldName, ProfileName, SecretName, Value, Variable};

/// Where a version stands in its life.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Made, not proven yet.
    Pending,
    /// Handed out.
    Current,
    /// The one before; still valid at the vendor.
    Previous,
    /// Kept for the record.
    Retired,
}

impl Stage {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Current => "current",
            Self::Previous => "previous",
            Self::Retired => "retired",
        }
    }
}

/// One version without its fields' values.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct VersionInfo {
    /// Counts from 1 and is never given twice.
    pub number: u32,
    /// Where it stands.
    pub stage: Stage,
    /// When it came in, in milliseconds since 1970.
    pub created_ms: i64,
    /// Its fields, and the length of each value in bytes.
    pub fields: Vec<(FieldName, u32)>,
    /// Keyed digest of the fields: tells equal from different without opening them.
    pub fingerprint: [u8; 16],
}

/// An environment variable and the field that fills it.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Injection {
    /// The variable.
    pub variable: Variable,
    /// The field whose value it gets.
    pub field: FieldName,
}

/// A secret without its values.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SecretInfo {
    /// First half of its key.
    pub profile: ProfileName,
    /// Second half of its key.
    pub name: SecretName,
    /// Id of the vendor who issued it, where one is known.
    pub vendor: Option<String>,
    /// Where `run` puts it.
    pub injections: Vec<Injection>,
    /// True for a credential that administers others: never injected.
    pub admin: bool,
    /// When the secret was first stored, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was removed, where it was.
    pub removed_ms: Option<i64>,
    /// Every version kept, oldest first.
    pub versions: Vec<VersionInfo>,
}

impl SecretInfo {
    /// The version that is handed out.
    pub fn current(&self) -> Option<&VersionInfo> {
        self.versions.iter().find(|v| v.stage == Stage::Current)
    }

    /// The version of that number.
    pub fn version(&self, number: u32) -> Option<&VersionInfo> {
        self.versions.iter().find(|v| v.number == number)
    }
}

/// The opened fields of one version.
#[derive(Clone, Debug)]
pub struct Revealed {
    /// The secret they belong to.
    pub info: SecretInfo,
    /// Which version.
    pub version: u32,
    /// Name and value of each field.
    pub fields: Vec<(FieldName, Value)>,
}

impl Revealed {
    /// The value of one field.
    pub fn field(&self, name: &FieldName) -> Option<&Value> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }
}
