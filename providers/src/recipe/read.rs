//! What matters of an answer.

use serde_json::Value as Tree;
use serde_json_path::JsonPath;
use zeroize::Zeroizing;

use crate::adapter::Identity;
use crate::http::Reply;
use crate::manifest::recipes::{Interface, Literal, OPERATIONS, Source, Step};

use super::fill::{Scope, as_it_is};
use super::time;

/// Longest text that is taken for a person to read, in bytes.
const MAX_TEXT: usize = 256;
/// Most scopes of a key.
const MAX_SCOPES: usize = 200;

/// An answer, read.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Its body as JSON; `Null` where there was none.
    pub(super) body: Tree,
    /// Its headers, as far as they are text.
    pub(super) headers: Vec<(String, String)>,
}

impl Read {
    pub(super) fn new(reply: &Reply) -> Self {
        let text =
            |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            };
        let body = serde_json::from_slice(&reply.body).unwrap_or(Tree::Null);
        Self { body, headers: reply.headers.iter().filter_map(text).collect() }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// The first thing at a path.
    pub(super) fn at(&self, path: &str) -> Option<&Tree> {
        first(&self.body, path)
    }
}

/// The first thing at a path of a tree; JSON's `null` is one.
pub(super) fn first<'t>(tree: &'t Tree, path: &str) -> Option<&'t Tree> {
    JsonPath::parse(path).ok()?.query(tree).first()
}

/// Everything at a path of a tree.
pub(super) fn all<'t>(tree: &'t Tree, path: &str) -> Vec<&'t Tree> {
    JsonPath::parse(path).map(|path| path.query(tree).all()).unwrap_or_default()
}

/// The first path of an interface that is no JSONPath, by its place.
pub fn check_paths(interface: &Interface) -> Result<(), String> {
    let named = interface.variants.iter().enumerate();
    let named = named.map(|(at, one)| (format!("variant {}", at + 1), &one.recipes));
    let recipes = std::iter::once(("recipes".to_owned(), &interface.recipes)).chain(named);
    for (place, recipes) in recipes {
        for (operation, steps) in OPERATIONS.iter().zip(recipes.operations()) {
            for (at, step) in steps.iter().enumerate() {
                if step.paths().any(|path| JsonPath::parse(path).is_err()) {
                    let step = at + 1;
                    return Err(format!(
                        "{place}, {operation}, step {step}: a path is no JSONPath"
                    ));
                }
            }
        }
    }
    Ok(())
}

/// Whether something is one of these.
pub(super) fn is_one_of(tree: Option<&Tree>, literals: &[Literal]) -> bool {
    which(tree, literals).is_some()
}

fn which<'l>(tree: Option<&Tree>, literals: &'l [Literal]) -> Option<&'l Literal> {
    literals.iter().find(|literal| match (literal, tree) {
        (Literal::Bool(one), Some(Tree::Bool(other))) => one == other,
        (Literal::Integer(one), Some(Tree::Number(other))) => other.as_i64() == Some(*one),
        (Literal::Text(one), Some(Tree::String(other))) => one == other,
        _ => false,
    })
}

/// The manifest's own word for why a key is refused, where a tree holds one.
pub(super) fn dead_word(step: &Step, tree: &Tree) -> Option<String> {
    step.dead_if.iter().find_map(|(path, literals)| {
        let found = all(tree, path).into_iter().find_map(|one| which(Some(one), literals))?;
        Some(match found {
            Literal::Text(word) => word.clone(),
            Literal::Bool(_) | Literal::Integer(_) => path.trim_start_matches("$.").to_owned(),
        })
    })
}

/// Whether a tree holds all that a good answer has to.
pub(super) fn is_good(step: &Step, tree: &Tree) -> bool {
    let held = |path: &String| first(tree, path).is_some_and(|found| !found.is_null());
    step.holds.iter().all(held)
        && step.good_if.iter().all(|(path, literals)| is_one_of(first(tree, path), literals))
}

impl Scope<'_> {
    /// Keeps what a step takes for those that follow.
    ///
    /// # Errors
    /// Where the key's id is there and no text.
    pub(super) fn take(&mut self, step: &Step, answer: &Read) -> Result<(), &'static str> {
        for (name, source) in &step.take {
            let Some(tree) = self.sourced(source, answer, &answer.body) else { continue };
            if name == "key_id" {
                let id = text_of(&tree).ok_or("the key's id in the answer is no text")?;
                self.key_id = Some(id);
            }
            self.taken.insert(name.clone(), tree);
        }
        Ok(())
    }

    /// Whose key it is, and what it may do.
    pub(super) fn identity(&self, step: &Step, answer: &Read) -> Identity {
        let tree = |name: &str| self.sourced(step.take.get(name)?, answer, &answer.body);
        let known = |name: &str| tree(name).or_else(|| self.taken.get(name).cloned());
        Identity {
            owner: known("owner").and_then(|tree| self.tame(&tree)),
            scopes: self.scopes(step, answer),
            expires_ms: known("expires").and_then(|tree| time::read(&tree)),
            key_id: tree("key_id").and_then(|tree| text_of(&tree)),
        }
    }

    fn scopes(&self, step: &Step, answer: &Read) -> Vec<String> {
        let words: Vec<Tree> = match step.take.get("scopes") {
            Some(Source::Path(path)) => {
                let mut found = Vec::new();
                for tree in all(&answer.body, path) {
                    match tree {
                        Tree::Array(many) => found.extend(many.iter().take(MAX_SCOPES).cloned()),
                        one => found.push(one.clone()),
                    }
                }
                found
            }
            Some(source) => self.sourced(source, answer, &answer.body).into_iter().collect(),
            None => Vec::new(),
        };
        let texts = words.iter().filter_map(|tree| self.tame(tree));
        let split = |text: String| {
            let words = text.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned);
            words.collect::<Vec<_>>()
        };
        texts.flat_map(split).take(MAX_SCOPES).collect()
    }

    /// What is at a source; a path counts from `base`.
    pub(super) fn sourced(&self, source: &Source, answer: &Read, base: &Tree) -> Option<Tree> {
        match source {
            Source::Path(path) => first(base, path).cloned(),
            Source::Header(name) => answer.header(name).map(|text| Tree::String(text.to_owned())),
            Source::Known(template) => {
                let text = self.text(template, as_it_is).ok()??;
                Some(Tree::String(text.to_string()))
            }
        }
    }

    /// A value that an answer hands over: a text that is there.
    pub(super) fn secret(&self, source: &Source, answer: &Read) -> Option<Zeroizing<Vec<u8>>> {
        match self.sourced(source, answer, &answer.body)? {
            Tree::String(text) if !text.is_empty() => Some(Zeroizing::new(text.into_bytes())),
            _ => None,
        }
    }

    /// A text of the vendor that a person may see: short, one line, and no value of ours.
    pub(super) fn tame(&self, tree: &Tree) -> Option<String> {
        let text = text_of(tree)?;
        let shown: String = text.chars().filter(|c| !c.is_control() && !is_format(*c)).collect();
        // Looked at both ways: what is left out for being invisible may have stood within the key.
        if self.repeats(&text) || self.repeats(&shown) {
            return None;
        }
        let end = (0..=shown.len().min(MAX_TEXT)).rev().find(|at| shown.is_char_boundary(*at))?;
        let shown = shown.get(..end)?.trim();
        (!shown.is_empty()).then(|| shown.to_owned())
    }
}

/// A text or a number, as text.
pub(super) fn text_of(tree: &Tree) -> Option<String> {
    match tree {
        Tree::String(text) if !text.is_empty() && text.len() <= 4096 => Some(text.clone()),
        Tree::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Characters that change how their neighbours are shown.
fn is_format(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
