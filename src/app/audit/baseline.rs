//! `audit baseline`: made, kept in the directory of state, compared byte by byte.

use std::path::{Path, PathBuf};

use clawvault_core::platform::{Dir, Private};

use super::AuditAsk;
use super::host::System;
use crate::app::{AppError, Code};
use crate::hardening::Facts;
use crate::hardening::baseline::{self, Baseline, Became};

const FILE: &str = "audit-baseline.txt";
/// Largest baseline, in bytes.
const MAX: usize = 64 << 20;

/// The baseline that is kept; none where none was made. One that is damaged is an error.
pub(super) fn kept(state: &Path) -> Result<Option<Baseline>, AppError> {
    let directory = match Dir::open(state, Private::Required) {
        Err(error) if error.is_missing() => return Ok(None),
        opened => opened?,
    };
    let Some(bytes) = directory.read(FILE, MAX)? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    Baseline::read(&text).map(Some).ok_or_else(|| {
        let what = "the baseline is damaged: what changed since is not known";
        AppError::new(
            Code::Damaged,
            what,
            "Compare with a copy, or make a new one: clawvault audit baseline.",
        )
    })
}

/// Makes the baseline; how many files it has, and its digest, to be kept elsewhere.
pub fn make(ask: AuditAsk, state: &Path) -> Result<(usize, String), AppError> {
    let made = look(ask)?;
    let text = made.write();
    Dir::create(state).and_then(|directory| directory.replace(FILE, text.as_bytes()))?;
    Ok((made.files.len(), blake3::hash(text.as_bytes()).to_hex().to_string()))
}

/// What became of the files since, bytes compared; with the digest of the baseline itself.
pub fn changes(ask: AuditAsk, state: &Path) -> Result<(Vec<(Became, PathBuf)>, String), AppError> {
    let old = kept(state)?.ok_or_else(|| {
        AppError::new(Code::Missing, "there is no baseline", "Make one: clawvault audit baseline.")
    })?;
    let digest = blake3::hash(old.write().as_bytes()).to_hex().to_string();
    Ok((old.changes(&look(ask)?), digest))
}

fn look(ask: AuditAsk) -> Result<Baseline, AppError> {
    let host = System::open(ask)?;
    baseline::make(&Facts::new(&host), true)
        .map_err(|unseen| AppError::new(Code::Failed, unseen.to_string(), "Nothing was kept."))
}
