//! Proves rules: each finds its own examples, and nothing in a counter-example, its own or another
//! rule's, unless that text is an example of it. Only a rule for what is assigned to names of any kind
//! may still suspect what a vendor's rule does not take for its token.

use std::collections::HashSet;

use super::{Hit, Scanner, Text, What};
use crate::rule::{Rule, RuleSet};

/// Why a rule does not hold. Its examples are named by their number, counted from 1.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Broken {
    /// Id of the rule.
    pub rule: String,
    /// What it does.
    pub what: String,
}

/// Proves every rule; gives what does not hold.
pub fn prove(rules: &RuleSet) -> Vec<Broken> {
    let scanner = Scanner { rules, known: None };
    let mut broken = Vec::new();
    let examples: HashSet<(u16, &str)> = numbered(rules)
        .flat_map(|(number, rule)| rule.examples.iter().map(move |text| (number, &**text)))
        .collect();
    for (number, rule) in numbered(rules) {
        let mut say = |rule: &Rule, what: String| {
            broken.push(Broken { rule: rule.id.to_string(), what });
        };
        if !rule.pattern.is_empty() && rules.regex(number).is_none() {
            say(rule, "has a pattern that does not compile".to_owned());
            continue;
        }
        for (at, example) in rule.examples.iter().enumerate() {
            let hits = hits(&scanner, rule, example);
            if !hits.iter().any(|hit| hit.what == What::Rule(number)) {
                say(rule, format!("does not find its example {}", at + 1));
            }
        }
        for (at, text) in rule.counter_examples.iter().enumerate() {
            let mut told = HashSet::new();
            for hit in hits(&scanner, rule, text) {
                let What::Rule(other) = hit.what else { continue };
                let told_by = rules.rule(other);
                let suspects = told_by.assigned.is_some() && other != number;
                let is_example = examples.contains(&(other, &**text));
                if suspects || is_example || !told.insert(other) {
                    continue;
                }
                let whose = if other == number { "its own".into() } else { rule.id.to_string() };
                let what = format!("finds something in counter-example {} of {whose}", at + 1);
                say(told_by, what);
            }
        }
    }
    broken
}

fn numbered(rules: &RuleSet) -> impl Iterator<Item = (u16, &Rule)> {
    (0..).zip(rules.rules())
}

/// What all rules find in an example, or counter-example, of a rule: where the rule looks behind a
/// keyword, or wants a word near by, the text has it.
fn hits(scanner: &Scanner<'_>, rule: &Rule, example: &str) -> Vec<Hit> {
    let text = match (rule.after, rule.context.first()) {
        (0, None) => example.to_owned(),
        (0, Some(word)) => format!("{word} {example}"),
        _ => format!("{}_key = \"{example}\"", rule.keywords[0]),
    };
    let name = rule.files.first().map_or(&b""[..], |end| end.as_bytes());
    scanner.all(Text { name, bytes: text.as_bytes() }).0
}
