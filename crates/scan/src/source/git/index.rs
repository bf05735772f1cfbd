//! Reads the index.

use std::path::Path;

use gix::index::File;
use gix::index::decode::Options;
use gix::index::file::init::OpenError;

use super::error::{said, shown};
use super::{GitError, Repository};

impl Repository {
    /// Reads the index; none where the repository has none yet.
    ///
    /// Its checksum is not looked at, as git itself does not: it costs more than all the rest. What
    /// cannot be decoded is an error.
    pub(super) fn read_index(&self) -> Result<Option<File>, GitError> {
        let path = self.index.clone().unwrap_or_else(|| self.repo.index_path());
        read(&path, self.repo.object_hash())
    }
}

/// Reads the index at a path.
pub(super) fn read(path: &Path, hash: gix::hash::Kind) -> Result<Option<File>, GitError> {
    let options = Options { thread_limit: Some(1), ..Options::default() };
    match File::at(path, hash, true, options) {
        Ok(file) => Ok(Some(file)),
        Err(error) => {
            let absent = error.downcast_any_ref::<OpenError>().is_some_and(|error| {
                error.path == path && error.source.kind() == std::io::ErrorKind::NotFound
            });
            if absent {
                return Ok(None);
            }
            Err(GitError::Index { path: shown(path), why: said(&error) })
        }
    }
}
