//! Turns a library's panic on damaged bytes into an error, quietly.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; `None` where it panicked. What it was working on must not be used afterwards.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    let outer = GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    outcome.ok()
}

/// True inside [`guarded`], and in the threads that the cache's engine starts for itself: the
/// program's panic hook says nothing then, the error speaks.
pub fn is_guarded() -> bool {
    let of_engine = |name: &str| name.starts_with("sled-");
    GUARDED.get() || std::thread::current().name().is_some_and(of_engine)
}
