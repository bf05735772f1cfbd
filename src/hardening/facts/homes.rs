//! OpenClaw's homes: `~/.openclaw` and `~/.openclaw-<profile>` of each user.

use std::path::PathBuf;

use serde_json::Value;

use super::{Facts, once};
use crate::hardening::host::Unseen;

/// One state directory of OpenClaw.
#[derive(Clone, Debug)]
pub struct OpenClawHome {
    /// Where it is.
    pub path: PathBuf,
    /// Whose it is by the place: the user's name.
    pub user: String,
    /// `openclaw.json`; none where it is missing.
    pub config: Option<Result<Value, Unseen>>,
}

/// Most state directories that are looked at.
const MAX_HOMES: usize = 64;

impl Facts<'_> {
    /// The homes there are.
    pub fn openclaw(&self) -> Result<&[OpenClawHome], Unseen> {
        once(&self.homes, || {
            let mut homes = Vec::new();
            for user in self.user_homes()? {
                // A home that may not be read says nothing of those that may.
                let Ok(entries) = self.entries(&user.home) else { continue };
                for path in entries {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    let is_home = name == ".openclaw" || name.starts_with(".openclaw-");
                    if is_home && homes.len() < MAX_HOMES {
                        let config = self.config_of(&path.join("openclaw.json"));
                        homes.push(OpenClawHome { path, user: user.name.clone(), config });
                    }
                }
            }
            if let Some(path) = self.host.own_openclaw()
                && !homes.iter().any(|home: &OpenClawHome| home.path == path)
                && self.exists(&path)?
            {
                let config = self.config_of(&path.join("openclaw.json"));
                homes.push(OpenClawHome { path, user: String::new(), config });
            }
            Ok(homes)
        })
        .map(Vec::as_slice)
    }

    fn config_of(&self, path: &std::path::Path) -> Option<Result<Value, Unseen>> {
        match self.host.read(path, super::files::MAX_TEXT) {
            Err(Unseen::Missing(_)) => None,
            read => Some(read.and_then(|bytes| self.host.json5(&bytes))),
        }
    }
}
