//! Keywords first; then the pattern of each rule that a keyword wakes, in the bytes around it alone.

use std::ops::Range;

use super::{Hit, SIGHT, Seen, Text, What, assignment, run, shape};
use crate::judge;
use crate::rule::{CONTEXT, Confidence, Least, Rule, RuleSet};

/// Matches of at least so many bytes are keys, which have a long run with a digit in them.
const MIN_KEY: usize = 20;
/// Longest secret that may be words for one, in bytes.
const MAX_WORDS: usize = 16;

/// Finds what rules with a pattern look for; true where a keyword stands of one that sees farther
/// than [`SIGHT`].
pub(super) fn find(rules: &RuleSet, text: Text<'_>, hits: &mut Vec<Hit>) -> bool {
    let mut far = false;
    rules.patterns.find(text.bytes, |word, start| {
        let around = start..start + word.text.len();
        for number in word.rules.iter() {
            let rule = rules.rule(*number);
            far |= sees_far(rule);
            match rule.assigned {
                Some(least) => {
                    hits.extend(assignment::look(rules, *number, least, text, &around));
                }
                None => hits.extend(look(rules, *number, text, &around)),
            }
        }
    });
    far
}

/// Whether a rule with a pattern sees more than the others.
fn sees_far(rule: &Rule) -> bool {
    rule.assigned.is_none() && rule.sight() > SIGHT
}

/// Finds what begins a run, by rules whose keywords are too short to be looked for everywhere; true
/// where one of them sees far.
pub(super) fn begin(rules: &RuleSet, text: Text<'_>, start: usize, hits: &mut Vec<Hit>) -> bool {
    // The letter of `\n` in a string is no part of what follows.
    let escape = start > 0
        && text.bytes[start - 1] == b'\\'
        && matches!(text.bytes.get(start), Some(b'n' | b'r' | b't'));
    let start = start + usize::from(escape);
    let first = text.bytes.get(start..start + 2);
    let mut far = false;
    for (begin, number) in rules.begins.iter().filter(|(begin, _)| first == Some(&begin[..])) {
        far |= sees_far(rules.rule(*number));
        let hit = look(rules, *number, text, &(start..start + begin.len()));
        hits.extend(hit.map(|hit| Hit { seen: hit.seen.and(shape::DATA + 1), ..hit }));
    }
    far
}

fn look(rules: &RuleSet, number: u16, text: Text<'_>, word: &Range<usize>) -> Option<Hit> {
    let rule = rules.rule(number);
    let named = |end: &String| text.name.ends_with(end.as_bytes());
    if !rule.files.is_empty() && !rule.files.iter().any(named) {
        return None;
    }
    let bytes = text.bytes;
    let last = match rule.after {
        0 => word.start,
        after => word.end + usize::from(after),
    };
    let before = word.start.saturating_sub(usize::from(rule.before));
    let mut at = if rule.after == 0 { before } else { word.end };
    // One byte more, for what must not follow.
    let end = bytes.len().min(last + usize::from(rule.reach) + 1);
    // And what must not stand before.
    let all = before..(last + usize::from(rule.reach)).max(word.end);
    if at >= end || !may_match(rule, bytes, at..end) {
        return None;
    }
    let regex = rules.regex(number)?;
    while at <= last && at < end {
        let found = regex.find(&bytes[at..end])?;
        if at + found.start() > last {
            return None;
        }
        let captures = regex.captures(&bytes[at..end])?;
        let whole = found.range();
        let secret = captures.name("secret").map_or(whole.clone(), |group| group.range());
        let secret = at + secret.start..at + secret.end;
        let seen = Seen::from(&secret, &all, shape::PART);
        if let Some(hit) = accept(number, rule, bytes, (secret, seen)) {
            return Some(hit);
        }
        if rule.begins_with_keyword() {
            return None;
        }
        at += whole.start + 1;
    }
    None
}

/// Whether it is worth compiling and running the pattern: most keywords stand in plain text.
fn may_match(rule: &Rule, bytes: &[u8], at: Range<usize>) -> bool {
    if rule.after == 0 || usize::from(rule.least) < MIN_KEY {
        return true;
    }
    let mut found = false;
    run::find(&bytes[at.clone()], MIN_KEY / 2 + 2, |run| {
        found |= bytes[at.start + run.start..at.start + run.end].iter().any(u8::is_ascii_digit);
    });
    found
}

/// The hit that it is, unless it is no secret.
fn accept(
    number: u16,
    rule: &Rule,
    bytes: &[u8],
    (span, mut seen): (Range<usize>, Seen),
) -> Option<Hit> {
    let secret = bytes.get(span.clone())?;
    // A password may follow a letter, as in `-pPASSWORD`.
    let password = matches!(rule.looks, Some(Least::Password | Least::Login));
    let glued = !password && is_glued(bytes, span.start.wrapping_sub(1), span.start)
        || is_glued(bytes, span.end.wrapping_sub(1), span.end);
    // `ghp_…?…`: a token goes on behind a sign that it cannot hold, so it is another text.
    let cut = !password && bytes.get(span.end) != Some(&b'%') && shape::goes_on(bytes, span.end);
    if glued || cut || (rule.entropy > 0.0 && judge::entropy(secret) < rule.entropy) {
        return None;
    }
    let made_up =
        judge::is_example(secret) || secret.len() < MAX_WORDS && judge::is_spelled_out(secret);
    if made_up || (rule.random && !judge::looks_varied(secret)) {
        return None;
    }
    if rule.looks.is_some_and(|least| !judge::is_secret(least, secret)) {
        return None;
    }
    // What a document shows: a password of words for a host that is nobody's.
    let shown = rule.looks == Some(Least::Login) && !judge::is_secret(Least::Password, secret);
    if shown && judge::is_shown(&bytes[span.end..bytes.len().min(span.end + shape::PART)]) {
        return None;
    }
    if !rule.context.is_empty() {
        seen = seen.and(CONTEXT);
        let near = span.start.saturating_sub(CONTEXT)..bytes.len().min(span.end + CONTEXT);
        let near = bytes[near].to_ascii_lowercase();
        let stands = |word: &[u8]| near.windows(word.len()).any(|found| found == word);
        if !rule.context.iter().any(|word| stands(word.as_bytes())) {
            return None;
        }
    }
    let checksum_failed = rule.checksum.is_some_and(|kind| !judge::holds(kind, secret));
    let confidence = if checksum_failed { Confidence::Low } else { rule.confidence };
    let hit = Hit::new(What::Rule(number), (span.clone(), seen), secret, confidence);
    Some(Hit { checksum_failed, ..hit })
}

/// Whether a token goes on from one place to the next.
fn is_glued(text: &[u8], one: usize, next: usize) -> bool {
    let is_token = |at| {
        text.get(at).is_some_and(|b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    // The letter of `\n` in a string belongs to the escape, not to the token.
    let escape =
        |at: usize| at > 0 && text[at - 1] == b'\\' && matches!(text[at], b'n' | b'r' | b't');
    // The dashes of `-----BEGIN` are none of the key's.
    let dashes = |range: Range<usize>| text.get(range).is_some_and(|part| part == b"-----");
    let line = |one: usize| dashes(one.saturating_sub(4)..one + 1) || dashes(next..next + 5);
    is_token(one) && is_token(next) && !escape(one) && !line(one)
}
