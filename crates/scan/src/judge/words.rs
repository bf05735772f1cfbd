//! Words in base64: what documents show where a value is to be encoded.

use super::{looks_random, pairs};

/// Shortest and longest text that is tried, in characters.
const LENGTH: std::ops::RangeInclusive<usize> = 12..=128;

/// Whether `text` stands, in base64, for words and signs alone: `bXlfcGFzc3dvcmQ=`. A name with a
/// password behind a colon is none.
pub(super) fn is_encoded(text: &[u8]) -> bool {
    if !LENGTH.contains(&text.len()) {
        return false;
    }
    let Some(plain) = crate::base64::plain(text) else { return false };
    let (common, count) = pairs::common(&plain);
    let colon = plain.iter().position(|byte| *byte == b':');
    let login = colon.is_some_and(|at| at + 1 < plain.len() && !plain.contains(&b'"'));
    let words = plain.iter().all(|byte| matches!(byte, b' '..=b'~') && !byte.is_ascii_digit());
    words && !login && count >= 4 && common > 0.65 && !looks_random(&plain)
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
