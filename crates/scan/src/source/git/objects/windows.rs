//! Of an object made by a delta, only what is new is looked at, and what stands so near to it that a
//! rule could see both; what was found in the rest of its base is found there as well.
//!
//! *Invariant:* the hits are those of a whole scan. For that each rule but those that see far takes
//! at most [`SPAN`] bytes, and sees at most [`SIGHT`] bytes around them and the lines that these
//! lie in; an object in which a rule that sees far could find anything is scanned whole.

use std::ops::Range;

use super::delta::Stretch;
use crate::engine::{Hit, SIGHT, SPAN, Scanner, Text};
use crate::finding::Finding;
use crate::source::content;

/// Longest line that a window is widened to.
const MAX_LINE: usize = 4096;

/// An object, with what is known of it.
pub(super) struct Scanned {
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    /// All that rules find in it, overlapping hits too, by place.
    pub(super) raw: Vec<Hit>,
    /// Whether a rule that sees far may find something.
    pub(super) far: bool,
    /// What is found in it where it is no plain text.
    pub(super) packed: Vec<Finding>,
}

impl Scanned {
    /// Scans a whole object.
    pub(super) fn whole(scanner: &Scanner<'_>, bytes: Vec<u8>) -> Self {
        if let Some(packed) = content::packed(scanner, &bytes) {
            return Self { bytes, raw: Vec::new(), far: true, packed };
        }
        let (mut raw, far) = scanner.all(Text { name: b"", bytes: &bytes });
        raw.sort_by_key(|hit| (hit.span.start, hit.span.end));
        Self { bytes, raw, far, packed: Vec::new() }
    }

    /// Scans an object that a delta made out of this one.
    pub(super) fn child(&self, scanner: &Scanner<'_>, bytes: Vec<u8>, delta: &[Stretch]) -> Self {
        // Whoever knows longer values than a rule takes sees far as well.
        if scanner.known.is_some_and(|known| known.longest() > SPAN) {
            return Self::whole(scanner, bytes);
        }
        let cores = cores(delta, self.bytes.len(), bytes.len());
        let Some(windows) = windows(&bytes, &cores) else { return Self::whole(scanner, bytes) };
        if self.far || !content::is_plain(&bytes) {
            return Self::whole(scanner, bytes);
        }
        let mut raw = Vec::new();
        for core in &cores {
            let Some(from) = core.from else { continue };
            let source = from..from + core.to.len();
            let first = self.raw.partition_point(|hit| hit.span.start < source.start);
            for hit in self.raw[first..].iter().take_while(|hit| hit.span.start < source.end) {
                if hit.span.end <= source.end {
                    let start = hit.span.start - source.start + core.to.start;
                    let span = start..start + hit.span.len();
                    raw.push(Hit { span, ..hit.clone() });
                }
            }
        }
        for window in windows {
            let text = Text { name: b"", bytes: &bytes[window.clone()] };
            let (hits, far) = scanner.all(text);
            if far {
                return Self::whole(scanner, bytes);
            }
            for hit in hits {
                let span = hit.span.start + window.start..hit.span.end + window.start;
                let carried =
                    |core: &Stretch| core.to.start <= span.start && span.end <= core.to.end;
                if !cores.iter().any(carried) {
                    raw.push(Hit { span, ..hit });
                }
            }
        }
        raw.sort_by_key(|hit| (hit.span.start, hit.span.end));
        Self { bytes, raw, far: false, packed: Vec::new() }
    }
}

/// The copied stretches, less what a change beside them may touch.
pub(super) fn cores(delta: &[Stretch], base: usize, length: usize) -> Vec<Stretch> {
    let mut cores = Vec::new();
    for stretch in delta {
        let Some(from) = stretch.from else { continue };
        let to = &stretch.to;
        // Where both begin, or end, nothing is beside them.
        let left = if from == 0 && to.start == 0 { 0 } else { SIGHT };
        let ends = from + to.len() == base && to.end == length;
        let right = if ends { 0 } else { SIGHT };
        if to.len() > left + right {
            let core = to.start + left..to.end - right;
            cores.push(Stretch { to: core, from: Some(from + left) });
        }
    }
    cores
}

/// What has to be looked at: all between the cores, a secret and its sight around it, in whole lines;
/// `None` where that is most of the object, or lines are too long.
fn windows(bytes: &[u8], cores: &[Stretch]) -> Option<Vec<Range<usize>>> {
    let mut windows: Vec<Range<usize>> = Vec::new();
    let (mut start, mut total) = (0, 0);
    for end in cores.iter().map(|core| core.to.start).chain([bytes.len()]) {
        let gap = start..end;
        start = cores.iter().find(|core| core.to.start == end).map_or(end, |core| core.to.end);
        if gap.is_empty() {
            continue;
        }
        let from = line_start(bytes, gap.start.saturating_sub(SPAN + SIGHT))?;
        let to = line_end(bytes, bytes.len().min(gap.end + SPAN + SIGHT))?;
        match windows.last_mut() {
            Some(last) if from <= last.end => last.end = to.max(last.end),
            _ => windows.push(from..to),
        }
    }
    windows.iter().for_each(|window| total += window.len());
    (total * 4 < bytes.len() * 3).then_some(windows)
}

fn line_start(bytes: &[u8], at: usize) -> Option<usize> {
    let head = &bytes[at.saturating_sub(MAX_LINE)..at];
    match head.iter().rposition(|byte| *byte == b'\n') {
        Some(back) => Some(at - head.len() + back + 1),
        None => (head.len() == at).then_some(0),
    }
}

fn line_end(bytes: &[u8], at: usize) -> Option<usize> {
    let tail = &bytes[at..bytes.len().min(at + MAX_LINE)];
    match tail.iter().position(|byte| *byte == b'\n') {
        Some(further) => Some(at + further + 1),
        None => (at + tail.len() == bytes.len()).then_some(bytes.len()),
    }
}
