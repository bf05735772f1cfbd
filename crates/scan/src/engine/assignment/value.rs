//! The value that is assigned to a name, by what stands around both.

use std::ops::Range;

use super::reader::Reader;

/// Most bytes between a name and its value.
pub(super) const MAX_GAP: usize = 64;

/// What a line that sets a name begins with.
#[rustfmt::skip]
const COMMANDS: [&[u8]; 12] = [
    b"set", b"set -x", b"set -gx", b"set -ux", b"setx", b"env", b"arg", b"export", b"setenv",
    b"config set", b"option", b"setting",
];

/// A value and how it is written.
#[derive(Debug)]
pub(super) struct Assigned {
    /// Where it lies, without quotes.
    pub(super) span: Range<usize>,
    /// Whether it stands in quotes.
    pub(super) quoted: bool,
    /// Whether nothing follows on its line that makes it a part of an expression or a sentence.
    pub(super) ends_well: bool,
    /// Whether name and value are written as settings and arguments are, and programs are not:
    /// `name=value`, `name: value` on a line of its own, `--name value`, `<name>value</name>`.
    pub(super) setting: bool,
}

/// The value behind the name; `None` where nothing is assigned.
pub(super) fn behind(text: &[u8], name: &Range<usize>) -> Option<Assigned> {
    let mut reader = Reader { text, at: name.end, end: text.len().min(name.end + MAX_GAP) };
    let flag = text[..name.start].ends_with(b"--") || text[name.clone()].starts_with(b"--");
    let closed = reader.close_name();
    let blanks = reader.blanks();
    let operator = reader.at;
    if !reader.operator(closed, blanks > 0 || flag) {
        return None;
    }
    let sign = &text[operator..reader.at];
    let comma = sign.trim_ascii() == b",";
    let listed = comma && closed && !is_first(text, name.start);
    let mut assigned = reader.value(true)?;
    let value = &text[assigned.span.clone()];
    let after = &text[assigned.span.end..text.len().min(assigned.span.end + MAX_GAP)];
    // `f(value`: a name; `name value`: a sentence; `"one", "two"`: a list; `a:name:b`: a path.
    let alone = || is_line(text, name.start, assigned.span.end) || flag;
    let verb = is_verb(&text[name.clone()]) && (sign.is_empty() || sign[0] == b'(' || comma);
    // `if is_key(x):` and an assignment on the next line.
    let block = sign.starts_with(b":")
        && text[name.end..operator].contains(&b')')
        && text[operator..assigned.span.start].contains(&b'\n');
    let bare = sign.is_empty() || comma;
    let apart = bare && !assigned.quoted || verb;
    let code = !assigned.quoted && (sign == b"(" || after.starts_with(b";"));
    // `type::Name` in a program, `scheme://host`.
    let colons = blanks == 0 && sign == b":" && !assigned.quoted;
    let path = sign == b":" && text[..name.start].ends_with(b":")
        || colons && (value[0] == b':' || value.starts_with(b"//"));
    // `<name>` without its end is a placeholder; what closes a bracket stands between two strings.
    let open = sign == b">" && !assigned.quoted && !after.trim_ascii_start().starts_with(b"<");
    let between = matches!(value[0], b']' | b')' | b',' | b'|');
    if listed
        || block && !assigned.quoted
        || path
        || open
        || between
        || apart && !alone()
        || code && sign != b"="
    {
        return None;
    }
    assigned.setting = flag
        || blanks == 0 && (sign == b"=" || sign == b">")
        || blanks == 0 && sign.starts_with(b":") && is_line(text, name.start, assigned.span.end);
    Some(assigned)
}

/// Whether a name is what a function does, and no password: `pass`, `passValue`.
fn is_verb(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    let has = |word: &[u8]| lower.windows(word.len()).any(|found| found == word);
    has(b"pass") && ![&b"passw"[..], b"passp", b"passc", b"passk"].iter().any(|word| has(word))
}

/// Whether a quoted name is the first argument of a call.
fn is_first(text: &[u8], name: usize) -> bool {
    let before = text[name.saturating_sub(MAX_GAP)..name].iter().rev();
    let mut before = before.skip_while(|byte| {
        byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'\\')
    });
    matches!(before.next(), Some(b'(' | b'{' | b'['))
}

/// Whether nothing else stands on the line of a name and its value, but for signs of a list.
fn is_line(text: &[u8], name: usize, end: usize) -> bool {
    let before = text[name.saturating_sub(MAX_GAP)..name].iter().rev();
    let sign = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'-' | b'*');
    let line = before.take_while(|byte| **byte != b'\n');
    let mut head: Vec<u8> = line.skip_while(sign).map(u8::to_ascii_lowercase).collect();
    head.reverse();
    let begins = head.is_empty() || COMMANDS.contains(&head.trim_ascii_start());
    let after = &text[end..text.len().min(end + MAX_GAP)];
    begins && after.iter().take_while(|byte| **byte != b'\n').all(u8::is_ascii_whitespace)
}
