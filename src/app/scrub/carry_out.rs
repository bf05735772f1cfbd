//! Carries a plan out: the vault is asked for every value, the files are sealed, then they change.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;

use clawvault_core::crypto::digest;
use clawvault_core::domain::{ProfileName, SecretName};
use clawvault_core::vault::{Original, Vault};

use super::{PlannedFile, ScrubPlan};
use crate::app::{Access, App, AppError, Code};

/// What a scrub did.
#[derive(Debug, Default)]
pub struct Scrubbed {
    /// Its number, for the undo.
    pub id: u32,
    /// The files that changed, as the source calls them.
    pub done: Vec<String>,
    /// The files that did not change, and why.
    pub failed: Vec<String>,
    /// Numbers of earlier scrubs that cannot be undone any more.
    pub forgotten: Vec<u32>,
    /// What a person should know about how the vault was found.
    pub warnings: Vec<String>,
}

impl App {
    /// Takes out what the plan says, file by file; a file that changed since it was planned is left
    /// as it is and named.
    pub fn scrub(&self, plan: &ScrubPlan, profile: &ProfileName) -> Result<Scrubbed, AppError> {
        let mut vault = self.open(Access::Write)?;
        prove(&vault, plan, profile)?;
        let originals: Vec<Original<'_>> = plan.files.iter().map(original).collect();
        let names: BTreeSet<&SecretName> =
            plan.files.iter().flat_map(|file| &file.proofs).map(|proof| &proof.name).collect();
        let secrets: Vec<_> = names.into_iter().map(|n| (profile.clone(), n.clone())).collect();
        let recorded = vault.record_scrub(&self.who(), &originals, &secrets)?;
        let mut scrubbed =
            Scrubbed { id: recorded.id, forgotten: recorded.forgotten, ..Scrubbed::default() };
        let mut untouched = Vec::new();
        for (number, file) in (0..).zip(&plan.files) {
            match file.change() {
                Ok(()) => scrubbed.done.push(file.shown.clone()),
                Err(error) => {
                    scrubbed.failed.push(error.to_string());
                    // One that changed all the same can be put back.
                    if file.held.is_as_read() {
                        untouched.push(number);
                    }
                }
            }
        }
        if !untouched.is_empty() {
            vault.forget_scrubbed(recorded.id, &untouched)?;
        }
        scrubbed.warnings = vault.warnings();
        vault.close()?;
        Ok(scrubbed)
    }
}

/// Whether the vault, read from its files, has every value that goes.
fn prove(vault: &Vault, plan: &ScrubPlan, profile: &ProfileName) -> Result<(), AppError> {
    for proof in plan.files.iter().flat_map(|file| &file.proofs) {
        if vault.keeps(profile, &proof.name, &proof.field, &proof.value)?.is_none() {
            let what = format!("the vault does not give back what was imported as {}", proof.name);
            return Err(AppError::new(
                Code::Failed,
                what,
                "No file was changed; import again, and see `clawvault doctor`.",
            ));
        }
    }
    Ok(())
}

fn original(file: &PlannedFile) -> Original<'_> {
    Original {
        path: file.held.path().as_os_str().as_bytes().to_vec(),
        mode: file.held.mode(),
        bytes: file.held.bytes(),
        left: file.result.as_ref().map(|bytes| digest(&[bytes.as_slice()]).0),
    }
}

impl PlannedFile {
    fn change(&self) -> Result<(), clawvault_core::platform::PlatformError> {
        match &self.result {
            Some(bytes) => self.held.replace(bytes, self.held.mode()),
            None => self.held.remove(),
        }
    }
}
