//! The name that a keyword stands in.

use std::ops::Range;

use super::words::{NEVER, NO_PASSWORD, NO_SECRET, OTHER, PLACES, is_other};
use crate::rule::Least;

/// Longest name, in bytes on either side of the keyword.
const MAX_NAME: usize = 48;

/// The whole name around a keyword; `None` where the keyword is the middle of another word.
pub(super) fn around(text: &[u8], word: &Range<usize>) -> Option<Range<usize>> {
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let from = word.start.saturating_sub(MAX_NAME);
    let before = text[from..word.start].iter().rev().take_while(|byte| inside(byte)).count();
    let to = text.len().min(word.end + MAX_NAME);
    let after = text[word.end..to].iter().take_while(|byte| inside(byte)).count();
    // `"AWS::IAM::AccessKey": …` names a type.
    let quoted = matches!(text.get(word.end + after), Some(b'"' | b'\''));
    if quoted && text[..word.start - before].ends_with(b"::") {
        return None;
    }
    // `key.` ends a sentence.
    let name = word.start - before..word.end + after;
    let trailing = text[name.clone()].iter().rev().take_while(|b| matches!(b, b'.' | b'-')).count();
    let name = name.start..(name.end - trailing).max(word.end);
    // `monkey`, `turkey`: a short keyword begins a part of the name.
    let short = word.len() <= 4;
    let first = text[word.start];
    let glued = word.start.checked_sub(1).map(|at| text[at]).is_some_and(|byte| {
        byte.is_ascii_alphabetic() && (byte.is_ascii_lowercase() == first.is_ascii_lowercase())
    });
    let last = text[word.end - 1];
    let goes_on = text.get(word.end).is_some_and(|byte| {
        let same = byte.is_ascii_lowercase() == last.is_ascii_lowercase();
        same && byte.is_ascii_alphabetic() && last.is_ascii_alphabetic() && !b"sS".contains(byte)
    });
    (!(short
        && first.is_ascii_alphabetic()
        && (glued && !known_before(&text[name.start..word.start]) || goes_on)))
        .then_some(name)
}

/// Whether a name that is called looks something up or takes something apart: `secrets.get`,
/// `password.lstrip`. What it is called with is no secret. The keyword begins at `keyword` of it.
pub(super) fn is_lookup(name: &[u8], keyword: usize) -> bool {
    const CALLS: [&[u8]; 18] = [
        b"get",
        b"pop",
        b"strip",
        b"lstrip",
        b"rstrip",
        b"replace",
        b"split",
        b"startswith",
        b"endswith",
        b"startsWith",
        b"endsWith",
        b"index",
        b"indexOf",
        b"find",
        b"includes",
        b"has",
        b"contains",
        b"lookup",
    ];
    // `token_cache.get_entry`, `salt_cache.save_load`.
    const VERBS: [&[u8]; 7] = [b"get_", b"load_", b"save_", b"find_", b"fetch_", b"has_", b"is_"];
    let at = name.iter().rposition(|byte| *byte == b'.');
    at.is_some_and(|at| {
        let call = &name[at + 1..];
        CALLS.contains(&call) || keyword < at && VERBS.iter().any(|verb| call.starts_with(verb))
    })
}

/// The name that a run in quotes is assigned to; `None` where there is none, or one that says that
/// the run is no secret.
pub(super) fn before(text: &[u8], run: &Range<usize>) -> Option<Vec<u8>> {
    let head = &text[run.start.saturating_sub(MAX_NAME)..run.start];
    let (quote, head) = head.split_last()?;
    let quoted = matches!(quote, b'"' | b'\'' | b'`') && text.get(run.end) == Some(quote);
    if !quoted {
        return None;
    }
    let head = head.strip_suffix(b"\\").unwrap_or(head).trim_ascii_end();
    let head = head
        .strip_suffix(b"=>")
        .or_else(|| head.strip_suffix(b":="))
        .or_else(|| head.strip_suffix(b"="))
        .or_else(|| head.strip_suffix(b":"))?;
    let head = head.trim_ascii_end();
    let closes = |byte: &u8| matches!(byte, b'"' | b'\'' | b'`' | b']' | b'\\');
    let end = head.iter().rposition(|byte| !closes(byte))? + 1;
    let name = &head[..end];
    let inside =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$');
    let length = name.iter().rev().take_while(|byte| inside(byte)).count();
    let name = name[name.len() - length..].to_ascii_lowercase();
    // Short words are only meant where a name ends in them.
    let never = |word: &[u8], at: usize| word.len() > 3 || at + word.len() == name.len();
    (length >= 2
        && name.iter().any(u8::is_ascii_alphabetic)
        && !NO_SECRET.in_name(&name, never)
        && !PLACES.in_name(&name, never))
    .then_some(name)
}

/// Words that are written together with a short keyword.
fn known_before(before: &[u8]) -> bool {
    const WORDS: [&[u8]; 31] = [
        b"api", b"app", b"access", b"auth", b"private", b"secret", b"user", b"client", b"service",
        b"master", b"license", b"account", b"priv", b"shared", b"root", b"admin", b"store", b"pg",
        b"sql", b"ftp", b"smtp", b"mail", b"ssh", b"wifi", b"vpn", b"ldap", b"redis", b"mongo",
        b"sudo", b"new", b"old",
    ];
    let lower = before.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.ends_with(word))
}

/// What a value has to be, given what the name says behind its keyword; `None`: nothing is a secret
/// under such a name.
pub(super) fn asks_for(name: &[u8], keyword_end: usize, least: Least) -> Option<Least> {
    let lower = name.to_ascii_lowercase();
    if NEVER.in_name(&lower, |word, at| !is_other(&lower, word, at))
        || PLACES.in_name(&lower, |_, _| true)
        || least == Least::Password && NO_PASSWORD.in_name(&lower, |_, _| true)
    {
        return None;
    }
    let rest = lower.get(keyword_end..).unwrap_or_default();
    let id = rest.len() <= 3 && rest.ends_with(b"id") || rest == b"idhex";
    // The id of a key is none, nor is a signature; that of a secret may be.
    let secret = lower.windows(6).any(|part| part == b"secret");
    let number = id && !secret || least == Least::Random && rest.ends_with(b"id");
    if number || rest.ends_with(b"signature") {
        return None;
    }
    match OTHER.in_name(rest, |_, _| true) || id {
        true => Some(Least::Random),
        false => Some(least),
    }
}
