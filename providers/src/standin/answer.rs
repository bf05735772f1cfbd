//! What a vendor would answer, by its manifest.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Tree};

use crate::manifest::recipes::{Interface, Literal, Method, Recipes, Request, Source, Step};
use crate::manifest::template::Part as Piece;

/// What stands where the manifest wants something to be.
const SOMETHING: &str = "drill";

/// One vendor that is played.
pub(super) struct Part {
    interface: Interface,
    /// Whether the calls that revoke were made.
    revoked: bool,
}

impl Part {
    pub(super) fn new(interface: Interface) -> Self {
        Self { interface, revoked: false }
    }

    /// Status and body for a call.
    pub(super) fn answer(&mut self, method: &str, path: &str) -> (u16, Tree) {
        let variants = self.interface.variants.iter().map(|variant| &variant.recipes);
        let all: Vec<&Recipes> = std::iter::once(&self.interface.recipes).chain(variants).collect();
        let meant = |step: &&Step| is_meant(&step.request, method, path);
        let ends = all.iter().filter_map(|recipes| recipes.revoke.last());
        if let Some(step) = ends.into_iter().find(meant) {
            self.revoked = true;
            return (good(step), document([step].into_iter()));
        }
        let asks: Vec<&Step> =
            all.iter().flat_map(|recipes| &recipes.validate).filter(meant).collect();
        if let (true, Some(step)) = (self.revoked, asks.last()) {
            return refusal(step);
        }
        let before = all.iter().flat_map(|recipes| &recipes.revoke).filter(meant);
        let known: Vec<&Step> = asks.into_iter().chain(before).collect();
        match known.first() {
            Some(step) => (good(step), document(known.iter().copied())),
            None => (404, Tree::Object(Map::new())),
        }
    }
}

/// Whether a request is that of a step; what stands in the query is not looked at.
fn is_meant(request: &Request, method: &str, path: &str) -> bool {
    let own = match request.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    };
    own == method && fits(&request.path.parts, path)
}

/// Whether a path is one of a template; a place stands for a piece between two slashes, or of one.
fn fits(pieces: &[Piece], path: &str) -> bool {
    match pieces.split_first() {
        None => path.is_empty(),
        Some((Piece::Text(text), rest)) => {
            path.strip_prefix(text.as_str()).is_some_and(|path| fits(rest, path))
        }
        Some((Piece::Place(_), rest)) => {
            let end = path.find('/').unwrap_or(path.len());
            (1..=end).filter_map(|at| path.get(at..)).any(|path| fits(rest, path))
        }
    }
}

fn good(step: &Step) -> u16 {
    step.good.as_ref().and_then(|good| good.first()).copied().unwrap_or(200)
}

/// How the vendor refuses a key.
fn refusal(step: &Step) -> (u16, Tree) {
    if let Some(status) = step.dead.as_ref().and_then(|dead| dead.first()) {
        return (*status, Tree::Object(Map::new()));
    }
    match step.dead_if.iter().find_map(|(path, words)| Some((path, words.first()?))) {
        Some((path, word)) => {
            let mut tree = document([step].into_iter());
            put(&mut tree, path, literal(word));
            (good(step), tree)
        }
        None => (401, Tree::Object(Map::new())),
    }
}

/// A document that holds what these steps look for.
fn document<'a>(steps: impl Iterator<Item = &'a Step>) -> Tree {
    let mut tree = Tree::Object(Map::new());
    for step in steps {
        let taken = step.take.iter().filter(|(name, _)| !is_time(name));
        let paths = taken.filter_map(|(_, source)| match source {
            Source::Path(path) => Some(path),
            Source::Header(_) | Source::Known(_) => None,
        });
        for path in paths.chain(&step.holds) {
            put(&mut tree, path, Tree::from(SOMETHING));
        }
        let conditions: &BTreeMap<String, Vec<Literal>> = &step.good_if;
        for (path, words) in conditions {
            if let Some(word) = words.first() {
                put(&mut tree, path, literal(word));
            }
        }
    }
    tree
}

/// What is left out: a key that says no end has none.
fn is_time(name: &str) -> bool {
    matches!(name, "expires" | "created")
}

fn literal(word: &Literal) -> Tree {
    match word {
        Literal::Bool(truth) => Tree::from(*truth),
        Literal::Integer(number) => Tree::from(*number),
        Literal::Text(text) => Tree::from(text.as_str()),
    }
}

/// Puts a value where a JSONPath looks: names are followed, every choice among rows is the first one.
fn put(tree: &mut Tree, path: &str, value: Tree) {
    let mut at = tree;
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    while !rest.is_empty() {
        let (name, after) = segment(rest);
        rest = after;
        at = match name {
            Some(name) => {
                if !at.is_object() {
                    *at = Tree::Object(Map::new());
                }
                let Tree::Object(members) = at else { return };
                members.entry(name.to_owned()).or_insert(Tree::Null)
            }
            None => {
                if !at.is_array() {
                    *at = Tree::Array(vec![Tree::Null]);
                }
                let Some(first) = at.get_mut(0) else { return };
                first
            }
        };
    }
    // What lies deeper already stays.
    if !(at.is_object() || at.is_array()) {
        *at = value;
    }
}

/// The next name of a path, or none for rows; and what comes after.
fn segment(path: &str) -> (Option<&str>, &str) {
    if let Some(rest) = path.strip_prefix('.') {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        return (Some(&rest[..end]), &rest[end..]);
    }
    let end = path.find(']').map_or(path.len(), |at| at + 1);
    let inside = path[..end].trim_start_matches('[').trim_end_matches(']');
    let quoted = inside.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    (quoted, &path[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_holds_what_paths_look_for() {
        let mut tree = Tree::Null;
        for path in ["$.a.b[0].c", "$['a'].d", "$.rows[?@.x == 'y'].id", "$.rows[*].name", "$.a"] {
            put(&mut tree, path, Tree::from(1));
        }
        let wanted = r#"{"a":{"b":[{"c":1}],"d":1},"rows":[{"id":1,"name":1}]}"#;
        assert_eq!(tree, serde_json::from_str::<Tree>(wanted).unwrap());
    }

    #[test]
    fn a_path_is_told_by_its_template() {
        let request = |text: &str| Request::try_from(text.to_owned()).unwrap();
        for (template, method, path, is) in [
            ("GET /keys/{key_id}", "GET", "/keys/7", true),
            ("GET /keys/{key_id}", "GET", "/keys/7/more", false),
            ("GET /keys/{key_id}", "GET", "/keys/", false),
            ("POST /a/{param.x}/keys:delete", "POST", "/a/b%2Fc/keys:delete", true),
            ("GET /{param.x}.json?n=1", "GET", "/ab.json", true),
            ("GET /x", "POST", "/x", false),
        ] {
            assert_eq!(is_meant(&request(template), method, path), is, "{template} {path}");
        }
    }
}
