//! The grammar of a vendor's manifest: what a file may hold, and what it must keep to.
//!
//! The build script reads the built-in manifests with it, the library those that users add, so
//! both hold to one grammar. An error names a place and a reason and never repeats the file's
//! text. What no single file can show (an id or a variable that two manifests claim) is checked by
//! whoever puts manifests together. Patterns are not compiled here: that needs the regex engine.

pub mod money;
mod reading;
pub mod recipes;
pub mod template;

use std::{collections::BTreeSet, fmt};

use serde::Deserialize;

use recipes::{Api, Interface, Recipes, Variant};

/// Largest manifest, in bytes.
pub const MAX_MANIFEST: usize = 64 * 1024;
/// Longest id, kind or field, in bytes.
const MAX_LABEL: usize = 64;
/// Longest secret or variable name, in bytes.
const MAX_NAME: usize = 128;

/// One vendor as its file describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Short name, `[a-z0-9][a-z0-9-]*`; the first part of the names of the vendor's secrets.
    pub id: String,
    /// The name as the vendor writes it.
    pub name: String,
    /// Page where a person manages keys; https.
    pub console: Option<String>,
    /// Environment variables, in order of preference.
    #[serde(default)]
    pub variables: Vec<VariableEntry>,
    /// Token formats.
    #[serde(default)]
    pub formats: Vec<FormatEntry>,
    /// Where the vendor's interface is.
    pub api: Option<Api>,
    /// The calls for the life of its keys.
    pub recipes: Option<Recipes>,
    /// The calls for keys of another kind.
    #[serde(default)]
    pub variants: Vec<Variant>,
    /// The calls about money.
    pub money: Option<money::Purse>,
}

/// One environment variable and the secret it fills.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariableEntry {
    /// The variable's name.
    pub variable: String,
    /// The secret the variable fills, or goes with.
    pub secret: String,
    /// The field of the secret; `value` where it has only one.
    #[serde(default = "only_field")]
    pub field: String,
    /// Whether the secret administers an account and is never injected into a process.
    #[serde(default)]
    pub admin: bool,
    /// False for a setting such as a region: known, never imported.
    #[serde(default = "yes")]
    pub secret_value: bool,
    /// True where the variable holds the path of a file that holds the secret.
    #[serde(default)]
    pub path: bool,
}

/// One kind of token that the vendor issues.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormatEntry {
    /// Name of the kind, unique within the vendor.
    pub kind: String,
    /// The secret that a token of this kind fills where nothing else names one.
    pub secret: String,
    /// The field of that secret.
    #[serde(default = "only_field")]
    pub field: String,
    /// What an attacker could do with such a token; one sentence.
    pub description: String,
    /// The token's shape as an ASCII regular expression of the `regex` crate, without anchors.
    pub pattern: String,
    /// Literals, one of which every token holds; may be empty only where `context` is set.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// Whether the shape alone says nothing, so that the vendor's name has to stand near by.
    #[serde(default)]
    pub context: bool,
    /// Made-up tokens of this shape.
    pub examples: Vec<String>,
    /// Texts that nearly have this shape; at least two.
    pub counter_examples: Vec<String>,
}

/// Why a manifest was refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ManifestError {
    place: Place,
    reason: String,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Place {
    File,
    At { line: usize, column: usize },
    Variable(usize),
    Format(usize),
    Recipe(String),
}

type Checked = Result<(), &'static str>;

impl Manifest {
    /// Reads one manifest and checks all that a single file can show.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        if text.len() > MAX_MANIFEST {
            return Err(Place::File.refuses("larger than 64 KiB"));
        }
        let manifest: Self = toml::from_str(text).map_err(|error| {
            let place = error.span().map_or(Place::File, |span| Place::of(text, span.start));
            place.refuses_because(kind(error.message()))
        })?;
        manifest.checked()
    }

    /// A manifest that a user has put into the policy; the same checks.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of_table(table: toml::Table) -> Result<Self, ManifestError> {
        let manifest: Self = toml::Value::Table(table)
            .try_into()
            .map_err(|error: toml::de::Error| Place::File.refuses_because(kind(error.message())))?;
        manifest.checked()
    }

    fn checked(self) -> Result<Self, ManifestError> {
        let manifest = self;
        manifest.check_head().map_err(|reason| Place::File.refuses(reason))?;
        for (at, entry) in manifest.variables.iter().enumerate() {
            let earlier = manifest.variables.get(..at).unwrap_or_default();
            let checked = entry.check(&manifest.id, earlier);
            checked.map_err(|reason| Place::Variable(at + 1).refuses(reason))?;
        }
        let mut kinds = BTreeSet::new();
        for (at, entry) in manifest.formats.iter().enumerate() {
            let checked = entry.check(&manifest.id).and_then(|()| {
                must(kinds.insert(entry.kind.as_str()), "an earlier format has this kind")
            });
            checked.map_err(|reason| Place::Format(at + 1).refuses(reason))?;
        }
        if let Some(interface) = manifest.interface().map_err(|why| Place::File.refuses(why))? {
            let refuse = |(place, reason): (String, _)| Place::Recipe(place).refuses(reason);
            interface.check().map_err(refuse)?;
        }
        if let Some(purse) = &manifest.money {
            let checked = purse.check(manifest.api.as_ref());
            checked.map_err(|reason| Place::File.refuses(reason))?;
        }
        Ok(manifest)
    }

    /// What it says of the vendor's interface, if anything.
    ///
    /// # Errors
    /// Where one half is there without the other.
    pub fn interface(&self) -> Result<Option<Interface>, &'static str> {
        match (&self.api, &self.recipes) {
            (Some(api), Some(recipes)) => {
                let (api, recipes, variants) =
                    (api.clone(), recipes.clone(), self.variants.clone());
                Ok(Some(Interface { api, recipes, variants }))
            }
            (None, None) if self.variants.is_empty() => Ok(None),
            _ => Err("`api` and `recipes` go together, and `variants` with them"),
        }
    }

    fn check_head(&self) -> Checked {
        must(is_name(&self.id, MAX_LABEL, b"-"), "the id is not of the form [a-z0-9][a-z0-9-]*")?;
        must(!self.name.trim().is_empty(), "the name is empty")?;
        let https = |url: &String| url.len() > 8 && url.starts_with("https://");
        must(self.console.as_ref().is_none_or(https), "the console is not an https address")?;
        let empty = self.variables.is_empty() && self.formats.is_empty() && self.recipes.is_none();
        must(!empty, "neither a variable nor a format nor recipes")
    }
}

impl VariableEntry {
    fn check(&self, id: &str, earlier: &[Self]) -> Checked {
        let mut bytes = self.variable.bytes();
        let form = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
            && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && self.variable.len() <= MAX_NAME;
        must(form, "the variable is not of the form [A-Za-z_][A-Za-z0-9_]*")?;
        check_secret(id, &self.secret, &self.field)?;
        must(self.secret_value || !self.path, "a setting is no path to a secret")?;
        let unlike = |other: &Self| other.secret == self.secret && other.admin != self.admin;
        must(!earlier.iter().any(unlike), "`admin` differs between variables of one secret")?;
        let twice = earlier.iter().any(|other| other.variable == self.variable);
        must(!twice, "the variable is listed twice")
    }
}

impl FormatEntry {
    fn check(&self, id: &str) -> Checked {
        must(is_name(&self.kind, MAX_LABEL, b"-"), "the kind is not of the form [a-z0-9-]+")?;
        check_secret(id, &self.secret, &self.field)?;
        must(!self.description.trim().is_empty(), "the description is empty")?;
        let plain = !self.pattern.is_empty() && self.pattern.is_ascii();
        must(plain, "the pattern is empty or not ASCII")?;
        let anchored = self.pattern.starts_with(['^']) || self.pattern.ends_with(['$']);
        must(!anchored, "the pattern is anchored")?;
        must(self.context || !self.keywords.is_empty(), "no keyword, and `context` is not set")?;
        must(!self.keywords.iter().any(String::is_empty), "a keyword is empty")?;
        must(!self.examples.is_empty(), "no example")?;
        must(self.counter_examples.len() >= 2, "fewer than two counter-examples")?;
        let holds = |text: &String| self.keywords.iter().any(|word| text.contains(word.as_str()));
        let found = self.keywords.is_empty() || self.examples.iter().all(holds);
        must(found, "an example holds none of the keywords")
    }
}

impl Place {
    fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        Self::At { line, column: before.len() - line_start + 1 }
    }

    fn refuses(self, reason: &'static str) -> ManifestError {
        self.refuses_because(reason.to_owned())
    }

    fn refuses_because(self, reason: String) -> ManifestError {
        ManifestError { place: self, reason }
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File => {}
            Place::At { line, column } => write!(f, "line {line}, column {column}: ")?,
            Place::Variable(nth) => write!(f, "variable {nth}: ")?,
            Place::Format(nth) => write!(f, "format {nth}: ")?,
            Place::Recipe(place) => write!(f, "{place}: ")?,
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for ManifestError {}

fn check_secret(id: &str, secret: &str, field: &str) -> Checked {
    let parts = secret.split('/').all(|part| !matches!(part, "" | "." | ".."));
    must(is_name(secret, MAX_NAME, b"./-") && parts, "the secret's name is malformed")?;
    must(secret.split('/').next() == Some(id), "the secret's first part is not the vendor's id")?;
    must(is_name(field, MAX_LABEL, b"_-"), "the field is not of the form [a-z0-9][a-z0-9_-]*")
}

fn is_name(text: &str, max: usize, inner: &[u8]) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= max
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|byte| plain(byte) || inner.contains(&byte))
}

/// Marks a reason as our own, so that it may be shown.
fn ours(reason: &str) -> String {
    format!("{OURS}{reason}")
}

const OURS: &str = "recipe: ";

/// The kind of error without what the file said there: serde repeats keys and values.
fn kind(message: &str) -> String {
    match message.strip_prefix(OURS) {
        Some(reason) => reason.to_owned(),
        None => "not TOML, or a key that is missing, unknown or of another type".to_owned(),
    }
}

fn must(holds: bool, reason: &'static str) -> Checked {
    if holds { Ok(()) } else { Err(reason) }
}

fn only_field() -> String {
    "value".to_owned()
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
id = "acme"
name = "Acme"
console = "https://acme.example/keys"
[[variables]]
variable = "ACME_KEY"
secret = "acme/main"
[[formats]]
kind = "key"
secret = "acme/main"
description = "Reads all."
pattern = 'ak-[0-9]{4}'
keywords = ["ak-"]
examples = ["ak-0123"]
counter_examples = ["ak-012", "ak-01234"]
"#;

    #[test]
    fn a_manifest_keeps_its_defaults() {
        let manifest = Manifest::parse(GOOD).unwrap();
        let variable = &manifest.variables[0];
        assert_eq!(variable.field, "value");
        assert!(variable.secret_value && !variable.admin && !variable.path);
        assert!(!manifest.formats[0].context);
    }

    #[test]
    fn each_rule_refuses_its_breach() {
        for (from, to, reason) in [
            ("\"acme\"", "\"Acme\"", "the id is"),
            ("\"Acme\"", "\" \"", "the name is"),
            ("https:", "http:", "the console"),
            ("\"ACME_KEY\"", "\"ACME-KEY\"", "variable 1: the variable is not"),
            ("\"acme/main\"\n[[", "\"acme//x\"\n[[", "variable 1: the secret's name"),
            ("\"acme/main\"\n[[", "\"other/main\"\n[[", "variable 1: the secret's first"),
            ("\"acme/main\"\n[[", "\"acme/main\"\nfield = \"A\"\n[[", "variable 1: the field"),
            (
                "\"acme/main\"\n[[",
                "\"acme/main\"\npath = true\nsecret_value = false\n[[",
                "variable 1: a setting",
            ),
            (
                "[[formats]]",
                "[[variables]]\nvariable = \"ACME_KEY\"\nsecret = \"acme/b\"\n[[formats]]",
                "variable 2: the variable is listed",
            ),
            (
                "[[formats]]",
                "[[variables]]\nvariable = \"B\"\nsecret = \"acme/main\"\nadmin = true\n[[formats]]",
                "variable 2: `admin` differs",
            ),
            ("\"key\"", "\"Key\"", "format 1: the kind"),
            ("Reads all.", "", "format 1: the description"),
            ("'ak-", "'^ak-", "format 1: the pattern is anchored"),
            ("'ak-", "'é", "format 1: the pattern is empty or"),
            ("[\"ak-\"]", "[]", "format 1: no keyword"),
            ("[\"ak-\"]", "[\"\"]", "format 1: a keyword"),
            ("[\"ak-\"]", "[\"zz\"]", "format 1: an example holds"),
            ("[\"ak-0123\"]", "[]", "format 1: no example"),
            (", \"ak-01234\"", "", "format 1: fewer"),
            ("name =", "nom =", "line 3, column 1: not TOML"),
            ("name =", "name", "line 3, column "),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "{from}");
            let error = Manifest::parse(&text).expect_err(reason).to_string();
            assert!(error.starts_with(reason), "{error} for {reason}");
        }
    }

    #[test]
    fn empty_twofold_and_oversized_manifests_are_refused() {
        assert!(Manifest::parse("id = \"a\"\nname = \"A\"\n").is_err());
        assert!(Manifest::parse(&" ".repeat(MAX_MANIFEST + 1)).is_err());
        let format = GOOD.find("[[formats]]").unwrap();
        let twice = format!("{GOOD}{}", &GOOD[format..]);
        let error = Manifest::parse(&twice).unwrap_err().to_string();
        assert_eq!(error, "format 2: an earlier format has this kind");
    }

    #[test]
    fn an_error_repeats_nothing_of_the_file() {
        let error = Manifest::parse("id = \"a\"\nname = \"A\"\nsk-secret = 1\n").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("sk-secret"));
    }
}
