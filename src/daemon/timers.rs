//! What locks by itself: no request for a while, a long time since the unlocking, a machine that slept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clawvault_core::platform::slept_ms;

use super::shared::Shared;

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(250);
/// Clocks that drift apart by less have not slept.
const SLEPT_MS: i64 = 1500;

/// When it locks by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) idle: Option<Duration>,
    pub(super) longest: Option<Duration>,
    pub(super) on_suspend: bool,
}

/// What is known at one instant of an open vault.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) unlocked: Instant,
    pub(super) used: Instant,
    pub(super) slept_ms: i64,
}

impl Limits {
    /// Why it has to lock now, if it has to.
    pub(super) fn due(&self, times: &Times, now: Instant, slept_ms: i64) -> Option<&'static str> {
        let since = |then: Instant| now.saturating_duration_since(then);
        if self.on_suspend && slept_ms - times.slept_ms >= SLEPT_MS {
            return Some("the machine was suspended");
        }
        if self.longest.is_some_and(|longest| since(times.unlocked) >= longest) {
            return Some("it was unlocked for as long as it may be");
        }
        if self.idle.is_some_and(|idle| since(times.used) >= idle) {
            return Some("nothing was asked for a while");
        }
        None
    }
}

/// Locks when it is due.
pub(super) async fn watch(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(EVERY).await;
        if let Some(why) = shared.due(Instant::now(), slept_ms()) {
            shared.lock(why, None).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_locks_in_its_time_and_sleep_at_once() {
        let start = Instant::now();
        let times = |used| Times { unlocked: start, used: start + used, slept_ms: 7000 };
        let seconds = Duration::from_secs;
        let limits =
            Limits { idle: Some(seconds(10)), longest: Some(seconds(60)), on_suspend: true };
        let due = |used, now, slept| limits.due(&times(seconds(used)), start + seconds(now), slept);
        assert_eq!(due(5, 14, 7000), None);
        assert!(due(5, 15, 7000).unwrap().contains("asked"));
        assert!(due(59, 60, 7000).unwrap().contains("may be"));
        // Two clocks are read one after the other: a little is no sleep.
        assert_eq!(due(0, 1, 7001), None);
        assert!(due(0, 1, 7000 + SLEPT_MS).unwrap().contains("suspended"));
        let never = Limits { idle: None, longest: None, on_suspend: false };
        assert_eq!(never.due(&times(seconds(0)), start + seconds(1 << 30), i64::MAX), None);
    }
}
