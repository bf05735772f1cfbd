//! One secret is told once.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Hit, What};
use crate::rule::{Confidence, RuleSet};

/// More unsure hits than these in one text are data, such as test vectors, and not secrets.
const MAX_UNSURE: usize = 24;

/// Drops the hits that are unsure each, where there are many; how many it dropped.
pub(super) fn drop_data(hits: &mut Vec<Hit>) -> usize {
    let unsure = |hit: &Hit| hit.confidence == Confidence::Low;
    let count = hits.iter().filter(|hit| unsure(hit)).count();
    if count <= MAX_UNSURE {
        return 0;
    }
    hits.retain(|hit| !unsure(hit));
    count
}

/// Of hits that overlap, keeps the one that is known by name, then the surer one, then a vendor's,
/// then the longer, then the earlier rule; by place.
pub(super) fn remove(rules: &RuleSet, hits: &mut Vec<Hit>) {
    let weight = |hit: &Hit| match hit.what {
        What::Known(_) => (hit.confidence, true, true, u16::MAX),
        What::Rule(rule) => (hit.confidence, false, rules.rule(rule).vendor.is_some(), rule),
    };
    hits.sort_by_key(|hit| {
        let (confidence, known, vendor, rule) = weight(hit);
        (Reverse((known, confidence, vendor)), Reverse(hit.span.len()), rule)
    });
    // By where they begin: those that are kept lie apart, so only two of them can touch another.
    let mut kept: BTreeMap<usize, Hit> = BTreeMap::new();
    for hit in hits.drain(..) {
        let before = kept.range(..=hit.span.start).next_back();
        let behind = kept.range(hit.span.start..).next();
        if before.is_none_or(|(_, other)| other.span.end <= hit.span.start)
            && behind.is_none_or(|(start, _)| hit.span.end <= *start)
        {
            kept.insert(hit.span.start, hit);
        }
    }
    hits.extend(kept.into_values());
}
