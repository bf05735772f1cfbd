//! HashiCorp Vault and OpenBao: secrets of the key/value engine, version 1 or 2.
//!
//! Every text of a secret's data is a secret. Version 2 wraps the data once more, beside metadata
//! that names its version.

use clawvault_core::domain::Label;

use super::{Gatherer, is_variable, refusal};
use crate::intake::{Kind, ParseError, Tree};

pub(super) fn read(tree: &Tree, gatherer: &mut Gatherer<'_>) -> Result<(), ParseError> {
    // `vault kv list` prints a list of names.
    if matches!(tree, Tree::List(_)) {
        return Err(refusal(Kind::NoValues));
    }
    let Some(outer @ Tree::Map(_)) = tree.get("data") else {
        return Err(refusal(Kind::Shape("vault")));
    };
    let version = outer.get("metadata").and_then(|metadata| metadata.get("version"));
    let data = match (version, outer.get("data")) {
        (Some(Tree::Whole(_)), Some(inner)) => inner,
        _ => outer,
    };
    // The data of a deleted version is null.
    let Tree::Map(entries) = data else { return Err(refusal(Kind::NoValues)) };
    for (key, node) in entries {
        match node {
            Tree::Truth(_) | Tree::Whole(_) | Tree::Other => {
                gatherer.pass(key.clone(), "is no text")?;
            }
            Tree::Text(text) if is_variable(key) => {
                gatherer.take(Label::Variable(key.clone()), text)?;
            }
            _ => node.walk(&mut |path, text| {
                let path = if path.is_empty() { key.clone() } else { format!("{key}.{path}") };
                gatherer.take(Label::Path(path), text)
            })?,
        }
    }
    Ok(())
}
