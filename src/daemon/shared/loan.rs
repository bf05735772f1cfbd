//! The store, lent to a command that works on it.

use std::time::Duration;

use clawvault_core::crypto::VaultKey;
use clawvault_core::vault::Who;
use tokio::sync::oneshot;

use super::{Shared, locked, stopping};
use crate::app::{AppError, Code};
use crate::daemon::keeper::Job;

/// How long a request waits for one who works on the store.
const PATIENCE: Duration = Duration::from_secs(5);

impl Shared {
    /// Closes the store for one who has its key and works on it, or notes the key that it has now.
    pub(in crate::daemon) async fn lend(
        &self,
        pid: u32,
        key: VaultKey,
        who: Who,
    ) -> Result<(), AppError> {
        if self.state().lent.is_some_and(|other| other != pid) {
            self.settled().await?;
        }
        let _one = self.acts.lock().await;
        if self.state().times.is_none() {
            let why = self.state().why_locked.clone();
            return Err(locked(&why));
        }
        let (done, outcome) = oneshot::channel();
        self.send(Job::Lend { key, who, done })?;
        outcome.await.unwrap_or_else(|_| Err(stopping()))?;
        self.state().lent = Some(pid);
        Ok(())
    }

    /// Opens the store again after it was lent; where that fails the vault is locked.
    pub(in crate::daemon) async fn take_back(&self) {
        let guard = self.acts.lock().await;
        if self.state().lent.is_none() {
            return;
        }
        let (done, outcome) = oneshot::channel();
        let back = match self.send(Job::TakeBack { done }) {
            Ok(()) => outcome.await.unwrap_or(false),
            Err(_) => false,
        };
        drop(guard);
        if !back {
            self.lock("its keys were changed by a command that worked on it", None).await;
        }
        self.state().lent = None;
        self.changed();
    }

    /// Waits until nobody works on the store.
    pub(super) async fn settled(&self) -> Result<(), AppError> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut changes = self.changes();
        loop {
            let Some(pid) = self.state().lent else { return Ok(()) };
            if tokio::time::timeout_at(deadline, changes.changed()).await.is_err() {
                let what = format!("another command works on the vault: pid {pid}");
                return Err(AppError::new(Code::Failed, what, "Try again once it is done."));
            }
        }
    }
}
