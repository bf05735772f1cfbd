//! Runs: the long stretches of letters, digits, `_` and `-` in a text, which keys are among.

use std::ops::Range;

/// Calls `each` with every run of at least `least` bytes, from left to right. Words are shorter
/// than keys, so most bytes are skipped: a byte that is in no run ends all that reach over it.
pub(crate) fn find(text: &[u8], least: usize, mut each: impl FnMut(Range<usize>)) {
    let mut start = 0;
    while let Some(window) = text.get(start..start + least) {
        match window.iter().rposition(|byte| !IN_RUN[usize::from(*byte)]) {
            Some(at) => start += at + 1,
            None => {
                let rest = &text[start + least..];
                let more = rest.iter().position(|byte| !IN_RUN[usize::from(*byte)]);
                let end = start + least + more.unwrap_or(rest.len());
                each(start..end);
                start = end + 1;
            }
        }
    }
}

static IN_RUN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    loop {
        table[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_run_is_found_whole(text in "[a-c_ -]{0,60}", least in 1..6_usize) {
            let mut found = Vec::new();
            find(text.as_bytes(), least, |run| found.push(&text[run]));
            let all: Vec<&str> = text.split(' ').filter(|run| run.len() >= least).collect();
            prop_assert_eq!(found, all);
        }
    }
}
