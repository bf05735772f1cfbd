//! The blobs of an object database, each scanned once.

use gix::ObjectId;
use gix::objs::Kind;

use super::error::said;
use super::{GitError, MAX_BLOB};
use crate::engine::{Hit, Scanner, Text};
use crate::source::{Progress, Summary};

/// Which blobs are scanned.
pub enum Wanted {
    /// All there are.
    All,
}

/// Which blobs were scanned before.
pub trait Seen {}

/// What was found in blobs.
#[derive(Default)]
pub struct Blobs {
    /// The blobs that hold something, and what.
    pub hits: Vec<(ObjectId, Vec<Hit>)>,
    /// What was read.
    pub summary: Summary,
}

/// Scans the blobs of a repository.
pub fn scan(
    repo: &gix::Repository,
    _wanted: Wanted,
    scanner: &Scanner<'_>,
    _seen: Option<&dyn Seen>,
    progress: &dyn Progress,
) -> Result<Blobs, GitError> {
    let mut blobs = Blobs::default();
    let all =
        repo.objects.iter().map_err(|error| GitError::broken(repo.git_dir(), said(&error)))?;
    let mut ids: Vec<ObjectId> = all.filter_map(Result::ok).collect();
    ids.sort_unstable();
    ids.dedup();
    progress.expect(ids.len() as u64);
    for id in ids {
        match repo.find_object(id) {
            Ok(object) if object.kind == Kind::Blob && object.data.len() as u64 <= MAX_BLOB => {
                let hits = scanner.scan(Text { name: b"", bytes: &object.data });
                blobs.summary.texts += 1;
                blobs.summary.bytes += object.data.len() as u64;
                if !hits.is_empty() {
                    blobs.hits.push((id, hits));
                }
            }
            Ok(_) => {}
            Err(error) => blobs.summary.unreadable.push((id.to_string(), said(&error))),
        }
    }
    Ok(blobs)
}
