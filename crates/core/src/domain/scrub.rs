//! What a scrub did to files outside the vault: enough to put them back, and no value.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{ProfileName, SecretName};

/// One file that a scrub changed or removed.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub struct ScrubbedFile {
    /// Number of the file within its scrub.
    pub number: u32,
    /// Its path, absolute and without links, as bytes.
    pub path: Vec<u8>,
    /// Its rights before the scrub.
    pub mode: u32,
    /// Its length before the scrub, in bytes.
    pub length: u64,
    /// Digest of what the scrub left there; none where it removed the file.
    pub left: Option<[u8; 32]>,
}

impl ScrubbedFile {
    /// Where the file is.
    pub fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.path))
    }
}

impl fmt::Debug for ScrubbedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScrubbedFile({}, {} bytes)", self.path().display(), self.length)
    }
}

/// A scrub whose files can be put back.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ScrubInfo {
    /// Counts from 1 and is never given twice.
    pub id: u32,
    /// When it was, in milliseconds since 1970.
    pub time_ms: i64,
    /// The files.
    pub files: Vec<ScrubbedFile>,
    /// The secrets whose values were taken out.
    pub secrets: Vec<(ProfileName, SecretName)>,
}
