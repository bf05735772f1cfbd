//! What keeps objects alive: refs, HEAD of each work tree, reflogs, indexes.

use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice as _};
use gix::refs::FullName;

use super::error::{said, shown};
use super::{GitError, Repository, index};
use crate::source::Summary;

/// Deepest nesting of a directory of reflogs.
const MAX_DEPTH: usize = 16;

/// Where walks through history begin.
#[derive(Default)]
pub(super) struct Tips {
    /// What refs lead to, by their name.
    pub(super) refs: Vec<(BString, ObjectId)>,
    /// What reflogs name: what a branch or a stash was once. It may be gone by now, rightly.
    pub(super) logged: Vec<ObjectId>,
    /// Blobs that an index holds, by their path.
    pub(super) indexed: Vec<(BString, ObjectId)>,
}

impl Tips {
    /// Gathers all that a repository names. What cannot be read is told in the summary.
    pub(super) fn of(repository: &Repository, summary: &mut Summary) -> Result<Self, GitError> {
        let mut tips = Self::default();
        let repo = &repository.repo;
        tips.shared(repo, summary)?;
        let mut seen = false;
        // HEAD and what is kept beside it belong to one work tree each.
        match repo.worktrees_including_main() {
            Ok(all) => {
                for one in all {
                    match one {
                        Ok(one) => {
                            seen |= one.git_dir().canonicalize().ok()
                                == repo.git_dir().canonicalize().ok();
                            tips.own(&one, summary);
                        }
                        Err(error) => unreadable(summary, "a work tree", said(&error)),
                    }
                }
            }
            Err(error) => unreadable(summary, "the list of work trees", said(&error)),
        }
        if !seen {
            tips.own(repo, summary);
        }
        tips.logged.sort_unstable();
        tips.logged.dedup();
        Ok(tips)
    }

    /// Refs that all work trees share.
    fn shared(&mut self, repo: &gix::Repository, summary: &mut Summary) -> Result<(), GitError> {
        let failed =
            |error: gix::Error| GitError::Refs { path: shown(repo.git_dir()), why: said(&error) };
        let platform = repo.references().map_err(failed)?;
        for reference in platform.all().map_err(failed)? {
            match reference {
                Ok(reference) => self.take(&reference),
                Err(error) => unreadable(summary, "a ref", said(&error)),
            }
        }
        Ok(())
    }

    /// HEAD, MERGE_HEAD and the like, the reflogs and the index of one work tree.
    fn own(&mut self, repo: &gix::Repository, summary: &mut Summary) {
        if let Ok(platform) = repo.references()
            && let Ok(pseudo) = platform.pseudo()
        {
            // FETCH_HEAD has a form of its own, and what it names is in a ref, too.
            pseudo.flatten().for_each(|reference| self.take(&reference));
        }
        let logs = repo.git_dir().join("logs");
        for name in logs_below(&logs) {
            if let Err(why) = self.log(repo, &name) {
                unreadable(summary, &format!("logs/{name}"), why);
            }
        }
        match index::read(&repo.index_path(), repo.object_hash()) {
            Ok(Some(index)) => {
                let files = index.entries().iter().filter(|entry| {
                    use gix::index::entry::Mode;
                    matches!(entry.mode, Mode::FILE | Mode::FILE_EXECUTABLE | Mode::SYMLINK)
                });
                self.indexed.extend(files.map(|entry| (entry.path(&index).to_owned(), entry.id)));
            }
            Ok(None) => {}
            Err(error) => unreadable(summary, "the index", error.to_string()),
        }
    }

    /// What a ref leads to. One that names another ref leads where that one does.
    fn take(&mut self, reference: &gix::Reference<'_>) {
        if let Some(id) = reference.try_id() {
            self.refs.push((reference.name().as_bstr().to_owned(), id.detach()));
        }
    }

    /// All that a reflog names.
    fn log(&mut self, repo: &gix::Repository, name: &str) -> Result<(), String> {
        let full = FullName::try_from(name).map_err(|_| "its name is none of a ref".to_owned())?;
        let mut bytes = Vec::new();
        let lines = repo.refs.reflog_iter(full.as_ref(), &mut bytes);
        let mut wrong = 0;
        for line in lines.map_err(|error| said(&error))?.into_iter().flatten() {
            match line {
                Ok(line) => {
                    let ids = [line.previous_oid(), line.new_oid()];
                    self.logged.extend(ids.iter().filter(|id| !id.is_null()));
                }
                Err(_) => wrong += 1,
            }
        }
        if wrong > 0 { Err(format!("{wrong} lines are damaged")) } else { Ok(()) }
    }
}

/// Names of the files below a directory of reflogs. Links are not followed.
fn logs_below(directory: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut open: Vec<(PathBuf, usize)> = vec![(directory.to_owned(), 0)];
    while let Some((at, depth)) = open.pop() {
        for entry in at.read_dir().into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => open.push((path, depth + 1)),
                Ok(kind) if kind.is_file() => {
                    let name = path.strip_prefix(directory).ok().and_then(Path::to_str);
                    names.extend(name.map(str::to_owned));
                }
                _ => {}
            }
        }
    }
    names.sort();
    names
}

fn unreadable(summary: &mut Summary, what: &str, why: String) {
    summary.unreadable.push((what.to_owned(), why));
}

/// Whether a ref is a branch, here or on a remote.
pub(super) fn is_branch(name: &BString) -> bool {
    name.starts_with_str("refs/heads/") || name.starts_with_str("refs/remotes/")
}
