//! Which token is this? By its shape alone, offline.
//!
//! Only formats whose shape says something by itself take part; those that need context are left to
//! a reader that knows the surroundings. A literal is looked for first, and a pattern is compiled
//! only once its literal has turned up. Nothing is kept of what is read.

use std::{borrow::Cow, cmp::Reverse, ops::Range, sync::OnceLock};

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
    built_in()?.identify(value).map(|(key, _)| key)
}

/// The tokens inside `bytes`, by position; none that is glued to further token characters.
pub fn find_in(bytes: &[u8]) -> Vec<Match> {
    matches(bytes, Texts::Apart)
}

/// The tokens inside a container that stores texts back to back with nothing between them, as the
/// records of an SQLite file do; a token may touch its neighbours unless its literal is too weak
/// for that. The end of a token of open length may then be reported too late.
pub fn find_in_packed(bytes: &[u8]) -> Vec<Match> {
    matches(bytes, Texts::Packed)
}

fn matches(bytes: &[u8], texts: Texts) -> Vec<Match> {
    let mut found = Vec::new();
    if let Some(shapes) = built_in() {
        shapes.find(bytes, texts, &mut found);
    }
    let whole = |one: Hit<Key>| Match { range: one.range, vendor: one.key.0, format: one.key.1 };
    without_overlaps(found).into_iter().map(whole).collect()
}

#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Texts {
    Apart,
    Packed,
}

/// Whose token it is, and of which kind.
pub(crate) type Key = (&'static Vendor, &'static Format);

/// A token inside other bytes, with the name `K` of its shape.
#[derive(Debug)]
pub(crate) struct Hit<K> {
    pub(crate) range: Range<usize>,
    pub(crate) key: K,
    weight: usize,
}

impl<K> Hit<K> {
    /// The same with another name.
    pub(crate) fn named<L>(self, name: impl Fn(K) -> L) -> Hit<L> {
        Hit { range: self.range, key: name(self.key), weight: self.weight }
    }
}

/// Shapes that are looked for together, each with a name `K`.
#[derive(Debug)]
pub(crate) struct Shapes<K> {
    literals: AhoCorasick,
    /// For each literal, the place of its shape in `all`.
    owner: Vec<usize>,
    all: Vec<Shape<K>>,
}

#[derive(Debug)]
pub(crate) struct Shape<K> {
    key: K,
    pattern: Cow<'static, str>,
    keywords: Vec<Cow<'static, str>>,
    whole: OnceLock<Option<Regex>>,
    inside: OnceLock<Option<Regex>>,
}

/// The built-in ones, made at the first use: a launch needs none of them.
pub(crate) fn built_in() -> Option<&'static Shapes<Key>> {
    static SHAPES: OnceLock<Option<Shapes<Key>>> = OnceLock::new();
    let build = || {
        let mut all = Vec::new();
        for vendor in vendors() {
            for format in vendor.formats.iter().filter(|format| !format.context) {
                let keywords = format.keywords.iter().map(|word| Cow::Borrowed(*word)).collect();
                all.push(Shape::new((vendor, format), Cow::Borrowed(format.pattern), keywords));
            }
        }
        Shapes::new(all)
    };
    SHAPES.get_or_init(build).as_ref()
}

impl<K: Copy> Shapes<K> {
    /// None where the literals are too many for one search.
    pub(crate) fn new(all: Vec<Shape<K>>) -> Option<Self> {
        let (mut owner, mut literals) = (Vec::new(), Vec::new());
        for (at, shape) in all.iter().enumerate() {
            owner.extend(shape.keywords.iter().map(|_| at));
            literals.extend(shape.keywords.iter().map(|word| word.as_bytes()));
        }
        Some(Self { literals: AhoCorasick::new(literals).ok()?, owner, all })
    }

    /// The shape that the whole of `value` has, and how much it says.
    pub(crate) fn identify(&self, value: &[u8]) -> Option<(K, usize)> {
        if value.len() > MAX_TOKEN {
            return None;
        }
        let mut hit = vec![false; self.all.len()];
        for literal in self.literals.find_overlapping_iter(value) {
            hit[self.owner[literal.pattern().as_usize()]] = true;
        }
        let named = self.all.iter().zip(hit).filter_map(|(shape, hit)| hit.then_some(shape));
        let best = named.filter(|shape| shape.is(value)).max_by_key(|shape| shape.weight())?;
        Some((best.key, best.weight()))
    }

    pub(crate) fn find(&self, bytes: &[u8], texts: Texts, into: &mut Vec<Hit<K>>) {
        let mut windows: Vec<Vec<Range<usize>>> = vec![Vec::new(); self.all.len()];
        for literal in self.literals.find_overlapping_iter(bytes) {
            let start = literal.start().saturating_sub(MAX_TOKEN);
            let end = bytes.len().min(literal.end() + MAX_TOKEN);
            let mine = &mut windows[self.owner[literal.pattern().as_usize()]];
            match mine.last_mut() {
                Some(last) if start <= last.end => last.end = end,
                _ => mine.push(start..end),
            }
        }
        for (shape, windows) in self.all.iter().zip(&windows) {
            for window in windows {
                shape.find_all(bytes, window, texts, into);
            }
        }
    }
}

impl<K: Copy> Shape<K> {
    pub(crate) fn new(
        key: K,
        pattern: Cow<'static, str>,
        keywords: Vec<Cow<'static, str>>,
    ) -> Self {
        Self { key, pattern, keywords, whole: OnceLock::new(), inside: OnceLock::new() }
    }

    fn is(&self, value: &[u8]) -> bool {
        let build = || compile(&format!(r"\A(?:{})\z", self.pattern));
        self.whole.get_or_init(build).as_ref().is_some_and(|regex| regex.is_match(value))
    }

    fn find_all(&self, bytes: &[u8], window: &Range<usize>, texts: Texts, into: &mut Vec<Hit<K>>) {
        let Some(regex) = self.inside.get_or_init(|| compile(&self.pattern)) else {
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
                into.push(Hit { range, key: self.key, weight: self.weight() });
            }
        }
    }

    /// How much it says: the length of its longest literal.
    fn weight(&self) -> usize {
        self.keywords.iter().map(|word| word.len()).max().unwrap_or(0)
    }

    /// Whether a literal is unlikely to turn up in the middle of other text: long, or punctuated.
    fn is_strong(&self) -> bool {
        let strong = |word: &Cow<'_, str>| {
            word.len() > 3 || !word.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        self.keywords.iter().any(strong)
    }
}

/// Of matches that overlap, keeps the first; of those that start together, the longest, then the
/// one with the longest literal.
pub(crate) fn without_overlaps<K>(mut found: Vec<Hit<K>>) -> Vec<Hit<K>> {
    found.sort_by_key(|one| (one.range.start, Reverse((one.range.end, one.weight))));
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

fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern).unicode(false).build().ok()
}
