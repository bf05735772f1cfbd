//! Any bytes as a database and its write-ahead log: read to the end within bounds, the same twice.
//!
//! The first two bytes say how many of the last ones are the log.
#![no_main]

use std::io::Cursor;
use std::sync::LazyLock;

use clawvault_scan::engine::Scanner;
use clawvault_scan::rule::RuleSet;
use clawvault_scan::source::{Silent, sqlite};
use libfuzzer_sys::fuzz_target;

static RULES: LazyLock<RuleSet> = LazyLock::new(RuleSet::built_in);

fuzz_target!(|bytes: &[u8]| {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return };
    let log = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (file, log) = rest.split_at(rest.len() - log);
    let scanner = Scanner { rules: &RULES, known: None };
    let scan = || {
        let log = (!log.is_empty()).then(|| Cursor::new(log));
        let found = sqlite::scan(&scanner, b"x", Cursor::new(file), log, &Silent);
        found.expect("bytes in memory can be read")
    };
    let (one, other) = (scan(), scan());
    assert_eq!(one.summary, other.summary);
    assert_eq!(one.findings.len(), other.findings.len());
    for (one, other) in one.findings.iter().zip(&other.findings) {
        assert!(one.place == other.place && one.value == other.value);
        assert!(one.place.path.starts_with(b"x") && one.place.line > 0 && one.place.column > 0);
        assert!(!one.value.is_empty());
    }
});
