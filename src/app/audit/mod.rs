//! `clawvault audit`: the checks of [`crate::hardening`], on this machine or a mounted tree.

mod baseline;
mod fix;
mod history;
mod host;
mod leaks;
mod own_audit;
mod schedule;
mod setting;
mod vault;

use std::path::PathBuf;

use crate::hardening::trend::Point;
use crate::hardening::{Audited, Facts, Findings, all, audit as run, is_of};

pub use baseline::{changes, make};
pub use fix::{Person, Planned, fix, undo};
pub use own_audit::OpenClawProgram;
pub use schedule::{audit_and_tell, audit_if_due};

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
    /// Where this user's history and baseline are kept; none: nowhere.
    pub state: Option<PathBuf>,
}

/// An audit, and those before it.
pub struct AuditDone {
    /// What was found.
    pub audited: Audited,
    /// How audits of the whole host went, this one last where it is one.
    pub trend: Vec<Point>,
    /// What could not be kept, and why.
    pub warnings: Vec<String>,
}

/// Runs the checks. An audit of this whole host is noted in the state, for the trend.
pub fn audit(ask: AuditAsk) -> Result<AuditDone, AppError> {
    for word in &ask.only {
        if !all().any(|check| is_of(check.id, word)) {
            let what = format!("no check is called {word}");
            return Err(AppError::new(Code::Usage, what, "`clawvault audit --all` lists them."));
        }
    }
    let only = ask.only.clone();
    let state = ask.state.clone().filter(|_| only.is_empty() && ask.root.is_none());
    let host = System::open(ask)?;
    let facts = Facts::new(&host);
    let name = host.name();
    // Without an open vault nothing is suppressed.
    let suppressions = facts.vault().map(|word| word.suppressions.clone()).unwrap_or_default();
    let audited = run(&facts, name, &Findings { only: &only, suppressions: &suppressions });
    let (trend, warnings) = match state {
        None => (Vec::new(), Vec::new()),
        Some(state) => history::note(&state, Point::of(&audited)),
    };
    Ok(AuditDone { audited, trend, warnings })
}
