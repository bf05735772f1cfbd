//! Bytes of scanned files as they may be shown: values masked, nothing that steers a terminal.

use std::fmt::Write as _;

use bstr::ByteSlice;

/// Stands for what is not shown. Its length says nothing of the value's.
const MASK: &str = "…";
/// From so many characters on, a few of a value are shown.
const LONG: usize = 20;
/// Of a long value, so many characters are shown at its beginning, and half as many at its end.
const SHOWN: usize = 4;

/// A value without what makes it one: of a long one, a few characters that tell it from others.
pub(super) fn masked(value: &[u8]) -> String {
    let length = value.len();
    let plain = |part: &[u8]| part.iter().all(|byte| byte.is_ascii_graphic());
    if length < LONG || !plain(&value[..SHOWN]) || !plain(&value[length - SHOWN / 2..]) {
        return MASK.repeat(3);
    }
    let end = &value[length - SHOWN / 2..];
    format!("{}{MASK}{}", value[..SHOWN].as_bstr(), end.as_bstr())
}

/// Bytes of a file or path, on one line: control characters, characters that reorder a line and
/// bytes that are no UTF-8 are escaped.
pub(super) fn printable(bytes: &[u8]) -> String {
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

/// Whether a character does something to a terminal, or to the order of others.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{61c}' | '\u{feff}')
}
