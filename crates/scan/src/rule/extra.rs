//! Rules that users bring, beside the built-in ones.

use std::collections::HashSet;
use std::fmt;
use std::sync::OnceLock;

use super::grammar::RuleEntry;
use super::{Keywords, Least, Rule, RuleSet};
use crate::gram::Gathered;

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
        let mut all = Self::built_in();
        let mut words = Gathered::from(&all.patterns.words);
        let mut ids: HashSet<String> = all.rules().map(|rule| rule.id.to_string()).collect();
        let count = extra.len();
        for (at, entry) in extra.into_iter().enumerate() {
            let refuse = |reason| Err(ExtraError { rule: at, reason });
            if !ids.insert(entry.id.clone()) {
                return refuse("another rule has its id");
            }
            let number = match u16::try_from(all.count()) {
                Ok(number) if all.count() < MAX_RULES => number,
                _ => return refuse("more than 32,000 rules"),
            };
            let rule = Rule::of(entry);
            if rule.assigned == Some(Least::Unnamed) {
                return refuse("the built-in rules have the one for any name");
            }
            let Ok(regex) = rule.compile() else {
                return refuse("its pattern does not compile, or is too large");
            };
            for keyword in &rule.keywords {
                words.add(keyword, rule.ignore_case, number, rule.is_alone());
            }
            all.extra.push(rule);
            all.compiled.push(OnceLock::from(Some(regex)));
        }
        let too_many = ExtraError { rule: count, reason: "more keywords than can be numbered" };
        let (words, table) = words.tables().ok_or(too_many)?;
        all.patterns = Keywords { words, table };
        Ok(all)
    }
}
