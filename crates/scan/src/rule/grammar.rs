//! The grammar of rule files: what a file may hold, and what it must keep to.
//!
//! The build script reads the built-in rules with it, the library those that users bring, so both
//! hold to one grammar. An error names a place and a reason and never repeats the file's text.
//! Patterns are not compiled here: `rules check` does that, with the examples.

use std::collections::BTreeSet;
use std::fmt;

use regex_syntax::hir::{Class, Hir, HirKind};
use serde::{Deserialize, Serialize};

/// Largest rule file, in bytes.
pub const MAX_RULE_FILE: usize = 1024 * 1024;
/// Shortest keyword, in bytes: shorter ones turn up everywhere.
pub const MIN_KEYWORD: usize = 3;
/// Longest keyword, in bytes.
pub const MAX_KEYWORD: usize = 64;
/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 4096;

/// A file of rules.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    /// Its rules.
    #[serde(rename = "rule")]
    pub rules: Vec<RuleEntry>,
}

/// One rule as its file describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleEntry {
    /// Unique name, `[a-z0-9][a-z0-9-]*`.
    pub id: String,
    /// Who issues what it finds, where somebody does; the id of a vendor where there is one.
    pub vendor: Option<String>,
    /// What it finds, in a few words.
    pub name: String,
    /// What an attacker could do with it; one sentence.
    pub description: String,
    /// How bad that is.
    pub severity: Severity,
    /// What to do about a finding; one sentence.
    pub advice: String,
    /// ASCII regular expression; its group `secret` is the secret, else all of it.
    #[serde(default)]
    pub pattern: String,
    /// Instead of a pattern: the keywords are parts of names, and what is assigned to such a name
    /// is a secret if it is so much of one.
    pub assigned: Option<Least>,
    /// Literals, one of which every match holds.
    pub keywords: Vec<String>,
    /// Whether keywords and pattern mean either case.
    #[serde(default)]
    pub ignore_case: bool,
    /// How far before its keyword a match may begin, in bytes.
    #[serde(default)]
    pub before: u16,
    /// How far behind its keyword a match may begin, in bytes. With neither, the keyword begins it.
    #[serde(default)]
    pub after: u16,
    /// Words, one of which has to stand near by; none: the pattern says enough.
    #[serde(default)]
    pub context: Vec<String>,
    /// Least entropy of the secret, in bits per character.
    #[serde(default)]
    pub entropy: f32,
    /// Whether the secret has to look made by chance: no words, no placeholder.
    #[serde(default)]
    pub random: bool,
    /// What the secret has to look like besides, where the pattern leaves that open.
    pub looks: Option<Least>,
    /// Checksum in the secret; a wrong one lowers the confidence.
    pub checksum: Option<Checksum>,
    /// Ends of the file names that it is for; none: every file.
    #[serde(default)]
    pub files: Vec<String>,
    /// How sure a finding is.
    #[serde(default)]
    pub confidence: Confidence,
    /// Texts in which it finds something.
    pub examples: Vec<String>,
    /// Texts in which it finds nothing; at least two.
    pub counter_examples: Vec<String>,
}

/// Longest match that is looked for, in bytes.
pub const MAX_MATCH: u16 = 16 * 1024;

/// How long a match of `pattern` can be, in bytes, up to [`MAX_MATCH`].
pub fn reach(pattern: &str) -> u16 {
    let longest = parse(pattern).and_then(|parsed| parsed.properties().maximum_len());
    longest.and_then(|longest| u16::try_from(longest).ok()).unwrap_or(MAX_MATCH).min(MAX_MATCH)
}

/// How short a match of `pattern` can be, in bytes, up to 255.
pub fn least(pattern: &str) -> u8 {
    let shortest = parse(pattern).and_then(|parsed| parsed.properties().minimum_len());
    shortest.map_or(0, |shortest| u8::try_from(shortest).unwrap_or(u8::MAX))
}

/// How many letters, digits, `_` and `-` a match of `pattern` begins with, at least.
pub fn run_at_start(pattern: &str) -> usize {
    let Some(parsed) = parse(pattern) else { return 0 };
    let parts = match parsed.kind() {
        HirKind::Concat(parts) => parts.as_slice(),
        _ => std::slice::from_ref(&parsed),
    };
    let mut length = 0;
    for part in parts {
        let (bytes, whole) = run_of(part);
        length += bytes;
        if !whole {
            break;
        }
    }
    length
}

/// How many such bytes a part begins with, and whether it is made of nothing else.
fn run_of(part: &Hir) -> (usize, bool) {
    let in_run = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match part.kind() {
        HirKind::Literal(literal) => {
            let length = literal.0.iter().take_while(|byte| in_run(**byte)).count();
            (length, length == literal.0.len())
        }
        HirKind::Class(Class::Bytes(class)) => {
            let all = class.ranges().iter().all(|range| (range.start()..=range.end()).all(in_run));
            (usize::from(all), all)
        }
        HirKind::Repetition(many) => match run_of(&many.sub) {
            (one, true) => (one * many.min as usize, true),
            _ => (0, false),
        },
        HirKind::Capture(group) => run_of(&group.sub),
        _ => (0, false),
    }
}

fn parse(pattern: &str) -> Option<Hir> {
    regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern).ok()
}

/// How bad a leak is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Reads little.
    Low,
    /// Reads or costs something.
    Medium,
    /// Acts in its owner's name.
    High,
    /// Administers others, or owns a machine.
    Critical,
}

/// What has to be assigned to a name, at least, to be taken for a secret.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Least {
    /// A password that somebody thought of: digits or signs among letters.
    Password,
    /// What stands where nothing but a password does: words too, unless documents write them there.
    Login,
    /// A token: letters and digits that are no words.
    Token,
    /// A long text that is made by chance.
    Random,
    /// The same, under any name: such a rule has no keyword, and there is one at most.
    Unnamed,
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Looks like one.
    Low,
    /// Most are.
    Medium,
    /// Has a form of its own.
    #[default]
    High,
}

/// A checksum that tokens of some vendors end in.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checksum {
    /// CRC-32 of what precedes it, as six digits of base 62, behind a prefix that ends in `_`.
    Crc32Base62,
    /// The Luhn digit at the end.
    Luhn,
}

/// Why a rule file was refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GrammarError {
    /// Number of the rule, counted from 1; 0 for the file itself.
    pub rule: usize,
    /// Line of the file where its form is wrong.
    pub line: Option<usize>,
    /// What is wrong.
    pub reason: &'static str,
}

impl fmt::Display for GrammarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rule, self.line) {
            (0, Some(line)) => write!(f, "line {line}: {}", self.reason),
            (0, None) => f.write_str(self.reason),
            (rule, _) => write!(f, "rule {rule}: {}", self.reason),
        }
    }
}

impl std::error::Error for GrammarError {}

impl RuleFile {
    /// Reads a file and checks all that it can show by itself.
    pub fn parse(text: &str) -> Result<Self, GrammarError> {
        let file = |line, reason| GrammarError { rule: 0, line, reason };
        if text.len() > MAX_RULE_FILE {
            return Err(file(None, "larger than 1 MiB"));
        }
        let parsed: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| line_of(text, span.start));
            file(line, "not TOML, or a key that is missing, unknown or of another type")
        })?;
        let mut ids = BTreeSet::new();
        for (at, rule) in parsed.rules.iter().enumerate() {
            let fresh = ids.insert(rule.id.as_str());
            let checked = if fresh { rule.check() } else { Err("an earlier rule has this id") };
            checked.map_err(|reason| GrammarError { rule: at + 1, line: None, reason })?;
        }
        Ok(parsed)
    }
}

impl RuleEntry {
    fn check(&self) -> Result<(), &'static str> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let id = self.id.bytes().next().is_some_and(plain)
            && self.id.bytes().all(|byte| plain(byte) || byte == b'-');
        let said = [&self.name, &self.description, &self.advice];
        let keyword = |word: &String| (MIN_KEYWORD..=MAX_KEYWORD).contains(&word.len());
        let pattern = &self.pattern;
        for (holds, reason) in [
            (id, "the id is not of the form [a-z0-9][a-z0-9-]*"),
            (
                said.iter().all(|text| !text.trim().is_empty()),
                "name, description or advice is empty",
            ),
            (pattern.is_ascii(), "the pattern is not ASCII"),
            (
                pattern.is_empty() == self.assigned.is_some(),
                "there has to be either a pattern, or what is assigned",
            ),
            (pattern.len() <= MAX_PATTERN, "the pattern is longer than 4,096 bytes"),
            (
                self.keywords.is_empty() == (self.assigned == Some(Least::Unnamed)),
                "there is no keyword",
            ),
            (
                self.keywords.iter().all(keyword),
                "a keyword is shorter than 3 or longer than 64 bytes",
            ),
            (self.keywords.iter().all(|word| word.is_ascii()), "a keyword is not ASCII"),
            ((0.0..=8.0).contains(&self.entropy), "the entropy is not between 0 and 8"),
            (!self.examples.is_empty(), "there is no example"),
            (self.counter_examples.len() >= 2, "there are fewer than two counter-examples"),
        ] {
            if !holds {
                return Err(reason);
            }
        }
        Ok(())
    }
}

pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or(text).matches('\n').count() + 1
}
