//! The rule that finds tokens of a form which a vendor's manifest describes; the build makes those of the
//! built-in vendors with it, a scan those of manifests of a user's own.

use super::grammar::{Confidence, MIN_KEYWORD, RuleEntry, Severity, reach};

/// How far before its literal a token may begin that has the literal inside.
const INSIDE: u16 = 256;
/// Length of a keyword that is too short to be looked for everywhere: runs that begin with it are.
pub const BEGIN: usize = 2;
/// How far behind a vendor's name a token may begin whose form alone says nothing.
pub const NEAR: u16 = 45;

/// A form of tokens, as a manifest has it.
pub struct Token<'a> {
    /// Id of the vendor.
    pub vendor: &'a str,
    /// The vendor's name as it writes it itself.
    pub name: &'a str,
    /// Name of the kind.
    pub kind: &'a str,
    /// What an attacker could do with one.
    pub description: &'a str,
    /// Regular expression without anchors.
    pub pattern: &'a str,
    /// Literals, one of which every token holds.
    pub keywords: Vec<&'a str>,
    /// Whether the form alone says nothing.
    pub context: bool,
    /// Made-up tokens.
    pub examples: Vec<&'a str>,
    /// Texts that nearly have the form.
    pub counter_examples: Vec<&'a str>,
}

impl Token<'_> {
    /// Whether it has no literal that a scan can look for.
    pub fn is_plain(&self) -> bool {
        let short = self.keywords.iter().all(|word| word.len() < MIN_KEYWORD);
        let begin = !self.context && self.keywords.iter().all(|word| word.len() == BEGIN);
        short && (!begin || self.keywords.is_empty())
    }

    /// The rule that finds them.
    pub fn rule(&self) -> RuleEntry {
        let begins = |example: &&str| self.keywords.iter().any(|word| example.starts_with(word));
        let plain = self.is_plain();
        let (before, after) = match plain {
            true => (0, NEAR),
            false if self.examples.iter().all(begins) => (0, 0),
            false => (INSIDE.min(reach(self.pattern)), 0),
        };
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let vendor = self.vendor.to_owned();
        // The name is written in either case, the token is not.
        let (keywords, pattern) = match plain {
            true => (vec![vendor.clone()], format!("(?-i:{})", self.pattern)),
            false => (owned(&self.keywords), self.pattern.to_owned()),
        };
        let context = if self.context && !plain { vec![vendor.clone()] } else { Vec::new() };
        RuleEntry {
            id: format!("{vendor}-{}", self.kind),
            vendor: Some(vendor),
            name: format!("{} {}", self.name, self.kind.replace('-', " ")),
            description: self.description.to_owned(),
            severity: Severity::High,
            advice: "Revoke it at the vendor and issue another one.".to_owned(),
            pattern,
            assigned: None,
            keywords,
            ignore_case: plain,
            before,
            after,
            context,
            entropy: 0.0,
            random: plain,
            looks: None,
            checksum: None,
            files: Vec::new(),
            confidence: if self.context { Confidence::Medium } else { Confidence::High },
            examples: owned(&self.examples),
            counter_examples: owned(&self.counter_examples),
        }
    }
}
