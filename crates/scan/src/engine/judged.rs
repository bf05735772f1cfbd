//! What a vendor's own rule has turned down, no rule for names of any kind takes up again.

use std::ops::Range;

use super::shape::{is_part, stands_alone};
use super::{Hit, What};
use crate::judge;
use crate::rule::{Class, Least, Rule, RuleSet};

/// How far before a value the vendor's name may begin, in bytes.
pub(super) const NEAR: usize = 120;
/// How many bytes too long or too short a value may be to be told for a broken key of the vendor.
const OFF: usize = 5;

/// What keys begin with, and passwords as well.
const WORDS: [&str; 16] = [
    "access", "api", "app", "auto", "key", "live", "mob", "private", "pub", "sandbox", "sdk",
    "secret", "server", "test", "web", "dose",
];

/// Fewest bytes of a keyword that tells whose token begins with it.
const PREFIX: usize = 4;

/// Lengths that keys commonly have, in bytes.
const USUAL: [usize; 10] = [16, 20, 24, 32, 36, 40, 43, 48, 64, 128];

/// Drops what is assigned to a name of whatever kind, where a vendor is named before it whose keys
/// have about that length, and whose rule did not take it: it is cut, altered or made up.
pub(super) fn remove(rules: &RuleSet, bytes: &[u8], hits: &mut Vec<Hit>) {
    hits.retain(|hit| match hit.what {
        What::Rule(number) => match rules.rule(number).assigned {
            None => true,
            Some(Least::Password) => !is_broken(rules, &bytes[hit.span.clone()], true),
            Some(_) => {
                !is_near_miss(rules, bytes, &hit.span)
                    && !is_broken(rules, &bytes[hit.span.clone()], false)
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

/// Whether a value begins as the tokens of some rule do, and is shorter than any of them or a little
/// longer than all, or has a sign in it that none has. A password may begin with a word by itself.
fn is_broken(rules: &RuleSet, value: &[u8], password: bool) -> bool {
    if is_cut_token(value) {
        return true;
    }
    let altered = value.iter().any(|byte| b"?^&*;<!#~%$".contains(byte));
    let (mut broken, mut long, mut fits) = (false, false, false);
    let mut look = |rule: &Rule| {
        if rule.begins_with_keyword() && rule.assigned.is_none() {
            let most = usize::from(rule.reach);
            let short = value.len() < usize::from(rule.least);
            broken |= short || altered;
            long |= (most + 1..=most + OFF).contains(&value.len());
            fits |= !short && value.len() <= most;
        }
    };
    rules.patterns.find(value, |word, start| {
        let letters = word.text.trim_end_matches(['_', '-', '.']);
        let word_too = WORDS.contains(&letters) || altered && letters.len() == word.text.len();
        if start == 0
            && (word.text.len() >= PREFIX || word.text.ends_with(['_', '.']))
            && !word.ignore_case
            && !(password && word_too)
        {
            word.rules.iter().for_each(|number| look(rules.rule(*number)));
        }
    });
    // Of a keyword that is too short to be looked for everywhere, the pattern tells how it goes on.
    for (begin, number) in rules.begins.iter().filter(|(begin, _)| value.starts_with(begin)) {
        let rule = rules.rule(*number);
        let goes_on = rule.pattern.as_bytes().get(begin.len());
        if matches!(goes_on, Some(b'_' | b'-')) && goes_on == value.get(begin.len()) {
            look(rule);
        }
    }
    broken || long && !fits
}

/// Whether a value is a signed text (RFC 7515) of which a part is missing, or cut.
fn is_cut_token(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| *byte == b'.');
    parts.next().is_some_and(judge::is_signed_head) && (1..3).contains(&parts.count())
}

/// Whether all of a value are letters, digits, `-` and `_`.
fn is_plain(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
