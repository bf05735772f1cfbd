//! What goes wrong with a repository as a whole. What goes wrong with one object is counted
//! instead, and the scan goes on.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use gix::bstr::ByteSlice as _;

/// Why a repository was not scanned.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum GitError {
    /// No repository lies here, nor in any directory above.
    #[error("{0} is in no git repository")]
    NoRepository(String),
    /// What should be a repository is none, or one that cannot be read.
    #[error("the git repository {path} cannot be opened: {why}")]
    Broken {
        /// Where it should lie.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The index cannot be read.
    #[error("the index {path} cannot be read: {why}")]
    Index {
        /// Where it lies.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The list of refs cannot be read.
    #[error("the refs of {path} cannot be read: {why}")]
    Refs {
        /// Where the repository lies.
        path: String,
        /// What is wrong with them.
        why: String,
    },
    /// An end of a range names no commit that is there.
    #[error("{0} names no commit of this repository")]
    NoCommit(String),
    /// A range could not be understood.
    #[error("`{0}` is no range of commits")]
    NoRange(String),
    /// It was asked to stop.
    #[error("the scan was stopped")]
    Stopped,
}

impl GitError {
    /// What to do about it, in one line.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NoRepository(_) => "Name a directory inside a repository, or scan it as a tree.",
            Self::Broken { .. } => {
                "`git fsck` says more; as a tree its files can still be scanned."
            }
            Self::Index { .. } => {
                "Remove the index and run `git reset` to make it again; history can still be \
                 scanned."
            }
            Self::Refs { .. } => "`git fsck` says more; --unreachable scans all objects.",
            Self::NoCommit(_) => "`git log` shows what there is; a shallow clone may lack it.",
            Self::NoRange(_) => "Write it as FROM..TO, each a commit, a branch or a tag.",
            Self::Stopped => "Nothing was left behind; start it again.",
        }
    }

    pub(super) fn broken(path: &Path, why: impl Into<String>) -> Self {
        Self::Broken { path: shown(path), why: why.into() }
    }
}

/// A path as it is shown.
pub(super) fn shown(path: &Path) -> String {
    path.as_os_str().as_bytes().to_str_lossy().into_owned()
}

/// The outermost line of what gix says. What lies below may quote the configuration, whose
/// addresses may hold passwords.
pub(super) fn said(error: &gix::Error) -> String {
    error.iter_errors().next().map_or_else(String::new, ToString::to_string)
}
