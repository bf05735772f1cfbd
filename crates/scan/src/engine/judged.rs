//! What a vendor's own rule has turned down, no rule for names of any kind takes up again.

use std::ops::Range;

use super::shape::{is_part, stands_alone};
use super::{Hit, What};
use crate::rule::{Class, Least, RuleSet};

/// How far before a value the vendor's name may begin, in bytes.
pub(super) const NEAR: usize = 120;
/// How many bytes too long or too short a value may be to be told for a broken key of the vendor.
const OFF: usize = 5;

/// Fewest bytes of a keyword that tells whose token begins with it.
const PREFIX: usize = 4;

/// Lengths that keys commonly have, in bytes.
const USUAL: [usize; 10] = [16, 20, 24, 32, 36, 40, 43, 48, 64, 128];

/// Drops what is assigned to a name of whatever kind, where a vendor is named before it whose keys
/// have about that length, and whose rule did not take it: it is cut, altered or made up.
pub(super) fn remove(rules: &RuleSet, bytes: &[u8], hits: &mut Vec<Hit>) {
    hits.retain(|hit| match hit.what {
        What::Rule(number) => match rules.rule(number).assigned {
            None | Some(Least::Password) => true,
            Some(_) => {
                !is_near_miss(rules, bytes, &hit.span)
                    && !is_broken(rules, &bytes[hit.span.clone()])
            }
        },
        What::Known(_) => true,
    });
}

fn is_near_miss(rules: &RuleSet, bytes: &[u8], value: &Range<usize>) -> bool {
    let near = &bytes[value.start.saturating_sub(NEAR)..value.start];
    let secret = &bytes[value.clone()];
    let mut missed = false;
    rules.shapes.find(near, |word, start| {
        let name = start..start + word.text.len();
        missed |= stands_alone(near, &name)
            && word.rules.iter().any(|number| {
                is_part(bytes, value)
                    || rules.rule(*number).shapes.iter().any(|shape| {
                        let (least, most) = match shape.class {
                            Class::Uuid | Class::UuidLike => (36, 36),
                            _ => (usize::from(shape.least), usize::from(shape.most)),
                        };
                        let about = least.saturating_sub(OFF)..=most + OFF;
                        // Of that length it may be a kind of key that the table does not know.
                        let usual = USUAL.contains(&value.len());
                        let fits = (least..=most).contains(&value.len());
                        let known = (usual || fits) && is_plain(secret);
                        about.contains(&value.len()) && !known
                    })
            });
    });
    missed
}

/// Whether a value begins as the tokens of some rule do, and is shorter than any of them, or has a
/// sign in it that none has.
fn is_broken(rules: &RuleSet, value: &[u8]) -> bool {
    let mut broken = false;
    rules.patterns.find(value, |word, start| {
        broken |= start == 0
            && (word.text.len() >= PREFIX || word.text.ends_with(['_', '.']))
            && !word.ignore_case
            && word.rules.iter().map(|number| rules.rule(*number)).any(|rule| {
                let short = value.len() < usize::from(rule.least);
                let altered = value.iter().any(|byte| b"?^&*;<!#~%$".contains(byte));
                rule.begins_with_keyword() && rule.assigned.is_none() && (short || altered)
            });
    });
    broken
}

/// Whether all of a value are letters, digits, `-` and `_`.
fn is_plain(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
