//! Words in base64: what documents show where a value is to be encoded.

use zeroize::Zeroizing;

use super::{is_password, is_placeholder, is_sequence, is_spelled_out, looks_random, pairs};

/// Shortest and longest text that is tried, in characters.
const LENGTH: std::ops::RangeInclusive<usize> = 12..=128;

/// Longest head of a signed text that is tried, in characters.
const MAX_HEAD: usize = 512;

/// Whether `text` stands, in base64, for words and signs alone: `bXlfcGFzc3dvcmQ=`. A name with a
/// password behind a colon is none.
pub(super) fn is_encoded(text: &[u8]) -> bool {
    if !LENGTH.contains(&text.len()) {
        return false;
    }
    let Some(plain) = crate::base64::plain(text) else { return false };
    let plain = plain.trim_ascii_end();
    if is_head(text, plain) {
        return true;
    }
    if !plain.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return false;
    }
    let (common, count) = pairs::common(plain);
    let colon = plain.iter().position(|byte| *byte == b':');
    let login = colon.is_some_and(|at| at + 1 < plain.len() && !plain.contains(&b'"'));
    if login && let Some(at) = colon {
        let password = plain[at + 1..].trim_ascii();
        return is_placeholder(password) || is_spelled_out(password);
    }
    let words = plain.iter().all(|byte| !byte.is_ascii_digit());
    let digits = plain.iter().all(u8::is_ascii_digit) && (is_placeholder(plain) || counts(plain));
    digits || words && count >= 4 && common > 0.65 && !looks_random(plain)
}

/// Whether digits count, from one to the next: `0123456701234567`.
fn counts(text: &[u8]) -> bool {
    let next = text.windows(2).filter(|pair| pair[1] == pair[0] + 1).count();
    is_sequence(text) || next * 3 >= text.len() * 2
}

/// Whether a text is the head of a signed text (RFC 7515, section 4), without what is signed.
pub fn is_signed_head(text: &[u8]) -> bool {
    text.starts_with(b"eyJ")
        && text.len() <= MAX_HEAD
        && crate::base64::plain(text).is_some_and(|plain| is_head(text, plain.trim_ascii_end()))
}

fn is_head(text: &[u8], plain: &[u8]) -> bool {
    text.starts_with(b"eyJ") && plain.ends_with(b"}") && plain.windows(5).any(|p| p == b"\"alg\"")
}

/// Whether what a text with signs in percent stands for is a password still: `%60%7B%7D` is none.
pub(super) fn is_percent_password(text: &[u8]) -> bool {
    let hex = |byte: u8| char::from(byte).to_digit(16);
    let mut plain = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut at = 0;
    while at < text.len() {
        let sign = match text[at..] {
            [b'%', one, two, ..] => hex(one).zip(hex(two)),
            _ => None,
        };
        plain.push(sign.map_or(text[at], |(one, two)| (one * 16 + two) as u8));
        at += if sign.is_some() { 3 } else { 1 };
    }
    plain.len() == text.len() || is_password(&plain) && !is_spelled_out(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_and_keys_and_logins_are_not() {
        for words in [
            "bXlfcGFzc3dvcmQ=",
            "SGVsbG8gZnJvbSBHb29nbGUgQ2xvdWQgUGxhdGZvcm0=",
            "TXlWZXJpZmllclN0cmluZw",
            "b3BlbnNoaWZ0LWNoYWxsZW5naW5nLWNsaWVudDo=",
            "eyJzZXNzaW9uX2lkIjogImRlZmF1bHQifQ",
        ] {
            assert!(is_encoded(words.as_bytes()), "{words}");
        }
        // A login, a password with digits and signs, and keys.
        for secret in ["YWxpY2U6aG9yc2ViYXR0ZXJ5", "UyFCXCpkJHpEc2I9", "q7Xn2vLb9TzK4mWc8RfY1hJd"] {
            assert!(!is_encoded(secret.as_bytes()), "{secret}");
        }
    }
}
