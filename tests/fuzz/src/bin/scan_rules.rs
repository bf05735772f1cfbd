//! A file of rules, as one, as the table of shapes, and as the rules of a scan.
#![no_main]

use clawvault_fuzz::assert_short;
use clawvault_scan::engine::{Scanner, Text};
use clawvault_scan::rule::grammar::RuleFile;
use clawvault_scan::rule::{RuleSet, shapes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match shapes::parse(text) {
        Ok(file) => {
            for (id, entry) in &file {
                let (keywords, written) = entry.parts(id);
                assert!(keywords.iter().all(|word| word.len() >= 3));
                let shapes = written.iter().map(|shape| shapes::Shape::parse(shape));
                assert!(shapes.clone().all(|shape| shape.is_some_and(|s| s.least <= s.most)));
            }
        }
        Err(error) => assert_short(&error),
    }
    match RuleFile::parse(text) {
        Ok(file) => match RuleSet::with_extra(file.rules) {
            // Its own text is what it most likely finds something in.
            Ok(rules) => {
                let scanner = Scanner { rules: &rules, known: None };
                scanner.scan(Text { name: b"", bytes: text.as_bytes() });
            }
            Err(error) => assert_short(&error),
        },
        Err(error) => assert_short(&error),
    }
});
