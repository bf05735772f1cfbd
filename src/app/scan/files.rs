//! Files that a scan leaves behind: each whole or not at all, whatever key is pressed meanwhile.

use std::path::Path;

use nix::sys::signal::{SigSet, Signal};

use crate::app::AppError;
use crate::app::backup::parent_of;

/// Writes a report into a file, for its owner alone; one that stands there is replaced.
pub fn write_report(file: &Path, bytes: &[u8]) -> Result<(), AppError> {
    let (directory, name) = parent_of(file)?;
    uninterrupted(|| Ok(directory.replace(&name, bytes)?))
}

/// Holds back the signals that end this process until `work` is done: it would leave a file behind
/// that has no name yet.
pub(super) fn uninterrupted<T>(work: impl FnOnce() -> T) -> T {
    let set: SigSet =
        [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM].into_iter().collect();
    let before = set.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK);
    let done = work();
    if let Ok(before) = before {
        before.thread_set_mask().ok();
    }
    done
}
