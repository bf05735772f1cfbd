//! What is told of a leak: what it is, where it lies, how sure that is.

pub mod fingerprint;
mod lines;
mod marker;

use std::borrow::Cow;
use std::ops::Range;

use zeroize::Zeroizing;

use crate::decode::Codec;
use crate::engine::{Hit, KnownSecret, Text, What};
use crate::rule::{Confidence, RuleSet, Severity};
use lines::Lines;
pub(crate) use lines::masked;
pub use marker::Marker;

/// Id of findings that somebody knows by name.
pub const KNOWN_ID: &str = "vault";

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
    /// What its vendor says of it, where it was asked: `live`, `dead` or `unknown`.
    pub verified: Option<&'static str>,
    /// How it is encoded there, the outermost first.
    pub codecs: Vec<Codec>,
    /// Which known value it is.
    pub known: Option<KnownSecret>,
    /// Where it lies.
    pub place: Place,
    /// The secret itself.
    pub value: Zeroizing<Vec<u8>>,
    /// What tells it from other findings, in every scan; empty until [`fingerprint`] is asked.
    pub fingerprint: String,
    /// Where in history; `None` outside it.
    pub history: Option<History>,
    /// What else its source has to say of the place, in sentences that hold no value.
    pub remarks: Vec<Cow<'static, str>>,
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
    /// Column in units of UTF-16, counted from 1.
    pub column_utf16: usize,
    /// The line up to the secret, or as much of its end as is shown; what else of it is a secret,
    /// or looks like one, is masked.
    pub before: Vec<u8>,
    /// The line behind the secret, or as much of its beginning as is shown; masked in the same way.
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
    /// What is told of the hits in a text, which rise by their place and do not overlap.
    pub fn all(rules: &RuleSet, text: Text<'_>, hits: Vec<Hit>) -> Vec<Self> {
        let spans: Vec<Range<usize>> = hits.iter().map(|hit| hit.span.clone()).collect();
        let mut lines = Lines::new(text.bytes, &spans);
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
            advice: told(|rule| &rule.advice, "Replace it at its vendor, then in the vault."),
            vendor: rule.and_then(|rule| rule.vendor.clone()),
            severity: rule.map_or(Severity::Critical, |rule| rule.severity),
            confidence: hit.confidence,
            checksum_failed: hit.checksum_failed,
            verified: None,
            codecs: hit.codecs,
            known,
            place,
            value: hit.value,
            fingerprint: String::new(),
            history: None,
            remarks: Vec::new(),
        }
    }
}
