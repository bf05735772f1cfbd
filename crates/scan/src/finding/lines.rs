//! Where in a text's lines its secrets lie. Each byte is looked at once, however many secrets a
//! line holds.

use std::ops::Range;

use bstr::ByteSlice;

use super::{Marker, Place};

/// Longest part of a line that is kept on either side of a secret, in bytes.
const MAX_LINE: usize = 200;
/// What stands for a secret beside the one that is told.
const MASK: &str = "…";
/// A run of so many bytes that has letters and digits may be a secret that no rule knows.
const SUSPECT: usize = 16;

/// The lines of a text, asked for places that rise.
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    /// All secrets in it.
    secrets: &'a [Range<usize>],
    /// Number of the line that was asked for last, counted from 1.
    line: usize,
    /// Where it begins.
    start: usize,
    /// How far the text was looked at.
    seen: usize,
    /// Units of UTF-16 from the beginning of the line to there.
    units: usize,
    /// Where the line ends, and its marker.
    end: Option<(usize, Option<Marker>)>,
}

impl<'a> Lines<'a> {
    /// The lines of `bytes`, in which `secrets` lie, one behind the other.
    pub(super) fn new(bytes: &'a [u8], secrets: &'a [Range<usize>]) -> Self {
        Self { bytes, secrets, line: 1, start: 0, seen: 0, units: 0, end: None }
    }

    /// The place of a secret.
    pub(super) fn place(&mut self, name: &[u8], span: &Range<usize>) -> Place {
        self.go_to(span.start);
        // The marker stands on the line that a secret begins in, or on the one that it ends in.
        let line_end = |from: usize| {
            self.bytes[from..].find_byte(b'\n').map_or(self.bytes.len(), |at| from + at)
        };
        let (end, marker) = self.end.get_or_insert_with(|| {
            let end = line_end(self.start);
            (end, Marker::find(&self.bytes[self.start..end]))
        });
        let (mut end, mut marker) = (*end, marker.clone());
        if span.end > end {
            end = line_end(span.end);
            marker = marker.or_else(|| Marker::find(&self.bytes[span.end..end]));
        }
        let from = self.start.max(span.start.saturating_sub(MAX_LINE));
        let to = end.min(span.end + MAX_LINE);
        Place {
            path: name.to_vec(),
            line: self.line,
            column: span.start - self.start + 1,
            column_utf16: self.units + 1,
            before: self.masked(from..span.start),
            after: self.masked(span.end..to),
            marker,
        }
    }

    /// Looks at the text up to `to`.
    fn go_to(&mut self, to: usize) {
        if to < self.seen {
            *self = Self::new(self.bytes, self.secrets);
        }
        let unseen = &self.bytes[self.seen..to];
        let mut on_line = unseen;
        for at in unseen.find_iter(b"\n") {
            (self.line, self.start) = (self.line + 1, self.seen + at + 1);
            (self.units, self.end) = (0, None);
            on_line = &unseen[at + 1..];
        }
        let units = |chunk: std::str::Utf8Chunk<'_>| {
            let valid: usize = chunk.valid().chars().map(char::len_utf16).sum();
            valid + usize::from(!chunk.invalid().is_empty())
        };
        self.units += on_line.utf8_chunks().map(units).sum::<usize>();
        self.seen = to;
    }

    fn masked(&self, part: Range<usize>) -> Vec<u8> {
        masked(self.bytes, self.secrets, part)
    }
}

/// A part of a text without the secrets in it, which rise and do not overlap, and without what may
/// be one.
pub(crate) fn masked(bytes: &[u8], secrets: &[Range<usize>], part: Range<usize>) -> Vec<u8> {
    let mut shown = Vec::with_capacity(part.len());
    let mut at = part.start;
    let first = secrets.partition_point(|secret| secret.end <= part.start);
    for secret in &secrets[first..] {
        if secret.start >= part.end {
            break;
        }
        push_unsuspicious(&mut shown, &bytes[at..secret.start.max(at)]);
        shown.extend_from_slice(MASK.as_bytes());
        at = secret.end.min(part.end);
    }
    push_unsuspicious(&mut shown, &bytes[at..part.end]);
    shown
}

/// Adds a text; long runs of letters and digits are masked.
fn push_unsuspicious(shown: &mut Vec<u8>, text: &[u8]) {
    let in_run = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-+/=".contains(byte);
    for piece in text.chunk_by(|one, next| in_run(one) == in_run(next)) {
        let is_suspect = piece.len() >= SUSPECT
            && piece.iter().any(u8::is_ascii_digit)
            && piece.iter().any(u8::is_ascii_alphabetic);
        shown.extend_from_slice(if is_suspect { MASK.as_bytes() } else { piece });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_an_editor() {
        let text = "one\nä𝄞 = SECRET1, SECRET2; x = 0123456789abcdef0 # clawvault:allow\nSECRET3";
        let spans: Vec<_> = ["SECRET1", "SECRET2", "SECRET3"]
            .iter()
            .map(|word| text.find(word).unwrap()..text.find(word).unwrap() + word.len())
            .collect();
        let mut lines = Lines::new(text.as_bytes(), &spans);
        let places: Vec<Place> = spans.iter().map(|span| lines.place(b"f", span)).collect();
        let at = |place: &Place| (place.line, place.column, place.column_utf16);
        assert_eq!(places.iter().map(at).collect::<Vec<_>>(), [(2, 10, 7), (2, 19, 16), (3, 1, 1)]);
        assert_eq!(places[0].before.as_bstr(), "ä𝄞 = ");
        assert_eq!(places[0].after.as_bstr(), ", …; x = … # clawvault:allow");
        assert_eq!(places[1].before.as_bstr(), "ä𝄞 = …, ");
        assert_eq!(places[1].marker, Some(Marker::All));
        assert_eq!(places[2].marker, None);
        assert_eq!((places[2].before.len(), places[2].after.len()), (0, 0));
        // Asked for an earlier one, it begins again.
        assert!(lines.place(b"f", &spans[0]) == places[0]);
    }

    #[test]
    fn one_line_of_many_secrets_takes_linear_time() {
        let text = "SECRET, ".repeat(200_000);
        let spans: Vec<_> = (0..200_000).map(|at| at * 8..at * 8 + 6).collect();
        let start = std::time::Instant::now();
        let mut lines = Lines::new(text.as_bytes(), &spans);
        let columns = spans.iter().map(|span| lines.place(b"", span).column_utf16);
        assert_eq!(columns.max(), Some(199_999 * 8 + 1));
        // Quadratic, it would take minutes.
        assert!(start.elapsed().as_secs() < 20);
    }
}
