//! Which token is this? By its shape alone, offline.
//!
//! Only formats whose shape says something by itself take part; those that need context are left to
//! a reader that knows the surroundings. A literal is looked for first, and a pattern is compiled
//! only once its literal has turned up. Nothing is kept of what is read.

use std::{cmp::Reverse, ops::Range, sync::OnceLock};

use aho_corasick::AhoCorasick;
use regex::bytes::{Regex, RegexBuilder};

use crate::{Format, Vendor, vendors};

/// Longest token that is looked for, in bytes; a service account's JSON key is some 2,400.
pub const MAX_TOKEN: usize = 4096;

/// A token inside other bytes.
#[derive(Clone, Debug)]
pub struct Match {
    /// Where the token lies.
    pub range: Range<usize>,
    /// Whose token it is.
    pub vendor: &'static Vendor,
    /// Which kind of token it is.
    pub format: &'static Format,
}

/// The vendor and kind of token whose shape the whole of `value` has; the longest literal decides.
pub fn identify(value: &[u8]) -> Option<(&'static Vendor, &'static Format)> {
    if value.len() > MAX_TOKEN {
        return None;
    }
    let shapes = shapes()?;
    let mut hit = vec![false; shapes.all.len()];
    for literal in shapes.literals.find_overlapping_iter(value) {
        hit[shapes.owner[literal.pattern().as_usize()]] = true;
    }
    let named = shapes.all.iter().zip(hit).filter_map(|(shape, hit)| hit.then_some(shape));
    let best = named.filter(|shape| shape.is(value)).max_by_key(|shape| weight(shape.format))?;
    Some((best.vendor, best.format))
}

/// The tokens inside `bytes`, by position; none that is glued to further token characters.
pub fn find_in(bytes: &[u8]) -> Vec<Match> {
    find(bytes, Texts::Apart)
}

/// The tokens inside a container that stores texts back to back with nothing between them, as the
/// records of an SQLite file do; a token may touch its neighbours unless its literal is too weak
/// for that. The end of a token of open length may then be reported too late.
pub fn find_in_packed(bytes: &[u8]) -> Vec<Match> {
    find(bytes, Texts::Packed)
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Texts {
    Apart,
    Packed,
}

struct Shapes {
    literals: AhoCorasick,
    /// For each literal, the place of its shape in `all`.
    owner: Vec<usize>,
    all: Vec<Shape>,
}

struct Shape {
    vendor: &'static Vendor,
    format: &'static Format,
    whole: OnceLock<Option<Regex>>,
    inside: OnceLock<Option<Regex>>,
}

/// Built at the first use: a launch needs none of it.
fn shapes() -> Option<&'static Shapes> {
    static SHAPES: OnceLock<Option<Shapes>> = OnceLock::new();
    let build = || {
        let mut all = Vec::new();
        let mut owner = Vec::new();
        let mut literals = Vec::new();
        for vendor in vendors() {
            for format in vendor.formats.iter().filter(|format| !format.context) {
                owner.extend(format.keywords.iter().map(|_| all.len()));
                literals.extend_from_slice(format.keywords);
                let (whole, inside) = (OnceLock::new(), OnceLock::new());
                all.push(Shape { vendor, format, whole, inside });
            }
        }
        Some(Shapes { literals: AhoCorasick::new(literals).ok()?, owner, all })
    };
    SHAPES.get_or_init(build).as_ref()
}

impl Shape {
    fn is(&self, value: &[u8]) -> bool {
        let build = || compile(&format!(r"\A(?:{})\z", self.format.pattern));
        self.whole.get_or_init(build).as_ref().is_some_and(|regex| regex.is_match(value))
    }

    fn find_all(&self, bytes: &[u8], window: &Range<usize>, texts: Texts, into: &mut Vec<Match>) {
        let Some(regex) = self.inside.get_or_init(|| compile(self.format.pattern)) else {
            return;
        };
        let may_touch = texts == Texts::Packed && self.is_strong();
        let mut at = window.start;
        while at < window.end
            && let Some(found) = regex.find_at(&bytes[..window.end], at)
        {
            let range = found.range();
            if !may_touch && is_glued_before(bytes, range.start) {
                // Whatever begins before these characters end is glued as well.
                at = end_of_token(&bytes[..window.end], range.start);
            } else if !may_touch && is_glued_after(bytes, range.end) {
                at = range.start + 1;
            } else {
                at = range.end.max(at + 1);
                let Self { vendor, format, .. } = *self;
                into.push(Match { range, vendor, format });
            }
        }
    }

    /// Whether a literal is unlikely to turn up in the middle of other text: long, or punctuated.
    fn is_strong(&self) -> bool {
        let strong =
            |word: &&str| word.len() > 3 || !word.bytes().all(|b| b.is_ascii_alphanumeric());
        self.format.keywords.iter().any(strong)
    }
}

fn find(bytes: &[u8], texts: Texts) -> Vec<Match> {
    let Some(shapes) = shapes() else {
        return Vec::new();
    };
    let mut windows: Vec<Vec<Range<usize>>> = vec![Vec::new(); shapes.all.len()];
    for literal in shapes.literals.find_overlapping_iter(bytes) {
        let start = literal.start().saturating_sub(MAX_TOKEN);
        let end = bytes.len().min(literal.end() + MAX_TOKEN);
        let mine = &mut windows[shapes.owner[literal.pattern().as_usize()]];
        match mine.last_mut() {
            Some(last) if start <= last.end => last.end = end,
            _ => mine.push(start..end),
        }
    }
    let mut found = Vec::new();
    for (shape, windows) in shapes.all.iter().zip(&windows) {
        for window in windows {
            shape.find_all(bytes, window, texts, &mut found);
        }
    }
    without_overlaps(found)
}

/// Of matches that overlap, keeps the first; of those that start together, the longest, then the
/// one with the longest literal.
fn without_overlaps(mut found: Vec<Match>) -> Vec<Match> {
    found.sort_by_key(|one| (one.range.start, Reverse((one.range.end, weight(one.format)))));
    let mut end = 0;
    found.retain(|one| {
        let apart = one.range.start >= end;
        end = if apart { one.range.end } else { end };
        apart
    });
    found
}

/// Whether what starts here carries on a token that began earlier.
fn is_glued_before(bytes: &[u8], start: usize) -> bool {
    // The letter of `\n` in a JSON string belongs to the escape, not to the token.
    let escaped = matches!(bytes.get(..start), Some([.., b'\\', b'n' | b'r' | b't']));
    start > 0 && is_token(bytes, start) && is_token(bytes, start - 1) && !escaped
}

/// Whether what ends here goes on.
fn is_glued_after(bytes: &[u8], end: usize) -> bool {
    end > 0 && is_token(bytes, end - 1) && is_token(bytes, end)
}

fn end_of_token(bytes: &[u8], start: usize) -> usize {
    (start..bytes.len()).find(|&at| !is_token(bytes, at)).unwrap_or(bytes.len())
}

fn is_token(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// How much a format says: the length of its longest literal.
fn weight(format: &Format) -> usize {
    format.keywords.iter().map(|word| word.len()).max().unwrap_or(0)
}

fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern).unicode(false).build().ok()
}
