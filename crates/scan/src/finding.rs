//! What is told of a leak: what it is, where it lies, how sure that is.

mod marker;

use std::borrow::Cow;
use std::ops::Range;

use bstr::ByteSlice;
use zeroize::Zeroizing;

use crate::engine::{Hit, KnownSecret, Text, What};
use crate::rule::{Confidence, RuleSet, Severity};
pub use marker::Marker;

/// Id of findings that somebody knows by name.
pub const KNOWN_ID: &str = "vault";

/// Longest part of a line that a finding shows, in bytes.
const MAX_LINE: usize = 200;

/// A leak.
#[derive(Clone)]
pub struct Finding {
    /// Id of the rule, or [`KNOWN_ID`].
    pub rule: Cow<'static, str>,
    /// What it is, in a few words.
    pub name: Cow<'static, str>,
    /// What an attacker could do with it.
    pub description: Cow<'static, str>,
    /// What to do about it.
    pub advice: Cow<'static, str>,
    /// Id of the vendor who issued it.
    pub vendor: Option<Cow<'static, str>>,
    /// How bad it is.
    pub severity: Severity,
    /// How sure that is.
    pub confidence: Confidence,
    /// Whether it ends in a checksum that is wrong.
    pub checksum_failed: bool,
    /// Which known value it is.
    pub known: Option<KnownSecret>,
    /// Where it lies.
    pub place: Place,
    /// The secret itself.
    pub value: Zeroizing<Vec<u8>>,
    /// Where in history; `None` outside it.
    pub history: Option<History>,
}

/// Where a leak lies.
#[derive(Clone, Eq, PartialEq)]
pub struct Place {
    /// Path of the file, as its source names it; members of archives behind `!`.
    pub path: Vec<u8>,
    /// Line, counted from 1.
    pub line: usize,
    /// Column, in bytes, counted from 1.
    pub column: usize,
    /// The line up to the secret, or as much of its end as is shown.
    pub before: Vec<u8>,
    /// The line behind the secret, or as much of its beginning as is shown.
    pub after: Vec<u8>,
    /// What a comment on the line asks for.
    pub marker: Option<Marker>,
}

/// Where in a history a leak lies.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct History {
    /// Id of the blob, in base 16.
    pub blob: String,
    /// The commit that brought it; `None` where no commit holds it.
    pub first: Option<Commit>,
    /// The last commit that still holds it.
    pub last: Option<Commit>,
    /// Paths that it has had.
    pub paths: Vec<Vec<u8>>,
    /// Whether the head of a branch holds it.
    pub in_head: bool,
}

/// A commit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Commit {
    /// Its id, in base 16.
    pub id: String,
    /// Its author, `name <address>`.
    pub author: String,
    /// When it was written, in seconds since 1970.
    pub time: i64,
}

impl Finding {
    /// What is told of the hits in a text, which rise by their place.
    pub fn all(rules: &RuleSet, text: Text<'_>, hits: Vec<Hit>) -> Vec<Self> {
        let mut lines = Lines { bytes: text.bytes, line: 1, start: 0, seen: 0, end: None };
        let told = hits.into_iter().map(|hit| {
            let place = lines.place(text.name, &hit.span);
            Self::of(rules, place, hit)
        });
        told.collect()
    }

    fn of(rules: &RuleSet, place: Place, hit: Hit) -> Self {
        let (known, rule) = match hit.what {
            What::Known(known) => (Some(known), None),
            What::Rule(number) => (None, Some(rules.rule(number))),
        };
        let told = |part: fn(&crate::rule::Rule) -> &Cow<'static, str>, of_known: &'static str| {
            rule.map_or(Cow::Borrowed(of_known), |rule| part(rule).clone())
        };
        Self {
            rule: told(|rule| &rule.id, KNOWN_ID),
            name: told(|rule| &rule.name, "value of your vault"),
            description: told(|rule| &rule.description, "Whatever the secret in the vault can do."),
            advice: told(|rule| &rule.advice, "Rotate it."),
            vendor: rule.and_then(|rule| rule.vendor.clone()),
            severity: rule.map_or(Severity::Critical, |rule| rule.severity),
            confidence: hit.confidence,
            checksum_failed: hit.checksum_failed,
            known,
            place,
            value: hit.value,
            history: None,
        }
    }
}

/// The lines of a text, asked for places that rise: each byte is looked at once, however many
/// secrets a line holds.
struct Lines<'a> {
    bytes: &'a [u8],
    /// Number of the line that was asked for last, counted from 1.
    line: usize,
    /// Where it begins.
    start: usize,
    /// How far line ends were looked for.
    seen: usize,
    /// Where it ends, and its marker.
    end: Option<(usize, Option<Marker>)>,
}

impl Lines<'_> {
    /// The place of a span. One that begins before the last is put where it is, too.
    fn place(&mut self, name: &[u8], span: &Range<usize>) -> Place {
        if span.start < self.start {
            (self.line, self.start, self.seen, self.end) = (1, 0, 0, None);
        }
        let unseen = self.seen.min(span.start)..span.start;
        for at in self.bytes[unseen.clone()].find_iter(b"\n") {
            (self.line, self.start, self.end) = (self.line + 1, unseen.start + at + 1, None);
        }
        self.seen = span.start;
        let rest = |from: usize| {
            self.bytes[from..].find_byte(b'\n').map_or(self.bytes.len(), |at| from + at)
        };
        // The marker may stand on the line that a secret of several lines begins in, or ends in.
        let (end, marker) = self.end.get_or_insert_with(|| {
            let end = rest(self.start);
            (end, Marker::find(&self.bytes[self.start..end]))
        });
        let (mut end, mut marker) = (*end, marker.clone());
        if span.end > end {
            end = rest(span.end);
            marker = marker.or_else(|| Marker::find(&self.bytes[span.end..end]));
        }
        let from = self.start.max(span.start.saturating_sub(MAX_LINE));
        let to = end.min(span.end + MAX_LINE);
        Place {
            path: name.to_vec(),
            line: self.line,
            column: span.start - self.start + 1,
            before: self.bytes[from..span.start].to_vec(),
            after: self.bytes[span.end..to].to_vec(),
            marker,
        }
    }
}
