//! Checksums that tokens end in. A wrong one makes a finding less sure, and no more.

use crate::rule::Checksum;

/// Whether the checksum that a token ends in is right.
pub fn holds(kind: Checksum, token: &[u8]) -> bool {
    match kind {
        Checksum::Crc32Base62 => crc32_base62(token),
        Checksum::Luhn => luhn(token),
    }
}

/// The last six digits, of base 62, are the CRC-32 of what stands between the last `_` and them.
fn crc32_base62(token: &[u8]) -> bool {
    let start = token.iter().rposition(|byte| *byte == b'_').map_or(0, |at| at + 1);
    let Some((body, sum)) = token[start..].split_last_chunk::<6>() else { return false };
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(u64::from(byte - b'0')),
        b'A'..=b'Z' => Some(u64::from(byte - b'A') + 10),
        b'a'..=b'z' => Some(u64::from(byte - b'a') + 36),
        _ => None,
    };
    let said = sum.iter().try_fold(0, |said, byte| Some(said * 62 + digit(*byte)?));
    said == Some(u64::from(crc32(body)))
}

/// CRC-32 as in ISO 3309, bit by bit: it is asked for a few bytes at a time.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
    let add = |sum: u32, byte: &u8| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum));
    !bytes.iter().fold(u32::MAX, add)
}

/// Luhn's sum over the digits (ISO/IEC 7812-1, annex B); other bytes are passed over.
fn luhn(token: &[u8]) -> bool {
    let digits = token.iter().rev().filter(|byte| byte.is_ascii_digit());
    let doubled = |(at, byte): (usize, &u8)| match u32::from(byte - b'0') << (at % 2) {
        large @ 10.. => large - 9,
        small => small,
    };
    digits.clone().count() > 1 && digits.enumerate().map(doubled).sum::<u32>().is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_hold_and_one_changed_byte_breaks_them() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let token = "acme_q7Xn2vLb9TzK4mWc8RfY1hJd6PsG3e4KlwZF";
        assert!(holds(Checksum::Crc32Base62, token.as_bytes()));
        assert!(!holds(Checksum::Crc32Base62, token.replace('q', "r").as_bytes()));
        assert!(!holds(Checksum::Crc32Base62, b"short"));
        assert!(holds(Checksum::Luhn, b"4539 1488 0343 6467"));
        assert!(!holds(Checksum::Luhn, b"4539 1488 0343 6468"));
    }
}
