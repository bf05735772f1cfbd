//! Which packages are installed, by the records of dpkg; rpm keeps a database of its own, so that its
//! packages are known by their files.

use super::Facts;
use crate::hardening::host::Unseen;

impl Facts<'_> {
    /// Whether a package is installed; `marker` is a file of it, for where dpkg does not say.
    pub fn is_installed(&self, package: &str, marker: &str) -> Result<bool, Unseen> {
        if self.exists(marker)? {
            return Ok(true);
        }
        // One file for each package, which need not be read.
        self.exists(format!("/var/lib/dpkg/info/{package}.list"))
    }
}
