//! Blocks of base 16.

use std::ops::Range;

use zeroize::Zeroizing;

use super::plain::{LOOK, begins_text};
use super::{Block, Codec, Places};

/// Shortest block, in bytes that it stands for: shorter ones are numbers.
const MIN: usize = 12;

/// The block that a run is, if its digits stand for text.
pub(super) fn block(text: &[u8], run: &Range<usize>) -> Option<Block> {
    let run = match text[run.clone()] {
        [b'0', b'x', ..] => run.start + 2..run.end,
        _ => run.clone(),
    };
    let digits = &text[run.clone()];
    if digits.len() < MIN * 2 || digits.len() % 2 != 0 {
        return None;
    }
    let head: Vec<u8> = digits.chunks_exact(2).take(LOOK).map_while(byte).collect();
    if head.len() < LOOK || !begins_text(&head) {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(digits.len() / 2));
    bytes.extend(digits.chunks_exact(2).map_while(byte));
    let whole = bytes.len() * 2 == digits.len();
    let codec = Codec::Base16;
    let seen = run.start.saturating_sub(3)..run.end + 1;
    let places = Places::Base16;
    whole.then_some(Block { span: run, seen, codec, bytes, places, lines: false })
}

/// The byte that two digits stand for.
pub(super) fn byte(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(digits[0])? * 16 + digit(digits[1])?) as u8)
}
