//! `run --mask`: the program with the values that it was given replaced in what it prints.

use clawvault_core::domain::{Revealed, Value};
use clawvault_core::platform::process::ProcessId;

use super::run::Launch;
use super::{AppError, Code};
use crate::mask::{self, Ended, MaskError, Outer, Program, SHORTEST};

impl Launch {
    /// Names of the values that are too short to be found, so that they stay as they are.
    pub fn unmaskable(&self) -> Vec<String> {
        let short = named(&self.revealed).into_iter().filter(|(_, value)| value.len() < SHORTEST);
        short.map(|(name, _)| name).collect()
    }

    /// Closes the vault and runs the program to its end, which is that of its secret files, too.
    pub fn run_masked(self, outer: &Outer) -> Result<Ended, AppError> {
        let Self { ready, vault, revealed, runs, mut record, .. } = self;
        // Other commands work while the program runs.
        drop(vault);
        let program = Program {
            path: ready.program,
            arguments: ready.arguments,
            environment: Some(ready.environment),
            core_limit: ready.core_limit,
        };
        let ended = mask::run(program, &named(&revealed), outer, |pid| {
            let process = ProcessId::of(pid);
            (record.pid, record.started) = (process.pid, process.started);
            // Without it, the record that names us stands: we live as long.
            runs.hand_over(&record).ok();
        })?;
        Ok(ended)
    }
}

/// Every value with the name that stands for it: the secret's, and its field where it has several.
fn named(revealed: &[Revealed]) -> Vec<(String, &Value)> {
    let mut all = Vec::new();
    for secret in revealed {
        for (field, value) in &secret.fields {
            let name = match secret.fields.len() {
                1 => secret.info.name.to_string(),
                _ => format!("{}#{field}", secret.info.name),
            };
            all.push((name, value));
        }
    }
    all
}

impl From<MaskError> for AppError {
    fn from(error: MaskError) -> Self {
        let (code, advice) = match &error {
            MaskError::NotFound(_) => (Code::NoProgram, "Check its name and PATH."),
            MaskError::NotRunnable(_) => (Code::NotRunnable, "Check that it is executable."),
            MaskError::TooMuch(_) => {
                (Code::NotLaunched, "Choose fewer secrets with --only or --as.")
            }
            MaskError::System { .. } => {
                (Code::NotLaunched, "Free some processes, descriptors or memory, and try again.")
            }
        };
        Self::new(code, error.to_string(), advice)
    }
}
