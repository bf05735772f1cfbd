//! A rule as a scan uses it. The build script writes those of the program with it, as bytes that hold no
//! address: what every start of the program would have to relocate costs it more than a rule that
//! is read when its keyword first turns up.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::grammar::{Checksum, Confidence, Least, RuleEntry, Severity, least, reach};
use super::shapes::Shape;

/// What a rule says, and looks for.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Rule {
    /// Unique name; of a vendor's token `<vendor>-<kind>`.
    #[serde(borrow)]
    pub id: Cow<'static, str>,
    /// Id of the vendor who issues what it finds.
    pub vendor: Option<Cow<'static, str>>,
    /// What it finds, in a few words.
    #[serde(borrow)]
    pub name: Cow<'static, str>,
    /// What an attacker could do with it.
    #[serde(borrow)]
    pub description: Cow<'static, str>,
    /// How bad that is.
    pub severity: Severity,
    /// What to do about a finding.
    #[serde(borrow)]
    pub advice: Cow<'static, str>,
    /// Regular expression; its group `secret` is the secret, else all of it. Empty where `shapes`
    /// or `assigned` say what to look for.
    #[serde(borrow)]
    pub pattern: Cow<'static, str>,
    /// How long a match can be, in bytes.
    pub reach: u16,
    /// How short a match can be, in bytes; 255 for longer ones too.
    pub least: u8,
    /// What has to be assigned to a name that has a keyword in it.
    pub assigned: Option<Least>,
    /// Shapes of keys, one of which stands behind a keyword.
    pub shapes: Vec<Shape>,
    /// Literals, one of which every match holds, or follows.
    pub keywords: Vec<String>,
    /// Whether keywords and pattern mean either case.
    pub ignore_case: bool,
    /// How far before its keyword a match may begin, in bytes.
    pub before: u16,
    /// How far behind its keyword a match may begin, in bytes.
    pub after: u16,
    /// Words, one of which has to stand near by.
    pub context: Vec<String>,
    /// Least entropy of the secret, in bits per character.
    pub entropy: f32,
    /// Whether the secret has to look made by chance.
    pub random: bool,
    /// What the secret has to look like.
    pub looks: Option<Least>,
    /// Checksum in the secret.
    pub checksum: Option<Checksum>,
    /// Ends of the file names that it is for; none: every file.
    pub files: Vec<String>,
    /// How sure a finding is.
    pub confidence: Confidence,
    /// Texts in which it finds something.
    pub examples: Vec<String>,
    /// Texts in which it finds nothing.
    pub counter_examples: Vec<String>,
}

impl Rule {
    /// The rule that an entry of a file describes.
    pub fn of(entry: RuleEntry) -> Self {
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
            shapes: Vec::new(),
            keywords: entry.keywords,
            ignore_case: entry.ignore_case,
            before: entry.before,
            after: entry.after,
            context: entry.context,
            entropy: entry.entropy,
            random: entry.random,
            looks: entry.looks,
            checksum: entry.checksum,
            files: entry.files,
            confidence: entry.confidence,
            examples: entry.examples,
            counter_examples: entry.counter_examples,
        }
    }

    /// True where a match can only begin where its keyword does.
    pub fn begins_with_keyword(&self) -> bool {
        self.before == 0 && self.after == 0
    }

    /// Whether its keyword counts only where no letter, digit, `_` or `-` stands before it.
    pub fn is_alone(&self) -> bool {
        let whole = !self.pattern.contains("?P<secret>");
        self.begins_with_keyword() && self.assigned.is_none() && whole
    }
}
