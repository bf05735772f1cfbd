//! How audits went over time: one line of JSON for each, the newest last.

use serde::{Deserialize, Serialize};

use super::check::{Area, Status};
use super::verdict::Audited;

/// Most audits that are remembered.
pub const MAX_POINTS: usize = 400;

/// How one audit went.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Point {
    /// When, in seconds since 1970-01-01 UTC.
    pub time: i64,
    /// Percent of what is good in each area, in the order of [`Area::ALL`]; none: nothing could be seen.
    pub scores: Vec<Option<u32>>,
    /// Checks that failed.
    pub fail: usize,
    /// Checks that warned.
    pub warn: usize,
}

impl Point {
    /// Of this audit.
    pub fn of(audited: &Audited) -> Self {
        Self {
            time: audited.time,
            scores: Area::ALL.iter().map(|area| audited.score(*area)).collect(),
            fail: audited.count(Status::Fail),
            warn: audited.count(Status::Warn),
        }
    }

    /// All areas together: the mean of those that could be seen.
    pub fn score(&self) -> u32 {
        let seen: Vec<u32> =
            self.scores.iter().copied().flatten().map(|one| one.min(100)).collect();
        let count = u32::try_from(seen.len()).unwrap_or(1).max(1);
        seen.iter().sum::<u32>() / count
    }
}

/// Reads a history; lines that are none are left out.
pub fn read(text: &str) -> Vec<Point> {
    let all: Vec<Point> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|point: &Point| point.scores.len() == Area::ALL.len())
        .collect();
    let from = all.len().saturating_sub(MAX_POINTS);
    all.into_iter().skip(from).collect()
}

/// Writes a history.
pub fn write(points: &[Point]) -> String {
    let from = points.len().saturating_sub(MAX_POINTS);
    let lines = points.iter().skip(from).filter_map(|point| serde_json::to_string(point).ok());
    lines.map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_bounded_and_what_is_damaged_is_left_out() {
        let point = |time| Point {
            time,
            scores: vec![Some(50), None, Some(100), None, None],
            fail: 1,
            warn: 0,
        };
        let all: Vec<Point> = (0..500).map(point).collect();
        let mut text = write(&all);
        text.push_str("{\"time\":1}\nbad\n{\"time\":1,\"scores\":[],\"fail\":0,\"warn\":0}\n");
        let again = read(&text);
        assert_eq!(again.len(), MAX_POINTS);
        assert_eq!(again.last(), all.last());
        assert_eq!(again[0].score(), 75);
    }
}
