//! 1Password: items as `op item get --format json` prints them.
//!
//! Secrets are the fields of type `CONCEALED` or `SSHKEY` and those whose purpose is `PASSWORD`.

use super::{Gatherer, Item, refusal, text_of};
use crate::intake::{Kind, ParseError, Tree};

pub(super) fn read(tree: &Tree, gatherer: &mut Gatherer<'_>) -> Result<(), ParseError> {
    match tree {
        Tree::List(items) => items.iter().try_for_each(|item| read_item(item, gatherer)),
        _ => read_item(tree, gatherer),
    }
}

fn read_item(tree: &Tree, gatherer: &mut Gatherer<'_>) -> Result<(), ParseError> {
    let Some(title) = tree.get("title").and_then(Tree::text) else {
        return Err(refusal(Kind::Shape("op")));
    };
    // `op item list` prints items without their fields.
    let Some(Tree::List(fields)) = tree.get("fields") else {
        return Err(refusal(Kind::NoValues));
    };
    let mut item = Item::new(title);
    for field in fields {
        let value = text_of(field, "value");
        let label = match text_of(field, "label") {
            "" => text_of(field, "id"),
            label => label,
        };
        match (text_of(field, "type"), text_of(field, "purpose")) {
            _ if value.is_empty() => {}
            ("CONCEALED" | "SSHKEY", _) | (_, "PASSWORD") => {
                let section = field.get("section").map(|section| text_of(section, "label"));
                item.add(section, label, value);
            }
            ("OTP", _) => gatherer.pass(item.place(label), super::SEED)?,
            (_, "NOTES") => gatherer.pass(item.place(label), super::NOTE)?,
            _ => {}
        }
    }
    gatherer.take_item(&item)
}
