//! Templates: a text with places for secrets, and what becomes of it once they are filled.
//!
//! A place is `{{ clawvault://NAME }}`, `{{ clawvault://NAME#FIELD }}`, either with `| json` (the
//! value as it stands inside a JSON string, without the quotes) or `| base64` before the end.
//! All other bytes stay as they are, other tools' `{{ … }}` too. What begins as a place of ours
//! and is none refuses the template: an error names line, column and kind, never the text.

use std::fmt;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clawvault_core::domain::limits::{MAX_DOCUMENT, MAX_PLACES};
use clawvault_core::domain::{FieldName, SecretName, Value};
use clawvault_core::memory::LockedBytes;
use zeroize::Zeroizing;

const OPEN: &[u8] = b"{{";
const CLOSE: &[u8] = b"}}";
const OURS: &[u8] = b"clawvault";
const SCHEME: &[u8] = b"clawvault://";

/// Why a template was refused, and where in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}, column {column}: {fault}")]
pub struct TemplateError {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a template.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Something else where a name begins.
    #[error("not the place of a secret: {{{{ clawvault://NAME }}}}")]
    Form,
    /// No name that a secret could have.
    #[error("not the name of a secret")]
    Name,
    /// No name that a field could have.
    #[error("not the name of a field")]
    Field,
    /// A filter other than those there are.
    #[error("no such filter: there are json and base64")]
    Filter,
    /// The end of a place is missing.
    #[error("the place of a secret is not closed with }}}}")]
    Unclosed,
    /// More places than the bound.
    #[error("more than {MAX_PLACES} places")]
    TooMany,
    /// A value that is not text, in a JSON string.
    #[error("the value is not text, which JSON needs")]
    NotText,
    /// Larger than the bound once it is filled.
    #[error("filled, it is larger than {MAX_DOCUMENT} bytes")]
    TooLarge,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Filter {
    Plain,
    Json,
    Base64,
}

/// The place of one secret.
#[derive(Debug)]
pub struct Place {
    /// Whose value.
    pub name: SecretName,
    /// Which field, where one is named.
    pub field: Option<FieldName>,
    filter: Filter,
    range: Range<usize>,
}

/// A template, read.
pub struct Template {
    text: Zeroizing<Vec<u8>>,
    places: Vec<Place>,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({} places)", self.places.len())
    }
}

impl Template {
    /// Finds the places of a text.
    pub fn parse(text: Zeroizing<Vec<u8>>) -> Result<Self, TemplateError> {
        let mut places = Vec::new();
        let mut at = 0;
        while let Some(start) = find(&text, OPEN, at) {
            let inside = start + OPEN.len();
            let lead = blanks(&text, inside, b" \t\r\n-");
            if !begins(&text, lead, OURS) {
                // One byte on, not two: `{{{` may hold a place behind its first brace.
                at = start + 1;
                continue;
            }
            if places.len() == MAX_PLACES {
                return Err(error(&text, start, Fault::TooMany));
            }
            let place = place(&text, start)?;
            at = place.range.end;
            places.push(place);
        }
        Ok(Self { text, places })
    }

    /// The places, in the order of the text.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// The text with `values` in its places, one for each in their order.
    pub fn fill(&self, values: &[&Value]) -> Result<LockedBytes, TemplateError> {
        let mut length = self.text.len();
        for (place, value) in self.places.iter().zip(values) {
            let written = self.length(place, value)?;
            length = length - place.range.len() + written;
            if length > MAX_DOCUMENT {
                return Err(error(&self.text, place.range.start, Fault::TooLarge));
            }
        }
        let mut out = LockedBytes::zeroed(length);
        let mut rest = &mut out[..];
        let mut at = 0;
        for (place, value) in self.places.iter().zip(values) {
            put(&self.text[at..place.range.start], &mut rest);
            write(place.filter, value, &mut rest);
            at = place.range.end;
        }
        put(&self.text[at..], &mut rest);
        debug_assert!(rest.is_empty());
        Ok(out)
    }

    /// How many bytes a value takes in its place.
    fn length(&self, place: &Place, value: &Value) -> Result<usize, TemplateError> {
        let bytes = value.expose();
        match place.filter {
            Filter::Plain => Ok(bytes.len()),
            Filter::Base64 => Ok(bytes.len().div_ceil(3) * 4),
            Filter::Json if str::from_utf8(bytes).is_err() => {
                Err(error(&self.text, place.range.start, Fault::NotText))
            }
            Filter::Json => Ok(bytes.iter().map(|byte| escape(*byte).len()).sum()),
        }
    }
}

/// How a byte stands inside a JSON string (RFC 8259, section 7).
enum Escape {
    None,
    Short(u8),
    Code([u8; 2]),
}

impl Escape {
    fn len(&self) -> usize {
        match self {
            Self::None => 1,
            Self::Short(_) => 2,
            Self::Code(_) => 6,
        }
    }
}

fn escape(byte: u8) -> Escape {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).map_or(b'0', |c| c as u8);
    match byte {
        b'"' | b'\\' => Escape::Short(byte),
        b'\n' => Escape::Short(b'n'),
        b'\r' => Escape::Short(b'r'),
        b'\t' => Escape::Short(b't'),
        0..0x20 => Escape::Code([digit(byte >> 4), digit(byte & 15)]),
        _ => Escape::None,
    }
}

fn write(filter: Filter, value: &Value, rest: &mut &mut [u8]) {
    let bytes = value.expose();
    match filter {
        Filter::Plain => put(bytes, rest),
        Filter::Base64 => {
            // Three bytes at a time fill four exactly: nothing but the last is padded.
            for three in bytes.chunks(3) {
                let mut four = Zeroizing::new([0; 4]);
                STANDARD.encode_slice(three, &mut four[..]).ok();
                put(&four[..], rest);
            }
        }
        Filter::Json => {
            for byte in bytes {
                match escape(*byte) {
                    Escape::None => put(&[*byte], rest),
                    Escape::Short(letter) => put(&[b'\\', letter], rest),
                    Escape::Code([high, low]) => put(&[b'\\', b'u', b'0', b'0', high, low], rest),
                }
            }
        }
    }
}

/// Puts bytes at the start of a place that has room for them, and moves past them.
fn put(bytes: &[u8], rest: &mut &mut [u8]) {
    let whole = std::mem::take(rest);
    let (now, later) = whole.split_at_mut(bytes.len().min(whole.len()));
    now.copy_from_slice(&bytes[..now.len()]);
    *rest = later;
}

/// Reads the place that begins at `start`.
fn place(text: &[u8], start: usize) -> Result<Place, TemplateError> {
    let fail = |at: usize, fault| Err(error(text, at, fault));
    let scheme = blanks(text, start + OPEN.len(), b" \t");
    if !begins(text, scheme, SCHEME) || !text[scheme..].starts_with(SCHEME) {
        return fail(start, Fault::Form);
    }
    let name_at = scheme + SCHEME.len();
    let name_end = word(text, name_at, b"#|} \t\r\n");
    let Some(name) = parsed(text, name_at..name_end, |name| SecretName::parse(name).ok()) else {
        return fail(name_at, Fault::Name);
    };
    let (mut field, mut at) = (None, name_end);
    if begins(text, at, b"#") {
        let end = word(text, at + 1, b"|} \t\r\n");
        field = parsed(text, at + 1..end, |field| FieldName::parse(field).ok());
        if field.is_none() {
            return fail(at + 1, Fault::Field);
        }
        at = end;
    }
    at = blanks(text, at, b" \t");
    let mut filter = Filter::Plain;
    if begins(text, at, b"|") {
        let filter_at = blanks(text, at + 1, b" \t");
        at = word(text, filter_at, b"|} \t\r\n");
        filter = match &text[filter_at..at] {
            b"json" => Filter::Json,
            b"base64" => Filter::Base64,
            _ => return fail(filter_at, Fault::Filter),
        };
        at = blanks(text, at, b" \t");
    }
    if !begins(text, at, CLOSE) {
        return fail(at, Fault::Unclosed);
    }
    Ok(Place { name, field, filter, range: start..at + CLOSE.len() })
}

fn parsed<T>(text: &[u8], range: Range<usize>, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
    parse(str::from_utf8(&text[range]).ok()?)
}

fn find(text: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    rest.windows(wanted.len()).position(|window| window == wanted).map(|at| from + at)
}

/// True where `wanted` stands at `at`, in capitals or not.
fn begins(text: &[u8], at: usize, wanted: &[u8]) -> bool {
    text.get(at..at + wanted.len()).is_some_and(|there| there.eq_ignore_ascii_case(wanted))
}

/// The end of the blanks at `at`.
fn blanks(text: &[u8], at: usize, blank: &[u8]) -> usize {
    at + text[at..].iter().take_while(|byte| blank.contains(byte)).count()
}

/// The end of the word at `at`.
fn word(text: &[u8], at: usize, ends: &[u8]) -> usize {
    at + text[at..].iter().take_while(|byte| !ends.contains(byte)).count()
}

fn error(text: &[u8], at: usize, fault: Fault) -> TemplateError {
    let before = &text[..at];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
    TemplateError { line, column, fault }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(bytes: &[u8]) -> Value {
        Value::new(bytes.to_vec()).unwrap()
    }

    fn parse(text: &[u8]) -> Result<Template, TemplateError> {
        Template::parse(Zeroizing::new(text.to_vec()))
    }

    fn filled(text: &str, values: &[&[u8]]) -> Vec<u8> {
        let values: Vec<Value> = values.iter().map(|bytes| value(bytes)).collect();
        let template = parse(text.as_bytes()).unwrap();
        assert_eq!(template.places().len(), values.len());
        template.fill(&values.iter().collect::<Vec<_>>()).unwrap().to_vec()
    }

    #[test]
    fn places_are_filled_and_everything_else_stays() {
        for (text, values, expected) in [
            ("a {{ clawvault://x/y }} b", &[&b"1"[..]][..], &b"a 1 b"[..]),
            ("{{clawvault://x}}{{\tclawvault://x#f\t}}", &[b"1", b"2"], b"12"),
            ("{{{clawvault://x}}}", &[b"1"], b"{1}"),
            (
                "{{ clawvault://x|json }}",
                &[b"q\"\\\n\t\x01\xc3\xa9"],
                b"q\\\"\\\\\\n\\t\\u0001\xc3\xa9",
            ),
            ("{{ clawvault://x | base64 }}", &[b"\xff\xfe"], b"//4="),
            (
                "{{ .Values.x }} ${{ secrets.Y }} {{ x",
                &[],
                b"{{ .Values.x }} ${{ secrets.Y }} {{ x",
            ),
            ("clawvault://x { { clawvault://x }}", &[], b"clawvault://x { { clawvault://x }}"),
            ("", &[], b""),
        ] {
            assert_eq!(filled(text, values), expected, "{text}");
        }
        let template = parse(b"{{ clawvault://aws/main#key_2 }}").unwrap();
        assert_eq!(template.places()[0].name.as_str(), "aws/main");
        assert_eq!(template.places()[0].field.as_ref().unwrap().as_str(), "key_2");
    }

    #[test]
    fn what_begins_as_a_place_must_be_one() {
        for (text, line, column, fault) in [
            ("{{ clawvault }}", 1, 1, Fault::Form),
            ("x\n é{{ clawvault:x }}", 2, 3, Fault::Form),
            ("{{ CLAWVAULT://x }}", 1, 1, Fault::Form),
            ("{{- clawvault://x }}", 1, 1, Fault::Form),
            ("{{\nclawvault://x }}", 1, 1, Fault::Form),
            ("{{ clawvault_x }}", 1, 1, Fault::Form),
            ("{{ clawvault:// }}", 1, 16, Fault::Name),
            ("{{ clawvault://A }}", 1, 16, Fault::Name),
            ("{{ clawvault://x# }}", 1, 18, Fault::Field),
            ("{{ clawvault://x#A }}", 1, 18, Fault::Field),
            ("{{ clawvault://x | upper }}", 1, 20, Fault::Filter),
            ("{{ clawvault://x | }}", 1, 20, Fault::Filter),
            ("{{ clawvault://x y }}", 1, 18, Fault::Unclosed),
            ("{{ clawvault://x | json | json }}", 1, 25, Fault::Unclosed),
            ("{{ clawvault://x }", 1, 18, Fault::Unclosed),
            ("{{ clawvault://x", 1, 17, Fault::Unclosed),
            ("{{ clawvault://x\n}}", 1, 17, Fault::Unclosed),
        ] {
            let found = parse(text.as_bytes()).unwrap_err();
            assert_eq!(found, TemplateError { line, column, fault }, "{text:?}");
        }
        let many = "{{ clawvault://x }}".repeat(MAX_PLACES + 1);
        assert_eq!(parse(many.as_bytes()).unwrap_err().fault, Fault::TooMany);
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let template = parse(b"\n{{ clawvault://x | json }}").unwrap();
        let refused = template.fill(&[&value(b"\xff")]).unwrap_err();
        assert_eq!(refused, TemplateError { line: 2, column: 1, fault: Fault::NotText });
        let template = parse("{{ clawvault://x }}".repeat(100).as_bytes()).unwrap();
        let large = value(&vec![b'x'; 256 * 1024]);
        assert_eq!(template.fill(&[&large; 100]).unwrap_err().fault, Fault::TooLarge);
    }

    proptest! {
        #[test]
        fn without_a_place_the_bytes_are_the_same(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            text in "[{} a:/cl\n]{0,80}",
        ) {
            for bytes in [bytes, text.into_bytes()] {
                let template = parse(&bytes).unwrap();
                prop_assert!(template.places().is_empty());
                prop_assert_eq!(template.fill(&[]).unwrap().to_vec(), bytes);
            }
        }

        #[test]
        fn a_json_string_reads_back_as_the_value(text in "[^\0]{1,60}") {
            let filled = filled("\"{{ clawvault://x | json }}\"", &[text.as_bytes()]);
            let read: String = serde_json::from_slice(&filled).unwrap();
            prop_assert_eq!(read, text);
        }

        #[test]
        fn no_template_makes_it_panic(text in "[{} clawvut:/#|json\n]{0,80}") {
            let _ = parse(text.as_bytes());
            let _ = parse(format!("{{{{ clawvault://x{text}").as_bytes());
        }
    }
}
