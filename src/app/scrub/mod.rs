//! Takes values out of the files that they were imported from, once the vault has them for sure.
//!
//! A plan says file by file what goes and what stays, and why. Carrying it out asks the vault once
//! more for every value, seals the files as they are, and only then replaces them, one by one.

mod carry_out;
mod keeper;
mod link;
mod plan;
mod undo;

use std::collections::BTreeSet;

use clawvault_core::domain::{FieldName, Found, SecretName, Value, Variable};
use clawvault_core::platform::HeldFile;
use zeroize::Zeroizing;

use super::Plaintext;

pub use carry_out::Scrubbed;
pub use link::LinkPlan;
pub use undo::{PutBack, Undone};

/// A value that an import took, and what it is called now.
#[derive(Debug)]
pub struct Taken {
    /// The value, and where it was found.
    pub found: Found,
    /// Name of its secret.
    pub name: SecretName,
    /// Its field.
    pub field: FieldName,
    /// The variable that the import gave it.
    pub variable: Option<Variable>,
}

/// What a scrub is going to do.
#[derive(Default)]
pub struct ScrubPlan {
    /// The files that change.
    pub files: Vec<PlannedFile>,
    /// Values that stay where they are, each with why and what to do.
    pub left: Vec<Plaintext>,
    /// What a person should know before agreeing, in whole sentences.
    pub warnings: Vec<String>,
}

/// One file that a scrub changes.
pub struct PlannedFile {
    /// The file as the source calls it.
    pub shown: String,
    /// What goes.
    pub removals: Vec<Removal>,
    held: HeldFile,
    /// The new bytes; none where the file goes as a whole.
    result: Option<Zeroizing<Vec<u8>>>,
    /// What the vault must have for this.
    proofs: Vec<Proof>,
}

/// One value that goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Removal {
    /// Line, where there are lines.
    pub line: Option<u32>,
    /// What the place calls it.
    pub what: String,
    /// The secrets that keep it.
    pub secrets: BTreeSet<SecretName>,
    /// What stands there afterwards.
    pub then: Then,
}

/// What stands where a value stood.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Then {
    /// Nothing: the assignment is gone.
    Gone,
    /// This text.
    Text(String),
    /// A reference to the secret of this id.
    Reference(String),
    /// Nothing: the whole file is gone.
    FileGone,
}

/// A value, and the secret that must have it.
struct Proof {
    name: SecretName,
    field: FieldName,
    value: Value,
}

impl ScrubPlan {
    /// True where no file changes.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}
