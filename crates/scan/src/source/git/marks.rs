//! Which secrets blobs hold, told by numbers: equal secrets have the same one.

use std::collections::BTreeMap;

use gix::ObjectId;
use serde::{Deserialize, Serialize};

use crate::engine::{Hit, What};
use crate::finding::{Finding, KNOWN_ID};
use crate::rule::RuleSet;

/// A secret, and what it was found as.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Leak {
    rule: String,
    known: String,
    /// Digest of the secret: no more copies of it than need be.
    value: [u8; 32],
}

/// A place in a blob that holds a secret.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(super) struct Mark {
    /// Number of the secret.
    pub(super) leak: u32,
    /// Where it begins.
    start: u64,
}

/// Blobs, and what they hold.
pub(super) type Marked = Vec<(ObjectId, Vec<Mark>)>;

impl Leak {
    pub(super) fn of(finding: &Finding) -> Self {
        let known = finding.known.as_ref().map_or_else(String::new, |known| known.name.clone());
        Self { rule: finding.rule.to_string(), known, value: blake3::hash(&finding.value).into() }
    }

    fn of_hit(rules: &RuleSet, hit: &Hit) -> Self {
        let (rule, known) = match &hit.what {
            What::Rule(number) => (rules.rule(*number).id.to_string(), String::new()),
            What::Known(known) => (KNOWN_ID.to_owned(), known.name.clone()),
        };
        Self { rule, known, value: blake3::hash(&hit.value).into() }
    }
}

/// Gives numbers to what was found.
pub(super) fn of_hits(rules: &RuleSet, hits: &[(ObjectId, Vec<Hit>)]) -> Marked {
    let mut numbers = BTreeMap::new();
    let mut mark = |hit: &Hit| {
        let next = numbers.len() as u32;
        let leak = *numbers.entry(Leak::of_hit(rules, hit)).or_insert(next);
        Mark { leak, start: hit.span.start as u64 }
    };
    hits.iter().map(|(id, hits)| (*id, hits.iter().map(&mut mark).collect())).collect()
}

impl Mark {
    /// The secret that stands where a secret of that number was found, if any of these hits does.
    pub(super) fn find(number: u32, marks: &[Self], rules: &RuleSet, hits: &[Hit]) -> Option<Leak> {
        let is = |hit: &&Hit| marks.contains(&Self { leak: number, start: hit.span.start as u64 });
        hits.iter().find(is).map(|hit| Leak::of_hit(rules, hit))
    }
}
