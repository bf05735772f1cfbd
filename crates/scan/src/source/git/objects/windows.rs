//! Of an object made by a delta, only what is new is looked at, and what stands so near to it that a
//! rule could see both; what was found in the rest of its base is found there as well.
//!
//! *Invariant:* the hits are those of a whole scan. For that each hit says how far around it whatever
//! was looked at may stand. All of it lies on one line, or within [`SIGHT`] bytes and their lines; an
//! object in which a rule that sees farther could find anything is scanned whole.

use std::ops::Range;

use super::delta::Stretch;
use crate::engine::{Hit, SIGHT, Scanner, Seen, Text};
use crate::finding::Finding;
use crate::source::{Outcome, Skipped, content};

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
    /// What of it was left out.
    pub(super) skipped: Skipped,
}

impl AsRef<[u8]> for Scanned {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Scanned {
    /// Scans a whole object.
    pub(super) fn whole(scanner: &Scanner<'_>, bytes: Vec<u8>) -> Self {
        if let Some(packed) = content::packed(scanner, &bytes) {
            let Outcome { findings: packed, summary } = packed;
            return Self { bytes, raw: Vec::new(), far: true, packed, skipped: summary.skipped };
        }
        let (mut raw, far) = scanner.all(Text { name: b"", bytes: &bytes });
        raw.sort_by_key(|hit| (hit.span.start, hit.span.end));
        Self { bytes, raw, far, packed: Vec::new(), skipped: Skipped::default() }
    }

    /// Scans an object that a delta made out of this one.
    pub(super) fn child(&self, scanner: &Scanner<'_>, bytes: Vec<u8>, delta: &[Stretch]) -> Self {
        // Whoever knows longer values than a rule takes sees far as well.
        if scanner.known.is_some_and(|known| known.longest() > SIGHT) {
            return Self::whole(scanner, bytes);
        }
        let stretches = Stretches { delta, base: self.bytes.len(), made: bytes.len() };
        let windows = stretches.windows(&bytes).filter(|_| !self.far && content::is_plain(&bytes));
        let Some(windows) = windows else { return Self::whole(scanner, bytes) };
        let mut raw = Vec::new();
        for stretch in delta {
            let Some(from) = stretch.from else { continue };
            let source = from..from + stretch.to.len();
            let first = self.raw.partition_point(|hit| hit.span.start < source.start);
            for hit in self.raw[first..].iter().take_while(|hit| hit.span.start < source.end) {
                let start = hit.span.start - source.start + stretch.to.start;
                let span = start..start + hit.span.len();
                if stretches.hold(stretch, &span, hit.seen) {
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
                if !stretches.carry(&span, hit.seen) {
                    raw.push(Hit { span, ..hit });
                }
            }
        }
        raw.sort_by_key(|hit| (hit.span.start, hit.span.end));
        Self { bytes, raw, far: false, packed: Vec::new(), skipped: Skipped::default() }
    }
}

/// What a delta copies and puts in.
pub(super) struct Stretches<'a> {
    pub(super) delta: &'a [Stretch],
    /// Lengths of what it is made of, and of what it makes.
    pub(super) base: usize,
    pub(super) made: usize,
}

impl Stretches<'_> {
    /// Whether both begin with a stretch: nothing is beside it there.
    fn begin(&self, stretch: &Stretch) -> bool {
        stretch.from == Some(0) && stretch.to.start == 0
    }

    /// Whether both end with it.
    fn end(&self, stretch: &Stretch) -> bool {
        let end = stretch.from.map(|from| from + stretch.to.len());
        end == Some(self.base) && stretch.to.end == self.made
    }

    /// Whether a copied stretch holds a secret and all that was seen to tell.
    fn hold(&self, stretch: &Stretch, span: &Range<usize>, seen: Seen) -> bool {
        if stretch.from.is_none() {
            return false;
        }
        let before = if self.begin(stretch) { 0 } else { seen.before };
        let behind = if self.end(stretch) { 0 } else { seen.behind };
        span.start >= stretch.to.start + before && span.end + behind <= stretch.to.end
    }

    /// Whether any copied stretch does.
    fn carry(&self, span: &Range<usize>, seen: Seen) -> bool {
        let last = self.delta.partition_point(|stretch| stretch.to.start <= span.start);
        last > 0 && self.hold(&self.delta[last - 1], span, seen)
    }

    /// What has to be looked at: all that is new, and what stands within sight of it, or of a place
    /// where stretches meet, in whole lines; `None` where that is most of the object, or lines are
    /// too long.
    pub(super) fn windows(&self, bytes: &[u8]) -> Option<Vec<Range<usize>>> {
        let mut windows: Vec<Range<usize>> = Vec::new();
        let mut add = |gap: Range<usize>| {
            let from = line_start(bytes, gap.start.saturating_sub(SIGHT))?;
            let to = line_end(bytes, bytes.len().min(gap.end + SIGHT))?;
            match windows.last_mut() {
                Some(last) if from <= last.end => last.end = to.max(last.end),
                _ => windows.push(from..to),
            }
            Some(())
        };
        let (mut start, mut ended) = (0, false);
        for stretch in self.delta.iter().filter(|stretch| stretch.from.is_some()) {
            if !self.begin(stretch) {
                add(start..stretch.to.start)?;
            }
            start = stretch.to.end;
            ended = self.end(stretch);
        }
        if !ended {
            add(start..bytes.len())?;
        }
        let total: usize = windows.iter().map(Range::len).sum();
        (total * 4 < bytes.len() * 3).then_some(windows)
    }
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
