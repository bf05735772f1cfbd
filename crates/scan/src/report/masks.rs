//! Bytes of scanned files as they may be shown: values masked, nothing that steers a terminal.

use std::fmt::Write as _;

use bstr::ByteSlice;

use crate::finding::Finding;

/// Stands for what is not shown. Its length says nothing of the value's.
const MASK: &str = "…";
/// From so many bytes on, a few of a value are shown.
const LONG: usize = 20;
/// Of a long value, so many bytes are shown at its beginning, and half as many at its end.
const SHOWN: usize = 4;

/// A value without what makes it one: of a long one, a few characters that tell it from others.
pub(super) fn masked(value: &[u8]) -> String {
    let (begin, end) = (value.first_chunk::<SHOWN>(), value.last_chunk::<{ SHOWN / 2 }>());
    match (begin, end) {
        (Some(begin), Some(end))
            if value.len() >= LONG
                && begin.iter().chain(end).all(|byte| byte.is_ascii_graphic()) =>
        {
            format!("{}{MASK}{}", begin.as_bstr(), end.as_bstr())
        }
        _ => MASK.repeat(3),
    }
}

/// A finding's line: what precedes the secret, what stands for it, what follows; `around`
/// characters on either side.
pub(super) fn line(finding: &Finding, around: usize) -> (String, String, String) {
    let before = printable(&finding.place.before);
    let skipped = before.chars().count().saturating_sub(around);
    let before: String = before.chars().skip(skipped).collect();
    let after = printable(&finding.place.after).chars().take(around).collect();
    (before.trim_start().to_owned(), masked(&finding.value), after)
}

/// Bytes of a file, a path or a repository, on one line: control characters, characters that
/// reorder or hide others, and bytes that are no UTF-8 are escaped.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\t' => text.push(' '),
                c if steers(c) => write!(text, "{}", c.escape_unicode()).unwrap_or_default(),
                c => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02x}").unwrap_or_default();
        }
    }
    text
}

/// Whether a character does something to a terminal, to the order of others, or cannot be seen.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_masked_and_nothing_steers() {
        assert_eq!(masked(b""), "………");
        assert_eq!(masked(b"short-password"), "………");
        assert_eq!(masked(b"AKIA4FJ8Q2LMZ0XW9RTB"), "AKIA…TB");
        assert_eq!(masked(b"\x1b[31mA4FJ8Q2LMZ0XW9RTB"), "………");
        assert_eq!(masked("ääääääääääääääää".as_bytes()), "………");
        let hostile = "a\x1b[2J\r\n\t\u{202e}b".as_bytes();
        assert_eq!(printable(hostile), r"a\u{1b}[2J\u{d}\u{a} \u{202e}b");
        assert_eq!(printable(b"a\xff\xfe\x00"), r"a\xff\xfe\u{0}");
        assert_eq!(printable("näh 鍵".as_bytes()), "näh 鍵");
    }
}
