//! How pieces of recipes are read from their texts.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::is_name;
use super::recipes::{Json, Method, Request, Source};
use super::template::Template;

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Bool(bool),
            Integer(i64),
            Text(String),
            List(Vec<Json>),
            Object(BTreeMap<String, Json>),
        }
        Ok(match Raw::deserialize(from)? {
            Raw::Bool(value) => Self::Bool(value),
            Raw::Integer(value) => Self::Integer(value),
            Raw::Text(text) => {
                Self::Text(Template::try_from(text).map_err(serde::de::Error::custom)?)
            }
            Raw::List(all) => Self::List(all),
            Raw::Object(all) => Self::Object(all),
        })
    }
}

impl TryFrom<String> for Request {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let form = || super::ours("a request is not of the form `GET /path?name=value`");
        let (method, address) = text.split_once(' ').ok_or_else(form)?;
        let method = match method {
            "GET" => Method::Get,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            _ => return Err(form()),
        };
        let (path, query) = split_query(address);
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
        if !path.starts_with('/') || !plain(address) {
            return Err(form());
        }
        let path = Template::parse(path).map_err(super::ours)?;
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').ok_or_else(form)?;
            Ok((name.to_owned(), Template::parse(value).map_err(super::ours)?))
        };
        let query = query.split('&').filter(|pair| !pair.is_empty()).map(pair);
        Ok(Self { method, path, query: query.collect::<Result<_, String>>()? })
    }
}

/// Splits at the `?` of the query; one inside a place belongs to the place.
fn split_query(address: &str) -> (&str, &str) {
    let mut inside = false;
    for (at, byte) in address.bytes().enumerate() {
        match byte {
            b'{' => inside = true,
            b'}' => inside = false,
            b'?' if !inside => return (&address[..at], &address[at + 1..]),
            _ => {}
        }
    }
    (address, "")
}

impl TryFrom<String> for Source {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.starts_with('$') {
            return Ok(Self::Path(text));
        }
        match text.strip_prefix("header:") {
            Some(name) if is_header(name) => Ok(Self::Header(name.to_owned())),
            Some(_) => Err(super::ours("a header's name is malformed")),
            None => Template::parse(&text).map(Self::Known).map_err(super::ours),
        }
    }
}

/// A header's name, in lower case; those that frame a message are the client's own.
pub(super) fn is_header(name: &str) -> bool {
    let form = is_name(name, super::MAX_LABEL, b"-");
    form && !matches!(name, "host" | "content-length" | "transfer-encoding" | "connection" | "te")
}
