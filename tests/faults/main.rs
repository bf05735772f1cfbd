//! Faults at every step of sessions that write: every failpoint dies, fails and waits, and every
//! system call kills the process or fails. Afterwards what was acknowledged is there, what was not
//! is there wholly or not at all, the vault opens and is sound, and an error is two lines.
//!
//! SIGKILL leaves the page cache, so this says nothing of power cuts.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

mod failpoints;
mod judge;
mod power;
mod record;
mod scenes;
mod syscalls;

#[path = "../support/random.rs"]
mod random;
#[path = "../support/sandbox.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod sandbox;
#[path = "../support/sectors.rs"]
mod sectors;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use scenes::Stage;

/// The program whose failpoints can be armed, built beside the plain one: with all features, as
/// `tests/kinds` is.
fn failing_program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let plain = Path::new(sandbox::PROGRAM);
        let directory = plain.parent().expect("a program lies in a directory");
        let target = directory.parent().expect("a profile's directory lies in one");
        let mut build = Command::new(env!("CARGO"));
        build.current_dir(env!("CARGO_MANIFEST_DIR")).arg("build").arg("--target-dir").arg(target);
        build.args(["--quiet", "--locked", "--all-features", "--example", "failing"]);
        if directory.ends_with("release") {
            build.arg("--release");
        }
        let start = Instant::now();
        let built = build.status();
        assert!(built.is_ok_and(|status| status.success()), "the failing program is built");
        println!("the failing program is built: {:.1} s", start.elapsed().as_secs_f64());
        directory.join("examples/failing")
    })
}

/// Every session, ready to be tried.
fn stages() -> &'static [Stage] {
    static STAGES: OnceLock<Vec<Stage>> = OnceLock::new();
    STAGES.get_or_init(|| scenes::SCENES.iter().map(Stage::set).collect())
}

/// Does all trials, on as many threads as there are cores.
fn for_each<T: Sync>(all: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(one);
        }
    };
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
}
