//! Rendered templates: files in memory at paths that a person chose, removed once their run is
//! over.
//!
//! A file is made empty, written into the run's record, and filled only then: whatever is rendered
//! has a record that removes it. It is known again by device and inode, not by its name: what
//! somebody else put in its place meanwhile stays.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clawvault_core::platform::{Dir, PlatformError, Private, failpoint};
use serde::{Deserialize, Serialize};

use super::LaunchError;

/// What a rendered file is known by.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Mark {
    pub(super) path: PathBuf,
    device: u64,
    inode: u64,
}

impl Mark {
    /// Removes the file, if it is still this one.
    pub(super) fn remove(&self) -> Result<(), PlatformError> {
        let (Some(parent), Some(name)) = (self.path.parent(), name_of(&self.path)) else {
            return Ok(());
        };
        // Whatever became of the directory's rights, the file goes if it is ours.
        match Dir::open(parent, Private::Inspect) {
            Ok(dir) if self.is(&dir, name) => dir.remove(name),
            _ => Ok(()),
        }
    }

    fn is(&self, dir: &Dir, name: &str) -> bool {
        dir.identity(name) == Some((self.device, self.inode))
    }
}

/// The rendered files of one run. Those of a launch that fails go with it.
#[derive(Debug, Default)]
pub struct Rendered(Vec<Mark>);

impl Rendered {
    /// Makes a new, empty file that only its owner may read, in a private directory in memory.
    pub fn make(&mut self, path: &Path) -> Result<(), LaunchError> {
        let (Some(parent), Some(name)) = (path.parent(), name_of(path)) else {
            return Err(LaunchError::NotAFile(path.to_owned()));
        };
        let dir = Dir::open(parent, Private::Required)?;
        if !dir.is_in_memory() {
            return Err(LaunchError::NotInMemory(parent.to_owned()));
        }
        if dir.has(name) {
            return Err(LaunchError::Exists(path.to_owned()));
        }
        failpoint::hit("template.create")?;
        let file = dir.create_new(name)?;
        let made = file.metadata().map_err(|e| PlatformError::io("inspect", path, e))?;
        let (device, inode) = (made.dev(), made.ino());
        self.0.push(Mark { path: path.to_owned(), device, inode });
        Ok(())
    }

    /// What the run's record needs to remove the files later.
    pub fn marks(&self) -> &[Mark] {
        &self.0
    }

    /// Fills the file that was made as number `at`.
    pub fn fill(&self, at: usize, text: &[u8]) -> Result<(), LaunchError> {
        let Some(mark) = self.0.get(at) else { return Ok(()) };
        let fail = |error| PlatformError::io("write", &mark.path, error);
        let gone = || fail(std::io::ErrorKind::NotFound.into());
        let (Some(parent), Some(name)) = (mark.path.parent(), name_of(&mark.path)) else {
            return Err(gone().into());
        };
        let dir = Dir::open(parent, Private::Required)?;
        failpoint::hit("template.write")?;
        let (mut file, _) =
            dir.open_file(name)?.filter(|_| mark.is(&dir, name)).ok_or_else(gone)?;
        Ok(file.write_all(text).map_err(fail)?)
    }
}

impl Drop for Rendered {
    fn drop(&mut self) {
        for mark in &self.0 {
            mark.remove().ok();
        }
    }
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name().and_then(|name| name.to_str())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_new_private_in_memory_and_goes_with_its_guard() {
        let memory = tempfile::tempdir_in("/dev/shm").unwrap();
        fs::set_permissions(memory.path(), PermissionsExt::from_mode(0o700)).unwrap();
        let (one, two) = (memory.path().join("one"), memory.path().join("two"));
        let mut rendered = Rendered::default();
        rendered.make(&one).unwrap();
        rendered.make(&two).unwrap();
        rendered.fill(1, b"y").unwrap();
        rendered.fill(0, b"x").unwrap();
        assert_eq!(fs::read(&one).unwrap(), b"x");
        assert_eq!(fs::metadata(&one).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(rendered.make(&one), Err(LaunchError::Exists(_))));
        // What took the place of one of them is not ours.
        let other = memory.path().join("other");
        fs::write(&other, "other").unwrap();
        fs::rename(&other, &two).unwrap();
        fs::set_permissions(&two, PermissionsExt::from_mode(0o600)).unwrap();
        assert!(rendered.fill(1, b"y").is_err());
        drop(rendered);
        assert!(!one.exists());
        assert_eq!(fs::read(&two).unwrap(), b"other");
    }

    #[test]
    fn directories_on_a_disk_or_open_to_others_are_refused() {
        let mut rendered = Rendered::default();
        let shared = Path::new("/dev/shm/clawvault-rendered-test");
        assert!(matches!(rendered.make(shared), Err(LaunchError::Platform(_))));
        assert!(!shared.exists());
        assert!(matches!(rendered.make(Path::new("/")), Err(LaunchError::NotAFile(_))));
        let proc = Path::new("/proc/self/clawvault");
        assert!(rendered.make(proc).is_err());
    }
}
