//! Secret files: in memory, for the owner alone, removed once their run is over.

use std::io::Write;
use std::path::{Path, PathBuf};

use clawvault_core::domain::Value;
use clawvault_core::platform::{Dir, PlatformError, failpoint};

use super::LaunchError;

/// Files of one run in a directory in memory.
#[derive(Debug)]
pub struct SecretFiles {
    dir: Dir,
    prefix: String,
    written: Vec<String>,
}

/// Finds a directory in memory: under the runtime directory, else under `/dev/shm`.
pub fn memory_directory(runtime: &Path, uid: u32) -> Result<Dir, LaunchError> {
    // From the runtime directory downward no link is followed.
    let ours = Dir::create(runtime).and_then(|runtime| runtime.create_dir("files"));
    let shared = || Dir::create(Path::new(&format!("/dev/shm/clawvault-{uid}")));
    let found = ours.ok().filter(Dir::is_in_memory);
    let found = found.or_else(|| shared().ok().filter(Dir::is_in_memory));
    found.ok_or(LaunchError::NoMemoryDirectory)
}

impl SecretFiles {
    /// Starts the files of the run called `prefix`.
    pub fn new(dir: Dir, prefix: String) -> Self {
        Self { dir, prefix, written: Vec::new() }
    }

    /// Writes one file and gives its path.
    pub fn write(&mut self, variable: &str, value: &Value) -> Result<PathBuf, PlatformError> {
        let name = format!("{}-{variable}", self.prefix);
        failpoint::hit("secret-file.create")?;
        let mut file = self.dir.create_new(&name)?;
        self.written.push(name.clone());
        let path = self.dir.path().join(name);
        failpoint::hit("secret-file.write")?;
        file.write_all(value.expose()).map_err(|e| PlatformError::io("write", &path, e))?;
        Ok(path)
    }

    /// The paths, for the run's record.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.written.iter().map(|name| self.dir.path().join(name)).collect()
    }
}

/// A launch that fails leaves no file behind.
impl Drop for SecretFiles {
    fn drop(&mut self) {
        for name in &self.written {
            self.dir.remove(name).ok();
        }
    }
}
