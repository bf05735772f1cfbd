//! Rendered templates: files in memory at paths that a person chose, removed once their run is
//! over.
//!
//! A file is known again by device and inode, not by its name: what somebody else put in its
//! place meanwhile stays.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clawvault_core::platform::{Dir, PlatformError, Private};
use serde::{Deserialize, Serialize};

use super::LaunchError;

/// What a rendered file is known by.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Mark {
    path: PathBuf,
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
            Ok(dir) if dir.identity(name) == Some((self.device, self.inode)) => dir.remove(name),
            _ => Ok(()),
        }
    }
}

/// The rendered files of one run. Those of a launch that fails go with it.
#[derive(Debug, Default)]
pub struct Rendered(Vec<Mark>);

impl Rendered {
    /// Writes a new file that only its owner may read, in a private directory in memory.
    pub fn write(&mut self, path: &Path, bytes: &[u8]) -> Result<(), LaunchError> {
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
        let mut file = dir.create_new(name)?;
        let fail = |error| PlatformError::io("write", path, error);
        let written = file.metadata().map_err(fail);
        let written = written.and_then(|made| file.write_all(bytes).map(|()| made).map_err(fail));
        match written {
            Ok(made) => {
                let (device, inode) = (made.dev(), made.ino());
                self.0.push(Mark { path: path.to_owned(), device, inode });
                Ok(())
            }
            Err(error) => {
                dir.remove(name).ok();
                Err(error.into())
            }
        }
    }

    /// What the run's record needs to remove them later.
    pub fn marks(&self) -> &[Mark] {
        &self.0
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
        let (one, two) = (memory.path().join("one"), memory.path().join("two"));
        let mut rendered = Rendered::default();
        rendered.write(&one, b"x").unwrap();
        rendered.write(&two, b"y").unwrap();
        assert_eq!(fs::read(&one).unwrap(), b"x");
        assert_eq!(fs::metadata(&one).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(rendered.write(&one, b"z"), Err(LaunchError::Exists(_))));
        // What took the place of one of them is not ours.
        let other = memory.path().join("other");
        fs::write(&other, "other").unwrap();
        fs::rename(&other, &two).unwrap();
        drop(rendered);
        assert!(!one.exists());
        assert_eq!(fs::read(&two).unwrap(), b"other");
    }

    #[test]
    fn directories_on_a_disk_or_open_to_others_are_refused() {
        let mut rendered = Rendered::default();
        let shared = Path::new("/dev/shm/clawvault-rendered-test");
        assert!(matches!(rendered.write(shared, b"x"), Err(LaunchError::Platform(_))));
        assert!(!shared.exists());
        assert!(matches!(rendered.write(Path::new("/"), b"x"), Err(LaunchError::NotAFile(_))));
        let proc = Path::new("/proc/self/clawvault");
        assert!(rendered.write(proc, b"x").is_err());
    }
}
