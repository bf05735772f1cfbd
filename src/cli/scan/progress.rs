//! A line on a terminal that says how far a scan has come; nothing where stderr is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clawvault_scan::source::Progress;
use nix::sys::signal::SigSet;

use super::output;
use super::summary::{count, noun, size};
use crate::app::ScanSource;

/// Before this, nothing is drawn: most scans are done.
const PATIENCE: Duration = Duration::from_millis(300);
const EVERY: Duration = Duration::from_millis(100);

/// Draws the line, from a thread of its own.
pub(super) struct Bar {
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Counts {
    texts: AtomicU64,
    bytes: AtomicU64,
    expected: AtomicU64,
    over: AtomicBool,
}

impl Bar {
    /// Begins to draw, where a person sees it.
    pub(super) fn start(source: &ScanSource) -> Self {
        let counts = Arc::new(Counts::default());
        let noun = noun(source.word());
        let drawn = Arc::clone(&counts);
        let thread =
            output::talks_to_terminal().then(|| std::thread::spawn(move || draw(&drawn, noun)));
        Self { counts, thread }
    }

    /// Takes the line away.
    pub(super) fn finish(self) {
        self.counts.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread {
            thread.thread().unpark();
            thread.join().ok();
        }
    }
}

impl Progress for Bar {
    fn done(&self, texts: u64, bytes: u64) {
        self.counts.texts.fetch_add(texts, Ordering::Relaxed);
        self.counts.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn expect(&self, texts: u64) {
        self.counts.expected.fetch_max(texts, Ordering::Relaxed);
    }
}

fn draw(counts: &Counts, noun: &str) {
    // Signals are for the thread that writes files, and may hold them back meanwhile.
    SigSet::all().thread_block().ok();
    let start = Instant::now();
    let mut drawn = false;
    while !counts.over.load(Ordering::Relaxed) {
        if start.elapsed() >= PATIENCE {
            output::status(&line(counts, noun, start.elapsed().as_secs_f64()));
            drawn = true;
        }
        std::thread::park_timeout(EVERY);
    }
    if drawn {
        output::status("");
    }
}

fn line(counts: &Counts, noun: &str, seconds: f64) -> String {
    let [texts, bytes, expected] =
        [&counts.texts, &counts.bytes, &counts.expected].map(|n| n.load(Ordering::Relaxed));
    let rate = size((bytes as f64 / seconds) as u64);
    let all = if expected > texts { format!(" of {expected}") } else { String::new() };
    let mut line = format!("{}{all}, {}, {rate}/s", count(texts, noun), size(bytes));
    if expected > texts && texts > 0 {
        let left = seconds / texts as f64 * (expected - texts) as f64;
        line.push_str(&format!(", {left:.0} s left"));
    }
    line
}
