//! What is assigned to a name: `password = "…"`, `"api_key": "…"`, `<token>…</token>`, `--secret …`.
//!
//! No pattern could say it: names such as `token` are everywhere in code, so most are turned down
//! by the first byte or two behind them.

mod name;
mod reader;
mod value;
mod words;

use std::ops::Range;

use super::shape::PART;
use super::{Hit, Seen, Text, What, judged};
use crate::judge;
use crate::rule::{Least, RuleSet};
use value::Assigned;

/// So many bytes before a name tell whether it is one.
const MARGIN: usize = 3;
/// What is looked at around a value, whatever name it has.
const AROUND: usize = if judged::NEAR > PART { judged::NEAR } else { PART } + MARGIN;

/// The secret that is assigned to the name that `word` stands in, if it is one.
pub(super) fn look(
    rules: &RuleSet,
    number: u16,
    least: Least,
    text: Text<'_>,
    word: &Range<usize>,
) -> Option<Hit> {
    let bytes = text.bytes;
    let name = name::around(bytes, word)?;
    // Tokens of badges stand in public texts, and show a picture.
    if bytes[..name.start].ends_with(b".svg?") {
        return None;
    }
    if bytes.get(name.end) == Some(&b'(')
        && name::is_lookup(&bytes[name.clone()], word.start - name.start)
    {
        return None;
    }
    let assigned = value::behind(bytes, &name)?;
    let secret = bytes.get(assigned.span.clone())?;
    if is_sum(bytes, &name, secret) {
        return None;
    }
    let strict = name::asks_for(&bytes[name.clone()], word.end - name.start, least)?;
    if !is_secret(strict, secret, &assigned, &bytes[name.clone()]) {
        return None;
    }
    let seen = name.start.saturating_sub(value::MAX_GAP)..assigned.span.end + value::MAX_GAP;
    let seen = Seen::from(&assigned.span, &seen, MARGIN).and(AROUND);
    let place = (assigned.span.clone(), seen);
    Some(Hit::new(What::Rule(number), place, secret, rules.rule(number).confidence))
}

/// The secret that a run is, if it is assigned to a name of whatever kind.
pub(super) fn unnamed(rules: &RuleSet, text: Text<'_>, run: &Range<usize>) -> Option<Hit> {
    let number = rules.unnamed?;
    let quote = text.bytes.get(run.end).filter(|byte| matches!(byte, b'"' | b'\'' | b'`'))?;
    if run.start.checked_sub(1).map(|at| &text.bytes[at]) != Some(quote) {
        return None;
    }
    let secret = text.bytes.get(run.clone())?;
    let has = |kind: fn(&u8) -> bool| secret.iter().any(kind);
    let mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && secret.len() >= 20;
    let lower = secret.len() >= 24 && !secret.iter().all(u8::is_ascii_hexdigit);
    let fits = secret.len() <= 128 && (mixed || lower) && !judge::is_like_uuid(secret);
    let fits = fits && !judge::is_reference_number(secret) && !is_numbered(secret);
    if !fits
        || !judge::looks_random(secret)
        || judge::is_placeholder(secret)
        || judge::is_open(secret)
    {
        return None;
    }
    if same(&name::before(text.bytes, run)?, secret) {
        return None;
    }
    let seen = Seen::from(run, run, MARGIN).and(AROUND);
    Some(Hit::new(What::Rule(number), (run.clone(), seen), secret, rules.rule(number).confidence))
}

/// Whether a value is the hash of a file, whose name it is given: `"src/token.rs": "9f8c…"`.
pub(super) fn is_sum(text: &[u8], name: &Range<usize>, value: &[u8]) -> bool {
    let hash =
        matches!(value.len(), 32 | 40 | 64 | 96 | 128) && value.iter().all(u8::is_ascii_hexdigit);
    let quoted = matches!(text.get(name.end), Some(b'"' | b'\''));
    let dot = text[name.clone()].iter().rposition(|byte| *byte == b'.');
    let end = dot.map(|dot| name.end - name.start - dot - 1);
    let path = name.start > 0 && text[name.start - 1] == b'/';
    let end = end.filter(|_| !text[name.clone()].ends_with(b".token"));
    hash && quoted && (path || end.is_some_and(|end| (1..=5).contains(&end)))
}

/// Whether a value is the number of a thing: a UUID behind a word, or what Google Drive calls a file.
fn is_numbered(value: &[u8]) -> bool {
    let word = |word: &[u8]| word.iter().all(|b| b.is_ascii_lowercase() || *b == b'-');
    let uuid = value.len().checked_sub(36).is_some_and(|at| {
        let dashed: Vec<u8> =
            value[at..].iter().map(|b| if *b == b'_' { b'-' } else { *b }).collect();
        judge::is_uuid(&dashed) && word(&value[..at])
    });
    let plain = value.len().checked_sub(32).is_some_and(|at| {
        let (kind, number) = value.split_at(at);
        kind.ends_with(b"-") && word(kind) && number.iter().all(u8::is_ascii_hexdigit)
    });
    uuid || plain || value.len() == 33 && value[0] == b'1'
}

fn is_secret(least: Least, secret: &[u8], assigned: &Assigned, name: &[u8]) -> bool {
    // Without quotes it may be code.
    if !assigned.quoted && (!assigned.ends_well && !assigned.setting || is_code(secret, assigned)) {
        return false;
    }
    // Which request it is, not who may make it.
    let request = name.eq_ignore_ascii_case(b"clienttoken") && judge::is_uuid(secret);
    judge::is_secret(least, secret)
        && !judge::is_reference_number(secret)
        && !same(name, secret)
        && !request
}

/// Whether a value without quotes is an expression: in settings a word with a digit behind is none.
fn is_code(secret: &[u8], assigned: &Assigned) -> bool {
    let digits = secret.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let word = secret[..secret.len() - digits].iter().all(u8::is_ascii_alphabetic);
    judge::is_code(secret) && !(assigned.setting && word && (1..5).contains(&digits))
}

/// Whether a value only repeats the name.
fn same(name: &[u8], value: &[u8]) -> bool {
    let letters = |text: &[u8]| -> Vec<u8> {
        text.iter().filter(|b| b.is_ascii_alphabetic()).map(u8::to_ascii_lowercase).collect()
    };
    let (name, value) = (letters(name), letters(value));
    let repeats = |one: &[u8], other: &[u8]| one.ends_with(other) || one.starts_with(other);
    value.len() > 3 && repeats(&name, &value) || name.len() > 5 && repeats(&value, &name)
}
