//! What is encoded in a text is scanned as a text of its own.

use std::ops::Range;

use zeroize::Zeroizing;

use super::{Hit, Scanner, Seen, Text};
use crate::decode::{self, Block, Codec};
use crate::rule::Confidence;

/// Encodings inside each other are undone to this depth.
const MAX_DEPTH: usize = 5;
/// What is packed in a text may come to so many bytes in all, however often it is packed.
const MAX_UNPACKED: usize = 16 << 20;

/// Finds the secrets in a text, and in what is encoded in it; and whether anything is seen from far.
pub(super) fn find(scanner: &Scanner<'_>, text: Text<'_>) -> (Vec<Hit>, bool) {
    Depths { scanner, name: text.name, left: MAX_UNPACKED }.find(text.bytes, 0)
}

struct Depths<'a> {
    scanner: &'a Scanner<'a>,
    name: &'a [u8],
    /// How many bytes may still be unpacked.
    left: usize,
}

impl Depths<'_> {
    fn find(&mut self, bytes: &[u8], depth: usize) -> (Vec<Hit>, bool) {
        // Outermost texts are undone by what brings them, which knows lines and members.
        if (1..MAX_DEPTH).contains(&depth)
            && let Some((codec, inner)) = self.whole(bytes)
        {
            let (mut hits, _) = self.find(&inner, depth + 1);
            encode(&mut hits, codec, |_| 0..bytes.len());
            return (hits, true);
        }
        let mut blocks: Vec<Block> = Vec::new();
        let mut from = 0;
        let text = Text { name: self.name, bytes };
        let (mut hits, mut far) = self.scanner.plain(text, |run| {
            if depth < MAX_DEPTH
                && run.start >= from
                && let Some(block) = decode::around(bytes, run, from)
            {
                from = block.span.end;
                blocks.push(block);
            }
        });
        if depth < MAX_DEPTH {
            decode::escaped(bytes, |block| blocks.push(block));
            decode::joined(bytes, |block| blocks.push(block));
        }
        for block in blocks {
            let (mut inner, sees_far) = self.find(&block.bytes, depth + 1);
            // Without the name that it is given outside, what is unsure is nothing.
            inner.retain(|hit| hit.confidence > Confidence::Low);
            encode(&mut inner, block.codec, |span| block.place(span));
            for hit in &mut inner {
                hit.seen = Seen::from(&hit.span, &block.seen, 1);
            }
            hits.extend(inner);
            far |= sees_far || block.lines;
        }
        (hits, far)
    }

    /// What a whole text stands for, if it is encoded as a whole.
    fn whole(&mut self, bytes: &[u8]) -> Option<(Codec, Zeroizing<Vec<u8>>)> {
        if let Some(inner) = decode::utf16(bytes) {
            return Some((Codec::Utf16, inner));
        }
        let inner = decode::gzip(bytes, self.left)?;
        self.left -= inner.len();
        Some((Codec::Gzip, inner))
    }
}

/// Moves hits to where they lie outside.
fn encode(hits: &mut [Hit], codec: Codec, place: impl Fn(&Range<usize>) -> Range<usize>) {
    for hit in hits {
        hit.span = place(&hit.span);
        hit.codecs.insert(0, codec);
    }
}

#[cfg(test)]
mod tests;
