//! Time, passed in so that tests can set it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time.
pub trait Clock {
    /// Milliseconds since 1970-01-01 UTC.
    fn now_ms(&self) -> i64;
}

/// How long this machine has slept since it was started, in milliseconds: what the clock that counts
/// sleep (`CLOCK_BOOTTIME`) is ahead of the one that does not.
pub fn slept_ms() -> i64 {
    use rustix::time::{ClockId, clock_gettime};
    let ms = |clock| {
        let time = clock_gettime(clock);
        time.tv_sec * 1000 + i64::from(time.tv_nsec as i32) / 1_000_000
    };
    ms(ClockId::Boottime) - ms(ClockId::Monotonic)
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}
