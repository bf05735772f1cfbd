//! Strings that a program puts together: `"ghp_abc" + "def"`.

use std::ops::Range;

use zeroize::Zeroizing;

use super::{Block, Codec, Places, places};

/// Longest piece, in bytes.
const MAX_PIECE: usize = 256;
/// Most pieces that are put together.
const MAX_PIECES: usize = 16;
/// Most bytes between a quote and the `+`.
const GAP: usize = 40;

/// Calls `each` with the strings of a text that `+` puts together, as one.
pub(crate) fn find(text: &[u8], mut each: impl FnMut(Block)) {
    let mut from = 0;
    for plus in places(text, b'+') {
        if plus >= from
            && let Some((first, quote, next)) = joint(text, plus)
            && let Some(start) = begins(text, first, quote, from)
        {
            from = next;
            if let Some(block) = stretch(text, start..first, quote, next) {
                from = block.span.end;
                each(block);
            }
        }
    }
}

/// Where the string before a `+` ends, its quote, and where the one behind begins.
fn joint(text: &[u8], plus: usize) -> Option<(usize, u8, usize)> {
    let head = &text[plus.saturating_sub(GAP)..plus];
    let blanks = head.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
    let end = plus.checked_sub(blanks + 1)?;
    let quote = text[end];
    let tail = &text[plus + 1..text.len().min(plus + 1 + GAP)];
    let open = plus + 1 + tail.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let strings = matches!(quote, b'"' | b'\'' | b'`') && text.get(open) == Some(&quote);
    strings.then_some((end, quote, open + 1))
}

/// Where a string begins that ends there, if nothing but signs of keys is in it.
fn begins(text: &[u8], end: usize, quote: u8, from: usize) -> Option<usize> {
    let floor = from.max(end.saturating_sub(MAX_PIECE));
    // A `+` in quotes has the quote that opens before it.
    let head = text.get(floor..end)?;
    let start = end - head.iter().rev().take_while(|byte| inside(byte)).count();
    (start > floor && start < end && text[start - 1] == quote).then_some(start)
}

fn stretch(text: &[u8], first: Range<usize>, quote: u8, mut next: usize) -> Option<Block> {
    let start = first.start;
    let mut places: Vec<usize> = first.collect();
    let mut end = next;
    for _ in 1..MAX_PIECES {
        let rest = &text[next..text.len().min(next + MAX_PIECE)];
        let piece = next..next + rest.iter().take_while(|byte| inside(byte)).count();
        if text.get(piece.end) != Some(&quote) {
            break;
        }
        end = piece.end;
        places.extend(piece);
        let tail = &text[end + 1..text.len().min(end + 1 + GAP)];
        let blanks = tail.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let plus = end + 1 + blanks;
        match text.get(plus).filter(|byte| **byte == b'+').and_then(|_| joint(text, plus)) {
            Some((_, other, behind)) if other == quote => next = behind,
            _ => break,
        }
    }
    let bytes: Zeroizing<Vec<u8>> = Zeroizing::new(places.iter().map(|at| text[*at]).collect());
    places.push(end);
    let span = start..end;
    let seen = start.saturating_sub(MAX_PIECE + 1)..text.len().min(end + MAX_PIECE + GAP);
    let lines = text[span.clone()].contains(&b'\n');
    (bytes.len() >= 16).then_some(Block {
        span,
        seen,
        codec: Codec::Joined,
        bytes,
        places: Places::Each(places),
        lines,
    })
}

fn inside(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-./+=:~%".contains(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_put_together_and_other_sums_are_not() {
        let all = |text: &str| {
            let mut found = Vec::new();
            find(text.as_bytes(), |block| {
                found.push(String::from_utf8_lossy(&block.bytes).into_owned());
            });
            found
        };
        assert_eq!(all(r#"t = "q7Xn2vLb" + "9TzK4mWc" +"8R";"#), ["q7Xn2vLb9TzK4mWc8R"]);
        assert_eq!(all("'q7Xn2vLb' +\n  '9TzK4mWc'"), ["q7Xn2vLb9TzK4mWc"]);
        for text in [
            r#""q7Xn2vLb" + x + "9TzK4mWc""#,
            "1 + 2",
            r#"+ "q7Xn2vLb9TzK4mWc""#,
            "\"+\"+",
            r#"name = "_tags_" + "+".join(tags)"#,
        ] {
            assert!(all(text).is_empty(), "{text}");
        }
    }
}
