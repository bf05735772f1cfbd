//! tar, read as a stream: POSIX ustar with its extended headers (pax), and GNU's long names.
//!
//! A reader of our own, because a name in a foreign archive may claim to be gigabytes long, and
//! because what is damaged shall be read up to there.

use std::io::{self, Read};

use super::kind::HEAD;
use super::{Opener, member, read_head};

/// Longest name of a member, and longest extended header, in bytes.
const MAX_NAME: u64 = 16 << 10;

/// A member.
struct Header {
    name: Vec<u8>,
    size: u64,
    kind: u8,
}

impl Opener<'_> {
    /// Opens every file in a tar.
    pub(super) fn tar(
        &mut self,
        name: &[u8],
        reader: &mut dyn Read,
        depth: usize,
    ) -> io::Result<()> {
        let mut long: Option<Vec<u8>> = None;
        let mut block = [0; HEAD];
        loop {
            let length = read_head(reader, &mut block)?;
            let Some(header) = Header::of(&block[..length]) else {
                // Two empty blocks end it, or nothing.
                if block[..length].iter().any(|byte| *byte != 0) {
                    self.skipped.push("archives that are damaged");
                }
                return Ok(());
            };
            let padding = header.size.next_multiple_of(HEAD as u64) - header.size;
            let mut content = (&mut *reader).take(header.size);
            match header.kind {
                b'L' | b'x' => {
                    let mut bytes = Vec::new();
                    (&mut content).take(MAX_NAME).read_to_end(&mut bytes)?;
                    long = match header.kind {
                        b'L' => {
                            Some(bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec())
                        }
                        _ => path(&bytes).or(long),
                    };
                }
                // Files, and what old programs call so.
                b'0' | 0 | b'7' => {
                    if !self.meter.member() {
                        self.skipped.push("archives with too many members");
                        return Ok(());
                    }
                    let path = long.take().unwrap_or(header.name);
                    self.layer(&member(name, &path), &mut content, depth + 1)?;
                }
                b'g' => {}
                _ => long = None,
            }
            io::copy(&mut content, &mut io::sink())?;
            let missing = content.limit() > 0;
            // The last one's padding may be missing.
            io::copy(&mut (&mut *reader).take(padding), &mut io::sink())?;
            if missing {
                self.skipped.push("archives that are damaged");
                return Ok(());
            }
        }
    }
}

impl Header {
    fn of(block: &[u8]) -> Option<Self> {
        if !is_header(block) {
            return None;
        }
        let text = |range: std::ops::Range<usize>| {
            block[range].split(|byte| *byte == 0).next().unwrap_or_default()
        };
        let prefix = if block[257..263] == *b"ustar\0" { text(345..500) } else { b"" };
        let name = match prefix.is_empty() {
            true => text(0..100).to_vec(),
            false => [prefix, b"/", text(0..100)].concat(),
        };
        Some(Self { name, size: number(&block[124..136])?, kind: block[156] })
    }
}

/// Whether a block is the header of a member: the sum of its bytes is in it.
pub(super) fn is_header(block: &[u8]) -> bool {
    if block.len() < HEAD || block[0] == 0 {
        return false;
    }
    let own = 148..156;
    let Some(said) = number(&block[own.clone()]) else { return false };
    let value = |(at, byte): (usize, &u8)| u64::from(if own.contains(&at) { b' ' } else { *byte });
    said == block[..HEAD].iter().enumerate().map(value).sum::<u64>()
}

/// A number in base 8, or, past eight gigabytes, in base 256.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let high = field[..field.len() - 8].iter().skip(1).any(|byte| *byte != 0);
        let low: [u8; 8] = field[field.len() - 8..].try_into().ok()?;
        let number = u64::from_be_bytes(low);
        return (!high && number < 1 << 62).then_some(number);
    }
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches(|char| matches!(char, ' ' | '\0'));
    let digits = digits.split(['\0', ' ']).next()?;
    u64::from_str_radix(if digits.is_empty() { "0" } else { digits }, 8).ok()
}

/// The path in an extended header: lines of their own length, a name, `=` and a value.
fn path(mut lines: &[u8]) -> Option<Vec<u8>> {
    let mut path = None;
    while let Some(space) = lines.iter().position(|byte| *byte == b' ') {
        let length: usize = std::str::from_utf8(&lines[..space]).ok()?.parse().ok()?;
        let line = lines.get(space + 1..length)?;
        if let Some(value) = line.strip_prefix(b"path=") {
            path = Some(value.strip_suffix(b"\n").unwrap_or(value).to_vec());
        }
        lines = &lines[length..];
    }
    path
}
