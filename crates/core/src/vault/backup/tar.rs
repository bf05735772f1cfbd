//! The container of a backup: a ustar archive (POSIX.1-1988), regular files only.
//!
//! Every `tar` reads what is written here. What is read is held to what is written: any other kind
//! of member is refused, so nothing here ever meets a path, a link or an extension.

/// Everything in an archive comes in blocks of this many bytes.
pub(super) const BLOCK: usize = 512;

const NAME: (usize, usize) = (0, 100);
const MODE: usize = 100;
const OWNER: usize = 108;
const GROUP: usize = 116;
const SIZE: (usize, usize) = (124, 136);
const TIME: usize = 136;
const CHECKSUM: (usize, usize) = (148, 156);
const KIND: usize = 156;
const MAGIC: usize = 257;

/// The header of a regular file. Names are ours and short; sizes are bounded by the caller.
pub(super) fn header(name: &str, size: u64, time_s: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put =
        |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(NAME.0, name);
    put(MODE, "0000600");
    put(OWNER, "0000000");
    put(GROUP, "0000000");
    put(SIZE.0, &format!("{:011o}", size & 0o777_7777_7777));
    put(TIME, &format!("{:011o}", time_s & 0o777_7777_7777));
    put(KIND, "0");
    put(MAGIC, "ustar\x0000");
    let sum = format!("{:06o}\0 ", checksum(&block));
    block[CHECKSUM.0..CHECKSUM.1].copy_from_slice(sum.as_bytes());
    block
}

/// Bytes of zeros that follow a member of this size.
pub(super) fn padding(size: u64) -> usize {
    // Less than a block, so it fits every number.
    (BLOCK - (size % BLOCK as u64) as usize) % BLOCK
}

/// Name and size of the regular file that a header announces; `None` for anything else.
pub(super) fn parse(block: &[u8; BLOCK]) -> Option<(&str, u64)> {
    if !block[MAGIC..].starts_with(b"ustar") || !matches!(block[KIND], b'0' | 0) {
        return None;
    }
    if number(&block[CHECKSUM.0..CHECKSUM.1])? != u64::from(checksum(block)) {
        return None;
    }
    let name = &block[NAME.0..NAME.1];
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    let name = str::from_utf8(&name[..end]).ok()?;
    Some((name.strip_prefix("./").unwrap_or(name), number(&block[SIZE.0..SIZE.1])?))
}

/// The sum of all bytes of the header, its own place counted as blanks.
fn checksum(block: &[u8; BLOCK]) -> u32 {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    let blanks = 8 * u32::from(b' ');
    sum(&block[..CHECKSUM.0]) + blanks + sum(&block[CHECKSUM.1..])
}

/// Octal digits between blanks and zeros.
fn number(field: &[u8]) -> Option<u64> {
    let text = str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    let digits = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    digits.then(|| u64::from_str_radix(text, 8).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_altered() {
        let block = header("secrets.json", 0o123_4567, 1_764_000_000);
        assert_eq!(parse(&block), Some(("secrets.json", 0o123_4567)));
        assert_eq!((padding(0), padding(1), padding(512), padding(513)), (0, 511, 0, 511));
        for at in 0..BLOCK {
            let mut bent = block;
            bent[at] ^= 1;
            assert_eq!(parse(&bent), None, "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), BLOCK)) {
            let block: [u8; BLOCK] = bytes.try_into().unwrap();
            parse(&block);
        }
    }
}
