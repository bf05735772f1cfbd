//! Rotates what is due while the vault is open: it sleeps until the next time that something is, and
//! is woken where that may have changed.

use std::sync::Arc;
use std::time::Duration;

use clawvault_core::platform::{Clock, SystemClock};

use super::shared::Shared;
use crate::app::rotation::{self, Reach};

/// The clock that sleeps stands still while the machine is suspended, and the other one may be set:
/// the schedule is looked at that often at least.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Not again before, whatever the schedule says.
const SHORTEST: Duration = Duration::from_secs(2);

/// Starts the thread; it ends with the process, or once the keeper takes no job any more.
pub(super) fn start(shared: &Arc<Shared>, reach: Reach) -> std::io::Result<()> {
    let shared = Arc::clone(shared);
    let thread = std::thread::Builder::new().name("scheduler".to_owned());
    thread.spawn(move || keep(&shared, &reach)).map(drop)
}

fn keep(shared: &Shared, reach: &Reach) {
    let (mut seen, mut next) = (0, LONGEST);
    while !shared.is_stopped() {
        seen = shared.sleep(next, seen);
        next = match shared.is_unlocked() {
            true => pass(shared, reach),
            false => LONGEST,
        };
    }
}

/// Rotates what is due; gives how long to sleep.
fn pass(shared: &Shared, reach: &Reach) -> Duration {
    let mut ask = |request| shared.own(request);
    // What fails is in the journal and in the log; a vault that was locked meanwhile is no failure.
    let next = rotation::pass(&mut ask, reach).ok().flatten();
    let left = next.map_or(i64::MAX, |at| at.saturating_sub(SystemClock.now_ms()));
    Duration::from_millis(left.max(0).unsigned_abs()).clamp(SHORTEST, LONGEST)
}
