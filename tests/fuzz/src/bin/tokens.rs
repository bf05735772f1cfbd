//! The search for tokens by their shape: what is found lies apart, and is known by itself.
//!
//! The input names examples and literals of the table by number instead of spelling them out, so
//! that changes work on whole tokens, and no corpus holds what looks like one.
#![no_main]

use std::sync::LazyLock;

use clawvault_providers::{Format, MAX_TOKEN, find_in, find_in_packed, identify, vendors};
use libfuzzer_sys::fuzz_target;

/// Longest text that an input stands for, in bytes.
const MAX_TEXT: usize = 16 * 1024;

static FORMATS: LazyLock<Vec<&Format>> =
    LazyLock::new(|| vendors().iter().flat_map(|vendor| vendor.formats).collect());

fuzz_target!(|input: &[u8]| {
    let text = spelled_out(input);
    for found in [find_in(&text), find_in_packed(&text)] {
        let mut end = 0;
        for one in found {
            assert!(one.range.start >= end && one.range.end <= text.len());
            assert!(!one.range.is_empty());
            end = one.range.end;
            let token = &text[one.range];
            let known = token.len() > MAX_TOKEN || identify(token).is_some();
            assert!(known, "{} is found and not known", one.format.kind);
        }
    }
    if let Some((_, format)) = identify(&text) {
        assert!(!find_in(&text).is_empty(), "{} by itself is not found", format.kind);
    }
});

/// 0xff stands for the byte behind it; 0xc0 and above for the example, 0x80 and above for the
/// literal, of the format with the number behind it; any other byte for itself.
fn spelled_out(input: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut bytes = input.iter().copied();
    while let Some(byte) = bytes.next() {
        let mut format = || FORMATS[usize::from(bytes.next().unwrap_or(0)) % FORMATS.len()];
        match byte {
            0..0x80 => text.push(byte),
            0x80..0xc0 => text.extend(format().keywords.first().unwrap_or(&"").bytes()),
            0xc0..0xff => text.extend(format().examples[0].bytes()),
            0xff => text.extend(bytes.next()),
        }
    }
    text.truncate(MAX_TEXT);
    text
}
