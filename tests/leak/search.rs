//! Where a value is sought after each command, and where the input of the command lies.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::canary::Canary;
use crate::scratch::{Scratch, give};

const MAX_SHARED: u64 = 64 * 1024 * 1024;

/// Files that hold the value: in the home, the runtime directory, the temporary directory, the
/// user's own, and what others may have put into shared memory since `start`.
pub(crate) fn everywhere(scratch: &Scratch, canary: &Canary, start: SystemTime) -> Vec<String> {
    let mut files = Vec::new();
    for directory in [scratch.path("all"), scratch.path("tmp"), scratch.path("user")] {
        walk(&directory, &mut files);
    }
    walk(scratch.runtime(), &mut files);
    let mut shared = Vec::new();
    walk(Path::new("/dev/shm"), &mut shared);
    let fresh = |file: &PathBuf| {
        let metadata = file.metadata();
        metadata.is_ok_and(|m| m.len() < MAX_SHARED && m.modified().is_ok_and(|t| t >= start))
    };
    files.extend(shared.into_iter().filter(fresh));
    let hit = |file: PathBuf| {
        let mut found = canary.find(&fs::read(&file).ok()?);
        found.extend(canary.find(file.as_os_str().as_encoded_bytes()));
        (!found.is_empty()).then(|| format!("{} in {}", found.join(", "), file.display()))
    };
    files.into_iter().filter_map(hit).collect()
}

/// Empties the working directory: what a command gets is no leak.
pub(crate) fn empty_work(scratch: &Scratch) {
    let work = scratch.path("work");
    for entry in fs::read_dir(&work).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }
    give(&work);
}

/// The files of the working directory.
pub(crate) fn work_files(scratch: &Scratch) -> Vec<PathBuf> {
    let mut files = Vec::new();
    walk(&scratch.path("work"), &mut files);
    files.sort();
    files
}

/// All files of the test: the vault's, the user's, the input of commands.
pub(crate) fn all_files(scratch: &Scratch) -> Vec<PathBuf> {
    let mut files = work_files(scratch);
    for directory in [scratch.path("all"), scratch.path("tmp"), scratch.path("user")] {
        walk(&directory, &mut files);
    }
    walk(scratch.runtime(), &mut files);
    files
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path(), files),
            Ok(kind) if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
}
