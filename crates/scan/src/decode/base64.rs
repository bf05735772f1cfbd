//! Blocks of base64.

use std::ops::Range;

use zeroize::Zeroizing;

use super::plain::{LOOK, begins_text, begins_utf16};
use super::{Block, Codec, Places};
use crate::base64::{decode, value};

/// Shortest block, in characters.
const MIN: usize = 24;
/// Shortest line of a block that has several, in characters.
const MIN_LINE: usize = 48;
/// Deepest indentation of such lines.
const MAX_INDENT: usize = 40;
/// So many characters are looked at to tell whether what they stand for is a text.
const HEAD: usize = LOOK / 3 * 4;
/// A block may begin behind one of so many signs that are in the alphabet too: `path/<block>`.
const BEGINNINGS: usize = 3;

/// The block that a run belongs to. What is told apart here depends on nothing before `from`.
pub(super) fn block(text: &[u8], run: &Range<usize>, from: usize) -> Option<Block> {
    let floor = from.max(run.start.saturating_sub(MIN));
    let back = text[floor..run.start].iter().rev().take_while(|byte| value(**byte).is_some());
    let start = run.start - back.count();
    let end = line(text, start);
    let first = beginning(text, start..end)?;
    let (mut lines, mut last) = (Vec::new(), first..end);
    // Lines of a block are as long as the first, but for the last.
    while let Some(next) = next_line(text, last.end)
        && last.len() >= MIN_LINE
        && next.len() <= last.len()
    {
        lines.push(std::mem::replace(&mut last, next));
    }
    let span = first..last.end;
    lines.push(last);
    let length = lines.iter().map(Range::len).sum::<usize>();
    let mut bytes = Zeroizing::new(Vec::with_capacity(length / 4 * 3 + 3));
    let chars = lines.iter().flat_map(|line| &text[line.clone()]);
    decode(chars, &mut bytes);
    let mut places = Vec::with_capacity(lines.len());
    let mut chars = 0;
    for line in &lines {
        places.push((chars, line.start));
        chars += line.len();
    }
    let several = lines.len() > 1;
    let places = Places::Base64(places);
    // Before the run, and a line behind that is none of the block.
    let seen = run.start.saturating_sub(MIN + 1)..span.end + MAX_INDENT + MIN;
    Some(Block { span, seen, codec: Codec::Base64, bytes, places, lines: several })
}

/// Where in a line the block begins, if its beginning stands for one of a text, or of a packed one.
fn beginning(text: &[u8], line: Range<usize>) -> Option<usize> {
    let bytes = &text[line.clone()];
    let sign = |byte: &u8| matches!(byte, b'/' | b'+' | b'-' | b'_');
    let behind = bytes.iter().enumerate().filter(|(_, byte)| sign(byte)).map(|(at, _)| at + 1);
    let mut starts = std::iter::once(0).chain(behind.take(BEGINNINGS));
    starts.find(|start| is_beginning(&bytes[*start..])).map(|start| line.start + start)
}

fn is_beginning(line: &[u8]) -> bool {
    let Some(head) = line.get(..HEAD).filter(|_| line.len() >= MIN) else { return false };
    let mut bytes = Vec::with_capacity(LOOK);
    decode(head.iter(), &mut bytes);
    bytes.len() == LOOK
        && (begins_text(&bytes) || begins_utf16(&bytes) || bytes.starts_with(&super::unpack::GZIP))
}

/// Where the characters of a line end.
fn line(text: &[u8], start: usize) -> usize {
    let end = text[start..].iter().position(|byte| value(*byte).is_none());
    end.map_or(text.len(), |end| start + end)
}

/// The line behind one that ends at `end`, if it is nothing but characters of the alphabet.
fn next_line(text: &[u8], end: usize) -> Option<Range<usize>> {
    let rest = &text[end..];
    let rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n"))?;
    let indent = rest.iter().take(MAX_INDENT).take_while(|byte| matches!(byte, b' ' | b'\t'));
    let start = text.len() - rest.len() + indent.count();
    let end = line(text, start);
    let ends = match text.get(end) {
        None | Some(b'\r' | b'\n' | b'"' | b'\'') => true,
        Some(b'=') => text[end..]
            .iter()
            .find(|byte| **byte != b'=')
            .is_none_or(|byte| matches!(byte, b'\r' | b'\n' | b'"' | b'\'')),
        _ => false,
    };
    (ends && end > start).then_some(start..end)
}
