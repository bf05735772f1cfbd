//! Files below the paths that are named.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::{Outcome, Progress, text};
use crate::engine::Scanner;

/// How trees are walked.
#[derive(Clone, Copy, Debug, Default)]
pub struct TreeOptions {
    /// Also scan what ignore files leave out.
    pub no_ignore: bool,
}

/// Scans every file below `paths`.
pub fn scan(
    scanner: &Scanner<'_>,
    paths: &[PathBuf],
    options: &TreeOptions,
    progress: &dyn Progress,
) -> Outcome {
    let mut outcome = Outcome::default();
    let Some((first, more)) = paths.split_first() else { return outcome };
    let mut walk = ignore::WalkBuilder::new(first);
    for path in more {
        walk.add(path);
    }
    walk.hidden(false).standard_filters(!options.no_ignore).hidden(false);
    for entry in walk.build().flatten() {
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path();
        match std::fs::read(path) {
            Ok(bytes) => {
                let found = text::scan(scanner, path.as_os_str().as_bytes(), &bytes);
                progress.done(1, bytes.len() as u64);
                outcome.findings.extend(found.findings);
                outcome.summary.texts += 1;
                outcome.summary.bytes += bytes.len() as u64;
            }
            Err(error) => {
                let path = path.display().to_string();
                outcome.summary.unreadable.push((path, error.kind().to_string()));
            }
        }
    }
    outcome
}
