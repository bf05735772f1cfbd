//! What a vendor's own rule has turned down, no rule for names of any kind takes up again.

use std::ops::Range;

use super::shape::{is_part, stands_alone};
use super::{Hit, What};
use crate::judge;
use crate::rule::{Class, Least, RuleSet};

/// How far before a value the vendor's name may begin, in bytes.
pub(super) const NEAR: usize = 120;
/// How many bytes too long or too short a value may be to be told for a broken key of the vendor.
const OFF: usize = 5;

/// What keys begin with, and passwords as well.
const WORDS: [&str; 16] = [
    "access", "api", "app", "auto", "key", "live", "mob", "private", "pub", "sandbox", "sdk",
    "secret", "server", "test", "web", "dose",
];

/// What keys of many vendors begin with: only what nearly has the length of a known one is broken.
const SHARED: [&str; 9] = ["api", "app", "key", "live", "pk", "secret", "sk", "test", "web"];
/// How many bytes that is at most.
const NEARLY: usize = 2;

/// Fewest bytes of a keyword that tells whose token begins with it.
const PREFIX: usize = 4;
/// The same of one that stands in the middle of a token.
const INSIDE: usize = 7;

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
                let value = &bytes[hit.span.clone()];
                !is_altered(value)
                    && !is_near_miss(rules, bytes, &hit.span)
                    && !is_broken(rules, value, false)
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

/// Whether a value is a long key but for one sign in it that no vendor's keys have.
fn is_altered(value: &[u8]) -> bool {
    let key = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-+/.=:~".contains(byte);
    let other = value.iter().filter(|byte| !key(byte)).count();
    let sign = value.iter().position(|byte| matches!(byte, b'?' | b'^'));
    value.len() >= 20
        && other == 1
        && sign.is_some_and(|at| at > 0 && at + 1 < value.len())
        && !value.ends_with(b"=")
}

/// Whether a value begins as the tokens of some rule do, and has the form of none of them, though it
/// is at most a little longer. A password may begin with a word by itself.
fn is_broken(rules: &RuleSet, value: &[u8], password: bool) -> bool {
    if is_cut_token(value) {
        return true;
    }
    let altered = value.iter().any(|byte| b"?^&*;<!#~%$".contains(byte));
    let (mut broken, mut fits) = (false, false);
    let mut look = |number: u16, shared: bool| {
        let rule = rules.rule(number);
        let most = usize::from(rule.reach) + if shared { NEARLY } else { OFF };
        let least = if shared { usize::from(rule.least).saturating_sub(NEARLY) } else { 0 };
        let matched = rules.regex(number).and_then(|regex| regex.find(value));
        let whole = matched.is_some_and(|found| found.end() == value.len());
        // A form that says nothing by itself speaks neither for it nor against it.
        let says = rule.context.is_empty() || !whole;
        broken |= says && (altered || (least..=most).contains(&value.len()));
        fits |= says && whole;
    };
    rules.patterns.find(value, |word, start| {
        let letters = word.text.trim_end_matches(['_', '-', '.']);
        let word_too = WORDS.contains(&letters) || altered && letters.len() == word.text.len();
        let begins = start == 0
            && (word.text.len() >= PREFIX || word.text.ends_with(['_', '.']))
            && !(password && word_too);
        for number in word.rules.iter().filter(|_| !word.ignore_case) {
            let rule = rules.rule(*number);
            let first = begins && rule.begins_with_keyword();
            // No word has so much of a token in its middle.
            let inside = start > 0 && rule.before > 0 && word.text.len() >= INSIDE;
            if rule.assigned.is_none() && (first || inside) {
                look(*number, first && SHARED.contains(&letters));
            }
        }
    });
    // Of a keyword that is too short to be looked for everywhere, the pattern tells how it goes on.
    for (begin, number) in rules.begins.iter().filter(|(begin, _)| value.starts_with(begin)) {
        let pattern = rules.rule(*number).pattern.as_bytes();
        let goes_on = pattern.get(begin.len());
        if matches!(goes_on, Some(b'_' | b'-')) && goes_on == value.get(begin.len()) {
            look(*number, SHARED.iter().any(|letters| letters.as_bytes() == begin));
        }
    }
    broken && !fits
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
