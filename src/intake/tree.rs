//! A document of maps and lists, in memory that is wiped, and the bounded way to build one.
//!
//! The libraries recurse only as far as this visitor asks them to, so that the bounds of depth
//! and count hold while they read, not afterwards.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use clawvault_core::domain::limits::{MAX_DEPTH, MAX_DOCUMENT, MAX_IMPORT};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use super::Kind;

/// Longest key, and longest path of keys, in bytes.
pub(super) const MAX_PATH: usize = 1024;
/// Most nodes of one document; text is only a part of them.
pub(super) const MAX_NODES: usize = 4 * MAX_IMPORT;

/// A document of maps, lists and text.
#[derive(PartialEq)]
pub enum Tree {
    /// A text, wiped when dropped.
    Text(Zeroizing<String>),
    /// A list.
    List(Vec<Tree>),
    /// A map, its keys sorted.
    Map(BTreeMap<String, Tree>),
    /// A truth value: never a secret.
    Truth(bool),
    /// A whole number: never a secret.
    Whole(i64),
    /// Any other number, a date, nothing: never a secret.
    Other,
}

impl Tree {
    /// The node under `key`, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Tree> {
        match self {
            Self::Map(map) => map.get(key),
            _ => None,
        }
    }

    /// The items of a list; none where this is no list.
    pub fn items(&self) -> &[Tree] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    /// The text, if this is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::List(list) => write!(f, "List({})", list.len()),
            Self::Map(map) => write!(f, "Map({})", map.len()),
            Self::Truth(_) => f.write_str("Truth"),
            Self::Whole(_) => f.write_str("Whole"),
            Self::Other => f.write_str("Other"),
        }
    }
}

/// Builds one tree and remembers which bound it ran into, which a library's error cannot carry.
#[derive(Default)]
pub(super) struct Builder {
    nodes: Cell<usize>,
    fault: Cell<Option<Kind>>,
    /// Bytes of text so far; more than the document has only if aliases repeat it.
    text: Cell<usize>,
    /// Length of the keys above the node in hand, joined.
    path: Cell<usize>,
}

impl Builder {
    pub(super) fn fault(&self) -> Option<Kind> {
        self.fault.get()
    }

    pub(super) fn seed(&self) -> Seed<'_> {
        Seed { builder: self, depth: 0 }
    }

    fn refuse<E: Error>(&self, kind: Kind) -> E {
        self.fault.set(Some(kind));
        E::custom(kind)
    }
}

/// Builds the node at one depth.
#[derive(Clone, Copy)]
pub(super) struct Seed<'b> {
    builder: &'b Builder,
    depth: usize,
}

impl Seed<'_> {
    fn text<E: Error>(self, text: Zeroizing<String>) -> Result<Tree, E> {
        let total = self.builder.text.get() + text.len();
        self.builder.text.set(total);
        if total > MAX_DOCUMENT {
            return Err(self.builder.refuse(Kind::Aliases));
        }
        Ok(Tree::Text(text))
    }

    fn below<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(self.builder.refuse(Kind::TooDeep));
        }
        Ok(Self { builder: self.builder, depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Tree;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        let nodes = self.builder.nodes.get() + 1;
        self.builder.nodes.set(nodes);
        if nodes > MAX_NODES {
            return Err(self.builder.refuse(Kind::TooMany));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document of maps, lists and text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Tree, E> {
        self.text(Zeroizing::new(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Tree, E> {
        self.text(Zeroizing::new(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let below = self.below()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(below)? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Tree, A::Error> {
        let below = self.below()?;
        let mut map = BTreeMap::new();
        while let Some(key) = pairs.next_key_seed(Key(self.builder))? {
            let above = self.builder.path.get();
            if above + key.len() + 1 > MAX_PATH {
                return Err(self.builder.refuse(Kind::PathTooLong));
            }
            self.builder.path.set(above + key.len() + 1);
            match map.entry(key) {
                Entry::Occupied(_) => return Err(self.builder.refuse(Kind::DuplicateKey)),
                Entry::Vacant(place) => place.insert(pairs.next_value_seed(below)?),
            };
            self.builder.path.set(above);
        }
        // How the TOML library passes on a date.
        let date = map.len() == 1 && map.contains_key("$__toml_private_datetime");
        Ok(if date { Tree::Other } else { Tree::Map(map) })
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Tree, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Tree, E> {
        Ok(Tree::Truth(truth))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Whole(number))
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Tree, E> {
        Ok(i64::try_from(number).map_or(Tree::Other, Tree::Whole))
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_none<E: Error>(self) -> Result<Tree, E> {
        Ok(Tree::Other)
    }
}

/// The key of a map: any scalar, as text.
struct Key<'b>(&'b Builder);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key that is text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        if text.len() > MAX_PATH {
            return Err(self.0.refuse(Kind::PathTooLong));
        }
        Ok(text.to_owned())
    }
}
