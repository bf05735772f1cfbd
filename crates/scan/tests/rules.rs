//! Every rule is proved against its own examples, and every table row by keys made to its shape.

use clawvault_scan::engine::{Scanner, Text, What};
use clawvault_scan::rule::{Class, Rule, RuleSet, Shape};

/// Ids of the rules that find something in a text, and what they find.
fn found(rules: &RuleSet, text: &str) -> Vec<(String, String)> {
    let scanner = Scanner { rules, known: None };
    let hits = scanner.scan(Text { name: b"", bytes: text.as_bytes() });
    let told = |hit: clawvault_scan::engine::Hit| match hit.what {
        What::Rule(number) => {
            let value = String::from_utf8_lossy(&hit.value).into_owned();
            (rules.rule(number).id.to_string(), value)
        }
        What::Known(_) => unreachable!("nothing is known here"),
    };
    hits.into_iter().map(told).collect()
}

/// A text in which the rule has its keyword where it wants one.
fn dressed(rule: &Rule, example: &str) -> String {
    match (rule.after, rule.context.first()) {
        (0, None) => example.to_owned(),
        (0, Some(word)) => format!("{word} {example}"),
        _ => format!("{}_key = \"{example}\"", rule.keywords[0]),
    }
}

#[test]
fn each_rule_finds_its_examples_and_not_its_counter_examples() {
    let rules = RuleSet::built_in();
    let mut wrong = Vec::new();
    for rule in rules.rules() {
        for example in rule.examples.iter() {
            let text = dressed(rule, example);
            if found(&rules, &text).is_empty() {
                wrong.push(format!("{}: finds nothing in {text:?}", rule.id));
            }
        }
        for counter in rule.counter_examples.iter() {
            let text = dressed(rule, counter);
            if found(&rules, &text).iter().any(|(id, _)| *id == rule.id) {
                wrong.push(format!("{}: finds something in {text:?}", rule.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_row_of_the_table_finds_keys_of_its_shape_and_of_no_other_length() {
    let rules = RuleSet::built_in();
    let mut wrong = Vec::new();
    for rule in rules.rules().iter().filter(|rule| !rule.shapes.is_empty()) {
        for (keyword, shape) in
            rule.keywords.iter().flat_map(|k| rule.shapes.iter().map(move |s| (k, s)))
        {
            let key = key(*shape, usize::from(shape.least));
            let text = format!("{keyword}_token = '{key}'");
            if !found(&rules, &text).iter().any(|(_, value)| value.contains(&key)) {
                wrong.push(format!("{}: not found: {text}", rule.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A key of a shape, by a generator that is the same each time.
fn key(shape: Shape, length: usize) -> String {
    let letters: Vec<u8> =
        (b'0'..=b'z').filter(|b| b.is_ascii_alphanumeric() && shape.class.has(*b)).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ u64::from(shape.least);
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(letters[(state >> 33) as usize % letters.len()])
    };
    let text: String = (0..length).map(|_| next()).collect();
    match shape.class {
        Class::Uuid | Class::UuidLike => {
            [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..32]].join("-")
        }
        _ => text,
    }
}
