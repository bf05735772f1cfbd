//! `resolve`: the answers of OpenClaw's exec secret provider.
//!
//! An id is a secret's name, or `NAME#FIELD`. What there is not, may not be had, or is no text, is
//! `NOT_FOUND`: of other words OpenClaw shows nothing.

use clawvault_core::domain::{FieldName, ProfileName, Revealed, SecretName, Value};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::export::json_text;
use super::session::Request;
use super::{Access, App, AppError};

/// Largest request, in bytes.
pub const MAX_REQUEST: usize = 256 * 1024;
/// Most ids of one request.
const MAX_IDS: usize = 512;
/// Longest id, in bytes.
const MAX_ID: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    protocol_version: u32,
    ids: Vec<String>,
}

impl App {
    /// Answers a request: the document, which holds values.
    ///
    /// # Errors
    /// Where the request is none, or nothing at all may be had: the provider as a whole fails then.
    pub fn resolve(
        &self,
        request: &[u8],
        profile: &ProfileName,
    ) -> Result<(Zeroizing<Vec<u8>>, Vec<String>), AppError> {
        let not_asked = || {
            let advice = "OpenClaw calls this; see `clawvault resolve --help`.";
            AppError::usage("stdin is no request of an exec secret provider", advice)
        };
        let asked: Asked = serde_json::from_slice(request).map_err(|_| not_asked())?;
        let bounded = asked.ids.len() <= MAX_IDS && asked.ids.iter().all(|id| id.len() <= MAX_ID);
        if asked.protocol_version != 1 || !bounded {
            return Err(not_asked());
        }
        let named: Vec<Option<Id>> = asked.ids.iter().map(|id| parse(id)).collect();
        let ids: Vec<Id> = named.iter().flatten().cloned().collect();
        let mut session = self.session(Access::Read)?;
        let revealed = session.ask(Request::Resolve(profile.clone(), ids))?.revealed;
        let pairs: Vec<(&str, Option<&Value>)> = asked
            .ids
            .iter()
            .zip(&named)
            .map(|(id, named)| (id.as_str(), named.as_ref().and_then(|id| value(&revealed, id))))
            .collect();
        Ok((document(&pairs), session.warnings()))
    }
}

type Id = (SecretName, Option<FieldName>);

/// Reads an id. It has no `_`, so a field may be written with `-` instead.
fn parse(id: &str) -> Option<Id> {
    let (name, field) = match id.split_once('#') {
        Some((name, field)) => (name, Some(FieldName::parse(field).ok()?)),
        None => (id, None),
    };
    Some((SecretName::parse(name).ok()?, field))
}

fn value<'a>(revealed: &'a [Revealed], (name, field): &Id) -> Option<&'a Value> {
    let one = revealed.iter().find(|one| one.info.name == *name)?;
    let value = match (field, one.fields.as_slice()) {
        (None, [(_, only)]) => Some(only),
        (None, _) => None,
        (Some(field), _) => one.field(field),
    };
    value.filter(|value| str::from_utf8(value.expose()).is_ok())
}

/// Writes the answer, in a buffer that never grows once a value is in it.
fn document(pairs: &[(&str, Option<&Value>)]) -> Zeroizing<Vec<u8>> {
    let length = |(id, value): &(&str, Option<&Value>)| {
        id.len() * 6 + 64 + value.map_or(0, |value| value.len() * 6)
    };
    let mut out = Zeroizing::new(Vec::with_capacity(128 + pairs.iter().map(length).sum::<usize>()));
    out.extend_from_slice(b"{\"protocolVersion\":1,\"values\":{");
    let mut separator = "";
    for (id, value) in pairs {
        let Some(text) = value.and_then(|value| str::from_utf8(value.expose()).ok()) else {
            continue;
        };
        out.extend_from_slice(separator.as_bytes());
        json_text(id, &mut out);
        out.push(b':');
        json_text(text, &mut out);
        separator = ",";
    }
    out.extend_from_slice(b"},\"errors\":{");
    separator = "";
    for (id, _) in pairs.iter().filter(|(_, value)| value.is_none()) {
        out.extend_from_slice(separator.as_bytes());
        json_text(id, &mut out);
        out.extend_from_slice(b":{\"code\":\"NOT_FOUND\"}");
        separator = ",";
    }
    out.extend_from_slice(b"}}\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_json_and_says_what_is_missing() {
        let value = Value::new("a\"\n\u{1}\u{2603}".as_bytes().to_vec()).unwrap();
        let text = document(&[("a/b", Some(&value)), ("c#d", None)]);
        let parsed: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(parsed["values"]["a/b"], "a\"\n\u{1}\u{2603}");
        assert_eq!(parsed["errors"]["c#d"]["code"], "NOT_FOUND");
        assert_eq!(parsed["protocolVersion"], 1);
        let none: serde_json::Value = serde_json::from_slice(&document(&[])).unwrap();
        assert!(none["values"].is_object());
        assert!(parse("Upper").is_none() && parse("a/b#c-d").is_some());
    }
}
