//! The worst texts for each built-in rule: its keywords over and over, each with what almost is a
//! match behind it.

use std::fs;

use clawvault_scan::engine::{Scanner, Text};
use clawvault_scan::rule::{Rule, RuleSet};

const SMALL: usize = 3 * 1024;
/// Times the bytes of the larger text, and times the CPU that it may take: two for each doubling,
/// and what other work on the machine adds.
const LARGER: usize = 4;
const BOUND: f64 = 7.0;
/// What takes less, in seconds, is not compared: the kernel counts in steps of 4 ms.
const MATTERS: f64 = 0.03;

#[test]
fn no_text_is_the_worst_of_a_rule() {
    let rules = RuleSet::built_in();
    let scanner = scanner(&rules);
    let mut wrong = Vec::new();
    for rule in rules.rules() {
        for (at, piece) in pieces(rule).into_iter().enumerate() {
            let text = |size: usize| piece.repeat(size / piece.len() + 1);
            let (small, large) = (text(SMALL), text(SMALL * LARGER));
            // The least of more and more runs: noise only adds.
            let (mut less, mut more) = (f64::MAX, f64::MAX);
            for run in 0..6 {
                less = less.min(seconds(&scanner, &small));
                more = more.min(seconds(&scanner, &large));
                if more < MATTERS || more <= BOUND * less {
                    break;
                }
                if run == 5 {
                    wrong.push(format!("{} text {at}: {less:.4} s, then {more:.4} s", rule.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "more than linear:\n{}", wrong.join("\n"));
}

fn scanner(rules: &RuleSet) -> Scanner<'_> {
    Scanner { rules, known: None }
}

/// Near misses: the keyword alone, before too long a run, before an assignment without a value;
/// and an example whose last byte is wrong.
fn pieces(rule: &Rule) -> Vec<Vec<u8>> {
    let word = rule.keywords.first().map_or("key", |word| word);
    let mut pieces = vec![
        word.as_bytes().to_vec(),
        format!("{word}=\"{}", "a1B2c3D4e5F6g7H8".repeat(24)).into_bytes(),
        format!("{word} = : \"' ").into_bytes(),
    ];
    if let Some(example) = rule.examples.first() {
        let mut near = example.as_bytes().to_vec();
        near.pop();
        near.push(b'!');
        pieces.push(near);
    }
    pieces
}

/// CPU of this thread that a scan takes.
fn seconds(scanner: &Scanner<'_>, text: &[u8]) -> f64 {
    let before = spent();
    scanner.scan(Text { name: b"", bytes: text });
    spent() - before
}

fn spent() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("the kernel tells it");
    let spent = text.split(' ').next().and_then(|field| field.parse::<f64>().ok());
    spent.expect("a number") / 1e9
}
