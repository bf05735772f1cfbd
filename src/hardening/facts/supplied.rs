//! What the use case finds out for the checks, asked for once.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use clawvault_core::domain::Installation;

use super::{Facts, once};
use crate::hardening::host::Unseen;
use crate::hardening::supply::{Leaks, OwnFinding, VaultWord};

/// The answers.
#[derive(Default)]
pub(super) struct Supplied {
    installations: OnceCell<Result<Vec<Installation>, Unseen>>,
    leaks: OnceCell<Result<Leaks, Unseen>>,
    vault: OnceCell<Result<VaultWord, Unseen>>,
    own_audit: OnceCell<Result<Vec<OwnFinding>, Unseen>>,
}

impl Facts<'_> {
    /// OpenClaw's installations on this host.
    pub fn installations(&self) -> Result<&[Installation], Unseen> {
        once(&self.supplied.installations, || {
            let of = |path: &PathBuf| {
                self.host.installation(path, path.parent().unwrap_or(Path::new("/")))
            };
            Ok(self.openclaw()?.iter().map(|home| of(&home.path)).collect())
        })
        .map(Vec::as_slice)
    }

    /// Secrets that lie in clear.
    pub fn leaks(&self) -> Result<&Leaks, Unseen> {
        once(&self.supplied.leaks, || {
            let users: Vec<PathBuf> =
                self.user_homes()?.iter().map(|user| PathBuf::from(&user.home)).collect();
            self.host.leaks(self.installations()?, &users)
        })
    }

    /// What the vault tells.
    pub fn vault(&self) -> Result<&VaultWord, Unseen> {
        once(&self.supplied.vault, || self.host.vault())
    }

    /// What OpenClaw's own audit finds, in all installations in which it could be run.
    pub fn own_audit(&self) -> Result<&[OwnFinding], Unseen> {
        once(&self.supplied.own_audit, || {
            let (mut all, mut unseen) = (Vec::new(), None);
            for installation in self.installations()? {
                match self.host.own_audit(&installation.home) {
                    Ok(found) => all.extend(found),
                    Err(why) => unseen = Some(why),
                }
            }
            match unseen {
                Some(why) if all.is_empty() => Err(why),
                _ => Ok(all),
            }
        })
        .map(Vec::as_slice)
    }
}
