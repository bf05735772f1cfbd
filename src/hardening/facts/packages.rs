//! Which packages are installed, by the records of dpkg; rpm keeps a database of its own, so that its
//! packages are known by their files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Facts;
use crate::hardening::host::Unseen;
use crate::hardening::parsers::dpkg;

/// Largest list of packages, in bytes.
const MAX_LIST: usize = 16 << 20;

impl Facts<'_> {
    /// Whether a package is installed; `marker` is a file of it, for where dpkg does not say.
    pub fn is_installed(&self, package: &str, marker: &str) -> Result<bool, Unseen> {
        if self.exists(marker)? {
            return Ok(true);
        }
        // One file for each package, which need not be read.
        self.exists(format!("/var/lib/dpkg/info/{package}.list"))
    }

    /// Packages of which the lists of security updates have a newer version than is installed; `None`
    /// where there is no such list. Asking apt itself would take seconds.
    pub fn pending_security(&self) -> Result<Option<Vec<String>>, Unseen> {
        let mut lists = Vec::new();
        for path in self.entries("/var/lib/apt/lists")? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.contains("security") && (name.ends_with("_Packages") || name.ends_with(".lz4"))
            {
                lists.push(path);
            }
        }
        if lists.is_empty() {
            return Ok(None);
        }
        let status = self.host.read(Path::new("/var/lib/dpkg/status"), MAX_LIST)?;
        let status = String::from_utf8_lossy(&status);
        let installed: BTreeMap<&str, &str> = dpkg::packages(&status)
            .filter(|one| one.status.ends_with(" installed"))
            .map(|one| (one.name, one.version))
            .collect();
        let mut waiting = BTreeSet::new();
        for path in lists {
            let list = self.list(&path)?;
            for new in dpkg::packages(&list) {
                let is_newer =
                    |have: &&str| dpkg::compare(have, new.version) == std::cmp::Ordering::Less;
                if installed.get(new.name).is_some_and(is_newer) {
                    waiting.insert(new.name.to_owned());
                }
            }
        }
        Ok(Some(waiting.into_iter().collect()))
    }

    /// A list's text; of a compressed one apt's own helper tells it.
    fn list(&self, path: &Path) -> Result<String, Unseen> {
        if path.extension().is_some_and(|end| end == "lz4") {
            let file = path.to_string_lossy();
            return Ok(self.host.run("/usr/lib/apt/apt-helper", &["cat-file", &file])?.text);
        }
        let bytes = self.host.read(path, MAX_LIST)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
