//! systemd's environment files and unit files; each input is read as both.
#![no_main]

use clawvault::intake::systemd::{parse_environment_file, parse_unit};
use clawvault::intake::{Document, ParseError};
use clawvault_fuzz::{assert_document, assert_refusal, scrubbed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    check(bytes, parse_environment_file, |_| true);
    check(bytes, parse_unit, |document| !hash_follows(bytes, document));
});

fn check(
    bytes: &[u8],
    parse: impl Fn(&[u8]) -> Result<Document, ParseError>,
    scrubs: impl Fn(&Document) -> bool,
) {
    match parse(bytes) {
        Ok(document) => {
            assert_document(bytes, &document);
            let left = scrubbed(bytes, &document);
            // A byte order mark counts at the start only, and a removal may bring one there.
            if scrubs(&document) && !left.starts_with("\u{feff}".as_bytes()) {
                let rest = parse(&left).expect("what is left is understood");
                assert!(rest.entries.is_empty());
            }
        }
        Err(error) => assert_refusal(bytes, &error),
    }
}

/// Whether `#` or `;` begins the word after one that is taken out: where that leaves it first on a
/// continued line, it begins a comment, and what follows means something else.
fn hash_follows(bytes: &[u8], document: &Document) -> bool {
    let next = |end: usize| bytes[end..].iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
    document.entries.iter().any(|entry| matches!(next(entry.span.end), Some(b'#' | b';')))
}
