//! The forms of a value: raw, base64, hex, percent-encoded, escaped in JSON.
//!
//! A form is what an encoder writes for the value itself, whatever stands around it. In base64 the
//! value may begin at three places of a group of four characters, and its first and last character
//! may be shared with a neighbour: such a character is left out, save where the text ends with the
//! value, so that the last one is the value's alone.

use zeroize::Zeroizing;

use crate::SHORTEST;

/// One form, in a buffer of exact size.
pub(crate) type Form = Zeroizing<Vec<u8>>;

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";
const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What encoders of URLs leave as it is, besides letters and digits; and whether a space is `+`.
const UNRESERVED: &[(&[u8], bool)] = &[
    (b"-_.~", false),
    (b"-_.~/", false),
    (b"-_.~!*'()", false),
    (b"-_.~!*'();,/?:@&=+$#", false),
    (b"-_.~", true),
    (b"-_.*", true),
];

/// Columns after which `base64` and `openssl` break their lines.
const COLUMNS: [usize; 2] = [76, 64];

/// Every form of a value of at least [`SHORTEST`] bytes, each once.
pub(crate) fn of(value: &[u8]) -> Vec<Form> {
    let mut all = Vec::new();
    forms_of(value, &mut all);
    // Shells drop the newlines at the end of what they read.
    let end = value.iter().rposition(|byte| *byte != b'\n').map_or(0, |last| last + 1);
    let trimmed = &value[..end];
    if trimmed.len() < value.len() && trimmed.len() >= SHORTEST {
        forms_of(trimmed, &mut all);
    }
    all
}

fn forms_of(value: &[u8], all: &mut Vec<Form>) {
    add(all, exact(|put| put(value)));
    if value.contains(&b'\n') {
        // A terminal turns the end of a line into two characters.
        add(all, exact(|put| lines(value, b"\r\n", put)));
    }
    for digits in [LOWER, UPPER] {
        add(all, counted(value.len() * 2, value.iter().flat_map(|byte| hex(*byte, digits))));
        // What no encoder changes has no further forms: most keys are so.
        if value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte)) {
            continue;
        }
        for (kept, plus) in UNRESERVED {
            add(all, exact(|put| percent(value, kept, *plus, digits, put)));
        }
        for choice in 0..8_u8 {
            let json =
                Json { slash: choice & 1 != 0, html: choice & 2 != 0, ascii: choice & 4 != 0 };
            add(all, exact(|put| json.write(value, digits, put)));
        }
    }
    for alphabet in [STANDARD, URL] {
        for before in 0..3 {
            Base64 { value, alphabet, before }.add_to(all);
        }
    }
}

fn add(all: &mut Vec<Form>, form: Form) {
    if !all.contains(&form) {
        all.push(form);
    }
}

fn counted(length: usize, bytes: impl Iterator<Item = u8>) -> Form {
    let mut form = Zeroizing::new(Vec::with_capacity(length));
    form.extend(bytes.take(length));
    form
}

/// Writes twice: once to learn the length, once into a buffer that never grows.
fn exact(write: impl Fn(&mut dyn FnMut(&[u8]))) -> Form {
    let mut length = 0;
    write(&mut |piece| length += piece.len());
    let mut form = Zeroizing::new(Vec::with_capacity(length));
    write(&mut |piece| form.extend_from_slice(piece));
    form
}

fn lines(value: &[u8], end: &[u8], put: &mut dyn FnMut(&[u8])) {
    for (index, line) in value.split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            put(end);
        }
        put(line);
    }
}

fn hex(byte: u8, digits: &[u8; 16]) -> [u8; 2] {
    [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]
}

fn percent(value: &[u8], kept: &[u8], plus: bool, digits: &[u8; 16], put: &mut dyn FnMut(&[u8])) {
    for byte in value {
        if byte.is_ascii_alphanumeric() || kept.contains(byte) {
            put(&[*byte]);
        } else if plus && *byte == b' ' {
            put(b"+");
        } else {
            let [high, low] = hex(*byte, digits);
            put(&[b'%', high, low]);
        }
    }
}

/// How an encoder of JSON escapes, beyond what it must.
struct Json {
    /// A slash as `\/`.
    slash: bool,
    /// What has a meaning in HTML by number.
    html: bool,
    /// All that is not printable ASCII by number.
    ascii: bool,
}

impl Json {
    fn write(&self, value: &[u8], digits: &[u8; 16], put: &mut dyn FnMut(&[u8])) {
        // What is no text is escaped as far as it is.
        for chunk in value.utf8_chunks() {
            for character in chunk.valid().chars() {
                self.character(character, digits, put);
            }
            put(chunk.invalid());
        }
    }

    fn character(&self, character: char, digits: &[u8; 16], put: &mut dyn FnMut(&[u8])) {
        let numbered = match character {
            '"' => return put(b"\\\""),
            '\\' => return put(b"\\\\"),
            '\u{8}' => return put(b"\\b"),
            '\t' => return put(b"\\t"),
            '\n' => return put(b"\\n"),
            '\u{c}' => return put(b"\\f"),
            '\r' => return put(b"\\r"),
            '/' if self.slash => return put(b"\\/"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => self.html,
            _ => false,
        };
        if !numbered && character >= ' ' && (!self.ascii || (' '..='~').contains(&character)) {
            return put(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let [high, low] = unit.to_be_bytes();
            put(b"\\u");
            put(&hex(high, digits));
            put(&hex(low, digits));
        }
    }
}

/// A value in base64, behind so many bytes of a group of three.
struct Base64<'a> {
    value: &'a [u8],
    alphabet: &'static [u8; 64],
    before: usize,
}

impl Base64<'_> {
    fn add_to(&self, all: &mut Vec<Form>) {
        // Bits of the value in a character that it shares with what stands before it.
        let shared = (6 - self.before * 8 % 6) % 6;
        let bits = self.value.len() * 8 - shared;
        let (whole, rest) = (bits / 6, bits % 6);
        let padding: &[u8] = match rest {
            0 => b"",
            2 => b"==",
            _ => b"=",
        };
        let text = |characters: usize, padding: &[u8]| {
            let bytes = (0..characters).map(|index| self.character(shared + index * 6));
            counted(characters + padding.len(), bytes.chain(padding.iter().copied()))
        };
        let mut ends = vec![text(whole, b"")];
        if rest > 0 {
            ends.push(text(whole + 1, b""));
            ends.push(text(whole + 1, padding));
        }
        for form in ends {
            if self.before == 0 {
                for (columns, end) in COLUMNS.iter().flat_map(|n| [(*n, "\n"), (*n, "\r\n")]) {
                    if form.len() > columns {
                        add(all, broken(&form, columns, end.as_bytes()));
                    }
                }
            }
            add(all, form);
        }
    }

    /// The character of the six bits from `bit` of the value; behind its end they are zero.
    fn character(&self, bit: usize) -> u8 {
        let byte = |index| u16::from(self.value.get(index).copied().unwrap_or(0));
        let pair = byte(bit / 8) << 8 | byte(bit / 8 + 1);
        self.alphabet[usize::from(pair >> (10 - bit % 8) & 63)]
    }
}

fn broken(text: &[u8], columns: usize, end: &[u8]) -> Form {
    exact(|put| {
        for (index, line) in text.chunks(columns).enumerate() {
            if index > 0 {
                put(end);
            }
            put(line);
        }
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
    use proptest::prelude::*;

    use super::*;

    fn has(value: &[u8], form: &str) -> bool {
        of(value).iter().any(|found| found.as_slice() == form.as_bytes())
    }

    #[test]
    fn forms_are_what_encoders_write() {
        let value = "a b/\u{e9}\"\n~&\u{1f511}\u{7f}";
        for form in [
            "a b/\u{e9}\"\r\n~&\u{1f511}\u{7f}",
            "a b/\u{e9}\\\"\\n~&\u{1f511}\u{7f}",
            r#"a b/\u00e9\"\n~&\ud83d\udd11\u007f"#,
            r#"a b\/\u00E9\"\n~&\uD83D\uDD11\u007F"#,
            "a b/\u{e9}\\\"\\n~\\u0026\u{1f511}\u{7f}",
            "a%20b%2F%C3%A9%22%0A~%26%F0%9F%94%91%7F",
            "a%20b/%c3%a9%22%0a~%26%f0%9f%94%91%7f",
            "a+b%2F%C3%A9%22%0A%7E%26%F0%9F%94%91%7F",
            "6120622fc3a9220a7e26f09f94917f",
            "6120622FC3A9220A7E26F09F94917F",
        ] {
            assert!(has(value.as_bytes(), form), "{form}");
        }
    }

    #[test]
    fn json_is_what_serde_writes() {
        let value: String = (1..0x2ff_u32).filter_map(char::from_u32).collect();
        let text = serde_json::to_string(&value).unwrap();
        assert!(has(value.as_bytes(), &text[1..text.len() - 1]));
    }

    #[test]
    fn lines_of_base64_and_ends_that_shells_drop() {
        let value = [b'k'; 90];
        let text = STANDARD.encode(value);
        assert!(has(&value, &format!("{}\n{}", &text[..76], &text[76..])));
        assert!(has(&value, &format!("{}\r\n{}", &text[..64], &text[64..])));
        assert!(has(b"12345678\n", "12345678") && has(b"12345678\n", "12345678\n"));
        assert!(!has(b"1234567\n", "1234567"));
    }

    #[test]
    fn buffers_are_exact() {
        assert!(of(b"some/value of\n many forms").iter().all(|form| form.len() == form.capacity()));
    }

    proptest! {
        /// Whatever stands around the value, its base64 holds a form, and of the value no more
        /// than four bits at either side lie outside.
        #[test]
        fn base64_holds_a_form_at_every_offset(
            value in prop::collection::vec(any::<u8>(), 8..60),
            before in prop::collection::vec(any::<u8>(), 0..5),
            after in prop::collection::vec(any::<u8>(), 0..5),
        ) {
            let forms = of(&value);
            let all = [before.as_slice(), &value, &after].concat();
            for text in [STANDARD.encode(&all), URL_SAFE.encode(&all)] {
                let found = forms.iter().filter_map(|form| {
                    let at = text.as_bytes().windows(form.len()).position(|part| part == form.as_slice())?;
                    Some((at, at + form.len()))
                });
                let (start, end) = found.max_by_key(|(start, end)| end - start).unwrap();
                prop_assert!(start * 6 <= before.len() * 8 + 4);
                prop_assert!(end * 6 + 4 >= (before.len() + value.len()) * 8);
            }
            // Alone it is covered whole.
            for text in [STANDARD.encode(&value), STANDARD_NO_PAD.encode(&value)] {
                prop_assert!(forms.iter().any(|form| form.as_slice() == text.as_bytes()));
            }
        }
    }
}
