//! Looks for known values, and for anything that has the form of a token, in files of any format.
//!
//! The bytes are taken as they lie in the file, in overlapping windows. A value that a database
//! compressed, or spread over two pages, is not seen.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::Range;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use clawvault_core::domain::Found;
use zeroize::Zeroizing;

/// A place in some bytes that has the form of a vendor's token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FormatHit {
    /// The vendor's id.
    pub vendor: String,
    /// What kind of token it is.
    pub kind: String,
    /// Where it begins, in bytes.
    pub start: usize,
    /// How long it is, in bytes.
    pub len: usize,
}

/// Finds tokens by their form.
pub(super) type Find<'a> = &'a dyn Fn(&[u8]) -> Vec<FormatHit>;

/// How often each thing was found, by what it is called.
pub(super) type Tally = BTreeMap<String, usize>;

/// Shortest value that is looked for, in bytes: shorter ones stand everywhere by chance.
pub(super) const MIN_NEEDLE: usize = 8;
/// Of a longer value its beginning is looked for, in bytes; enough to tell PEM keys apart.
const MAX_NEEDLE: usize = 256;
/// Most values that are looked for at once.
const MAX_NEEDLES: usize = 10_000;
/// Bytes in memory at a time.
const WINDOW: usize = 1024 * 1024;
/// Bytes that two windows share; the longest token that is found for sure.
const OVERLAP: usize = 8 * 1024;

/// Looks for the values of a home in other files.
pub(super) struct Search<'a> {
    needles: Option<AhoCorasick>,
    labels: Vec<String>,
    find: Find<'a>,
}

impl<'a> Search<'a> {
    pub(super) fn new(values: &[Found], find: Find<'a>) -> Self {
        let mut called: BTreeMap<&[u8], Vec<&str>> = BTreeMap::new();
        for found in values.iter().filter(|found| found.value.len() >= MIN_NEEDLE) {
            let names = called.entry(found.value.expose()).or_default();
            if !names.contains(&found.label.as_str()) {
                names.push(found.label.as_str());
            }
        }
        let mut needles: Vec<Zeroizing<Vec<u8>>> = Vec::new();
        let mut labels = Vec::new();
        for (value, names) in called {
            for mut needle in
                [Some(Zeroizing::new(value.to_vec())), escaped(value)].into_iter().flatten()
            {
                needle.truncate(MAX_NEEDLE);
                needles.push(needle);
                labels.push(names.join(", "));
            }
        }
        if needles.len() > MAX_NEEDLES {
            return Self { needles: None, labels: Vec::new(), find };
        }
        let needles = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(needles.iter().map(|needle| needle.as_slice()));
        Self { needles: needles.ok(), labels, find }
    }

    /// Whether values are looked for; only forms are when there are far too many values.
    pub(super) fn has_values(&self) -> bool {
        self.needles.is_some()
    }

    /// Counts what lies in `input`, which is read to its end.
    pub(super) fn count(&self, mut input: impl Read) -> io::Result<Tally> {
        let mut tally = Tally::new();
        let mut window = Zeroizing::new(vec![0; WINDOW]);
        let mut filled = 0;
        // Where the first thing that is not counted yet can begin.
        let mut fresh = 0;
        loop {
            let read = fill(&mut input, &mut window[filled..])?;
            let at_end = filled + read < window.len();
            filled += read;
            let limit = if at_end { filled } else { filled - OVERLAP };
            let counted = self.window(&window[..filled], fresh..limit, &mut tally);
            if at_end {
                return Ok(tally);
            }
            // What was before helps a form to see that it begins in the middle of a word.
            let kept = limit - OVERLAP;
            window.copy_within(kept..filled, 0);
            filled -= kept;
            fresh = counted - kept;
        }
    }

    /// Counts what begins in `range`; returns where the next thing can begin.
    fn window(&self, bytes: &[u8], range: Range<usize>, tally: &mut Tally) -> usize {
        let mut end = range.end.max(range.start);
        let mut known: Vec<Range<usize>> = Vec::new();
        if let Some(needles) = self.needles.as_ref().filter(|_| range.start < bytes.len()) {
            let input = Input::new(bytes).range(range.start..);
            for hit in needles.find_iter(input).take_while(|hit| hit.start() < range.end) {
                if let Some(label) = self.labels.get(hit.pattern().as_usize()) {
                    *tally.entry(label.clone()).or_default() += 1;
                }
                known.push(hit.range());
                end = end.max(hit.end());
            }
        }
        let mut hits = (self.find)(bytes);
        hits.sort_by_key(|hit| hit.start);
        for hit in hits.iter().filter(|hit| range.contains(&hit.start)) {
            let stop = hit.start.saturating_add(hit.len).min(bytes.len());
            let before = known.partition_point(|range| range.end <= hit.start);
            if known.get(before).is_some_and(|range| range.start < stop) {
                continue;
            }
            *tally.entry(format!("{} {}", hit.vendor, hit.kind)).or_default() += 1;
            end = end.max(stop);
        }
        end
    }
}

/// The value as it stands between quotes in JSON, where that differs.
fn escaped(value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = std::str::from_utf8(value).ok()?;
    let quoted = Zeroizing::new(serde_json::to_vec(text).ok()?);
    let inner = quoted.get(1..quoted.len() - 1)?;
    (inner != value).then(|| Zeroizing::new(inner.to_vec()))
}

fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use clawvault_core::domain::{Label, Value};

    use super::*;

    fn found(label: &str, value: &str) -> Found {
        Found {
            source: String::new(),
            line: None,
            label: Label::Path(label.to_owned()),
            value: Value::new(value.as_bytes().to_vec()).unwrap(),
        }
    }

    /// `tok_` and the letters after it.
    fn find(bytes: &[u8]) -> Vec<FormatHit> {
        let begins = |start: &usize| bytes[*start..].starts_with(b"tok_");
        let hit = |start: usize| {
            let letter = |byte: &&u8| byte.is_ascii_alphabetic();
            let len = 4 + bytes[start + 4..].iter().take_while(letter).count();
            FormatHit { vendor: "test".into(), kind: "token".into(), start, len }
        };
        (0..bytes.len()).filter(begins).map(hit).collect()
    }

    fn tally(values: &[Found], bytes: &[u8]) -> Vec<(String, usize)> {
        Search::new(values, &find).count(bytes).unwrap().into_iter().collect()
    }

    #[test]
    fn values_and_forms_are_counted_once_each() {
        let values = [
            found("a", "tok_valueone"),
            found("b", "tok_valueone"),
            found("c", "line\none two"),
            found("short", "abc"),
        ];
        let bytes = b"xx tok_valueone abc tok_other \"line\\none two\" line\none two tok_valueone";
        let expected = [("a, b".to_owned(), 2), ("c".to_owned(), 2), ("test token".to_owned(), 1)];
        assert_eq!(tally(&values, bytes), expected);
        assert!(tally(&[], b"").is_empty());
    }

    #[test]
    fn nothing_is_lost_or_doubled_where_windows_meet() {
        let values = [found("a", "known-value-0123456789")];
        let step = WINDOW - OVERLAP;
        for seam in [step, WINDOW, step + WINDOW - 2 * OVERLAP] {
            for shift in [0, 7, 8, 9, 20, 29, 30, 31, 39, 60, OVERLAP, OVERLAP + 1] {
                let mut bytes = vec![b'.'; 2 * WINDOW + 100];
                let at = seam - 30 + shift;
                bytes[at..at + 22].copy_from_slice(b"known-value-0123456789");
                bytes[at + 23..at + 23 + 9].copy_from_slice(b"tok_abcde");
                let expected = [("a".to_owned(), 1), ("test token".to_owned(), 1)];
                let search = Search::new(&values, &fast_find);
                let tally: Vec<_> = search.count(bytes.as_slice()).unwrap().into_iter().collect();
                assert_eq!(tally, expected, "{seam} {shift}");
            }
        }
    }

    /// As `find`, but quick on megabytes of dots.
    fn fast_find(bytes: &[u8]) -> Vec<FormatHit> {
        let Some(start) = bytes.iter().position(|byte| *byte == b't') else { return Vec::new() };
        let shifted = |hit: FormatHit| FormatHit { start: hit.start + start, ..hit };
        let end = bytes.len().min(start + 100);
        find(&bytes[start..end]).into_iter().map(shifted).collect()
    }
}
