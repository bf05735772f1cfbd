//! The staged change: what the index holds, which need not be what the work tree holds.

use gix::ObjectId;

use super::change::{Change, Comparison};
use super::damage::PROMISED;
use super::{GitError, MAX_BLOB, Repository};
use crate::engine::Scanner;
use crate::finding::Finding;
use crate::source::{Outcome, Progress, content};

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
        let mut comparison = Comparison::new(&self.repo);
        comparison.index(&index, tree);
        let Comparison { changes, skipped, missing, .. } = comparison;
        outcome.summary.missing += missing;
        outcome.summary.skipped = skipped;
        if self.has_foreign_refs() {
            outcome.summary.skipped.add(FOREIGN_HEAD, 1);
        }
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
    pub(super) fn look(
        &self,
        scanner: &Scanner<'_>,
        change: &Change,
        outcome: &mut Outcome,
    ) -> u64 {
        let bytes = match self.blob(change.id) {
            Blob::Whole(bytes) => bytes,
            Blob::TooLarge => {
                outcome.summary.skipped.add("blobs that are too large", 1);
                return 0;
            }
            Blob::Missing => {
                if self.is_partial() {
                    outcome.summary.skipped.add(PROMISED, 1);
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
        let length = bytes.len() as u64;
        let mut new = content::scan(scanner, &change.path, &bytes);
        if !new.findings.is_empty()
            && let Some(Blob::Whole(old)) = change.old.map(|old| self.blob(old))
        {
            let old = content::scan(scanner, &change.path, &old).findings;
            new.findings.retain(|finding| !old.iter().any(|old| is_same(old, finding)));
        }
        outcome.add(new);
        length
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

/// What is told where HEAD cannot be compared with.
const FOREIGN_HEAD: &str = "HEAD, in a form that is not read yet: all that is in the index counts";

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

/// Whether two findings are of one secret.
fn is_same(one: &Finding, other: &Finding) -> bool {
    one.rule == other.rule && one.known == other.known && one.value == other.value
}
