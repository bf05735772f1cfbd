//! Which of the vendor's keys is this one? By a piece of the value, or by the hint of a list.

use clawvault_core::domain::FieldName;

use crate::adapter::{Ask, Kind, Operation, VendorError};
use crate::manifest::recipes::{Recipes, Step};
use crate::manifest::template::{Name, Template};

use super::RecipeAdapter;
use super::fill::Scope;

/// Fewest characters of a value that a hint has to show, beside which no other is taken for it.
const LEAST_SHOWN: usize = 6;

/// The id that lies in the key itself.
pub(super) fn in_key(recipes: &Recipes, ask: &Ask) -> Option<String> {
    let place = recipes.key_id_in.as_ref()?;
    let field = FieldName::parse(&place.field).ok()?;
    let (_, value) = ask.key.iter().find(|(name, _)| *name == field)?;
    let text = str::from_utf8(value.expose()).ok()?;
    let piece = match &place.separator {
        Some(separator) => text.split(separator.as_str()).nth(place.piece)?,
        None => text,
    };
    (!piece.is_empty()).then(|| piece.to_owned())
}

/// Whether these steps need the key's id and none of them finds it.
pub(super) fn is_wanted(steps: &[Step]) -> bool {
    let names_it = |template: &Template| {
        let mut names = template.places().flat_map(|place| &place.names);
        names.any(|name| *name == Name::KeyId)
    };
    for step in steps {
        if step.templates().into_iter().any(names_it) {
            return true;
        }
        if step.take.contains_key("key_id") {
            return false;
        }
    }
    false
}

impl RecipeAdapter {
    /// Looks the key up in the vendor's list, by the piece of it that the list shows.
    pub(super) async fn find_key_id(
        &self,
        operation: Operation,
        scope: &Scope<'_>,
    ) -> Result<String, VendorError> {
        let rows = self.rows(operation, scope).await?;
        let shown = rows.into_iter().filter(|row| {
            let hint = row.hint.as_deref().unwrap_or_default();
            scope.ask.key.iter().any(|(_, value)| shows(hint, value.expose()))
        });
        let mut ids: Vec<String> = shown.map(|row| row.key_id).collect();
        ids.sort();
        ids.dedup();
        match ids.len() {
            1 => Ok(ids.remove(0)),
            0 => {
                let detail = "the vendor's list does not show this key, and its id is not known";
                Err(self.error(operation, Kind::NotConfigured, detail))
            }
            _ => {
                let detail = "several keys in the vendor's list look like this one";
                Err(self.error(operation, Kind::NotConfigured, detail))
            }
        }
    }
}

/// Whether a hint such as `sk-ab...xyz` shows the beginning and the end of a value.
fn shows(hint: &str, value: &[u8]) -> bool {
    let hidden = |c: char| matches!(c, '*' | '…' | '•') || c.is_whitespace();
    let hint = hint.replace("...", "*");
    let Some(start) = hint.find(hidden) else {
        return hint.len() >= LEAST_SHOWN && value.ends_with(hint.as_bytes());
    };
    let (first, rest) = hint.split_at(start);
    let last = rest.rsplit(hidden).next().unwrap_or_default();
    let enough = first.len() + last.len() >= LEAST_SHOWN && first.len() + last.len() < value.len();
    enough && value.starts_with(first.as_bytes()) && value.ends_with(last.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_shows_only_its_own_key() {
        for (hint, value, is) in [
            ("sk-ant...igAA", "sk-ant-api03-xxxxxigAA", true),
            ("sk-or-v1-abc***xyz", "sk-or-v1-abcdefxyz", true),
            ("sk-…AA", "sk-AAAA", false),
            ("sk-ant...igAA", "sk-ant-api03-xxxxxigAB", false),
            ("...", "sk-ant-api03", false),
            ("", "sk-ant-api03", false),
            ("api03x", "sk-ant-api03x", true),
            ("sk-ant-igAA", "sk-ant-xx-igAA", false),
        ] {
            assert_eq!(shows(hint, value.as_bytes()), is, "{hint} {value}");
        }
    }
}
