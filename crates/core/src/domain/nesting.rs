//! Bounds the nesting of a TOML document before its library sees it.
//!
//! Every TOML that this program reads passes here first: policies, headers, imports. The library bounds brackets and the parts of a dotted key each on their own, so that both
//! together reach thousands of levels, and it recurses over them when it builds and drops.

use super::limits::MAX_DEPTH;

/// What is wrong with a document's nesting.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NestingFault {
    /// Deeper than [`MAX_DEPTH`] levels.
    TooDeep,
    /// A bracket or a string that does not match.
    Unmatched,
}

/// Refuses a document whose open brackets and dotted keys go deeper than [`MAX_DEPTH`].
///
/// Brackets that do not match and strings that do not end are refused here already: what follows
/// them could hide its depth. Dots of numbers count too, one level at most.
///
/// The error holds the byte at which the fault was met.
pub fn check_toml_nesting(text: &str) -> Result<(), (usize, NestingFault)> {
    let bytes = text.as_bytes();
    // What closes each open bracket, and the dots of the key before it.
    let mut open: Vec<(u8, usize)> = Vec::new();
    let mut depth = 0;
    let mut dots = 0;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'#' => at += length_until(&bytes[at..], b'\n'),
            b'"' | b'\'' => match string_length(&bytes[at..]) {
                Some(length) => {
                    at += length;
                    continue;
                }
                None => return Err((at, NestingFault::Unmatched)),
            },
            b'[' | b'{' => {
                open.push((if *byte == b'[' { b']' } else { b'}' }, dots));
                depth += 1 + dots;
                dots = 0;
            }
            b']' | b'}' => match open.pop() {
                Some((close, before)) if close == *byte => {
                    depth -= 1 + before;
                    dots = 0;
                }
                _ => return Err((at, NestingFault::Unmatched)),
            },
            b'.' => dots += 1,
            b',' | b'\n' => dots = 0,
            _ => {}
        }
        if depth + dots > MAX_DEPTH {
            return Err((at, NestingFault::TooDeep));
        }
        // A comment ends at the line feed itself, which counts.
        at += usize::from(*byte != b'#');
    }
    Ok(())
}

fn length_until(bytes: &[u8], wanted: u8) -> usize {
    bytes.iter().position(|byte| *byte == wanted).unwrap_or(bytes.len())
}

/// Length of the string that begins here, its quotes included; none if it does not end.
fn string_length(bytes: &[u8]) -> Option<usize> {
    let quote = *bytes.first()?;
    let triple = bytes.starts_with(&[quote; 3]);
    let mut at = if triple { 3 } else { 1 };
    loop {
        let byte = *bytes.get(at)?;
        if byte == quote && !triple {
            return Some(at + 1);
        } else if byte == quote && bytes[at..].starts_with(&[quote; 3]) {
            // Up to two quotes more belong to the text.
            let more = bytes[at + 3..].iter().take(2).take_while(|byte| **byte == quote).count();
            return Some(at + 3 + more);
        } else if byte == b'\n' && !triple {
            return None;
        }
        let escape =
            byte == b'\\' && quote == b'"' && (triple || bytes.get(at + 1) != Some(&b'\n'));
        at += if escape { 2 } else { 1 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_and_dots_add_up() {
        let nested = |levels: usize| format!("{} = {{", ["k"; 16].join(".")).repeat(levels);
        assert!(check_toml_nesting(&nested(4)).is_ok());
        assert_eq!(check_toml_nesting(&nested(5)).unwrap_err().1, NestingFault::TooDeep);
        let header = format!("[{}]\n", ["k"; 32].join("."));
        assert!(check_toml_nesting(&header.repeat(9)).is_ok());
    }

    #[test]
    fn strings_and_comments_hide_nothing() {
        let dots = ".".repeat(MAX_DEPTH + 1);
        for text in [
            format!("a = \"{dots}[\\\"{dots}\"\nb = '{dots}\\'\n"),
            format!("a = \"\"\"{dots}\n\"\"{dots}\\\"\"\"\"\"\"\nb = '''{dots}'''\n"),
            format!("# {dots}[[[\na = 1"),
        ] {
            assert_eq!(check_toml_nesting(&text), Ok(()), "{text}");
            assert!(toml::from_str::<toml::Table>(&text).is_ok(), "{text}");
            let error = check_toml_nesting(&format!("{text}\nx{dots} = 1")).unwrap_err();
            assert_eq!(error.1, NestingFault::TooDeep);
        }
        for text in ["a = \"x\n", "a = \"x\\\n\"", "a = '''x", "a = ]", "a = {]", "a = \""] {
            assert_eq!(check_toml_nesting(text).unwrap_err().1, NestingFault::Unmatched, "{text}");
        }
    }
}
