//! The document that a script reads and a webhook is sent, and the one that answers it.
//!
//! Asked: `{"protocol": "clawvault/1", "operation": "validate|create|revoke|list", "label": TEXT,
//! "key": {FIELD: TEXT}, "key_id": TEXT|null, "admin": {FIELD: TEXT}|null, "params": {NAME: TEXT}}`.
//! A value that is no UTF-8 stands as `{"base64": TEXT}`, here and in an answer.
//!
//! Answered, by operation:
//! - validate: `{"validity": "live|dead|unknown", "reason": WORD, "owner": TEXT, "scopes": [TEXT],
//!   "key_id": TEXT, "expires_ms": NUMBER}`, of which only the first is needed
//! - create: `{"fields": {FIELD: TEXT}, "key_id": TEXT, "expires_ms": NUMBER}`; the first is needed
//! - revoke: `{"revoked": "done|accepted"}`
//! - list: `{"keys": [{"key_id": TEXT, "name": TEXT, "created_ms": NUMBER, "active": BOOLEAN}]}`
//! - any of them: `{"error": KIND, "retry_after_s": NUMBER}`, KIND being one of [`KINDS`]
//!
//! What is answered as text is shown to people: it may hold no line break and no value.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clawvault_core::domain::FieldName;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::adapter::{
    Created, Fields, Identity, Kind, Listed, Operation, Revoked, Validity, VendorError,
};
use crate::native::call::{Call, Step};
use crate::native::place::text;

/// Largest answer, in bytes.
pub const MAX_ANSWER: usize = 1024 * 1024;
/// Longest text in an answer, in bytes.
const MAX_TEXT: usize = 1024;
/// Most keys of a list, scopes of a key, fields of a secret.
const MAX_PARTS: usize = 1000;
/// A shorter value is found everywhere.
const SHORTEST_VALUE: usize = 6;

/// Errors by name.
pub const KINDS: [(&str, Kind); 9] = [
    ("not_offered", Kind::NotOffered),
    ("not_configured", Kind::NotConfigured),
    ("unauthorized", Kind::Unauthorized),
    ("forbidden", Kind::Forbidden),
    ("not_found", Kind::NotFound),
    ("refused", Kind::Refused),
    ("conflict", Kind::Conflict),
    ("rate_limited", Kind::RateLimited),
    ("failed", Kind::VendorFailed),
];

#[derive(Serialize)]
struct Asked<'a> {
    protocol: &'static str,
    operation: &'static str,
    label: &'a str,
    key: BTreeMap<&'a str, Written<'a>>,
    key_id: Option<&'a str>,
    admin: Option<BTreeMap<&'a str, Written<'a>>>,
    params: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Written<'a> {
    Text(&'a str),
    Bytes { base64: String },
}

/// Any answer; which parts are needed depends on what was asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    validity: Option<Word>,
    reason: Option<String>,
    owner: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    fields: Option<BTreeMap<String, Told>>,
    key_id: Option<String>,
    expires_ms: Option<i64>,
    revoked: Option<Done>,
    keys: Option<Vec<Key>>,
    error: Option<String>,
    retry_after_s: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Live,
    Dead,
    Unknown,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Done {
    Done,
    Accepted,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Told {
    Text(String),
    Bytes(Base64),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Base64 {
    base64: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    key_id: String,
    name: Option<String>,
    created_ms: Option<i64>,
    #[serde(default = "yes")]
    active: bool,
}

fn yes() -> bool {
    true
}

/// What is asked, as JSON; `own` are params that concern only us.
pub(super) fn asked(call: &Call<'_>, own: &[&str], with_admin: bool) -> Step<Zeroizing<Vec<u8>>> {
    let ask = call.ask;
    let params = ask.params.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let document = Asked {
        protocol: "clawvault/1",
        operation: word(call.operation),
        label: &ask.label,
        key: written(&ask.key),
        key_id: ask.key_id.as_deref(),
        admin: ask.admin.as_ref().filter(|_| with_admin).map(written),
        params: params.map(|(name, text)| (name.as_str(), text.as_str())).collect(),
    };
    let mut bytes = Zeroizing::new(Vec::new());
    let failed = |_| call.fault(Kind::NotConfigured, "the request cannot be written");
    serde_json::to_writer(&mut *bytes, &document).map_err(failed)?;
    Ok(bytes)
}

fn written(fields: &Fields) -> BTreeMap<&str, Written<'_>> {
    fields
        .iter()
        .map(|(name, value)| {
            let written = match text(value) {
                Some(text) => Written::Text(text),
                None => Written::Bytes { base64: STANDARD.encode(value.expose()) },
            };
            (name.as_str(), written)
        })
        .collect()
}

impl Answered {
    /// Reads an answer; an error that it tells of is one.
    pub(super) fn read(call: &Call<'_>, bytes: &[u8]) -> Step<Self> {
        let wrong = |why: &str| call.fault(Kind::BadAnswer, format!("the answer {why}"));
        if bytes.len() > MAX_ANSWER {
            return Err(call.fault(Kind::Unbounded, "the answer is larger than 1 MiB"));
        }
        let answer: Self = serde_json::from_slice(bytes)
            .map_err(|_| wrong("is not the JSON document that the protocol asks for"))?;
        if !answer.is_presentable(call) {
            return Err(wrong("holds a value, a line break or too much where people would see it"));
        }
        match &answer.error {
            None => Ok(answer),
            Some(name) => {
                let found = KINDS.iter().find(|(known, _)| known == name);
                let (name, kind) = found.ok_or_else(|| wrong("tells an error of no known kind"))?;
                let error = call.fault(*kind, format!("it answered `{name}`"));
                Err(VendorError { retry_after_s: answer.retry_after_s, ..error })
            }
        }
    }

    pub(super) fn validity(self, call: &Call<'_>) -> Step<Validity> {
        let reason = self.reason.unwrap_or_else(|| "not said".to_owned());
        Ok(match self.validity.ok_or_else(|| lacks(call, "validity"))? {
            Word::Live => Validity::Live(Identity {
                owner: self.owner,
                scopes: self.scopes,
                expires_ms: self.expires_ms,
                key_id: self.key_id,
            }),
            Word::Dead => Validity::Dead(reason),
            Word::Unknown => Validity::Unknown(reason),
        })
    }

    pub(super) fn created(self, call: &Call<'_>) -> Step<Created> {
        let told = self.fields.filter(|fields| !fields.is_empty());
        let mut fields = Fields::new();
        for (name, told) in told.ok_or_else(|| lacks(call, "fields"))? {
            let no_name = |_| call.fault(Kind::BadAnswer, "the answer has a field of no such name");
            let name = FieldName::parse(&name).map_err(no_name)?;
            let bytes = match told {
                Told::Text(text) => text.into_bytes(),
                Told::Bytes(Base64 { base64 }) => {
                    let wrong =
                        |_| call.fault(Kind::BadAnswer, "the answer has a field of no base64");
                    STANDARD.decode(Zeroizing::new(base64).as_bytes()).map_err(wrong)?
                }
            };
            fields.push((name, call.value(bytes)?));
        }
        Ok(Created { fields, key_id: self.key_id, expires_ms: self.expires_ms })
    }

    pub(super) fn revoked(self, call: &Call<'_>) -> Step<Revoked> {
        match self.revoked.ok_or_else(|| lacks(call, "revoked"))? {
            Done::Done => Ok(Revoked::Done),
            Done::Accepted => Ok(Revoked::Accepted),
        }
    }

    pub(super) fn listed(self, call: &Call<'_>) -> Step<Vec<Listed>> {
        let listed = |key: Key| Listed {
            key_id: key.key_id,
            name: key.name,
            created_ms: key.created_ms,
            active: key.active,
            hint: None,
        };
        let keys = self.keys.ok_or_else(|| lacks(call, "keys"))?;
        Ok(keys.into_iter().map(listed).collect())
    }

    /// Whether what people would see is fit for that.
    fn is_presentable(&self, call: &Call<'_>) -> bool {
        let keys = self.keys.as_deref().unwrap_or_default();
        if keys.len() > MAX_PARTS || self.scopes.len() > MAX_PARTS {
            return false;
        }
        let new = self.fields.iter().flatten().filter_map(|(_, told)| match told {
            Told::Text(text) => Some(text.as_bytes()),
            Told::Bytes(_) => None,
        });
        let old = call.ask.key.iter().chain(call.ask.admin.iter().flatten());
        let values: Vec<&[u8]> = old
            .map(|(_, value)| value.expose())
            .chain(new)
            .filter(|value| value.len() >= SHORTEST_VALUE)
            .collect();
        let shown = [&self.reason, &self.owner, &self.key_id].into_iter().flatten();
        let listed = keys.iter().flat_map(|key| [Some(&key.key_id), key.name.as_ref()]).flatten();
        shown.chain(&self.scopes).chain(listed).all(|text| {
            let holds =
                |value: &&[u8]| text.as_bytes().windows(value.len()).any(|part| part == *value);
            text.len() <= MAX_TEXT
                && !text.contains(char::is_control)
                && !values.iter().any(|value| holds(value))
        })
    }
}

/// What an answer of these bytes says of the key in `ask`.
pub fn judge(ask: &crate::adapter::Ask, bytes: &[u8]) -> Result<Validity, VendorError> {
    let call = Call::new("exec", Operation::Validate, ask);
    Answered::read(&call, bytes)?.validity(&call)
}

fn lacks(call: &Call<'_>, part: &str) -> VendorError {
    call.fault(Kind::BadAnswer, format!("the answer lacks `{part}`"))
}

fn word(operation: Operation) -> &'static str {
    match operation {
        Operation::Validate => "validate",
        Operation::Create => "create",
        Operation::Revoke => "revoke",
        Operation::List => "list",
    }
}

#[cfg(test)]
mod tests {
    use clawvault_core::domain::Value;

    use super::*;
    use crate::adapter::Ask;

    fn read(answer: &str) -> Step<Answered> {
        let value = Value::copy_of(b"old-value").unwrap();
        let ask = Ask { key: vec![(FieldName::default(), value)], ..Ask::default() };
        Answered::read(&Call::new("exec", Operation::Create, &ask), answer.as_bytes())
    }

    #[test]
    fn answers_are_read_strictly() {
        let ask = Ask::default();
        let call = Call::new("exec", Operation::Create, &ask);
        let made =
            read(r#"{"fields": {"value": "new-value", "raw": {"base64": "/w=="}}, "key_id": "7"}"#);
        let made = made.unwrap().created(&call).unwrap();
        assert_eq!((made.fields.len(), made.key_id.as_deref()), (2, Some("7")));
        let kind = |answer: &str| read(answer).err().map(|error| error.kind);
        assert_eq!(kind(r#"{"error": "conflict"}"#), Some(Kind::Conflict));
        for wrong in [
            "",
            "[]",
            r#"{"error": "old-value"}"#,
            r#"{"unknown": 1}"#,
            r#"{"validity": "alive"}"#,
            r#"{"validity": "dead", "reason": "it was old-value"}"#,
            r#"{"fields": {"value": "new-value"}, "key_id": "new-value"}"#,
            r#"{"keys": [{"key_id": "a\nb"}]}"#,
        ] {
            assert_eq!(kind(wrong), Some(Kind::BadAnswer), "{wrong}");
        }
        let none = read("{}").unwrap().created(&call).unwrap_err();
        assert_eq!(none.detail, "the answer lacks `fields`");
        let error = read(r#"{"error": "rate_limited", "retry_after_s": 9}"#).err().unwrap();
        assert_eq!((error.kind, error.retry_after_s), (Kind::RateLimited, Some(9)));
    }
}
