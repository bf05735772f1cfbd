//! Whether a text is put together of words and numbers: `us-west-2-vpc`, `TOKEN_TYPE_0_1`.

use super::pairs;

/// Fewest parts that make an identifier.
const PARTS: usize = 3;

/// Whether `text` is a name of a thing: its parts, between `-`, `_`, `.` and such, are words, numbers
/// and dates, or a word with a number.
pub fn is_identifier(text: &[u8]) -> bool {
    if super::is_uuid(text) {
        return false;
    }
    if is_drawing(text) {
        return true;
    }
    // `__stringMax256`, `_ZN8pybind116handleE`: a compiler's or a generator's.
    if [&b"__"[..], b"_Z", b"_RN"].iter().any(|begin| text.starts_with(begin)) || is_mangled(text) {
        return true;
    }
    let (mut parts, mut all, mut chance) = (0, 0, 0);
    let (mut even, mut first) = (true, 0);
    for part in text.split(|byte| !byte.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        parts += 1;
        first = if parts == 1 { part.len() } else { first };
        even &= part.len() == first;
        all += part.len();
        if is_chance(part) {
            chance += part.len();
        }
    }
    // `TOKEN_V2`: a word and something short.
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    let pair = parts == 2 && all <= 16 && digits <= 2;
    // `1ZZGT-96PFU-GQF2Y-440OK`: a key of a licence.
    let licence = even && parts >= 4 && (4..9).contains(&first) && digits * 5 >= all;
    (parts >= PARTS || pair) && chance * 2 < all && !licence
}

/// Whether `text` is a piece of a path in SVG: single letters of commands, with numbers between.
fn is_drawing(text: &[u8]) -> bool {
    let command = |byte: &u8| b"MmLlHhVvCcSsQqTtAaZz".contains(byte);
    let letters = |part: &[u8]| part.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let fits = |part: &[u8]| letters(part) <= 1 + usize::from(part[0] == b'z');
    text.iter().filter(|byte| command(byte)).count() > 2
        && text.iter().all(|byte| byte.is_ascii_digit() || command(byte) || b".-".contains(byte))
        && text.chunk_by(|one, two| one.is_ascii_digit() == two.is_ascii_digit()).all(fits)
}

/// Whether `text` numbers a thing: a time, a fingerprint, a resource such as `subnet-0a1b2c3d`.
pub fn is_reference_number(text: &[u8]) -> bool {
    let time = matches!(text, [b'1' | b'2', _, _, _, b'-', _, _, b'-', _, _, b'T' | b' ', ..]);
    let fingerprint =
        text.len() == 40 && text.iter().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'));
    let resource = text.iter().rposition(|byte| *byte == b'-').is_some_and(|at| {
        let (kind, number) = (&text[..at], &text[at + 1..]);
        kind.len() <= 12
            && kind.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'-')
            && matches!(number.len(), 8 | 17)
            && number.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    });
    let day = matches!(text, [b'1', b'9', ..] | [b'2', b'0', ..])
        && text.len() <= 16
        && text.get(8) == Some(&b'-')
        && text[..8].iter().all(u8::is_ascii_digit);
    time || day || fingerprint || resource || is_measured(text) || is_version(text)
}

/// Whether `text` is a number with a point or an exponent, `1.4e-07`, or a time in microseconds.
fn is_measured(text: &[u8]) -> bool {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    let sign = |at: usize| matches!(text[at], b'+' | b'-') && (at == 0 || text[at - 1] == b'e');
    let rest = (0..text.len()).filter(|at| !text[*at].is_ascii_digit());
    let plain = rest.clone().all(|at| matches!(text[at], b'.' | b'e') || sign(at));
    let count = |wanted: u8| text.iter().filter(|byte| **byte == wanted).count();
    let point = count(b'.') == 1 && count(b'e') <= 1;
    let exponent = count(b'e') == 1 && text.windows(2).any(|pair| pair == b"e-");
    let time = digits == 16 && text.len() == 16 && matches!(text, [b'1', b'4'..=b'9', ..]);
    digits > 0 && plain && (point || exponent) || time
}

/// Whether `text` is a version: `13.0.0-next-8.29`.
fn is_version(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"v").unwrap_or(text);
    let number = |part: Option<&[u8]>| {
        part.is_some_and(|part| (1..4).contains(&part.len()) && part.iter().all(u8::is_ascii_digit))
    };
    let end = text.iter().position(|byte| matches!(byte, b'-' | b'+')).unwrap_or(text.len());
    let mut parts = text[..end].split(|byte| *byte == b'.');
    let three = number(parts.next()) && number(parts.next()) && number(parts.next());
    let suffix = text[end..].iter().all(|byte| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.')
    });
    three && parts.next().is_none() && suffix
}

/// Whether `text` is the name of a file or ends in one.
pub fn is_file(text: &[u8]) -> bool {
    const ENDS: [&[u8]; 16] = [
        b".json", b".ova", b".zip", b".tar", b".gz", b".pem", b".png", b".jpg", b".txt", b".html",
        b".yaml", b".yml", b".xml", b".js", b".py", b".css",
    ];
    ENDS.iter().any(|end| text.ends_with(end))
}

/// Whether `text` is a piece of a name that a compiler made, in which each name stands behind its
/// length: `4core3ops4drop`.
fn is_mangled(text: &[u8]) -> bool {
    let (mut at, mut parts, mut letters) = (0, 0, Vec::new());
    while at < text.len() {
        let digits = text[at..].iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
        let length = text[at..at + digits].iter().fold(0, |n, b| n * 10 + usize::from(b - b'0'));
        let start = at + digits;
        at = start.max(at + 1);
        let Some(name) = text.get(start..start + length).filter(|_| digits > 0) else { continue };
        let letters_only = name.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        let word = name.iter().skip(1).all(|byte| !byte.is_ascii_uppercase());
        if length >= 3 && letters_only && (word || length >= 10) {
            parts += if length >= 10 { 3 } else { 1 };
            letters.extend_from_slice(name);
            at = start + length;
        }
    }
    parts >= 3 && letters.len() >= 11 && pairs::common(&letters).0 > 0.7
}

/// Whether a part looks made by chance: letters and digits that change often, or letters that are
/// no word.
fn is_chance(part: &[u8]) -> bool {
    let digits = part.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits == part.len() {
        return digits >= 20;
    }
    let changes =
        part.windows(2).filter(|p| p[0].is_ascii_digit() != p[1].is_ascii_digit()).count();
    let (common, count) = pairs::common(part);
    if changes >= 2 {
        return part.len() >= 4 && !is_short_name_and_word(part);
    }
    part.len() >= 8 && (count < 5 || common < 0.6)
}

/// `S3session`: a name of a letter and a digit before a word.
fn is_short_name_and_word(part: &[u8]) -> bool {
    let [letter, digit, word @ ..] = part else { return false };
    let (common, count) = pairs::common(word);
    letter.is_ascii_alphabetic()
        && digit.is_ascii_digit()
        && word.iter().all(u8::is_ascii_alphabetic)
        && count >= 4
        && common > 0.75
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_names_and_keys_are_not() {
        for name in [
            "sample-cluster-2019-03-16-00-01-restored",
            "audio-24khz-48kbitrate-mono-mp3",
            "STORAGE_OFFLOAD_TOKEN_0_0",
            "urn:ietf:params:oauth:token-type:saml2",
            "__stringMin24Max24PatternAZaZ094AZaZ092AZaZ093",
            "_ZTSFN8pybind116objectENS_6handleERKNS_5bytesE",
            "X-Amz-S3session-Token",
            "sigv4-s3express",
            "NS_7array_tIdLi17EEEEEENS0_11type_casterISt5tupleIJ",
            "3ops4drop4Drop4dropCsh0g7Hz38UNf",
            "M349-911v-991h330v991h-330zM370",
        ] {
            assert!(is_identifier(name.as_bytes()), "{name}");
        }
        for key in [
            "q7Xn2vLb9TzK4mWc8RfY1hJd6PsG",
            "q7Xn2vLb-9TzK4mWc8_RfY1hJd6PsG",
            "9f8c2a61-37f5-45e8-a4f9-681b98c7b765",
            "75746069-4510-5983-4217-773854279880",
            "8250178843610957",
            "1ZZGT-96PFU-GQF2Y-440OK-JBHEK",
        ] {
            assert!(!is_identifier(key.as_bytes()), "{key}");
        }
    }

    #[test]
    fn numbers_and_versions_are_no_keys() {
        for number in ["1.41953125e-07", "3.2857142857142855e-08", "1641941238208691"] {
            assert!(is_reference_number(number.as_bytes()), "{number}");
        }
        assert!(is_reference_number(b"13.0.0-next-8.29"));
        for key in ["12345678e90123", "9641941238208691", "1.2.3.Xy7", "7e1.Xq", "8842.9931"] {
            assert_eq!(is_reference_number(key.as_bytes()), key == "8842.9931", "{key}");
        }
    }
}
