//! Programs that another daemon launched, or none, and that live when the vault is unlocked.

use clawvault_core::vault::Vault;

use super::{MAX_RUNS, Shared};
use crate::daemon::authority;

impl Shared {
    /// Knows again what was launched by another daemon or none, where its record proves by the key of the
    /// vault what it was given. A daemon of the system has records that nobody else writes.
    pub(in crate::daemon) fn recognize(&self, vault: &Vault) {
        let Some(runtime) = self.runtime.as_ref().filter(|_| !self.is_of_system) else { return };
        let proven = authority::proven(runtime, &|said, proof| vault.is_proof_of_run(said, proof));
        let mut state = self.state();
        for run in proven {
            let known = state.runs.iter().any(|one| one.process == run.process);
            if !known && state.runs.len() < MAX_RUNS {
                state.runs.push(run);
            }
        }
        drop(state);
        self.changed();
    }
}
