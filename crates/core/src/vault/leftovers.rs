//! What interrupted commands left in the home: temporary files that nothing will ever read.
//!
//! Whoever has the vault open holds its lock, so no other command is at work on them.

use crate::platform::{Dir, PlatformError};

use super::snapshots::DIRECTORY as SNAPSHOTS;
use super::{Vault, VaultError};

impl Vault {
    /// Their paths below the home.
    pub fn leftovers(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (below, dir) in self.own_directories() {
            let names = temporary(&dir).unwrap_or_default().into_iter();
            all.extend(names.map(|name| format!("{below}{name}")));
        }
        all
    }

    /// Removes them.
    pub fn clear_leftovers(&self) -> Result<(), VaultError> {
        for (_, dir) in self.own_directories() {
            for name in temporary(&dir)? {
                dir.remove(&name)?;
            }
        }
        Ok(())
    }

    fn own_directories(&self) -> Vec<(&'static str, Dir)> {
        let below = [("./", "."), ("log/", super::open::LOG), ("snapshots/", SNAPSHOTS)];
        below
            .into_iter()
            .filter_map(|(shown, name)| Some((shown, self.home.dir(name).ok()?)))
            .collect()
    }
}

fn temporary(dir: &Dir) -> Result<Vec<String>, PlatformError> {
    let names = dir.list()?.into_iter().filter(|found| !found.is_dir).map(|found| found.name);
    Ok(names.filter(|name| name.starts_with('.') && name.ends_with(".new")).collect())
}
