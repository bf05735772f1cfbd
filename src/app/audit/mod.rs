//! `clawvault audit`: the checks of [`crate::hardening`], on this machine or a mounted tree.

mod host;
mod leaks;
mod own_audit;
mod vault;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::hardening::{Audited, Facts, Findings, all, audit as run};

pub use own_audit::OpenClawProgram;

use super::{App, AppError, Code};
use host::System;

/// What is to be audited.
pub struct AuditAsk {
    /// A mounted tree; none: this machine.
    pub root: Option<PathBuf>,
    /// Ids of checks, or how they begin (`server.ssh`); empty: all.
    pub only: Vec<String>,
    /// Whether connections to own listeners may be made.
    pub probes: bool,
    /// The vault that is asked; it is opened only where nobody must be asked for a passphrase.
    pub vault: Option<App>,
    /// OpenClaw's state directory of the user who audits.
    pub own_openclaw: Option<PathBuf>,
    /// OpenClaw's own program, whose audit is run; none: it is not.
    pub openclaw: Option<OpenClawProgram>,
}

/// Runs the checks.
pub fn audit(ask: AuditAsk) -> Result<Audited, AppError> {
    for word in &ask.only {
        let begins = |id: &str| {
            id.strip_prefix(word.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        if !all().any(|check| begins(check.id)) {
            let what = format!("no check is called {word}");
            return Err(AppError::new(Code::Usage, what, "`clawvault audit --all` lists them."));
        }
    }
    let only = ask.only.clone();
    let host = System::open(ask)?;
    let facts = Facts::new(&host);
    let name = host.name();
    let suppressions = BTreeMap::new();
    Ok(run(&facts, name, &Findings { only: &only, suppressions: &suppressions }))
}
