//! Members of the maps in a JSON or JSON5 document: put in, replaced, taken out; every other byte
//! stays.
//!
//! The outcome is read again, as in `spots`: unless exactly what was asked for differs, there is no
//! outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use zeroize::Zeroizing;

use super::spans::{self, Member};
use super::spots::edited;
use super::{Entangled, Format, Tree, maps};

/// What becomes of one member.
#[derive(Clone)]
pub enum Edit {
    /// It is this JSON, as much of the way to it as is missing being made. Wiped when dropped.
    Put(Zeroizing<String>),
    /// It is gone.
    Gone,
}

/// The document with some members changed, each named by its keys joined by dots.
///
/// # Errors
/// Where it is no such document, two members have one name, or something else would change.
pub fn edit(
    format: Format,
    bytes: &[u8],
    edits: &BTreeMap<String, Edit>,
) -> Result<Zeroizing<Vec<u8>>, Entangled> {
    let old = maps::parse(format, bytes).map_err(|_| Entangled)?;
    let text = str::from_utf8(bytes).map_err(|_| Entangled)?;
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let members = spans::members(format, &text[start..]).map_err(|_| Entangled)?;
    let (mut pieces, mut done) = (Vec::new(), BTreeSet::new());
    for (path, wanted) in edits {
        let mut here = members.iter().filter(|member| member.path == *path);
        let piece = match (here.next(), wanted) {
            (Some(member), Edit::Put(json)) => {
                Some((member.value.clone(), json.as_bytes().to_vec()))
            }
            (Some(member), Edit::Gone) => Some((with_comma(text, start, member), Vec::new())),
            (None, Edit::Put(json)) => Some(inserted(&members, path, json)?),
            (None, Edit::Gone) => {
                done.insert(path.as_str());
                None
            }
        };
        if here.next().is_some() {
            return Err(Entangled);
        }
        pieces.extend(piece.map(|(span, with)| (start + span.start..start + span.end, with)));
    }
    let result = edited(bytes, pieces)?;
    let new = maps::parse(format, &result).map_err(|_| Entangled)?;
    let mut check = Check { format, edits, done };
    let same = check.same(Some(&old), Some(&new), &mut String::new());
    let whole = edits.iter().all(|(path, wanted)| {
        let there = at(&new, path).is_some();
        check.done.contains(path.as_str()) && there == matches!(wanted, Edit::Put(_))
    });
    if same && whole { Ok(result) } else { Err(Entangled) }
}

/// What stands at the end of these keys; a key that is empty or has a dot in it is on no such way,
/// though joined it may look like one.
fn at<'a>(tree: &'a Tree, path: &str) -> Option<&'a Tree> {
    path.split('.').try_fold(tree, |tree, key| match tree {
        Tree::List(list) => list.get(key.parse::<usize>().ok()?),
        tree => tree.get(key),
    })
}

/// A new member in the deepest map on its way that is there, as the first one.
fn inserted(
    members: &[Member],
    path: &str,
    json: &str,
) -> Result<(Range<usize>, Vec<u8>), Entangled> {
    let keys: Vec<&str> = path.split('.').collect();
    let found = (0..keys.len()).rev().find_map(|depth| {
        let above = keys[..depth].join(".");
        members.iter().find(|m| m.path == above).map(|member| (depth, member))
    });
    let (depth, member) = found.ok_or(Entangled)?;
    let inside = member.inside.ok_or(Entangled)?;
    let missing = &keys[depth..];
    let mut with = String::with_capacity(json.len() + path.len() + 8 * keys.len() + 8);
    for (at, key) in missing.iter().enumerate() {
        with.push_str(if at == 0 { "\n  \"" } else { " { \"" });
        with.push_str(key);
        with.push_str("\":");
    }
    with.push(' ');
    with.push_str(json);
    for _ in 1..missing.len() {
        with.push_str(" }");
    }
    with.push_str(if member.is_empty { "\n" } else { "," });
    Ok((inside..inside, with.into_bytes()))
}

/// A member with one of the commas beside it: the one behind, else the one before.
fn with_comma(text: &str, start: usize, member: &Member) -> Range<usize> {
    let bytes = &text.as_bytes()[start..];
    let blank = |byte: &&u8| byte.is_ascii_whitespace();
    let end = member.value.end + bytes[member.value.end..].iter().take_while(blank).count();
    let first = member.whole - bytes[..member.whole].iter().rev().take_while(blank).count();
    match bytes.get(end) {
        Some(b',') => first..end + 1,
        _ if first > 0 && bytes[first - 1] == b',' => first - 1..member.value.end,
        _ => first..member.value.end,
    }
}

/// Compares two documents but for the edits.
struct Check<'a> {
    format: Format,
    edits: &'a BTreeMap<String, Edit>,
    done: BTreeSet<&'a str>,
}

impl Check<'_> {
    fn same(&mut self, old: Option<&Tree>, new: Option<&Tree>, path: &mut String) -> bool {
        if let Some((name, wanted)) = self.edits.get_key_value(path.as_str()) {
            let as_wanted = match (wanted, new) {
                (Edit::Gone, None) => true,
                (Edit::Put(json), Some(new)) => {
                    // The parser wants a map or a list on top.
                    let list = Zeroizing::new(format!("[{}]", json.as_str()));
                    let parsed = maps::parse(self.format, list.as_bytes());
                    parsed.is_ok_and(|parsed| matches!(parsed.items(), [one] if one == new))
                }
                _ => false,
            };
            return as_wanted && self.done.insert(name);
        }
        let empty = BTreeMap::new();
        match (old, new) {
            // A map on the way to a new member, with nothing else in it.
            (None, Some(Tree::Map(made))) => self.is_way(path) && self.maps(&empty, made, path),
            (Some(Tree::Map(old)), Some(Tree::Map(new))) => self.maps(old, new, path),
            (Some(Tree::List(old)), Some(Tree::List(new))) => {
                let length = path.len();
                let same = |(at, (old, new)): (usize, (&Tree, &Tree))| {
                    join(path, &at.to_string());
                    let same = self.same(Some(old), Some(new), path);
                    path.truncate(length);
                    same
                };
                old.len() == new.len() && old.iter().zip(new).enumerate().all(same)
            }
            (old, new) => old == new,
        }
    }

    fn maps(
        &mut self,
        old: &BTreeMap<String, Tree>,
        new: &BTreeMap<String, Tree>,
        path: &mut String,
    ) -> bool {
        let length = path.len();
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        keys.into_iter().all(|key| {
            join(path, key);
            let same = self.same(old.get(key), new.get(key), path);
            path.truncate(length);
            same
        })
    }

    fn is_way(&self, path: &str) -> bool {
        let below = |name: &String| name.strip_prefix(path).is_some_and(|r| r.starts_with('.'));
        self.edits.keys().any(below)
    }
}

fn join(path: &mut String, key: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(key);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit_text(text: &str, edits: &[(&str, Option<&str>)]) -> Result<String, Entangled> {
        let edit_of = |json: Option<&str>| match json {
            Some(json) => Edit::Put(Zeroizing::new(json.to_owned())),
            None => Edit::Gone,
        };
        let edits = edits.iter().map(|(p, json)| ((*p).to_owned(), edit_of(*json))).collect();
        let done = edit(Format::Json5, text.as_bytes(), &edits)?;
        Ok(str::from_utf8(&done).unwrap().to_owned())
    }

    #[test]
    fn members_are_put_replaced_and_taken_out() {
        let put = |text: &str| edit_text(text, &[("a.b", Some("{\"x\":1}"))]).unwrap();
        assert_eq!(put("{}"), "{\n  \"a\": { \"b\": {\"x\":1} }\n}");
        assert_eq!(put("{ c: 1 }"), "{\n  \"a\": { \"b\": {\"x\":1} }, c: 1 }");
        assert_eq!(put("{ a: {/*k*/} }"), "{ a: {\n  \"b\": {\"x\":1}\n/*k*/} }");
        assert_eq!(put("{ a: { c: [1] } }"), "{ a: {\n  \"b\": {\"x\":1}, c: [1] } }");
        assert_eq!(put("{ a: { 'b': 'key', }, }"), "{ a: { 'b': {\"x\":1}, }, }");
        let gone = |text: &str| edit_text(text, &[("a.b", None)]).unwrap();
        assert_eq!(gone("{ a: { b: {c: 1}, d: 2 } }"), "{ a: { d: 2 } }");
        assert_eq!(gone("{ a: { d: 2, b: [1, 2] } }"), "{ a: { d: 2 } }");
        assert_eq!(gone("{ a: { b: 1 } }"), "{ a: { } }");
        let both = [("x.0.k", Some("\"v\"")), ("y", None)];
        assert_eq!(edit_text("{x: [{k: 1}], y: 2}", &both).unwrap(), "{x: [{k: \"v\"}]}");
    }

    #[test]
    fn what_cannot_be_done_exactly_is_not_done() {
        for (text, path, json) in [
            ("{", "a", Some("1")),
            ("{a: 1}", "a.b", Some("1")),
            ("{a: [1]}", "a.b", Some("1")),
            ("{'a.b': 1, a: {b: 2}}", "a.b", None),
            ("{a: 1}", "a", Some("{")),
            ("{a: 1}", "a", Some("1, b: 2")),
            ("{a: 1 /* c */, b: 2}", "a", None),
            // Joined by dots these look like another place.
            ("{a: 1, '': {b: 2}}", "c.d", Some("1")),
            ("{'': {a: {}}}", "a.b", Some("1")),
            ("{'a.b': {}}", "a.b.c", Some("1")),
        ] {
            assert!(edit_text(text, &[(path, json)]).is_err(), "{text} {path}");
        }
        assert!(edit_text("{a: 1}", &[("b", None)]).is_ok());
    }
}
