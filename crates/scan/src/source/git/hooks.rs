//! Where git looks for the hooks of a repository.

use std::path::PathBuf;

use gix::open::{Options, Permissions};

use super::error::said;
use super::{GitError, Repository};

impl Repository {
    /// The directory that git looks for hooks in, which need not exist: what `core.hooksPath` says,
    /// in the repository's configuration or in the user's, else the repository's own.
    ///
    /// For this alone the user's configuration is read, and what it includes, as git reads them: a
    /// hook in another place would never be called. Nothing is executed for it.
    pub fn hooks(&self) -> Result<PathBuf, GitError> {
        let directory = self.repo.git_dir();
        let broken = |error: gix::Error| GitError::broken(directory, said(&error));
        let repo = Options::default()
            .permissions(Permissions::all())
            .open_path_as_is(true)
            .open(directory)
            .map_err(broken)?
            .to_thread_local();
        let named = repo.config_snapshot().trusted_path("core.hooksPath").map_err(broken)?;
        // Git reads it from where it calls hooks.
        let base = self.work_tree().unwrap_or(directory);
        let path = match named {
            Some(path) => base.join(path),
            None => self.repo.common_dir().join("hooks"),
        };
        std::path::absolute(&path).map_err(|error| GitError::broken(&path, error.to_string()))
    }
}
