//! Submodules: repositories of their own, inside another's work tree.

use std::path::{Component, Path, PathBuf};

use gix::bstr::{BString, ByteSlice as _};
use gix::index::entry::Mode;

use super::Repository;
use crate::source::{Outcome, Summary};

/// Deepest nesting of submodules.
const MAX_NESTING: usize = 8;

/// A submodule that is initialised.
pub(super) struct Submodule {
    path: BString,
    pub(super) repository: Repository,
}

impl Repository {
    /// The submodules that lie in the work tree. Those that are not there, or whose repository
    /// lies elsewhere, are told as left out.
    pub(super) fn submodules(&self, summary: &mut Summary) -> Vec<Submodule> {
        let Some(top) = self.work_tree().and_then(|path| path.canonicalize().ok()) else {
            return Vec::new();
        };
        // What is wrong with the index was told when its blobs were gathered.
        let Ok(Some(index)) = self.read_index() else { return Vec::new() };
        let mut all = Vec::new();
        let entries = index.entries().iter().filter(|entry| entry.mode == Mode::COMMIT);
        for path in entries.map(|entry| entry.path(&index)) {
            let mut skip = |why| summary.skipped.add(why, 1);
            let Some(place) = inside(&top, path.as_bytes()) else {
                skip("submodules that lie outside of the repository");
                continue;
            };
            let git = place.join(".git");
            if git.symlink_metadata().is_err() {
                skip("submodules that are not initialised");
                continue;
            }
            if self.nesting >= MAX_NESTING {
                skip("submodules nested too deeply");
                continue;
            }
            match Self::open(&git) {
                Ok(repository) if !self.holds(&top, &repository) => {
                    skip("submodules whose repository lies elsewhere");
                }
                Ok(mut repository) => {
                    repository.nesting = self.nesting + 1;
                    all.push(Submodule { path: path.to_owned(), repository });
                }
                Err(error) => summary.unreadable.push((path.to_string(), error.to_string())),
            }
        }
        all
    }

    /// Whether another repository lies within this one, or within what it keeps for itself.
    fn holds(&self, top: &Path, other: &Self) -> bool {
        let real = |path: &Path| path.canonicalize().ok();
        let own = real(self.repo.common_dir());
        real(other.repo.common_dir()).is_some_and(|path| {
            path.starts_with(top) || own.is_some_and(|own| path.starts_with(own))
        })
    }
}

impl Submodule {
    /// What was found inside, as it is told outside.
    pub(super) fn outside(&self, mut inside: Outcome) -> Outcome {
        let put = |path: &mut Vec<u8>| {
            path.splice(0..0, self.path.iter().copied().chain(*b"/"));
        };
        for finding in &mut inside.findings {
            put(&mut finding.place.path);
            finding.history.iter_mut().flat_map(|history| &mut history.paths).for_each(put);
        }
        for (what, _) in &mut inside.summary.unreadable {
            *what = format!("{}/{what}", self.shown());
        }
        inside
    }

    pub(super) fn shown(&self) -> String {
        self.path.to_str_lossy().into_owned()
    }
}

/// A directory of the work tree; none where its path leads out, by `..` or by a link.
fn inside(top: &Path, path: &[u8]) -> Option<PathBuf> {
    let path = Path::new(path.to_os_str().ok()?);
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let place = top.join(path);
    match place.canonicalize() {
        Ok(real) if real != place => None,
        _ => Some(place),
    }
}
