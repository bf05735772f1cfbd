//! Any bytes as the history of each program: findings lie on lines that the file has.
#![no_main]

use std::cell::RefCell;
use std::path::Path;
use std::sync::LazyLock;

use clawvault_scan::engine::Scanner;
use clawvault_scan::rule::RuleSet;
use clawvault_scan::source::typed::{self, Program};
use libfuzzer_sys::fuzz_target;

static RULES: LazyLock<RuleSet> = LazyLock::new(RuleSet::built_in);

fuzz_target!(|bytes: &[u8]| {
    let scanner = Scanner { rules: &RULES, known: None };
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').count();
    let guessed = Program::of(Path::new("h"), bytes);
    for program in [guessed, Program::Bash, Program::Zsh, Program::Fish, Program::Mysql] {
        let told = RefCell::new(Vec::new());
        let remedy = |_: Program, gone: std::ops::RangeInclusive<usize>| {
            assert!(*gone.start() >= 1 && gone.start() <= gone.end() && *gone.end() <= lines);
            told.borrow_mut().push(gone);
            String::new()
        };
        let outcome = typed::scan(&scanner, b"h", program, bytes, &remedy);
        assert_eq!(outcome.findings.len(), told.borrow().len());
        for (finding, gone) in outcome.findings.iter().zip(told.borrow().iter()) {
            assert!(gone.contains(&finding.place.line), "{} of {gone:?}", finding.place.line);
        }
    }
});
