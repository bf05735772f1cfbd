//! The alphabets of base64, the usual and the one for URLs (RFC 4648, clauses 4 and 5).

use zeroize::Zeroizing;

/// What a whole text in base64 stands for, padded or not; none where it is not in base64.
pub(crate) fn plain(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let end = text.iter().rposition(|byte| *byte != b'=')? + 1;
    let chars = &text[..end];
    let mut bytes = Zeroizing::new(Vec::with_capacity(end / 4 * 3 + 3));
    decode(chars.iter(), &mut bytes);
    chars.iter().all(|byte| value(*byte).is_some()).then_some(bytes)
}

/// Adds the bytes that characters of the alphabet stand for; what is left of the last ones, less
/// than a byte, is dropped.
pub(crate) fn decode<'a>(chars: impl Iterator<Item = &'a u8>, bytes: &mut Vec<u8>) {
    let (mut bits, mut count) = (0_u32, 0);
    for char in chars {
        let Some(value) = value(*char) else { return };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
}

/// What a character of either alphabet stands for.
pub(crate) fn value(char: u8) -> Option<u8> {
    Some(match char {
        b'A'..=b'Z' => char - b'A',
        b'a'..=b'z' => char - b'a' + 26,
        b'0'..=b'9' => char - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}
