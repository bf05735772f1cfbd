//! Which secrets blobs hold, told by numbers: equal secrets have the same one.

use std::collections::BTreeMap;

use gix::ObjectId;
use serde::{Deserialize, Serialize};

use crate::engine::{Hit, Scanner, Text, What};
use crate::finding::{Finding, KNOWN_ID};
use crate::rule::RuleSet;
use crate::source::content;

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
    /// Where it begins; in what is no plain text, a digest of that.
    place: u64,
}

/// Blobs, and what they hold.
pub(super) type Marked = Vec<(ObjectId, Vec<Mark>)>;

impl Mark {
    /// The secret of that number, found again where it was.
    pub(super) fn find(number: u32, marks: &[Self], placed: &[(u64, Finding)]) -> Option<Leak> {
        let is =
            |(place, _): &&(u64, Finding)| marks.contains(&Self { leak: number, place: *place });
        placed.iter().find(is).map(|(_, finding)| Leak::of(finding))
    }
}

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

/// Gives numbers to what was found in plain texts, and in others.
pub(super) fn number(
    rules: &RuleSet,
    hits: &[(ObjectId, Vec<Hit>)],
    packed: &[(ObjectId, Vec<Finding>)],
) -> Marked {
    let mut numbers = BTreeMap::new();
    let mut mark = |leak: Leak, place: u64| {
        let next = numbers.len() as u32;
        Mark { leak: *numbers.entry(leak).or_insert(next), place }
    };
    let mut marked = Marked::new();
    for (id, hits) in hits {
        let marks = hits.iter().map(|hit| mark(Leak::of_hit(rules, hit), hit.span.start as u64));
        marked.push((*id, marks.collect()));
    }
    for (id, findings) in packed {
        let marks = findings.iter().map(|finding| mark(Leak::of(finding), place(finding, b"")));
        marked.push((*id, marks.collect()));
    }
    marked
}

/// What a blob holds, with the places that marks have.
pub(super) fn placed(scanner: &Scanner<'_>, name: &[u8], bytes: &[u8]) -> Vec<(u64, Finding)> {
    if !content::is_plain(bytes) {
        let findings = content::scan(scanner, name, bytes).findings.into_iter();
        return findings.map(|finding| (place(&finding, name), finding)).collect();
    }
    let text = Text { name, bytes };
    let hits = scanner.scan(text);
    let places: Vec<u64> = hits.iter().map(|hit| hit.span.start as u64).collect();
    places.into_iter().zip(Finding::all(scanner.rules, text, hits)).collect()
}

/// Where in something that is no plain text a finding lies: a digest of the member's name, the line
/// and the column.
fn place(finding: &Finding, name: &[u8]) -> u64 {
    let place = &finding.place;
    let member = place.path.strip_prefix(name).unwrap_or(&place.path);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(place.line as u64).to_le_bytes()).update(&(place.column as u64).to_le_bytes());
    hasher.update(member);
    let mut digest = [0; 8];
    hasher.finalize_xof().fill(&mut digest);
    u64::from_le_bytes(digest)
}
