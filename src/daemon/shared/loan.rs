//! The store, lent to a command that works on it.

use std::time::Duration;

use clawvault_core::crypto::VaultKey;
use clawvault_core::vault::Who;
use tokio::sync::{MutexGuard, oneshot};
use tokio::time::{Instant, timeout_at};

use super::{Shared, locked, stopping};
use crate::app::{AppError, Code};
use crate::daemon::keeper::Job;

/// How long a request waits for one who works on the store.
const PATIENCE: Duration = Duration::from_secs(5);

/// The store is lent: to which process, and by which number. The number is never given twice, so
/// that who gave a loan back, or lost it to a lock, has no say in the next one's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lent {
    pid: u32,
    number: u64,
}

impl Shared {
    /// Closes the store for one who has its key and works on it; or, for the holder of the loan of this
    /// number, notes the key that it has now. Gives the number.
    pub(in crate::daemon) async fn lend(
        &self,
        held: Option<u64>,
        pid: u32,
        (key, who): (VaultKey, Who),
    ) -> Result<u64, AppError> {
        let _one = match held.filter(|number| self.is_lent_as(*number)) {
            Some(_) => self.acts.lock().await,
            None => self.turn().await?,
        };
        let number = {
            let mut state = self.state();
            if state.times.is_none() {
                return Err(locked(&state.why_locked));
            }
            match state.lent {
                Some(lent) if held == Some(lent.number) => lent.number,
                Some(lent) => return Err(busy(lent.pid)),
                None => {
                    state.loans += 1;
                    state.loans
                }
            }
        };
        let (done, outcome) = oneshot::channel();
        self.send(Job::Lend { key, who, done })?;
        outcome.await.unwrap_or_else(|_| Err(stopping()))?;
        self.state().lent = Some(Lent { pid, number });
        Ok(number)
    }

    fn is_lent_as(&self, number: u64) -> bool {
        self.state().lent.is_some_and(|lent| lent.number == number)
    }

    /// Opens the store again after the loan of this number; where that fails the vault is locked.
    pub(in crate::daemon) async fn take_back(&self, number: u64) {
        let guard = self.acts.lock().await;
        if !self.is_lent_as(number) {
            return;
        }
        let (done, outcome) = oneshot::channel();
        let back = match self.send(Job::TakeBack { done }) {
            Ok(()) => outcome.await.unwrap_or(false),
            Err(_) => false,
        };
        if back {
            self.state().lent = None;
            drop(guard);
            self.changed();
        } else {
            drop(guard);
            self.lock("its keys were changed by a command that worked on it", None).await;
        }
    }

    /// Waits until nobody works on the store.
    pub(super) async fn settled(&self) -> Result<(), AppError> {
        self.settled_by(Instant::now() + PATIENCE).await
    }

    async fn settled_by(&self, deadline: Instant) -> Result<(), AppError> {
        let mut changes = self.changes();
        loop {
            let Some(lent) = self.state().lent else { return Ok(()) };
            if timeout_at(deadline, changes.changed()).await.is_err() {
                return Err(busy(lent.pid));
            }
        }
    }

    /// The turn to open or close the vault, once nobody works on the store.
    pub(super) async fn turn(&self) -> Result<MutexGuard<'_, ()>, AppError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.settled_by(deadline).await?;
            let guard = self.acts.lock().await;
            // Another one that waited may have had it lent first.
            if self.state().lent.is_none() {
                return Ok(guard);
            }
        }
    }
}

fn busy(pid: u32) -> AppError {
    let what = format!("another command works on the vault: pid {pid}");
    AppError::new(Code::Failed, what, "Try again once it is done, or have it locked.")
}
