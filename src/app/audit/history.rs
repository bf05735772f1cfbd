//! The history of audits: a small file in the directory of state.

use std::path::Path;

use clawvault_core::platform::{Dir, PlatformError};

use crate::hardening::trend::{self, Point};

const FILE: &str = "audit-history.jsonl";
/// Largest history, in bytes: each line is shorter than 200.
const MAX: usize = 256 * 1024;

/// Adds an audit; gives all that are known, and what could not be kept.
pub(super) fn note(state: &Path, point: Point) -> (Vec<Point>, Vec<String>) {
    let mut points = vec![point];
    match append(state, &mut points) {
        Ok(()) => (points, Vec::new()),
        Err(error) => (points, vec![format!("the audit is not kept for the trend: {error}")]),
    }
}

fn append(state: &Path, points: &mut Vec<Point>) -> Result<(), PlatformError> {
    let directory = Dir::create(state)?;
    if let Some(bytes) = directory.read(FILE, MAX)? {
        let mut all = trend::read(&String::from_utf8_lossy(&bytes));
        all.append(points);
        *points = all;
    }
    directory.replace(FILE, trend::write(points).as_bytes())
}
