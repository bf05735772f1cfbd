//! Whether a text is put together of words and numbers: `us-west-2-vpc`, `TOKEN_TYPE_0_1`.

use super::pairs;

/// Fewest parts that make an identifier.
const PARTS: usize = 3;

/// Whether `text` is a name of a thing: its parts, between `-`, `_`, `.` and such, are words, numbers
/// and dates, or a word with a number.
pub fn is_identifier(text: &[u8]) -> bool {
    // `__stringMax256`, `_ZN8pybind116handleE`: a compiler's or a generator's.
    if text.starts_with(b"__") || text.starts_with(b"_Z") {
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
    time || fingerprint || resource
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
        ] {
            assert!(is_identifier(name.as_bytes()), "{name}");
        }
        for key in [
            "q7Xn2vLb9TzK4mWc8RfY1hJd6PsG",
            "q7Xn2vLb-9TzK4mWc8_RfY1hJd6PsG",
            "9f8c2a61-37f5-45e8-a4f9-681b98c7b765",
            "1ZZGT-96PFU-GQF2Y-440OK-JBHEK",
        ] {
            assert!(!is_identifier(key.as_bytes()), "{key}");
        }
    }
}
