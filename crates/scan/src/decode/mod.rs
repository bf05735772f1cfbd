//! Encoded stretches in a text: found by what they begin with, decoded within bounds.
//!
//! What follows looks at the first bytes that a stretch stands for, and goes on only where these are
//! text, or the beginning of something packed; nearly all long runs of letters are neither.

mod base16;
mod base64;
mod escapes;
mod joined;
mod plain;
mod unpack;

use std::ops::Range;

use bstr::ByteSlice as _;
use zeroize::Zeroizing;

pub(crate) use escapes::find as escaped;
pub(crate) use joined::find as joined;
pub(crate) use plain::{has_mark, utf16};
pub(crate) use unpack::gzip;

/// How a stretch is encoded.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Codec {
    /// base64 in one of its two alphabets (RFC 4648 §4, §5), in one line or many.
    Base64,
    /// Two digits of base 16 for each byte.
    Base16,
    /// `%` and two digits (RFC 3986 §2.1).
    Percent,
    /// `\x` and two digits, or `\u` and four.
    Escapes,
    /// Two bytes for each character.
    Utf16,
    /// RFC 1952.
    Gzip,
    /// Strings with `+` between them.
    Joined,
}

impl Codec {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Base16 => "hex",
            Self::Percent => "percent-encoding",
            Self::Escapes => "escapes",
            Self::Utf16 => "UTF-16",
            Self::Gzip => "gzip",
            Self::Joined => "concatenation",
        }
    }
}

/// An encoded stretch.
pub(crate) struct Block {
    /// Where it lies.
    pub(crate) span: Range<usize>,
    /// What was looked at to tell.
    pub(crate) seen: Range<usize>,
    /// How it is encoded.
    pub(crate) codec: Codec,
    /// What it stands for.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// Where in the text what each byte stands for begins, or a way to tell.
    places: Places,
    /// Whether it goes over several lines.
    pub(crate) lines: bool,
}

/// Where the bytes of a block come from.
enum Places {
    /// Each four characters of base64 are three bytes; lines by where they begin in the stretch
    /// without its line ends, and in the text.
    Base64(Vec<(usize, usize)>),
    /// Each two characters are a byte.
    Base16,
    /// Each byte by its own place.
    Each(Vec<usize>),
}

impl Block {
    /// Where in the text that lies which these bytes of the block stand for.
    pub(crate) fn place(&self, bytes: &Range<usize>) -> Range<usize> {
        match &self.places {
            Places::Base16 => self.span.start + bytes.start * 2..self.span.start + bytes.end * 2,
            Places::Each(places) => {
                let at = |byte: usize| places.get(byte).copied().unwrap_or(self.span.end);
                at(bytes.start)..at(bytes.end)
            }
            Places::Base64(lines) => {
                let at = |char: usize| {
                    let line = lines.partition_point(|(first, _)| *first <= char);
                    let (first, place) = lines[line.saturating_sub(1)];
                    place + char - first
                };
                let last = (bytes.end * 4).div_ceil(3).saturating_sub(1);
                at(bytes.start * 4 / 3)..(at(last) + 1).min(self.span.end)
            }
        }
    }
}

/// Where a byte stands in a text.
fn places(text: &[u8], byte: u8) -> impl Iterator<Item = usize> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = from + text[from..].find_byte(byte)?;
        from = at + 1;
        Some(at)
    })
}

/// The block that a run of letters, digits, `-` and `_` belongs to, if it is one; `from` is where
/// the last one ended.
pub(crate) fn around(text: &[u8], run: &Range<usize>, from: usize) -> Option<Block> {
    base16::block(text, run).or_else(|| base64::block(text, run, from))
}
