//! Scans for leaked secrets: chooses the source, puts what it found in order.

use std::path::PathBuf;

use clawvault_scan::engine::Scanner;
use clawvault_scan::report;
use clawvault_scan::rule::RuleSet;
use clawvault_scan::source::tree::{self, TreeOptions};
use clawvault_scan::source::{Outcome, Progress, text};

use super::AppError;

/// Where texts come from.
#[derive(Debug)]
pub enum ScanSource {
    /// Files below these paths.
    Tree(Vec<PathBuf>, TreeOptions),
    /// This text.
    Text(Vec<u8>),
}

/// Scans a source.
pub fn scan(source: &ScanSource, progress: &dyn Progress) -> Result<Outcome, AppError> {
    let rules = RuleSet::built_in();
    let scanner = Scanner { rules: &rules, known: None };
    let mut outcome = match source {
        ScanSource::Tree(paths, options) => tree::scan(&scanner, paths, options, progress),
        ScanSource::Text(bytes) => text::scan(&scanner, b"stdin", bytes),
    };
    report::sort(&mut outcome.findings);
    Ok(outcome)
}
