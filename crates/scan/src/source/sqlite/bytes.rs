//! Numbers as SQLite writes them: big-endian, or of variable length.

/// Two bytes at a place.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let found = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes(found.try_into().ok()?))
}

/// Four bytes at a place.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let found = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(found.try_into().ok()?))
}

/// A number of one to nine bytes, and what stands behind it.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        let rest = bytes.get(at + 1..)?;
        if at == 8 {
            return Some((value << 8 | u64::from(*byte), rest));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, rest));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_never_past_the_end() {
        assert_eq!(varint(&[0x7f, 1]), Some((0x7f, &[1][..])));
        assert_eq!(varint(&[0x81, 0x00]), Some((0x80, &[][..])));
        assert_eq!(varint(&[0xff; 9]), Some((u64::MAX, &[][..])));
        for short in [&[][..], &[0x80], &[0xff; 8]] {
            assert_eq!(varint(short), None);
        }
        assert_eq!(u32_at(&[0, 0, 1, 2], 0), Some(0x102));
        assert_eq!(u32_at(&[0, 0, 1, 2], 1), None);
        assert_eq!(u16_at(&[1], usize::MAX), None);
    }
}
