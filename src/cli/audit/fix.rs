//! `clawvault audit --fix`, `--undo` and `baseline`: what a person is shown and asked.

use std::path::Path;
use std::process::ExitCode;

use super::super::{output, prompt};
use crate::app::{
    AppError, AuditAsk, Code, OpenClawProgram, Person, Planned, audit_fix, audit_undo,
    baseline_changes, baseline_make,
};
use crate::hardening::Audited;

/// Mends what is agreed to.
pub(super) fn fix(
    audited: &Audited,
    state: &Path,
    openclaw: Option<&OpenClawProgram>,
    yes: bool,
) -> Result<(), AppError> {
    if !yes && !prompt::can_ask() {
        let advice = "Use a terminal, or give --yes; nothing was changed.";
        return Err(AppError::usage("nobody can be asked what to mend", advice));
    }
    let count = audit_fix(audited, state, openclaw, &mut Terminal { yes })?;
    output::talk(&format!("{count} mended; `clawvault audit --undo` takes it back"));
    Ok(())
}

struct Terminal {
    yes: bool,
}

impl Person for Terminal {
    fn agrees(&mut self, planned: &Planned) -> bool {
        output::talk(&format!("{}: {}", planned.id, planned.what));
        for line in &planned.diff {
            output::talk(&format!("  {line}"));
        }
        if self.yes && planned.needs_confirmation {
            output::talk("  left as it is: somebody must try a new login; use --fix without --yes");
            return false;
        }
        self.yes || prompt::confirm("Do it?")
    }

    fn can_log_in(&mut self, _: &Planned) -> bool {
        output::talk("Keep this session, and log in anew from another terminal now.");
        prompt::confirm("Does the new login work? Anything but yes takes the change back.")
    }

    fn hears(&mut self, planned: &Planned, word: &str) {
        output::talk(&format!("{}: {word}", planned.id));
    }
}

/// Takes the last `--fix` back.
pub(super) fn undo(state: &Path, openclaw: Option<&OpenClawProgram>) -> Result<ExitCode, AppError> {
    let (back, left) = audit_undo(state, openclaw)?;
    for path in &back {
        output::talk(&format!("{path} is as it was; reload the service that reads it"));
    }
    output::warnings(&left);
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(Code::No as u8) })
}

/// Makes the baseline, or compares with it.
pub(super) fn baseline(check: bool, ask: AuditAsk, state: &Path) -> Result<ExitCode, AppError> {
    if !check {
        let (files, digest) = baseline_make(ask, state)?;
        output::talk(&format!("{files} files noted; keep this digest elsewhere:"));
        output::data(format!("{digest}\n").as_bytes());
        return Ok(ExitCode::SUCCESS);
    }
    let (changes, digest) = baseline_changes(ask, state)?;
    output::talk(&format!("compared with the baseline {digest}"));
    for (became, path) in &changes {
        output::data(format!("{} {}\n", became.word(), path.display()).as_bytes());
    }
    if changes.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let what = format!("{} files are not as they were", changes.len());
    Err(AppError::new(Code::No, what, "Once all of it is meant: clawvault audit baseline."))
}
