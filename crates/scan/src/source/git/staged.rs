//! The staged change: what the index holds, which need not be what the work tree holds.

use gix::ObjectId;

use super::change::{Change, Comparison};
use super::{GitError, MAX_BLOB, Repository};
use crate::engine::{Hit, Scanner, Text};
use crate::finding::Finding;
use crate::source::{Outcome, Progress};

impl Repository {
    /// Scans what the index brings over HEAD: the whole new content of each file that is new or
    /// changed. A secret that HEAD holds at the same path already is not told: the commit does not
    /// bring it, and to scan history is how it is found.
    pub fn staged(
        &self,
        scanner: &Scanner<'_>,
        progress: &dyn Progress,
    ) -> Result<Outcome, GitError> {
        let mut outcome = Outcome::default();
        let Some(index) = self.read_index()? else {
            return Ok(outcome);
        };
        let mut tree = None;
        if let Some(head) = self.head() {
            tree =
                self.repo.find_commit(head).and_then(|commit| Ok(commit.tree_id()?.detach())).ok();
            outcome.summary.missing += u64::from(tree.is_none());
        }
        let Comparison { changes, skipped, missing, .. } =
            Comparison::new(&self.repo, &index, tree);
        outcome.summary.missing += missing;
        outcome.summary.skipped = skipped;
        progress.expect(changes.len() as u64);
        for change in &changes {
            if progress.stop() {
                return Err(GitError::Stopped);
            }
            let bytes = self.look(scanner, change, &mut outcome);
            progress.done(1, bytes);
        }
        Ok(outcome)
    }

    /// Scans one changed file; how many bytes it has.
    fn look(&self, scanner: &Scanner<'_>, change: &Change, outcome: &mut Outcome) -> u64 {
        let bytes = match self.blob(change.id) {
            Blob::Whole(bytes) => bytes,
            Blob::TooLarge => {
                *outcome.summary.skipped.entry("blobs that are too large").or_default() += 1;
                return 0;
            }
            Blob::Missing => {
                if self.is_partial() {
                    *outcome.summary.skipped.entry(PROMISED).or_default() += 1;
                } else {
                    outcome.summary.missing += 1;
                }
                return 0;
            }
            Blob::Unreadable(why) => {
                outcome.summary.unreadable.push((change.path.to_string(), why));
                return 0;
            }
        };
        outcome.summary.texts += 1;
        outcome.summary.bytes += bytes.len() as u64;
        let text = Text { name: &change.path, bytes: &bytes };
        let mut hits = scanner.scan(text);
        if !hits.is_empty() {
            let old = change.old.map(|old| self.blob(old));
            if let Some(Blob::Whole(old)) = old {
                let old = scanner.scan(Text { name: &change.path, bytes: &old });
                hits.retain(|hit| !old.iter().any(|old| is_same(old, hit)));
            }
        }
        outcome.findings.extend(Finding::all(scanner.rules, text, hits));
        bytes.len() as u64
    }

    /// Reads a blob.
    pub(super) fn blob(&self, id: ObjectId) -> Blob {
        match self.repo.try_find_header(id) {
            Ok(Some(header)) if header.size() > MAX_BLOB => return Blob::TooLarge,
            Ok(Some(header)) if !header.kind().is_blob() => {
                return Blob::Unreadable("it is no blob".to_owned());
            }
            Ok(Some(_)) => {}
            Ok(None) => return Blob::Missing,
            Err(error) => return Blob::Unreadable(super::error::said(&error)),
        }
        match self.repo.find_object(id) {
            Ok(object) => Blob::Whole(object.detach().data),
            Err(error) => Blob::Unreadable(super::error::said(&error)),
        }
    }
}

/// Why an object that a partial clone lacks is not scanned.
pub(super) const PROMISED: &str = "objects that a remote promised and has not sent";

/// What became of reading a blob.
pub(super) enum Blob {
    /// Its bytes.
    Whole(Vec<u8>),
    /// It has more than [`MAX_BLOB`] bytes.
    TooLarge,
    /// It is not there.
    Missing,
    /// It is there, and damaged in this way.
    Unreadable(String),
}

/// Whether two hits are of one secret.
fn is_same(one: &Hit, other: &Hit) -> bool {
    one.what == other.what && one.value == other.value
}
