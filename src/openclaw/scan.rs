//! Takes the credentials out of one of OpenClaw's documents.

use std::collections::BTreeMap;

use clawvault_core::domain::limits::MAX_IMPORT;
use clawvault_core::domain::{Found, Label, Value, ValueError};

use super::config::{is_include, join};
use super::credentials::{has_password, is_credential, is_credential_variable, variable_at};
use super::references::{Text, is_name, read};
use crate::intake::Tree;

/// A place that refers to an environment variable instead of holding a value.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Reference {
    /// The place, keys joined by dots.
    pub path: String,
    /// The variable.
    pub variable: String,
}

/// Texts that stand where a key was taken out.
const MARKERS: &[&str] = &["secretref-managed", "__OPENCLAW_REDACTED__"];

/// Most notes of one scan; whoever has more has another problem.
const MAX_NOTES: usize = 1_000;

/// Whose document is scanned.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Holder {
    /// The configuration.
    Config,
    /// A file of one agent, where `key` alone is a credential and `access`, `refresh` a login.
    Agent,
}

/// Gathers what the documents hold, later ones winning over earlier ones.
pub(super) struct Scan<'a> {
    known: &'a dyn Fn(&str) -> bool,
    holder: Holder,
    places: BTreeMap<Label, usize>,
    pub(super) found: Vec<Found>,
    /// Values that a later document of the same scan replaces.
    pub(super) overridden: Vec<Found>,
    /// Parts of a login that renews itself; no use to a vault.
    pub(super) logins: Vec<Found>,
    pub(super) references: Vec<Reference>,
    pub(super) notes: Vec<String>,
    /// Values and references past the bound of an import.
    pub(super) left_out: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(holder: Holder, known: &'a dyn Fn(&str) -> bool) -> Self {
        Self {
            known,
            holder,
            places: BTreeMap::new(),
            found: Vec::new(),
            overridden: Vec::new(),
            logins: Vec::new(),
            references: Vec::new(),
            notes: Vec::new(),
            left_out: 0,
        }
    }

    /// Adds the document of the file `source`, which belongs at `prefix`.
    pub(super) fn document(&mut self, source: &str, prefix: &str, tree: &Tree) {
        self.node(source, &mut prefix.to_owned(), tree);
    }

    fn node(&mut self, source: &str, path: &mut String, node: &Tree) {
        let length = path.len();
        match node {
            Tree::Map(map) => {
                if let Some((kind, id)) = secret_ref(node) {
                    if kind == "env" {
                        self.refer(path, id);
                    }
                    return;
                }
                for (key, child) in map.iter().filter(|(key, _)| !is_include(key)) {
                    join(path, key);
                    self.node(source, path, child);
                    path.truncate(length);
                }
            }
            Tree::List(list) => {
                for (index, child) in list.iter().enumerate() {
                    join(path, &index.to_string());
                    self.node(source, path, child);
                    path.truncate(length);
                }
            }
            Tree::Text(text) => self.leaf(source, path, text),
            Tree::Truth(_) | Tree::Whole(_) | Tree::Other => {}
        }
    }

    fn leaf(&mut self, source: &str, path: &str, text: &str) {
        let last = path.rsplit('.').next().unwrap_or_default();
        let of_agent = self.holder == Holder::Agent;
        let login = of_agent && matches!(last, "access" | "refresh");
        let label = match variable_at(path).filter(|_| !of_agent) {
            Some(name) if self.is_secret(name) => Some(Label::Variable(name.to_owned())),
            Some(_) => None,
            None if login
                || is_credential(path)
                || (of_agent && last == "key")
                || has_password(text) =>
            {
                Some(Label::Path(path.to_owned()))
            }
            None => None,
        };
        let literal = match read(text, label.is_some()) {
            Text::Reference(variable) => return self.refer(path, variable),
            Text::Mixed(variables) => {
                variables.into_iter().for_each(|variable| self.refer(path, variable));
                if label.is_some() {
                    let what = "has text around a reference to a variable; left as it is";
                    self.note(format!("{source}: {path} {what}"));
                }
                return;
            }
            Text::Literal(literal) => literal,
        };
        let Some(label) = label.filter(|_| !MARKERS.contains(&&*literal)) else { return };
        // A generated `models.json` holds the variable's name where the key would be.
        if is_name(&literal) && literal.contains('_') && self.is_secret(&literal) {
            return self.refer(path, &literal);
        }
        match Value::copy_of(literal.as_bytes()) {
            Ok(value) => {
                let found = Found { source: source.to_owned(), line: None, label, value };
                self.take(found, login);
            }
            Err(ValueError::Empty) => {}
            Err(error) => self.note(format!("{source}: {path}: {error}")),
        }
    }

    fn take(&mut self, found: Found, login: bool) {
        let place = self.places.get(&found.label).copied();
        if self.found.len() + self.overridden.len() + self.logins.len() == MAX_IMPORT {
            self.left_out += 1;
        } else if login {
            self.logins.push(found);
        } else if let Some(earlier) = place.and_then(|index| self.found.get_mut(index)) {
            self.overridden.push(std::mem::replace(earlier, found));
        } else {
            self.places.insert(found.label.clone(), self.found.len());
            self.found.push(found);
        }
    }

    fn is_secret(&self, variable: &str) -> bool {
        (self.known)(variable) || is_credential_variable(variable)
    }

    fn refer(&mut self, path: &str, variable: &str) {
        if self.references.len() == MAX_IMPORT {
            self.left_out += 1;
            return;
        }
        self.references.push(Reference { path: path.to_owned(), variable: variable.to_owned() });
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(note);
        }
    }
}

/// The credential that a text at `path` is, if it is one; a part of a login is one too.
pub(super) fn credential(
    holder: Holder,
    known: &dyn Fn(&str) -> bool,
    path: &str,
    text: &str,
) -> Option<Found> {
    let mut scan = Scan::new(holder, known);
    scan.leaf("", path, text);
    scan.found.pop().or_else(|| scan.logins.pop())
}

/// Source and id, if this is an object that refers to a secret kept elsewhere.
fn secret_ref(node: &Tree) -> Option<(&str, &str)> {
    let text = |key| node.get(key).and_then(Tree::text);
    let source = text("source").filter(|s| matches!(*s, "env" | "file" | "exec" | "store"))?;
    text("provider").and_then(|_| text("id")).map(|id| (source, id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openclaw::config::parse;

    fn scan(holder: Holder, text: &str) -> Scan<'static> {
        let mut scan = Scan::new(holder, &|name| name == "KNOWN_ONE");
        scan.document("file", "", &parse(text.as_bytes()).unwrap());
        scan
    }

    fn labels(found: &[Found]) -> Vec<&str> {
        found.iter().map(|found| found.label.as_str()).collect()
    }

    #[test]
    fn values_are_told_from_references() {
        let scan = scan(
            Holder::Config,
            "{ env: {vars: {A_KEY: 'one', PORT: '1', KNOWN_ONE: 'two'}},
               models: {providers: {a: {apiKey: 'three', baseUrl: '${BASE}', headers: {
                   Authorization: 'Bearer ${B_KEY}', 'X-Key': '$${C}'}},
                 b: {apiKey: '${D_KEY}'}, c: {apiKey: '$E_KEY'}, d: {apiKey: 'F_KEY'},
                 e: {apiKey: {source: 'env', provider: 'p', id: 'G_KEY'}},
                 f: {apiKey: {source: 'exec', provider: 'p', id: 'x/token'}},
                 g: {apiKey: '__OPENCLAW_REDACTED__'}, h: {apiKey: ''}, i: {key: 'no'}}} }",
        );
        let expected =
            ["A_KEY", "KNOWN_ONE", "models.providers.a.apiKey", "models.providers.a.headers.X-Key"];
        assert_eq!(labels(&scan.found), expected);
        assert_eq!(scan.found[0].label, Label::Variable("A_KEY".to_owned()));
        assert_eq!(scan.found[3].value.expose(), b"${C}");
        let variables: Vec<_> = scan.references.iter().map(|r| r.variable.as_str()).collect();
        assert_eq!(variables, ["BASE", "B_KEY", "D_KEY", "E_KEY", "F_KEY", "G_KEY"]);
        assert_eq!(scan.notes.len(), 1);
    }

    #[test]
    fn a_later_document_wins_and_the_loser_is_kept_apart() {
        let mut scan = Scan::new(Holder::Config, &|_| false);
        let tree = |text: &str| parse(text.as_bytes()).unwrap();
        scan.document("first", "gateway", &tree("{auth: {token: 'one', password: 'p'}}"));
        scan.document("second", "", &tree("{gateway: {auth: {token: 'two'}}}"));
        assert_eq!(labels(&scan.found), ["gateway.auth.password", "gateway.auth.token"]);
        assert_eq!(
            (scan.found[1].source.as_str(), scan.found[1].value.expose()),
            ("second", &b"two"[..])
        );
        assert_eq!(scan.overridden[0].value.expose(), b"one");
    }

    #[test]
    fn an_agents_profiles_are_credentials_and_its_logins_are_not() {
        let scan = scan(
            Holder::Agent,
            "{profiles: {'a:default': {type: 'api_key', key: 'one'},
               b: {type: 'oauth', access: 'two', refresh: 'three'},
               c: {key: 'secretref-managed'}, d: {key: 'D_API_KEY'}}}",
        );
        assert_eq!(labels(&scan.found), ["profiles.a:default.key"]);
        assert_eq!(labels(&scan.logins), ["profiles.b.access", "profiles.b.refresh"]);
        assert_eq!(scan.references[0].variable, "D_API_KEY");
    }
}
