//! What is not told: secrets that a comment on their line, or a file of ignores, allows.
//!
//! A file of ignores knows a secret by the hash of value and rule under the file's own key, so it
//! names neither the value nor a line, a path or a commit: whatever moves, it still holds. It may
//! lie in a hostile repository: it is bounded, and what it hides is counted by its name.

mod file;
mod paths;

use crate::finding::Finding;

pub use file::{IgnoreError, IgnoreFile, MAX_FILE, NAME};

/// What became of findings.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ignored {
    /// How many a comment on their line allows.
    pub by_marker: u64,
    /// How many each file of ignores allows, in the order of the files.
    pub by_file: Vec<u64>,
}

impl Ignored {
    /// How many are not told.
    pub fn total(&self) -> u64 {
        self.by_marker + self.by_file.iter().sum::<u64>()
    }
}

/// Takes out what is allowed. `relative` gives a path as the files' globs mean it.
pub fn remove(
    findings: &mut Vec<Finding>,
    markers: bool,
    files: &mut [&mut IgnoreFile],
    relative: &dyn Fn(&[u8]) -> Vec<u8>,
) -> Ignored {
    let mut ignored = Ignored { by_file: vec![0; files.len()], ..Ignored::default() };
    findings.retain(|finding| {
        let marker = finding.place.marker.as_ref().filter(|_| markers);
        if marker.is_some_and(|marker| marker.allows(&finding.rule)) {
            ignored.by_marker += 1;
            return false;
        }
        // Every file is asked: an entry that one file has is in use whatever another one says.
        let path = relative(&finding.place.path);
        let mut kept = true;
        for (file, count) in files.iter_mut().zip(&mut ignored.by_file) {
            if file.allows(finding, &path) {
                *count += u64::from(kept);
                kept = false;
            }
        }
        kept
    });
    ignored
}
