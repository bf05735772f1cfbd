//! Uninstall: removes what was put elsewhere, and the vault only when told to.

use std::path::{Path, PathBuf};

use clawvault_core::platform::{Dir, PlatformError, Private};

use super::session::Sight;
use super::{App, AppError, Code};
use crate::launch::Runs;

impl App {
    /// Removes the runtime directory with its records and secret files, and the cache; gives what was
    /// removed.
    pub fn remove_elsewhere(&self, cache: Option<&Path>) -> Result<Vec<PathBuf>, AppError> {
        if self.sight()? != Sight::None {
            let what = "a daemon runs for this vault";
            return Err(AppError::new(Code::Failed, what, "End it first; nothing was removed."));
        }
        let mut removed = Vec::new();
        if let Ok(runtime) = Dir::open(&self.runtime, Private::Required) {
            let runs = Runs::open(&runtime)?;
            runs.sweep()?;
            if runs.living()?.is_empty() {
                remove_tree(&self.runtime, &mut removed)?;
            }
        }
        if let Some(cache) = cache {
            remove_tree(cache, &mut removed)?;
        }
        Ok(removed)
    }

    /// Removes the vault itself and its anchor for good.
    pub fn purge_vault(&self) -> Result<Vec<PathBuf>, AppError> {
        let mut removed = Vec::new();
        if let Some(header) = self.header()
            && let Ok(state) = Dir::open(&self.place.state, Private::Required)
        {
            remove_below(&state, &header.vault, &mut removed)?;
        }
        remove_tree(&self.place.home, &mut removed)?;
        Ok(removed)
    }
}

/// Removes a directory of ours whole. A missing one is fine.
pub(super) fn remove_tree(path: &Path, removed: &mut Vec<PathBuf>) -> Result<(), PlatformError> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = path.file_name().and_then(|n| n.to_str()) else { return Ok(()) };
    match std::path::absolute(parent).map(|parent| Dir::open(&parent, Private::Inspect)) {
        Ok(Ok(parent)) => remove_below(&parent, name, removed),
        _ => Ok(()),
    }
}

/// Removes a directory inside another one whole; no link at it or in it is followed.
fn remove_below(parent: &Dir, name: &str, removed: &mut Vec<PathBuf>) -> Result<(), PlatformError> {
    let dir = match parent.dir(name) {
        Ok(dir) => dir,
        Err(error) if error.is_missing() => return Ok(()),
        Err(error) => return Err(error),
    };
    dir.clear()?;
    parent.remove_dir(name)?;
    removed.push(dir.path().to_owned());
    Ok(())
}
