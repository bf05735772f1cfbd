//! One text: in memory, or read piece by piece.

use std::io::{self, Read};

use super::{Outcome, Progress, Summary, UNSURE};
use crate::engine::{Scanner, Text};
use crate::finding::Finding;

/// So many bytes are scanned at once.
const PIECE: usize = 8 << 20;
/// What pieces have in common on either side, in bytes: more than any rule sees.
const MARGIN: usize = 64 << 10;

/// Scans `bytes` as the content of a file of that name.
pub fn scan(scanner: &Scanner<'_>, name: &[u8], bytes: &[u8]) -> Outcome {
    let text = Text { name, bytes };
    let (hits, unsure) = scanner.look(text);
    let findings = Finding::all(scanner.rules, text, hits);
    let mut summary = Summary { texts: 1, bytes: bytes.len() as u64, ..Summary::default() };
    summary.skipped.add(UNSURE, unsure as u64);
    Outcome { findings, summary }
}

/// Scans what `reader` gives, to its end, in memory that does not grow with it. Pieces overlap, so
/// that a secret at their border is found, once.
///
/// # Errors
///
/// That of the reader; what was found before it is lost.
pub fn scan_reader(
    scanner: &Scanner<'_>,
    name: &[u8],
    reader: &mut dyn Read,
    progress: &dyn Progress,
) -> io::Result<Outcome> {
    pieces(scanner, name, reader, progress, PIECE)
}

fn pieces(
    scanner: &Scanner<'_>,
    name: &[u8],
    reader: &mut dyn Read,
    progress: &dyn Progress,
    piece: usize,
) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut buffer = Vec::new();
    // Lines before the buffer, and bytes before it on its first line.
    let (mut lines, mut columns) = (0, 0);
    // Secrets that begin before that were told with the piece before.
    let mut told = 0;
    loop {
        let want = (piece + 2 * MARGIN).saturating_sub(buffer.len());
        let read = (&mut *reader).take(want as u64).read_to_end(&mut buffer)?;
        let end = read < want;
        let until = if end { buffer.len() } else { buffer.len() - MARGIN };
        let text = Text { name, bytes: &buffer };
        let (mut hits, unsure) = scanner.look(text);
        outcome.summary.skipped.add(UNSURE, unsure as u64);
        hits.retain(|hit| {
            (told..until).contains(&hit.span.start) || (end && hit.span.start == until)
        });
        for mut finding in Finding::all(scanner.rules, text, hits) {
            if finding.place.line == 1 {
                finding.place.column += columns;
                finding.place.column_utf16 += columns;
            }
            finding.place.line += lines;
            outcome.findings.push(finding);
        }
        outcome.summary.bytes += read as u64;
        if end || progress.stop() {
            outcome.summary.texts = 1;
            return Ok(outcome);
        }
        let cut = until - MARGIN;
        let gone = &buffer[..cut];
        let breaks = gone.iter().filter(|byte| **byte == b'\n').count();
        columns = match gone.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => cut - at - 1,
            None => columns + cut,
        };
        lines += breaks;
        buffer.drain(..cut);
        told = until - cut;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::RuleSet;
    use crate::source::Silent;

    #[test]
    fn pieces_tell_what_the_whole_tells() {
        let rules = RuleSet::built_in();
        let scanner = Scanner { rules: &rules, known: None };
        let secret = "AKIAQ3EGRZ7XK2WM5TVB";
        // With line ends, and all on one line; a secret about every 700 bytes meets every border.
        for separator in ["\n", "; "] {
            let mut text = String::new();
            while text.len() < 700_000 {
                let filler = "plain words that say nothing ".repeat(text.len() % 40 + 5);
                text.push_str(&format!("{filler}{separator}aws {secret} {separator}"));
            }
            let whole = scan(&scanner, b"x", text.as_bytes());
            let found = pieces(&scanner, b"x", &mut text.as_bytes(), &Silent, 50_000).unwrap();
            assert!(whole.findings.len() > 500, "{} findings", whole.findings.len());
            let places = |outcome: &Outcome| -> Vec<_> {
                outcome.findings.iter().map(|f| (f.place.line, f.place.column)).collect()
            };
            assert_eq!(places(&found), places(&whole));
            assert_eq!(found.summary.bytes, text.len() as u64);
        }
    }

    #[test]
    fn dozens_of_unsure_findings_are_counted_and_not_told() {
        let rules = RuleSet::built_in();
        let scanner = Scanner { rules: &rules, known: None };
        let line = |at: u64| {
            let digits = (0..28).map(|place| {
                let mixed = (at * 31 + place + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
                char::from(b"q7Xn2vLb9TzK4mWc8RfY1hJd6PsG3eUa"[mixed as usize % 32])
            });
            format!("row{at} = '{}'\n", digits.collect::<String>())
        };
        let of = |count: u64| -> String { (0..count).map(line).collect() };
        let few = scan(&scanner, b"x", of(10).as_bytes());
        assert!(few.findings.len() > 7 && few.summary.skipped.is_empty(), "{:?}", few.summary);
        let many = scan(&scanner, b"x", of(60).as_bytes());
        assert!(many.findings.is_empty(), "{} findings", many.findings.len());
        assert!(many.summary.skipped.count(UNSURE) > 40, "{:?}", many.summary);
    }
}
