//! Where texts come from, and what became of them.

pub mod archive;
pub mod content;
mod databases;
pub mod git;
mod skipped;
pub mod sqlite;
pub mod text;
pub mod tree;
pub mod typed;

use crate::finding::Finding;
pub use skipped::Skipped;

/// What a scan found, and what it read.
#[derive(Default)]
pub struct Outcome {
    /// What it found, in no order.
    pub findings: Vec<Finding>,
    /// What it read.
    pub summary: Summary,
}

/// What a scan read, and what it could not.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    /// Files or blobs that were scanned.
    pub texts: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Commits that were walked.
    pub commits: u64,
    /// Objects or files that an earlier scan found clean.
    pub remembered: u64,
    /// What was left out, and why.
    pub skipped: Skipped,
    /// Objects that a repository names and does not have.
    pub missing: u64,
    /// What could not be read: a path or an id, and why.
    pub unreadable: Vec<(String, String)>,
}

impl Outcome {
    /// Takes in what another part of the scan found and read.
    pub fn add(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.summary.add(other.summary);
    }
}

/// Why findings are left out: where many are unsure, they are data rather than secrets.
const UNSURE: &str = "unsure findings, in texts with dozens of them";

impl Summary {
    /// Takes in what another part of the scan read.
    pub fn add(&mut self, other: Self) {
        self.texts += other.texts;
        self.bytes += other.bytes;
        self.commits += other.commits;
        self.remembered += other.remembered;
        self.skipped.extend(other.skipped);
        self.missing += other.missing;
        self.unreadable.extend(other.unreadable);
    }
}

/// Is told how far a scan has come; called from several threads.
pub trait Progress: Sync {
    /// So many texts more, of so many bytes, are done.
    fn done(&self, texts: u64, bytes: u64);
    /// So many texts are to be scanned in all, as far as is known.
    fn expect(&self, texts: u64);
    /// True once the scan shall stop.
    fn stop(&self) -> bool {
        false
    }
}

/// Tells nobody.
pub struct Silent;

impl Progress for Silent {
    fn done(&self, _: u64, _: u64) {}
    fn expect(&self, _: u64) {}
}
