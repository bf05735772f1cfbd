//! Bitwarden: an unencrypted export, a list of items, or one item.
//!
//! Secrets are a login's password, an SSH key's private half, and custom fields of the hidden type.

use super::{Gatherer, Item, refusal, text_of};
use crate::intake::{Kind, ParseError, Tree};

/// `type` of a custom field that is shown as dots.
const HIDDEN: i64 = 1;

pub(super) fn read(tree: &Tree, gatherer: &mut Gatherer<'_>) -> Result<(), ParseError> {
    if matches!(tree.get("encrypted"), Some(Tree::Truth(true))) {
        return Err(refusal(Kind::Encrypted));
    }
    match (tree, tree.get("items")) {
        (Tree::List(items), _) | (_, Some(Tree::List(items))) => {
            items.iter().try_for_each(|item| read_item(item, gatherer))
        }
        _ => read_item(tree, gatherer),
    }
}

fn read_item(tree: &Tree, gatherer: &mut Gatherer<'_>) -> Result<(), ParseError> {
    let (Some(name), Some(Tree::Whole(_))) =
        (tree.get("name").and_then(Tree::text), tree.get("type"))
    else {
        return Err(refusal(Kind::Shape("bw")));
    };
    let mut item = Item::new(name);
    if let Some(login) = tree.get("login") {
        item.add_if_any("password", text_of(login, "password"));
        if !text_of(login, "totp").is_empty() {
            gatherer.pass(item.place("totp"), super::SEED)?;
        }
    }
    if let Some(key) = tree.get("sshKey") {
        item.add_if_any("privateKey", text_of(key, "privateKey"));
    }
    for field in tree.get("fields").map(Tree::items).unwrap_or_default() {
        if matches!(field.get("type"), Some(Tree::Whole(HIDDEN))) {
            item.add_if_any(text_of(field, "name"), text_of(field, "value"));
        }
    }
    if matches!(tree.get("card"), Some(Tree::Map(_))) {
        gatherer.pass(item.place("card"), "is a payment card, not a key")?;
    }
    if !text_of(tree, "notes").is_empty() {
        gatherer.pass(item.place("notes"), super::NOTE)?;
    }
    gatherer.take_item(&item)
}
