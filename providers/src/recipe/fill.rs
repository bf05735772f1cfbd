//! What stands at the places of templates, and what steps hand on to each other.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use clawvault_core::domain::FieldName;
use serde_json::Value as Tree;
use zeroize::Zeroizing;

use crate::adapter::{Ask, Fields};
use crate::manifest::recipes::{Api, Json};
use crate::manifest::template::{Form, MAX_DAYS, Name, Part, Place, Template};

use super::time;

/// What one run of an operation knows.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub(super) ask: &'a Ask,
    api: &'a Api,
    /// The vendor's id of the key, once it is known.
    pub(super) key_id: Option<String>,
    /// What earlier steps took.
    pub(super) taken: BTreeMap<String, Tree>,
    /// Milliseconds since 1970.
    pub(super) now_ms: i64,
}

/// Why a template stays open: what is missing.
pub(super) type Missing = String;

impl<'a> Scope<'a> {
    pub(super) fn new(api: &'a Api, ask: &'a Ask, key_id: Option<String>, now: SystemTime) -> Self {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Self { ask, api, key_id, taken: BTreeMap::new(), now_ms }
    }

    /// Now, as this run takes it.
    pub(super) fn now(&self) -> SystemTime {
        let ms = u64::try_from(self.now_ms).unwrap_or_default();
        UNIX_EPOCH + std::time::Duration::from_millis(ms)
    }

    /// A param of the policy, or its default.
    fn param(&self, name: &str) -> Option<&str> {
        let given = self.ask.params.get(name).map(String::as_str);
        given.or_else(|| self.api.params.get(name)?.default.as_deref())
    }

    /// What stands at a place: none where nothing may.
    fn tree(&self, place: &Place) -> Result<Option<Tree>, Missing> {
        let found = place.names.iter().find_map(|name| self.named(name));
        match found {
            Some(Tree::Null) | None if place.optional => Ok(None),
            Some(tree) => Ok(Some(formed(tree, place.form))),
            None => Err(missing(place)),
        }
    }

    fn named(&self, name: &Name) -> Option<Tree> {
        let text = match name {
            Name::Key(field) => field_text(&self.ask.key, field)?,
            Name::Admin(field) => field_text(self.ask.admin.as_ref()?, field)?,
            Name::KeyId => self.key_id.clone()?,
            Name::Param(name) => self.param(name)?.to_owned(),
            Name::Label => Some(self.ask.label.clone()).filter(|label| !label.is_empty())?,
            Name::Taken(name) => return self.taken.get(name).cloned(),
            Name::Ahead(instant, param) => {
                let days: i64 = self.param(param)?.parse().ok()?;
                let days = (0..=MAX_DAYS).contains(&days).then_some(days)?;
                return time::ahead(*instant, self.now_ms, days);
            }
        };
        Some(Tree::String(text))
    }

    /// A template as text; `escape` is put on what stands at places. None where a place that it is
    /// the whole of may be empty and is.
    pub(super) fn text(
        &self,
        template: &Template,
        escape: fn(&str) -> String,
    ) -> Result<Option<Zeroizing<String>>, Missing> {
        let mut text = Zeroizing::new(String::new());
        for part in &template.parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Place(place) => match self.tree(place)? {
                    Some(tree) => {
                        let plain = Zeroizing::new(plain(&tree).ok_or_else(|| missing(place))?);
                        text.push_str(&Zeroizing::new(escape(&plain)));
                    }
                    None if template.only_place().is_some() => return Ok(None),
                    None => {}
                },
            }
        }
        Ok(Some(text))
    }

    /// A JSON body; a member whose place may be empty, and is, is left out.
    pub(super) fn json(&self, json: &Json) -> Result<Option<Tree>, Missing> {
        Ok(Some(match json {
            Json::Bool(value) => Tree::Bool(*value),
            Json::Integer(value) => Tree::from(*value),
            Json::Text(template) => match template.only_place() {
                Some(place) => return self.tree(place),
                None => Tree::String(
                    self.text(template, as_it_is)?.as_deref().cloned().unwrap_or_default(),
                ),
            },
            Json::List(all) => {
                let mut list = Vec::new();
                for one in all {
                    list.extend(self.json(one)?);
                }
                Tree::Array(list)
            }
            Json::Object(all) => {
                let mut object = serde_json::Map::new();
                for (name, one) in all {
                    if let Some(value) = self.json(one)? {
                        object.insert(name.clone(), value);
                    }
                }
                Tree::Object(object)
            }
        }))
    }

    /// Whether a text of the vendor repeats a value of ours.
    pub(super) fn repeats(&self, text: &str) -> bool {
        let values = self.ask.key.iter().chain(self.ask.admin.iter().flatten());
        values.map(|(_, value)| value.expose()).any(|value| {
            let long = value.len() >= 8;
            long && text.as_bytes().windows(value.len()).any(|window| window == value)
        })
    }
}

pub(super) fn as_it_is(text: &str) -> String {
    text.to_owned()
}

/// Whether a template names a field of the admin credential.
pub(super) fn names_admin(template: &Template) -> bool {
    template.places().flat_map(|place| &place.names).any(|name| matches!(name, Name::Admin(_)))
}

/// A field as text: an adapter's other bytes have no place in HTTP.
fn field_text(fields: &Fields, name: &str) -> Option<String> {
    let name = FieldName::parse(name).ok()?;
    let (_, value) = fields.iter().find(|(field, _)| *field == name)?;
    str::from_utf8(value.expose()).ok().map(str::to_owned)
}

/// Text, numbers and truth as text; nothing else has one.
fn plain(tree: &Tree) -> Option<String> {
    match tree {
        Tree::String(text) => Some(text.clone()),
        Tree::Number(number) => Some(number.to_string()),
        Tree::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

fn formed(tree: Tree, form: Form) -> Tree {
    match (form, tree) {
        (Form::Number, Tree::String(text)) => match text.parse::<serde_json::Number>() {
            Ok(number) => Tree::Number(number),
            Err(_) => Tree::String(text),
        },
        (Form::List, Tree::String(text)) => {
            let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
            Tree::Array(words.map(|word| Tree::String(word.to_owned())).collect())
        }
        (_, tree) => tree,
    }
}

fn missing(place: &Place) -> Missing {
    let name = |name: &Name| match name {
        Name::Key(field) => format!("the key's field {field}"),
        Name::Admin(field) => format!("the admin credential's field {field}"),
        Name::KeyId => "the vendor's id of the key".to_owned(),
        Name::Param(name) | Name::Ahead(_, name) => format!("the param {name}"),
        Name::Label => "a label".to_owned(),
        Name::Taken(name) => format!("{name} in an earlier answer"),
    };
    let names: Vec<String> = place.names.iter().map(name).collect();
    format!("{} is not known", names.join(" or "))
}
