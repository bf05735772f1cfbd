//! Keys of a plain shape: long runs first, then the vendor's name in the bytes before.

use std::ops::Range;

use super::{Hit, Seen, Text, What, assignment, pattern};
use crate::judge;
use crate::rule::{Class, Rule, RuleSet, Shape};

/// How far before a key the vendor's name may begin, in bytes.
const NEAR: usize = 80;
/// How much may stand between the two, where it is no address or the like in one piece: farther off,
/// the name tells of something else.
const BETWEEN: usize = 45;

/// How many bytes before a run show that it is a piece of data.
pub(super) const DATA: usize = 24;
/// Longest run that a key is looked for in, in bytes.
const MAX_RUN: usize = 1024;
/// How far around a key it is sought whether that is only a part of something, in bytes.
pub(super) const PART: usize = 64;

/// Finds what rules with shapes look for in a run, and those whose patterns begin it; true where one
/// of these sees far.
pub(super) fn look(
    rules: &RuleSet,
    text: Text<'_>,
    run: &Range<usize>,
    hits: &mut Vec<Hit>,
) -> bool {
    let data = is_in_data(text.bytes, run);
    let sees_far = !data && pattern::begin(rules, text, run.start, hits);
    // A run of letters alone is a word, or several; none that is longer is a key, but data, and
    // looking for names in it would take long.
    if text.bytes[run.clone()].iter().any(u8::is_ascii_digit)
        && !follows_hash_name(&text.bytes[..run.start])
        && !is_pinned(text.bytes, run)
        && run.len() <= MAX_RUN
    {
        hits.extend(assignment::unnamed(rules, text, run));
        named(rules, text.bytes, run, hits);
    }
    sees_far
}

/// Finds the keys in a run before which their vendor is named.
fn named(rules: &RuleSet, bytes: &[u8], run: &Range<usize>, hits: &mut Vec<Hit>) {
    // `+` and `/` are in keys, not in runs.
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let reach = run.start.saturating_sub(NEAR);
    let back = bytes[reach..run.start].iter().rev().take_while(|byte| inside(byte));
    let begin = run.start - back.count();
    let from = begin.saturating_sub(NEAR);
    let near = &bytes[from..run.end.min(run.start + NEAR)];
    rules.shapes.find(near, |word, start| {
        let name = start..start + word.text.len();
        let between = near.get(name.end..begin - from).unwrap_or_default();
        let far = between.len() > BETWEEN && between.iter().any(u8::is_ascii_whitespace);
        if far || !stands_alone(near, &name) {
            return;
        }
        for number in word.rules.iter() {
            let behind = (from + name.end).max(run.start);
            let told = assigns(between) || has_key_word(rules.rule(*number), near);
            let seen = from..run.end.max(run.start + NEAR);
            let hit = || fitting(rules, *number, bytes, (behind..run.end, &seen));
            if told {
                hits.extend(hit());
            } else if adjoins(between) {
                // An everyday word right before it is enough where nothing but a key looks so.
                hits.extend(hit().filter(|hit| is_key_alone(&hit.value)).map(Hit::unsure));
            }
        }
    });
}

/// Whether what stands between a name and a key gives the key to the name: `vendor = "`.
fn assigns(between: &[u8]) -> bool {
    let sign = |byte: &u8| matches!(byte, b':' | b'=' | b'>');
    let other = |byte: &u8| matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'`');
    between.len() <= 8
        && between.iter().any(sign)
        && between.iter().all(|byte| sign(byte) || other(byte))
}

/// Whether only signs, or the end of a line, stand between a name and a key.
fn adjoins(between: &[u8]) -> bool {
    !between.is_empty() && between.len() <= 8 && !between.iter().any(u8::is_ascii_alphanumeric)
}

/// Whether a text can hardly be anything but a key: letters of either case and digits, or letters
/// beyond base 16 and many digits, made by chance.
fn is_key_alone(text: &[u8]) -> bool {
    let count = |kind: fn(&u8) -> bool| text.iter().filter(|byte| kind(byte)).count();
    let digits = count(u8::is_ascii_digit);
    let beyond = text.iter().any(|byte| byte.is_ascii_alphabetic() && !byte.is_ascii_hexdigit());
    let cases = count(u8::is_ascii_lowercase) >= 3 && count(u8::is_ascii_uppercase) >= 3;
    beyond && digits >= 2 && (cases || digits * 8 >= text.len()) && judge::looks_random(text)
}

/// Whether one of the words that the rule wants stands near by.
fn has_key_word(rule: &Rule, near: &[u8]) -> bool {
    let stands = |word: &[u8]| {
        near.windows(word.len()).enumerate().any(|(at, found)| {
            // `keyboard` is no key, `apiKey` and `API_KEYS` are.
            let last = found[word.len() - 1];
            let goes_on = near.get(at + word.len()).is_some_and(|next| {
                next.is_ascii_alphabetic()
                    && !next.eq_ignore_ascii_case(&b's')
                    && next.is_ascii_lowercase() == last.is_ascii_lowercase()
            });
            found.eq_ignore_ascii_case(word) && !goes_on
        })
    };
    rule.context.is_empty() || rule.context.iter().any(|word| stands(word.as_bytes()))
}

/// The key in a run, if it has a shape of the rule.
fn fitting(
    rules: &RuleSet,
    number: u16,
    bytes: &[u8],
    (run, seen): (Range<usize>, &Range<usize>),
) -> Option<Hit> {
    let rule = rules.rule(number);
    let span = rule.shapes.iter().find_map(|shape| fit(*shape, bytes, run.clone()))?;
    let secret = &bytes[span.clone()];
    let varied = judge::looks_varied(secret);
    let made = judge::is_identifier(secret) || judge::is_sequence(secret);
    let thing = judge::is_uuid(secret) && is_id(bytes, &span);
    if !varied || made || thing || is_part(bytes, &span) || is_sum(bytes, &span) {
        return None;
    }
    let seen = Seen::from(&span, seen, PART);
    Some(Hit::new(What::Rule(number), (span.clone(), seen), secret, rule.confidence))
}

/// Whether a key goes on behind a sign that no key has, or began before it: then what the text
/// holds is of another length, or no key at all.
pub(super) fn is_part(bytes: &[u8], key: &Range<usize>) -> bool {
    let before = key.start.checked_sub(1).is_some_and(|at| is_sign(bytes[at])) && {
        let rest = &bytes[key.start.saturating_sub(PART)..key.start - 1];
        let start = rest.iter().rposition(|byte| !byte.is_ascii_alphanumeric());
        is_like_key(&rest[start.map_or(0, |at| at + 1)..])
    };
    before || goes_on(bytes, key.end)
}

/// Whether a key that ends there goes on behind a sign that no key has.
pub(super) fn goes_on(bytes: &[u8], end: usize) -> bool {
    bytes.get(end).is_some_and(|byte| is_sign(*byte)) && {
        let rest = &bytes[end + 1..bytes.len().min(end + PART)];
        let end = rest.iter().position(|byte| !byte.is_ascii_alphanumeric());
        let end = end.unwrap_or(rest.len());
        rest.get(end) != Some(&b'=') && is_like_key(&rest[..end])
    }
}

fn is_sign(byte: u8) -> bool {
    b"?$^&*;<!#~%".contains(&byte)
}

/// Whether a text has both letters and digits, as keys have them and words do not.
fn is_like_key(part: &[u8]) -> bool {
    part.len() > 3
        && part.iter().any(u8::is_ascii_digit)
        && part.iter().any(u8::is_ascii_alphabetic)
}

/// Whether a run is a piece of a longer text in base 64.
fn is_in_data(bytes: &[u8], run: &Range<usize>) -> bool {
    let sign = |at: Option<usize>| at.and_then(|at| bytes.get(at));
    let (before, after) = (sign(run.start.checked_sub(1)), sign(Some(run.end)));
    let data = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let reach = run.start.saturating_sub(DATA)..run.start;
    before == Some(&b'+')
        || before == Some(&b'/')
            && matches!(after, Some(b'+' | b'/'))
            && bytes[reach].iter().all(data)
}

/// Whether a run is the commit that something is taken at: `owner/action@` and its id.
fn is_pinned(bytes: &[u8], run: &Range<usize>) -> bool {
    let id = &bytes[run.clone()];
    let hash = matches!(id.len(), 40 | 64) && id.iter().all(u8::is_ascii_hexdigit);
    let before = &bytes[run.start.saturating_sub(2)..run.start];
    hash && matches!(before, [word, b'@'] if word.is_ascii_alphanumeric())
}

/// Whether a key is the hash of a file: `"src/vendor.rs":"9f8c…"`.
fn is_sum(bytes: &[u8], key: &Range<usize>) -> bool {
    let from = key.start.saturating_sub(NEAR);
    let head = &bytes[from..key.start];
    let sign = |byte: &u8| matches!(byte, b'"' | b'\'' | b':' | b' ');
    let Some(last) = head.iter().rposition(|byte| !sign(byte)) else { return false };
    let begins = |byte: &u8| matches!(byte, b'"' | b'\'' | b'/');
    let start = head[..last].iter().rposition(begins).map_or(0, |at| at + 1);
    let name = from + start..from + last + 1;
    head[last..].contains(&b':') && assignment::is_sum(bytes, &name, &bytes[key.clone()])
}

/// Whether a UUID is the number of a thing: `"id": "…"`.
fn is_id(bytes: &[u8], key: &Range<usize>) -> bool {
    let head = bytes[key.start.saturating_sub(DATA)..key.start].to_ascii_lowercase();
    let end = head.iter().rposition(|byte| byte.is_ascii_alphanumeric());
    let (name, sign) = head.split_at(end.map_or(0, |end| end + 1));
    let word = name.strip_suffix(b"id").map(|rest| rest.strip_suffix(b"uu").unwrap_or(rest));
    let alone = word.is_some_and(|rest| !rest.last().is_some_and(u8::is_ascii_alphanumeric));
    alone && sign.iter().any(|byte| matches!(byte, b':' | b'='))
}

/// Whether a text ends in the name of a hash function and `=`, `:` or `-`, or in a path of git: what
/// follows is a hash.
fn follows_hash_name(text: &[u8]) -> bool {
    const PATHS: [&[u8]; 4] = [b"/blob/", b"/commit/", b"/tree/", b"/raw/"];
    const NAMES: [&[u8]; 7] =
        [b"sha1", b"sha256", b"sha384", b"sha512", b"md5", b"integrity", b"checksum"];
    let text = &text[text.len().saturating_sub(24)..];
    let ends = |text: &[u8], name: &[u8]| {
        let at = text.len().saturating_sub(name.len());
        text[at..].eq_ignore_ascii_case(name)
    };
    if PATHS.iter().any(|path| ends(text, path)) {
        return true;
    }
    let bare = |text: &[u8]| {
        let signs = text.iter().rev().take_while(|byte| matches!(byte, b'"' | b'\'' | b' '));
        text.len() - signs.count()
    };
    let Some((b'=' | b':' | b'-', text)) = text[..bare(text)].split_last() else { return false };
    let text = &text[..bare(text)];
    NAMES.iter().any(|name| ends(text, name))
}

/// The first stretch of a run that has the shape. Stretches end where the kind of bytes does, and
/// there a letter or a digit may not follow.
fn fit(shape: Shape, bytes: &[u8], run: Range<usize>) -> Option<Range<usize>> {
    let inside = |at: usize| bytes.get(at).is_some_and(|byte| shape.class.has(*byte));
    let goes_on =
        |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    let mut start = run.start;
    // What the run does not count may begin or end the key: `+` and `/`. A `=` only ends it.
    let begins = |at: usize| shape.class == Class::Base64 && inside(at) && bytes[at] != b'=';
    let first = start.saturating_sub(MAX_RUN);
    while start > first && begins(start - 1) {
        start -= 1;
    }
    while start < run.end {
        if !inside(start) {
            start += 1;
            continue;
        }
        let ended = |at: usize| at > start && bytes[at - 1] == b'=' && bytes[at] != b'=';
        let reach = bytes.len().min(start + MAX_RUN);
        let end = (start..reach).find(|at| !inside(*at) || ended(*at));
        let end = end.unwrap_or(reach);
        let length = usize::from(shape.least)..=usize::from(shape.most);
        let fits = length.contains(&(end - start))
            && !goes_on(start.checked_sub(1))
            && !goes_on(Some(end))
            && (shape.class != Class::Uuid || judge::is_uuid(&bytes[start..end]))
            && (shape.class != Class::UuidLike || judge::is_like_uuid(&bytes[start..end]));
        if fits {
            return Some(start..end);
        }
        start = end;
    }
    None
}

/// Whether a name is a word, or a part of an identifier, and not the middle of another word.
pub(super) fn stands_alone(text: &[u8], name: &Range<usize>) -> bool {
    let before = name.start.checked_sub(1).map(|at| text[at]);
    let (first, last) = (text[name.start], text[name.end - 1]);
    let after = text.get(name.end).copied();
    let begins = before.is_none_or(|byte| {
        !byte.is_ascii_alphabetic()
            || (byte.is_ascii_lowercase() && first.is_ascii_uppercase())
            || text[..name.start].ends_with(b"-D")
    });
    let rest = &text[name.end..];
    let compound = [&b"key"[..], b"api", b"token", b"secret", b"auth", b"access"]
        .iter()
        .any(|word| rest.get(..word.len()).is_some_and(|rest| rest.eq_ignore_ascii_case(word)));
    let ends = after.is_none_or(|byte| {
        !byte.is_ascii_alphabetic() || (!last.is_ascii_uppercase() && byte.is_ascii_uppercase())
    });
    begins && (ends || compound)
}
