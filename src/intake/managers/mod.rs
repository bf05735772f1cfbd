//! Reads what password managers and secret stores print as JSON: 1Password, Bitwarden, Vault.
//!
//! Each reader knows which fields of its documents are secrets; everything else there is none. A
//! field, or an item with one secret, whose name is a variable in capitals is that variable; any
//! other is a path of item, section and field. What looks like a secret and is not taken is said.
//! Encrypted exports are refused: only the program that wrote them opens them.

mod bitwarden;
mod onepassword;
mod vault;

use clawvault_core::domain::limits::MAX_IMPORT;
use clawvault_core::domain::{Found, Label, Value, ValueError};

use super::tree::MAX_PATH;
use super::{Kind, ParseError, Tree, has_variable_form, maps};

/// Why the seed of one-time codes is not taken.
const SEED: &str = "is the seed of one-time codes, not a key";
/// Why a note is not taken.
const NOTE: &str = "is a note, not a key";

/// Whose JSON a document is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Manager {
    /// `op item get --format json`: one item, a list, or items one after the other.
    OnePassword,
    /// `bw export --format json`, `bw list items`, `bw get item`.
    Bitwarden,
    /// `vault kv get -format=json`, of either version of the engine; OpenBao's too.
    Vault,
}

/// What a document yielded.
#[derive(Debug, Default)]
pub struct Items {
    /// The values, in the order of the document.
    pub found: Vec<Found>,
    /// What was not taken.
    pub passed: Vec<Passed>,
}

/// Something that was not taken.
#[derive(Debug, Eq, PartialEq)]
pub struct Passed {
    /// Item and field.
    pub place: String,
    /// Why, as the end of a sentence.
    pub why: &'static str,
}

/// Reads a document; `source` is the name its values are reported under.
pub fn read(manager: Manager, bytes: &[u8], source: &str) -> Result<Items, ParseError> {
    let mut gatherer = Gatherer { source, items: Items::default() };
    for tree in &maps::parse_sequence(bytes)? {
        match manager {
            Manager::OnePassword => onepassword::read(tree, &mut gatherer)?,
            Manager::Bitwarden => bitwarden::read(tree, &mut gatherer)?,
            Manager::Vault => vault::read(tree, &mut gatherer)?,
        }
    }
    Ok(gatherer.items)
}

/// A refusal that no single place of the document is to blame for.
fn refusal(kind: Kind) -> ParseError {
    ParseError { line: 1, column: 1, kind }
}

/// One item: its title, and its secrets by the rest of their path and their own name.
struct Item<'t> {
    title: String,
    secrets: Vec<(String, &'t str, &'t str)>,
}

impl<'t> Item<'t> {
    fn new(title: &str) -> Self {
        Self { title: plain(title), secrets: Vec::new() }
    }

    /// Adds a secret under the section it lies in.
    fn add(&mut self, section: Option<&str>, name: &'t str, text: &'t str) {
        let path = match section.filter(|section| !section.is_empty()) {
            Some(section) => format!("{}.{}", plain(section), plain(name)),
            None => plain(name),
        };
        self.secrets.push((path, name, text));
    }

    fn add_if_any(&mut self, name: &'t str, text: &'t str) {
        if !text.is_empty() {
            self.add(None, name, text);
        }
    }

    fn place(&self, name: &str) -> String {
        format!("{}.{}", self.title, plain(name))
    }
}

/// Gathers values within the bounds.
struct Gatherer<'s> {
    source: &'s str,
    items: Items,
}

impl Gatherer<'_> {
    fn take_item(&mut self, item: &Item<'_>) -> Result<(), ParseError> {
        let alone = item.secrets.len() == 1;
        for (path, name, text) in &item.secrets {
            let label = if is_variable(name) {
                Label::Variable((*name).to_owned())
            } else if alone && is_variable(&item.title) {
                Label::Variable(item.title.clone())
            } else {
                Label::Path(format!("{}.{path}", item.title))
            };
            self.take(label, text)?;
        }
        Ok(())
    }

    /// Takes one text; an empty one is nothing.
    fn take(&mut self, label: Label, text: &str) -> Result<(), ParseError> {
        if label.as_str().len() > MAX_PATH {
            return Err(refusal(Kind::PathTooLong));
        }
        if self.items.found.len() == MAX_IMPORT {
            return Err(refusal(Kind::TooMany));
        }
        match Value::copy_of(text.as_bytes()) {
            Ok(value) => {
                let source = self.source.to_owned();
                self.items.found.push(Found { source, line: None, label, value });
            }
            Err(ValueError::Empty) => {}
            Err(_) => {
                self.pass(label.as_str().to_owned(), "is too large or holds a NUL character")?;
            }
        }
        Ok(())
    }

    fn pass(&mut self, place: String, why: &'static str) -> Result<(), ParseError> {
        if place.len() > MAX_PATH {
            return Err(refusal(Kind::PathTooLong));
        }
        if self.items.passed.len() == MAX_IMPORT {
            return Err(refusal(Kind::TooMany));
        }
        self.items.passed.push(Passed { place, why });
        Ok(())
    }
}

/// The text under `key`, empty where there is none.
fn text_of<'t>(tree: &'t Tree, key: &str) -> &'t str {
    tree.get(key).and_then(Tree::text).unwrap_or_default()
}

/// A name in capitals is meant as a variable; `password` is only a word.
fn is_variable(name: &str) -> bool {
    let has_small = name.bytes().any(|byte| byte.is_ascii_lowercase());
    let has_capital = name.bytes().any(|byte| byte.is_ascii_uppercase());
    has_capital && !has_small && has_variable_form(name)
}

/// A name that a person wrote, on one line.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
