//! Bytes as lower-case hexadecimal digits.

/// Writes each byte as two digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// Reads so many bytes, two digits each, and nothing else.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (digits, rest) = text.as_bytes().as_chunks::<2>();
    if digits.len() != N || !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (byte, [high, low]) in bytes.iter_mut().zip(digits) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_lower_case_and_two_each() {
        assert_eq!(hex(&[0x00, 0x9f, 0xab]), "009fab");
        assert_eq!(unhex("009FaB"), Some([0x00, 0x9f, 0xab]));
        for text in ["009fa", "009fab00", "009fag", "+09fab", ""] {
            assert_eq!(unhex::<3>(text), None, "{text}");
        }
    }
}
