//! Finds the secrets in one text, in time linear in its length: what each floor below finds is put
//! together here.

mod assignment;
mod encoded;
mod judged;
mod known;
mod overlap;
mod pattern;
mod proof;
mod run;
mod shape;

use std::ops::Range;

use zeroize::Zeroizing;

pub use known::{Known, KnownSecret, OnKnown};
pub use proof::{Broken, prove};

use crate::decode::Codec;
use crate::rule::shapes::MIN_SHAPE;
use crate::rule::{Confidence, RuleSet};

/// Longest secret that is assigned to a name, in bytes.
pub(crate) const SPAN: usize = 384;
/// So many bytes hold a secret and whatever makes it one, but for rules that see far, and for what
/// stands on one line.
pub(crate) const SIGHT: usize = 400;

/// Looks for secrets; shared by threads.
#[derive(Clone, Copy)]
pub struct Scanner<'a> {
    /// What is looked for.
    pub rules: &'a RuleSet,
    /// Who knows values by name, if anyone.
    pub known: Option<&'a dyn Known>,
}

/// A text, with what is known of it.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    /// Path of the file that it is the content of; empty where there is none.
    pub name: &'a [u8],
    /// The text.
    pub bytes: &'a [u8],
}

/// A secret in a text.
#[derive(Clone, PartialEq, Eq)]
pub struct Hit {
    /// What it is.
    pub what: What,
    /// Where it lies; where it is encoded, the encoded block.
    pub span: Range<usize>,
    /// The secret itself, decoded.
    pub value: Zeroizing<Vec<u8>>,
    /// How sure that is.
    pub confidence: Confidence,
    /// Whether it ends in a checksum that is wrong.
    pub checksum_failed: bool,
    /// How it is encoded, the outermost first.
    pub codecs: Vec<Codec>,
    /// How far around it whatever was looked at to tell may stand.
    pub(crate) seen: Seen,
}

/// Bytes before and behind a secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Seen {
    pub(crate) before: usize,
    pub(crate) behind: usize,
}

impl Seen {
    /// What is seen from `span` of `all`, and of so many bytes around that; at least one, so that
    /// where a text begins and ends is seen as well.
    fn from(span: &Range<usize>, all: &Range<usize>, around: usize) -> Self {
        let before = span.start.saturating_sub(all.start) + around.max(1);
        Self { before, behind: all.end.saturating_sub(span.end) + around.max(1) }
    }

    /// At least so much on either side.
    fn and(self, bytes: usize) -> Self {
        Self { before: self.before.max(bytes), behind: self.behind.max(bytes) }
    }
}

/// What a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// What the rule of this number finds.
    Rule(u16),
    /// A value that is known by name.
    Known(KnownSecret),
}

impl Scanner<'_> {
    /// Finds the secrets in a text, by their place; of those that overlap, the surest.
    pub fn scan(&self, text: Text<'_>) -> Vec<Hit> {
        self.look(text).0
    }

    /// The same, and how many more there are that are not told, being unsure and many.
    pub(crate) fn look(&self, text: Text<'_>) -> (Vec<Hit>, usize) {
        self.settle(self.all(text).0)
    }

    /// Of all hits of a text, those that are told, and how many are not, being unsure and many.
    pub(crate) fn settle(&self, mut hits: Vec<Hit>) -> (Vec<Hit>, usize) {
        overlap::remove(self.rules, &mut hits);
        let unsure = overlap::drop_data(&mut hits);
        (hits, unsure)
    }

    /// All that any rule finds, and all that is known, overlapping hits too; and whether something
    /// stands in the text that is seen from farther than [`SIGHT`].
    pub(crate) fn all(&self, text: Text<'_>) -> (Vec<Hit>, bool) {
        encoded::find(self, text)
    }

    /// What stands in a text as it is, and whether a rule sees far; calls `each` with its long runs.
    fn plain(&self, text: Text<'_>, mut each: impl FnMut(&Range<usize>)) -> (Vec<Hit>, bool) {
        let mut hits = Vec::new();
        let mut far = pattern::find(self.rules, text, &mut hits);
        run::find(text.bytes, usize::from(MIN_SHAPE), |run| {
            far |= shape::look(self.rules, text, &run, &mut hits);
            each(&run);
        });
        judged::remove(self.rules, text.bytes, &mut hits);
        if let Some(known) = self.known {
            known.find(text.bytes, &mut |span, secret, value| {
                let what = What::Known(secret.clone());
                let seen = Seen { before: 0, behind: 0 };
                hits.push(Hit::new(what, (span, seen), value, Confidence::High));
            });
        }
        (hits, far)
    }
}

impl Hit {
    /// The same, at lower confidence.
    fn unsure(self) -> Self {
        Self { confidence: Confidence::Low, ..self }
    }

    /// A secret that stands there as it is.
    fn new(
        what: What,
        (span, seen): (Range<usize>, Seen),
        value: &[u8],
        confidence: Confidence,
    ) -> Self {
        let value = Zeroizing::new(value.to_vec());
        Self { what, span, value, confidence, checksum_failed: false, codecs: Vec::new(), seen }
    }
}
