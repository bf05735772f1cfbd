//! Stretches in which characters are written by their numbers: `%3A`, `\x3a`, `\u003a`.

use std::ops::Range;

use zeroize::Zeroizing;

use super::base16::byte;
use super::{Block, Codec, Places, places};

/// Fewer escapes of the kind than that, in one stretch, are punctuation.
const MIN_ESCAPES: usize = 4;
/// Farthest that a stretch goes before its first escape, in bytes.
const BEFORE: usize = 256;
/// Longest stretch, in bytes; what is longer is taken in pieces.
const MAX: usize = 64 << 10;

/// Calls `each` with the stretches of a text in which characters are written by their numbers.
pub(crate) fn find(text: &[u8], mut each: impl FnMut(Block)) {
    let mut from = 0;
    for start in places(text, b'%') {
        if start >= from && escape(&text[start..]).is_some() {
            from = stretch(text, from, start, &mut each);
        }
    }
    for kind in *b"xu" {
        let mut from = 0;
        for start in places(text, b'\\').filter(|at| text.get(at + 1) == Some(&kind)) {
            if start >= from && escape(&text[start..]).is_some() {
                from = stretch(text, from, start, &mut each);
            }
        }
    }
}

/// The byte that an escape at the beginning of a text stands for, and the length of the escape. Of
/// characters past U+00FF none is in a key.
fn escape(text: &[u8]) -> Option<(u8, usize)> {
    let (digits, length) = match text {
        [b'%', ..] => (text.get(1..3)?, 3),
        [b'\\', b'x', ..] => (text.get(2..4)?, 4),
        [b'\\', b'u', ..] => (text.get(4..6).filter(|_| text[2..4] == *b"00")?, 6),
        _ => return None,
    };
    byte(digits).map(|byte| (byte, length))
}

/// Decodes the stretch around an escape; gives where it ends.
fn stretch(text: &[u8], from: usize, first: usize, each: &mut impl FnMut(Block)) -> usize {
    let percent = text[first] == b'%';
    let inside = |byte: &u8| match percent {
        true => byte.is_ascii_alphanumeric() || b"-._~+&=!*'()@:/,;?#$[]".contains(byte),
        false => byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'`' | b'\\'),
    };
    let floor = from.max(first.saturating_sub(BEFORE));
    let back = text[floor..first].iter().rev().take_while(|byte| inside(byte));
    let start = first - back.count();
    let limit = text.len().min(first + MAX);
    let mut bytes = Zeroizing::new(Vec::new());
    let (mut places, mut at, mut escapes) = (Vec::new(), start, 0);
    while at < limit {
        let same = (text[at] == b'%') == percent;
        let (byte, length) = match escape(&text[at..]).filter(|_| same) {
            Some(found) => {
                escapes += 1;
                found
            }
            None if inside(&text[at]) => (text[at], 1),
            None => break,
        };
        bytes.push(byte);
        places.push(at);
        at += length;
    }
    places.push(at);
    let least = if percent { 1 } else { MIN_ESCAPES };
    if escapes >= least {
        let codec = if percent { Codec::Percent } else { Codec::Escapes };
        let span: Range<usize> = start..at;
        let seen = start.saturating_sub(1)..at + 6;
        each(Block { span, seen, codec, bytes, places: Places::Each(places), lines: false });
    }
    at.max(first + 1)
}
