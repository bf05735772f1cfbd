//! Finds and opens a repository, so that nothing of it can act.

use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::odb::pack::cache::lru::MemoryCappedHashmap;
use gix::open::Options;
use gix::sec::Trust;

use super::GitError;
use super::error::said;

/// Longest chain of symbolic refs that is followed.
const MAX_LINKS: usize = 8;
/// Most bytes of objects that are kept because others are stored as what differs from them.
const BASES: usize = 24 << 20;
/// Files that are read while a repository is opened, or soon after.
const FILES: &[&str] = &[
    "HEAD",
    "config",
    "config.worktree",
    "commondir",
    "gitdir",
    "index",
    "packed-refs",
    "shallow",
    "objects/info/alternates",
];

/// A repository, open for reading.
pub struct Repository {
    pub(super) repo: gix::Repository,
    /// The index, where it is another than the repository's own.
    pub(super) index: Option<PathBuf>,
    /// How many repositories it is a submodule inside of.
    pub(super) nesting: usize,
}

impl Repository {
    /// Opens the repository that `path` is in: its own directory or one above holds `.git`, or is
    /// a bare repository.
    ///
    /// A `.git` that leads nowhere is an error: a repository further up is another one, and to
    /// scan it instead would pass in silence over what was meant.
    pub fn discover(path: &Path) -> Result<Self, GitError> {
        let real =
            path.canonicalize().map_err(|error| GitError::broken(path, error.to_string()))?;
        for directory in real.ancestors() {
            let inside = directory.join(".git");
            refuse_pipes(&inside)?;
            if gix::discover::is_git(&inside).is_ok() {
                return Self::open(&inside);
            }
            if is_meant(&inside) {
                let why = "it leads to no repository, or to one without HEAD, objects or refs";
                return Err(GitError::broken(&inside, why));
            }
            if gix::discover::is_git(directory).is_ok() {
                return Self::open(directory);
            }
        }
        Err(GitError::NoRepository(super::error::shown(path)))
    }

    /// Opens a repository by its own directory, as `GIT_DIR` names it.
    ///
    /// Who owns it does not matter: what git guards owners for, that it executes what a repository
    /// names, does not happen here.
    pub fn open(directory: &Path) -> Result<Self, GitError> {
        let options = Options::isolated()
            .with(Trust::Full)
            .filter_config_section(|_| true)
            // What replace refs hide is in the history all the same.
            .config_overrides(["core.useReplaceRefs=false"])
            .open_path_as_is(true);
        refuse_pipes(directory)?;
        let mut repo = options
            .open(directory)
            .map_err(|error| GitError::broken(directory, said(&error)))?
            .to_thread_local();
        // Objects may go away meanwhile; to look for new ones at each that is missing costs much.
        repo.objects.refresh_never();
        repo.objects.set_pack_cache(|| Box::new(MemoryCappedHashmap::new(BASES)));
        Ok(Self { repo, index: None, nesting: 0 })
    }

    /// Uses another index, as `GIT_INDEX_FILE` names it: a commit of named files or of all changed
    /// ones puts what it is about to commit into one of its own.
    pub fn with_index(mut self, path: PathBuf) -> Self {
        self.index = Some(path);
        self
    }

    /// The directory that its files lie in; none where it is bare.
    pub fn work_tree(&self) -> Option<&Path> {
        self.repo.workdir()
    }

    /// The directory that is its own: of a linked work tree the part that is its alone.
    pub fn directory(&self) -> &Path {
        self.repo.git_dir()
    }

    /// The commit that HEAD leads to; none where the branch is yet to be born, where it is broken,
    /// or where refs lead in a circle.
    pub(super) fn head(&self) -> Option<ObjectId> {
        let mut reference = self.repo.find_reference("HEAD").ok()?;
        for _ in 0..MAX_LINKS {
            if let Some(id) = reference.try_id() {
                return Some(id.detach());
            }
            reference = reference.follow()?.ok()?;
        }
        None
    }

    /// Whether refs are kept in a form that gix does not read, such as `reftable`.
    pub(super) fn has_foreign_refs(&self) -> bool {
        let form = self.repo.config_snapshot().string("extensions.refStorage");
        form.is_some_and(|form| !form.starts_with(b"files"))
    }

    /// Whether objects may be absent because a remote promised to send them when asked.
    pub(super) fn is_partial(&self) -> bool {
        let config = self.repo.config_snapshot();
        config.string("extensions.partialClone").is_some()
            || config.plumbing().sections_by_name("remote").is_some_and(|mut remotes| {
                remotes.any(|remote| remote.value("promisor").is_some_and(|v| v != "false"))
            })
    }
}

/// Whether it was meant to be a repository: an empty directory of that name is none to git either.
fn is_meant(path: &Path) -> bool {
    path.is_file() || path.read_dir().is_ok_and(|mut entries| entries.next().is_some())
}

/// Refuses a repository in which a pipe or a device takes the place of a file: to read it would
/// wait for ever, or do whatever the device does.
fn refuse_pipes(directory: &Path) -> Result<(), GitError> {
    let mut own = directory.to_owned();
    if directory.is_file() {
        let why = "its file .git cannot be read";
        own = gix::discover::path::from_gitdir_file(directory)
            .map_err(|_| GitError::broken(directory, why))?;
    }
    let mut all = vec![own.clone()];
    all.extend(FILES.iter().map(|name| own.join(name)));
    if own.join("commondir").is_file()
        && let Some(Ok(common)) = gix::discover::path::from_plain_file(&own.join("commondir"))
    {
        all.extend(FILES.iter().map(|name| own.join(&common).join(name)));
    }
    let odd = |path: &&PathBuf| path.metadata().is_ok_and(|data| !data.is_file() && !data.is_dir());
    match all.iter().find(odd) {
        Some(path) => Err(GitError::broken(path, "it is no regular file")),
        None => Ok(()),
    }
}
