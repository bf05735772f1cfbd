//! Any text, scanned: what is found lies in it, in order, and is found again.
#![no_main]

use std::sync::LazyLock;

use clawvault_scan::engine::{Scanner, Text};
use clawvault_scan::rule::RuleSet;
use libfuzzer_sys::fuzz_target;

static RULES: LazyLock<RuleSet> = LazyLock::new(RuleSet::built_in);

fuzz_target!(|bytes: &[u8]| {
    let scanner = Scanner { rules: &RULES, known: None };
    // The first line serves as a path: rules ask for names of files.
    let name = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    for name in [b"".as_slice(), name, b"home/.netrc", b"a/terraform.tfstate"] {
        let text = Text { name, bytes };
        let hits = scanner.scan(text);
        let mut at = 0;
        for hit in &hits {
            assert!(hit.span.start < hit.span.end && hit.span.end <= bytes.len(), "{:?}", hit.span);
            assert!(hit.span.start >= at, "{:?} after {at}", hit.span);
            assert!(!hit.value.is_empty());
            at = hit.span.start;
        }
        assert!(hits == scanner.scan(text), "a second scan finds something else");
    }
});
