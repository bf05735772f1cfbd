//! Rules: what is looked for. The built-in ones are bytes that the build script makes: a rule is read
//! and compiled when its keyword first turns up, so a scan that finds none does neither.

mod extra;
pub mod grammar;
mod record;
pub mod shapes;
pub mod token;

use std::borrow::Cow;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

use crate::gram::{Entry, Place, Table, Word, Words};
pub use extra::ExtraError;
pub use grammar::{Checksum, Confidence, Least, Severity};
pub use record::Rule;
pub use shapes::{Class, Shape};

/// Largest program that a pattern may compile to, in bytes.
const MAX_COMPILED: usize = 4 * 1024 * 1024;

/// How far around a match its context words may stand, in bytes.
pub(crate) const CONTEXT: usize = 120;

include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// Keywords of one kind of rules, and the table that finds them.
#[derive(Debug)]
pub(crate) struct Keywords {
    words: Words,
    table: Table,
}

impl Keywords {
    /// Calls `each` with every keyword in `text`, and where it begins.
    pub(crate) fn find<'a>(&'a self, text: &[u8], mut each: impl FnMut(Word<'a>, usize)) {
        self.table.find(&self.words, text, |word, start| each(self.words.get(word), start));
    }
}

/// The rules of a scan, ready to be looked for.
#[derive(Debug)]
pub struct RuleSet {
    /// The built-in ones, once they were asked for.
    built_in: Vec<OnceLock<Box<Rule>>>,
    /// Those that the user brought; they are numbered behind the built-in ones.
    extra: Vec<Rule>,
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
    ($texts:ident, $rules:ident, $places:ident, $bits:ident, $starts:ident, $entries:ident) => {
        Keywords {
            words: Words {
                texts: Cow::Borrowed($texts),
                rules: Cow::Borrowed(&$rules),
                places: Cow::Borrowed(&$places),
            },
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
            built_in: PLACES.iter().map(|_| OnceLock::new()).collect(),
            extra: Vec::new(),
            patterns: keywords!(
                PATTERN_TEXTS,
                PATTERN_RULES,
                PATTERN_PLACES,
                PATTERN_BITS,
                PATTERN_STARTS,
                PATTERN_ENTRIES
            ),
            shapes: keywords!(
                SHAPE_TEXTS,
                SHAPE_RULES,
                SHAPE_PLACES,
                SHAPE_BITS,
                SHAPE_STARTS,
                SHAPE_ENTRIES
            ),
            begins: Cow::Borrowed(&BEGINS),
            unnamed: UNNAMED,
            compiled: PLACES.iter().map(|_| OnceLock::new()).collect(),
        }
    }

    /// How many rules there are.
    pub fn count(&self) -> usize {
        self.built_in.len() + self.extra.len()
    }

    /// Every rule, by number.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        (0..).take(self.count()).map(|number| self.rule(number))
    }

    /// Whether there is a rule of that name.
    pub fn has(&self, id: &str) -> bool {
        self.rules().any(|rule| rule.id == id)
    }

    /// The rules that are for files of some names alone.
    pub(crate) fn of_files(&self) -> impl Iterator<Item = &Rule> {
        let built_in = OF_FILES.iter().map(|number| self.rule(*number));
        built_in.chain(self.extra.iter().filter(|rule| !rule.files.is_empty()))
    }

    /// The rule of that number.
    pub fn rule(&self, number: u16) -> &Rule {
        let number = usize::from(number);
        match self.built_in.get(number) {
            Some(rule) => rule.get_or_init(|| Box::new(read(number))),
            None => &self.extra[number - self.built_in.len()],
        }
    }

    /// Tells rule sets apart, and versions of the program: what one of them found to be clean says
    /// nothing about what another one finds.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("clawvault 2026-11-25 v1 rule set");
        hasher.update(env!("CARGO_PKG_VERSION").as_bytes()).update(&BUILD.to_le_bytes());
        for rule in &self.extra {
            hasher.update(format!("{rule:?}\n").as_bytes());
        }
        hasher.finalize().into()
    }

    /// The compiled pattern of a rule; made when it is first asked for.
    pub(crate) fn regex(&self, number: u16) -> Option<&Regex> {
        let compiled = self.compiled.get(usize::from(number))?;
        compiled.get_or_init(|| self.rule(number).compile().ok()).as_ref()
    }
}

/// Reads a built-in rule.
#[expect(clippy::expect_used, reason = "the build wrote these bytes; a test reads all of them")]
fn read(number: usize) -> Rule {
    postcard::from_bytes(&RULES[PLACES[number] as usize..]).expect("a rule of the build")
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
