//! Rules that users bring, beside the built-in ones.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use super::grammar::{RuleEntry, least, reach};
use super::{Keywords, Least, Rule, RuleSet};
use crate::gram::{Table, Word};

/// Most rules in all, built-in ones among them.
const MAX_RULES: usize = 32_000;

/// Why rules were refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExtraError {
    /// Which of the rules, counted from 0; their number where it is about all of them.
    pub rule: usize,
    /// What is wrong.
    pub reason: &'static str,
}

impl fmt::Display for ExtraError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)
    }
}

impl std::error::Error for ExtraError {}

impl RuleSet {
    /// The built-in rules and others, whose patterns are compiled here: one that cannot be would
    /// find nothing, in silence.
    pub fn with_extra(extra: Vec<RuleEntry>) -> Result<Self, ExtraError> {
        let Self { rules, patterns, shapes, begins, unnamed, mut compiled } = Self::built_in();
        let (mut rules, mut words) = (rules.into_owned(), patterns.words.into_owned());
        let mut by_text: HashMap<(Cow<'static, str>, bool), usize> = HashMap::new();
        for (at, word) in words.iter().enumerate() {
            by_text.insert((word.text.clone(), word.ignore_case), at);
        }
        let count = extra.len();
        for (at, entry) in extra.into_iter().enumerate() {
            let refuse = |reason| Err(ExtraError { rule: at, reason });
            if rules.iter().any(|rule| rule.id == entry.id) {
                return refuse("another rule has its id");
            }
            let number = match u16::try_from(rules.len()) {
                Ok(number) if rules.len() < MAX_RULES => number,
                _ => return refuse("more than 32,000 rules"),
            };
            let rule = Rule::of(entry);
            if rule.assigned == Some(Least::Unnamed) {
                return refuse("the built-in rules have the one for any name");
            }
            let Ok(regex) = rule.compile() else {
                return refuse("its pattern does not compile, or is too large");
            };
            for keyword in rule.keywords.iter() {
                let text: Cow<'static, str> = match rule.ignore_case {
                    true => keyword.to_ascii_lowercase().into(),
                    false => keyword.clone(),
                };
                let key = (text.clone(), rule.ignore_case);
                let at = *by_text.entry(key).or_insert_with(|| {
                    let ignore_case = rule.ignore_case;
                    let alone = keyword.starts_with(|first: char| first.is_ascii_alphanumeric())
                        && !rule.pattern.contains("?P<secret>");
                    words.push(Word { text, ignore_case, alone, rules: Cow::Owned(Vec::new()) });
                    words.len() - 1
                });
                words[at].alone &= rule.begins_with_keyword() && rule.assigned.is_none();
                words[at].rules.to_mut().push(number);
            }
            rules.push(rule);
            compiled.push(OnceLock::from(Some(regex)));
        }
        let too_many = ExtraError { rule: count, reason: "more keywords than can be numbered" };
        let table = Table::build(&words).ok_or(too_many)?;
        let patterns = Keywords { words: words.into(), table };
        Ok(Self { rules: rules.into(), patterns, shapes, begins, unnamed, compiled })
    }
}

impl Rule {
    fn of(entry: RuleEntry) -> Self {
        let all = |texts: Vec<String>| texts.into_iter().map(Cow::Owned).collect();
        Self {
            reach: reach(&entry.pattern),
            least: least(&entry.pattern),
            id: entry.id.into(),
            vendor: entry.vendor.map(Cow::Owned),
            name: entry.name.into(),
            description: entry.description.into(),
            severity: entry.severity,
            advice: entry.advice.into(),
            pattern: entry.pattern.into(),
            assigned: entry.assigned,
            shapes: Cow::Borrowed(&[]),
            keywords: all(entry.keywords),
            ignore_case: entry.ignore_case,
            before: entry.before,
            after: entry.after,
            context: all(entry.context),
            entropy: entry.entropy,
            random: entry.random,
            looks: entry.looks,
            checksum: entry.checksum,
            files: all(entry.files),
            confidence: entry.confidence,
            examples: all(entry.examples),
            counter_examples: all(entry.counter_examples),
        }
    }
}
