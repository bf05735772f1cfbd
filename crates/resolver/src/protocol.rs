//! One request and its answer, both JSON, as OpenClaw 2026.9.6 has them
//! (`docs/gateway/secrets/secretref-contract.md` of its package).

use clawvault_core::domain::{FieldName, Revealed, SecretName, Value, json_text};
use serde::Deserialize;
use zeroize::Zeroizing;

/// Largest request, in bytes.
pub const MAX_REQUEST: usize = 256 * 1024;
/// What OpenClaw takes for a redacted value: whoever used the value before stops using it.
pub const PLACEHOLDER: &str = "__OPENCLAW_REDACTED__";
/// Most ids of one request.
const MAX_IDS: usize = 512;
/// Longest id, in bytes.
const MAX_ID: usize = 256;

/// A secret, and its field where one is named.
pub type Id = (SecretName, Option<FieldName>);

/// Bytes that are no request of an exec secret provider.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotAsked;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    protocol_version: u32,
    ids: Vec<String>,
}

/// A request: each id as it was asked, and what it names where it names something.
#[derive(Debug)]
pub struct Asked(Vec<(String, Option<Id>)>);

impl Asked {
    /// Reads a request.
    ///
    /// # Errors
    /// Where it is none, of another version, or past a bound.
    pub fn parse(request: &[u8]) -> Result<Self, NotAsked> {
        if request.len() > MAX_REQUEST {
            return Err(NotAsked);
        }
        let asked: Request = serde_json::from_slice(request).map_err(|_| NotAsked)?;
        let bounded = asked.ids.len() <= MAX_IDS && asked.ids.iter().all(|id| id.len() <= MAX_ID);
        if asked.protocol_version != 1 || !bounded {
            return Err(NotAsked);
        }
        let named = |id: String| {
            let named = parse(&id);
            (id, named)
        };
        Ok(Self(asked.ids.into_iter().map(named).collect()))
    }

    /// The secrets that are asked for.
    pub fn ids(&self) -> Vec<Id> {
        self.0.iter().filter_map(|(_, id)| id.clone()).collect()
    }

    /// The answer: a value for each id that was `revealed`, [`PLACEHOLDER`] for one whose secret is
    /// `withheld`, `NOT_FOUND` for any other. A value that is no text is not found either.
    pub fn answer(&self, revealed: &[Revealed], withheld: &[SecretName]) -> Zeroizing<Vec<u8>> {
        let found = |id: &Option<Id>| match id {
            Some((name, _)) if withheld.contains(name) => Some(Text::Placeholder),
            Some(id) => value(revealed, id).map(Text::Value),
            None => None,
        };
        let pairs: Vec<(&str, Option<Text<'_>>)> =
            self.0.iter().map(|(asked, id)| (asked.as_str(), found(id))).collect();
        document(&pairs)
    }
}

/// What is answered for one id.
enum Text<'a> {
    Value(&'a Value),
    Placeholder,
}

impl Text<'_> {
    fn as_str(&self) -> Option<&str> {
        match self {
            Self::Value(value) => str::from_utf8(value.expose()).ok(),
            Self::Placeholder => Some(PLACEHOLDER),
        }
    }
}

/// True where an id's field means this one. OpenClaw's ids have no `_`, so `-` may stand for it.
pub fn is_field(field: &FieldName, asked: &FieldName) -> bool {
    let same = |(a, b): (u8, u8)| a == b || (a == b'_' && b == b'-');
    let (field, asked) = (field.as_str(), asked.as_str());
    field.len() == asked.len() && field.bytes().zip(asked.bytes()).all(same)
}

/// What an id names, where it names something.
pub fn parse(id: &str) -> Option<Id> {
    let (name, field) = match id.split_once('#') {
        Some((name, field)) => (name, Some(FieldName::parse(field).ok()?)),
        None => (id, None),
    };
    Some((SecretName::parse(name).ok()?, field))
}

/// The value of an id among what was revealed.
pub fn value_of<'a>(revealed: &'a [Revealed], id: &str) -> Option<&'a Value> {
    value(revealed, &parse(id)?)
}

fn value<'a>(revealed: &'a [Revealed], (name, field): &Id) -> Option<&'a Value> {
    let one = revealed.iter().find(|one| one.info.name == *name)?;
    let value = match (field, one.fields.as_slice()) {
        (None, [(_, only)]) => Some(only),
        (None, _) => None,
        (Some(asked), fields) => {
            fields.iter().find(|(name, _)| is_field(name, asked)).map(|(_, value)| value)
        }
    };
    value.filter(|value| str::from_utf8(value.expose()).is_ok())
}

/// Writes the answer, in a buffer that never grows once a value is in it.
fn document(pairs: &[(&str, Option<Text<'_>>)]) -> Zeroizing<Vec<u8>> {
    let length = |(id, text): &(&str, Option<Text<'_>>)| {
        let value = text.as_ref().and_then(Text::as_str).map_or(0, |text| text.len() * 6);
        id.len() * 6 + 64 + value
    };
    let mut out = Zeroizing::new(Vec::with_capacity(128 + pairs.iter().map(length).sum::<usize>()));
    out.extend_from_slice(b"{\"protocolVersion\":1,\"values\":{");
    let mut separator = "";
    for (id, text) in pairs {
        let Some(text) = text.as_ref().and_then(Text::as_str) else { continue };
        out.extend_from_slice(separator.as_bytes());
        json_text(id, &mut out);
        out.push(b':');
        json_text(text, &mut out);
        separator = ",";
    }
    out.extend_from_slice(b"},\"errors\":{");
    separator = "";
    for (id, _) in pairs.iter().filter(|(_, text)| text.is_none()) {
        out.extend_from_slice(separator.as_bytes());
        json_text(id, &mut out);
        out.extend_from_slice(b":{\"code\":\"NOT_FOUND\"}");
        separator = ",";
    }
    out.extend_from_slice(b"}}\n");
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by it")]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_json_and_says_what_is_missing() {
        let value = Value::new("a\"\n\u{1}\u{2603}".as_bytes().to_vec()).unwrap();
        let pairs =
            [("a/b", Some(Text::Value(&value))), ("c#d", None), ("e", Some(Text::Placeholder))];
        let text = document(&pairs);
        let parsed: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(parsed["values"]["a/b"], "a\"\n\u{1}\u{2603}");
        assert_eq!(parsed["values"]["e"], PLACEHOLDER);
        assert_eq!(parsed["errors"]["c#d"]["code"], "NOT_FOUND");
        assert_eq!(parsed["protocolVersion"], 1);
        let none: serde_json::Value = serde_json::from_slice(&document(&[])).unwrap();
        assert!(none["values"].is_object());
    }

    #[test]
    fn a_request_is_bounded_and_an_id_names_a_secret() {
        let asked = |text: &str| Asked::parse(text.as_bytes());
        let two = asked(r#"{"protocolVersion":1,"provider":"p","ids":["a/b#c-d","Upper"]}"#);
        assert_eq!(two.unwrap().ids().len(), 1);
        for wrong in ["", "[]", r#"{"protocolVersion":2,"ids":[]}"#, r#"{"protocolVersion":1}"#] {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
        let many = |count: usize| {
            let ids = vec!["\"a\""; count].join(",");
            format!("{{\"protocolVersion\":1,\"ids\":[{ids}]}}")
        };
        assert!(asked(&many(MAX_IDS)).is_ok() && asked(&many(MAX_IDS + 1)).is_err());
        let field = |text: &str| FieldName::parse(text).unwrap();
        assert!(is_field(&field("a_b"), &field("a-b")) && is_field(&field("a"), &field("a")));
        assert!(!is_field(&field("a"), &field("b")) && !is_field(&field("a-b"), &field("a_b")));
    }
}
