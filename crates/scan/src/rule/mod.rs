//! Rules: what is looked for. The built-in ones are tables that the build script makes, so a scan
//! that finds no keyword compiles nothing.

mod extra;
pub mod grammar;
pub mod shapes;
pub mod token;

use std::borrow::Cow;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

use crate::gram::{Entry, Table, Word};
pub use extra::ExtraError;
pub use grammar::{Checksum, Confidence, Least, Severity};
pub use shapes::{Class, Shape};

/// Largest program that a pattern may compile to, in bytes.
const MAX_COMPILED: usize = 4 * 1024 * 1024;

/// How far around a match its context words may stand, in bytes.
pub(crate) const CONTEXT: usize = 120;

/// What a rule says, and looks for.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Unique name; of a vendor's token `<vendor>-<kind>`.
    pub id: Cow<'static, str>,
    /// Id of the vendor who issues what it finds.
    pub vendor: Option<Cow<'static, str>>,
    /// What it finds, in a few words.
    pub name: Cow<'static, str>,
    /// What an attacker could do with it.
    pub description: Cow<'static, str>,
    /// How bad that is.
    pub severity: Severity,
    /// What to do about a finding.
    pub advice: Cow<'static, str>,
    /// Regular expression; its group `secret` is the secret, else all of it. Empty where `shapes`
    /// or `assigned` say what to look for.
    pub pattern: Cow<'static, str>,
    /// How long a match can be, in bytes.
    pub reach: u16,
    /// How short a match can be, in bytes; 255 for longer ones too.
    pub least: u8,
    /// What has to be assigned to a name that has a keyword in it.
    pub assigned: Option<Least>,
    /// Shapes of keys, one of which stands behind a keyword.
    pub shapes: Cow<'static, [Shape]>,
    /// Literals, one of which every match holds, or follows.
    pub keywords: Cow<'static, [Cow<'static, str>]>,
    /// Whether keywords and pattern mean either case.
    pub ignore_case: bool,
    /// How far before its keyword a match may begin, in bytes.
    pub before: u16,
    /// How far behind its keyword a match may begin, in bytes.
    pub after: u16,
    /// Words, one of which has to stand near by.
    pub context: Cow<'static, [Cow<'static, str>]>,
    /// Least entropy of the secret, in bits per character.
    pub entropy: f32,
    /// Whether the secret has to look made by chance.
    pub random: bool,
    /// What the secret has to look like.
    pub looks: Option<Least>,
    /// Checksum in the secret.
    pub checksum: Option<Checksum>,
    /// Ends of the file names that it is for; none: every file.
    pub files: Cow<'static, [Cow<'static, str>]>,
    /// How sure a finding is.
    pub confidence: Confidence,
    /// Texts in which it finds something.
    pub examples: Cow<'static, [Cow<'static, str>]>,
    /// Texts in which it finds nothing.
    pub counter_examples: Cow<'static, [Cow<'static, str>]>,
}

include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// Keywords of one kind of rules, and the table that finds them.
#[derive(Debug)]
pub(crate) struct Keywords {
    words: Cow<'static, [Word]>,
    table: Table,
}

impl Keywords {
    /// Calls `each` with every keyword in `text`, and where it begins.
    pub(crate) fn find<'a>(&'a self, text: &[u8], mut each: impl FnMut(&'a Word, usize)) {
        self.table
            .find(&self.words, text, |word, start| each(&self.words[usize::from(word)], start));
    }
}

/// The rules of a scan, ready to be looked for.
#[derive(Debug)]
pub struct RuleSet {
    rules: Cow<'static, [Rule]>,
    /// Of rules with a pattern.
    pub(crate) patterns: Keywords,
    /// Of rules with shapes.
    pub(crate) shapes: Keywords,
    /// First two bytes of runs, and the rule whose pattern such a run may begin.
    pub(crate) begins: Cow<'static, [([u8; 2], u16)]>,
    /// The rule for what is assigned to any name.
    pub(crate) unnamed: Option<u16>,
    compiled: Vec<OnceLock<Option<Regex>>>,
}

/// Tables of the build script, by the prefix of their names.
macro_rules! keywords {
    ($words:ident, $bits:ident, $starts:ident, $entries:ident) => {
        Keywords {
            words: Cow::Borrowed(&$words),
            table: Table {
                bits: Cow::Borrowed(&$bits),
                starts: Cow::Borrowed(&$starts),
                entries: Cow::Borrowed(&$entries),
            },
        }
    };
}

impl RuleSet {
    /// The built-in rules.
    pub fn built_in() -> Self {
        Self {
            rules: Cow::Borrowed(&RULES),
            patterns: keywords!(PATTERN_WORDS, PATTERN_BITS, PATTERN_STARTS, PATTERN_ENTRIES),
            shapes: keywords!(SHAPE_WORDS, SHAPE_BITS, SHAPE_STARTS, SHAPE_ENTRIES),
            begins: Cow::Borrowed(&BEGINS),
            unnamed: unnamed(&RULES),
            compiled: RULES.iter().map(|_| OnceLock::new()).collect(),
        }
    }

    /// Every rule.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether there is a rule of that name.
    pub fn has(&self, id: &str) -> bool {
        self.rules.iter().any(|rule| rule.id == id)
    }

    /// The rule of that number.
    pub fn rule(&self, number: u16) -> &Rule {
        &self.rules[usize::from(number)]
    }

    /// Tells rule sets apart, and versions of the program: what one of them found to be clean says
    /// nothing about what another one finds.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("clawvault 2026-11-25 v1 rule set");
        hasher.update(env!("CARGO_PKG_VERSION").as_bytes()).update(&BUILD.to_le_bytes());
        for rule in self.rules.get(RULES.len()..).unwrap_or_default() {
            hasher.update(format!("{rule:?}\n").as_bytes());
        }
        hasher.finalize().into()
    }

    /// The compiled pattern of a rule; made when it is first asked for.
    pub(crate) fn regex(&self, number: u16) -> Option<&Regex> {
        let number = usize::from(number);
        let rule = self.rules.get(number)?;
        self.compiled.get(number)?.get_or_init(|| rule.compile().ok()).as_ref()
    }
}

fn unnamed(rules: &[Rule]) -> Option<u16> {
    let at = rules.iter().position(|rule| rule.assigned == Some(Least::Unnamed));
    at.and_then(|at| u16::try_from(at).ok())
}

impl Rule {
    /// So many bytes hold a secret and all that a rule with a pattern looks at: its keyword, other
    /// matches, words near by.
    pub(crate) fn sight(&self) -> usize {
        let words = if self.context.is_empty() { 0 } else { 2 * CONTEXT };
        let keyword = self.keywords.iter().map(|word| word.len()).max().unwrap_or(0);
        let reach = [self.before, self.after, self.reach].map(usize::from).iter().sum::<usize>();
        reach + keyword + words
    }

    /// True where a match can only begin where its keyword does.
    pub(crate) fn begins_with_keyword(&self) -> bool {
        self.before == 0 && self.after == 0
    }

    /// Compiles the pattern; a match is looked for where the keyword says, from the first byte on.
    pub(crate) fn compile(&self) -> Result<Regex, regex::Error> {
        let pattern = if self.begins_with_keyword() {
            format!(r"\A(?:{})", self.pattern)
        } else {
            self.pattern.to_string()
        };
        RegexBuilder::new(&pattern)
            .unicode(false)
            .case_insensitive(self.ignore_case)
            .size_limit(MAX_COMPILED)
            .build()
    }
}
