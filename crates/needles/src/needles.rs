//! The needles: all forms of all values, sorted, and the two questions that a stream asks of them.

use std::fmt;

use zeroize::Zeroizing;

use crate::filter::{Bits, Filter, Hash};
use crate::{SHORTEST, forms};

/// Most bytes that all forms together may have.
const MOST: usize = 64 * 1024 * 1024;

/// Bytes by which the beginnings of needles are told apart at first glance.
const BEGINNING: usize = 4;

/// The forms of all values are more than can be sought at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the forms of all values are larger than {MOST} bytes")]
pub struct TooMuch;

/// An occurrence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Found {
    /// Its first byte.
    pub start: usize,
    /// Behind its last byte.
    pub end: usize,
    /// Number of the value, as they were given.
    pub value: usize,
}

/// All forms of all values.
pub struct Needles {
    /// The needles one after the other, in their order.
    text: Zeroizing<Vec<u8>>,
    spans: Vec<Span>,
    longest: usize,
    filter: Filter,
    /// What needles begin with.
    beginnings: Bits,
}

/// One needle; its neighbours in the list are its neighbours in the order of bytes.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    length: usize,
    value: usize,
    /// The longest other needle that this one begins with.
    inner: Option<usize>,
}

impl Needles {
    /// Prepares to seek these values; shorter ones than [`SHORTEST`] are left out.
    ///
    /// Where two values have a form in common, it is counted to the first.
    pub fn new(values: &[&[u8]]) -> Result<Self, TooMuch> {
        let mut all = Vec::new();
        let mut size = 0;
        for (number, value) in values.iter().enumerate() {
            if value.len() >= SHORTEST {
                for form in forms::of(value) {
                    size += form.len();
                    all.push((form, number));
                }
            }
            if size > MOST {
                return Err(TooMuch);
            }
        }
        all.sort_unstable_by(|(one, a), (other, b)| one.as_slice().cmp(other).then(a.cmp(b)));
        all.dedup_by(|(later, _), (earlier, _)| later == earlier);
        let mut text = Zeroizing::new(Vec::with_capacity(size));
        let mut spans: Vec<Span> = Vec::with_capacity(all.len());
        for (form, value) in &all {
            let mut inner = spans.len().checked_sub(1);
            while let Some(index) = inner
                && !form.starts_with(spans[index].of(&text))
            {
                inner = spans[index].inner;
            }
            spans.push(Span { start: text.len(), length: form.len(), value: *value, inner });
            text.extend_from_slice(form);
        }
        let shortest = spans.iter().map(|span| span.length).min().unwrap_or(SHORTEST);
        let longest = spans.iter().map(|span| span.length).max().unwrap_or(SHORTEST);
        let filter = Filter::new(spans.iter().map(|span| span.of(&text)), shortest);
        let beginnings: Vec<Hash> =
            spans.iter().filter_map(|span| Hash::of_first(span.of(&text), BEGINNING)).collect();
        let beginnings = Bits::new(beginnings.into_iter());
        Ok(Self { text, spans, longest, filter, beginnings })
    }

    /// Length of the longest form, in bytes.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// The first occurrence that begins at or behind `from`; the longest of those at that place.
    pub fn find(&self, text: &[u8], from: usize) -> Option<Found> {
        self.filter.search(text, from, |start| {
            let span = self.longest_at(text.get(start..)?)?;
            Some(Found { start, end: start + span.length, value: span.value })
        })
    }

    /// The first place at or behind `from` where an occurrence begins that the end of the text
    /// cuts off, or may cut short; the end of the text where there is none.
    pub fn cut_off(&self, text: &[u8], from: usize) -> usize {
        let first = from.max(text.len().saturating_sub(self.longest));
        (first..text.len()).find(|start| self.begins(&text[*start..])).unwrap_or(text.len())
    }

    /// The longest needle that the text begins with.
    fn longest_at(&self, text: &[u8]) -> Option<Span> {
        // In order of bytes, all needles that the text begins with stand before it, and between
        // each of them and the text only needles that begin with it.
        let behind = self.spans.partition_point(|span| span.of(&self.text) <= text);
        let mut span = self.spans[behind.checked_sub(1)?];
        let pairs = span.of(&self.text).iter().zip(text);
        let common = pairs.take_while(|(one, other)| one == other).count();
        while span.length > common {
            span = self.spans[span.inner?];
        }
        Some(span)
    }

    /// Whether a needle begins with the text and is longer.
    fn begins(&self, text: &[u8]) -> bool {
        let hash = Hash::of_first(text, BEGINNING);
        if hash.is_some_and(|hash| !self.beginnings.may_have(hash)) {
            return false;
        }
        let behind = self.spans.partition_point(|span| span.of(&self.text) <= text);
        self.spans.get(behind).is_some_and(|span| span.of(&self.text).starts_with(text))
    }
}

impl Span {
    fn of<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.start..self.start + self.length]
    }
}

impl fmt::Debug for Needles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Needles({})", self.spans.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_sought_is_nothing_found() {
        for values in [&[] as &[&[u8]], &[b"short"]] {
            let needles = Needles::new(values).unwrap();
            assert_eq!(needles.find(b"short, but long enough to look at", 0), None);
            assert_eq!(needles.cut_off(b"sho", 0), 3);
        }
    }

    #[test]
    fn the_longest_of_nested_values_wins_and_equal_ones_are_the_first() {
        let values: &[&[u8]] = &[b"12345678", b"12345678abcd", b"12345678ab", b"12345678"];
        let needles = Needles::new(values).unwrap();
        let found = |text: &[u8]| needles.find(text, 0).map(|f| (f.start, f.end, f.value));
        assert_eq!(found(b"x12345678abcx"), Some((1, 11, 2)));
        assert_eq!(found(b"x12345678abcd"), Some((1, 13, 1)));
        assert_eq!(found(b"x12345678ax"), Some((1, 9, 0)));
        assert_eq!(needles.cut_off(b"x12345678ab", 0), 1);
        assert_eq!(needles.cut_off(b"x12345678a!", 0), 11);
    }

    #[test]
    fn debug_is_silent_and_what_is_too_much_is_refused() {
        let needles = Needles::new(&[b"a secret value"]).unwrap();
        assert!(!format!("{needles:?}").contains("secret"));
        let large = vec![b'"'; 1024 * 1024];
        assert_eq!(Needles::new(&[large.as_slice(); 3]).unwrap_err(), TooMuch);
    }
}
