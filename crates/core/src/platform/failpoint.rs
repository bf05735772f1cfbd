//! Named points in everything that writes, at which a build for tests fails, dies or waits.
//!
//! Without the cargo feature `failpoints`, which no shipped program has, a call is nothing. With
//! it, `CLAWVAULT_FAILPOINT=NAME:ACTION[:COUNT]` arms a point, for every time that it is passed or
//! for that one only; several are told apart by commas, and one of them has a count. Actions: `kill`
//! (SIGKILL, nothing is cleaned up), `eio` and `enospc` (what the next system call would have
//! answered), `delay`. `CLAWVAULT_FAILPOINT_LOG=FILE` collects the name of each point that is
//! passed, with `!` after it where it acted.

use std::io;
use std::path::Path;

use rustix::io::Errno;

use super::PlatformError;

/// Every point. A test finds each of them called at one place, and makes each act.
pub const POINTS: &[&str] = &[
    "anchor.cut",
    "anchor.made",
    "anchor.sync",
    "anchor.write",
    "backup.log",
    "backup.move-in",
    "backup.note",
    "backup.sync",
    "backup.write",
    "change.anchor",
    "change.commit",
    "change.log",
    "dir.create-new",
    "dir.exchange",
    "dir.exchanged",
    "dir.made",
    "dir.made-inside",
    "dir.private",
    "dir.remove",
    "dir.rename",
    "dir.renamed",
    "dir.replace",
    "dir.replace.sync",
    "dir.replace.write",
    "dir.sync",
    "epoch.anchor",
    "epoch.clear",
    "epoch.close",
    "epoch.fill",
    "epoch.header",
    "epoch.log",
    "epoch.prepare",
    "epoch.settle",
    "epoch.undo",
    "epoch.verify",
    "header.restore",
    "held.create",
    "held.placed",
    "held.remove",
    "held.replace",
    "held.sync",
    "held.write",
    "identity.write",
    "identity.written",
    "init.anchor",
    "init.clear",
    "init.entry",
    "init.header",
    "init.log",
    "init.settle",
    "init.store",
    "init.unfinished",
    "install.close",
    "install.commit",
    "install.create",
    "install.exchange",
    "install.move-in",
    "install.open",
    "install.set-aside",
    "lock.open",
    "lock.taken",
    "log.append",
    "log.append.sync",
    "log.append.undo",
    "log.appended",
    "log.close",
    "log.cut",
    "log.defer",
    "log.fold",
    "log.refusal",
    "log.reserve",
    "log.segment",
    "log.segment.open",
    "reveal.anchor",
    "reveal.log",
    "reveal.open",
    "run.exec",
    "run.record",
    "run.record.write",
    "run.sweep",
    "scrub.forget",
    "scrub.sealed",
    "secret-file.create",
    "secret-file.write",
    "settle.anchor",
    "settle.log",
    "slot.header",
    "slot.log",
    "snapshot.create",
    "snapshot.due",
    "snapshot.move-in",
    "snapshot.prune",
    "snapshot.read-back",
    "snapshot.sync",
    "snapshot.write",
    "store.close",
    "store.commit",
    "store.commit.begin",
    "store.commit.end",
    "store.committed",
    "store.create",
    "store.open",
    "template.create",
    "template.write",
];

/// Passes a point; the error is the one of a system call that failed here.
pub fn hit(name: &str) -> Result<(), PlatformError> {
    match fault(name) {
        None => Ok(()),
        Some(errno) => Err(PlatformError::io("go on at", Path::new(name), errno)),
    }
}

/// The same, among calls whose error is the system's own.
pub fn hit_io(name: &str) -> io::Result<()> {
    fault(name).map_or(Ok(()), |errno| Err(errno.into()))
}

#[cfg(not(feature = "failpoints"))]
#[inline]
fn fault(_: &str) -> Option<Errno> {
    None
}

#[cfg(feature = "failpoints")]
fn fault(name: &str) -> Option<Errno> {
    let armed = std::env::var("CLAWVAULT_FAILPOINT").unwrap_or_default();
    let mut entries = armed.split(',').map(|entry| entry.split(':'));
    let entry = entries.find_map(|mut words| (words.next() == Some(name)).then_some(words));
    let acts = entry.is_some();
    let mut words = entry.unwrap_or("".split(':'));
    let (action, count) = (words.next().unwrap_or_default(), words.next());
    let acts = acts && is_turn(count);
    record(name, acts);
    match action {
        _ if !acts => None,
        "kill" => {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::KILL).ok();
            std::process::abort()
        }
        "eio" => Some(Errno::IO),
        "enospc" => Some(Errno::NOSPC),
        "delay" => {
            std::thread::sleep(std::time::Duration::from_millis(50));
            None
        }
        _ => None,
    }
}

/// Counts the times that the armed point is passed; without a count each of them is its turn.
#[cfg(feature = "failpoints")]
fn is_turn(count: Option<&str>) -> bool {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static PASSED: AtomicUsize = AtomicUsize::new(0);
    let is_it = |count: &str| count.parse() == Ok(PASSED.fetch_add(1, Ordering::Relaxed) + 1);
    count.is_none_or(is_it)
}

#[cfg(feature = "failpoints")]
fn record(name: &str, acts: bool) {
    use std::io::Write;
    let Some(path) = std::env::var_os("CLAWVAULT_FAILPOINT_LOG") else { return };
    let line = format!("{name}{}\n", if acts { "!" } else { "" });
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(line.as_bytes())).ok();
}
