//! Which requests a vendor takes, what they do to its keys, and what it answers.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value as Tree;

use super::{ADMIN, Key, State, Words};

/// A file of `fixtures/vendors`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Book {
    /// What ids of keys begin with.
    #[serde(default)]
    pub(crate) id_prefix: String,
    /// What values of keys that are made begin with.
    #[serde(default)]
    pub(crate) value_prefix: String,
    /// Headers that every request has to carry, exactly.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// What a request carries that is made as a key: header, and its value with `{value}`.
    pub(crate) key: Option<(String, String)>,
    /// The same for the admin credential, `{admin}`.
    pub(crate) admin: Option<(String, String)>,
    /// The same over HTTP basic: user and password, `{id}` and `{value}`, or `{admin}`.
    pub(crate) key_basic: Option<String>,
    pub(crate) admin_basic: Option<String>,
    /// Status of an answer to a credential that is not accepted.
    #[serde(default = "unauthorized")]
    pub(crate) refused: u16,
    /// Body of that answer.
    #[serde(default = "nothing")]
    pub(crate) refusal: String,
    /// What it takes.
    pub(crate) exchange: Vec<Exchange>,
}

/// One kind of request and its answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    /// What tests call it.
    pub(crate) name: String,
    /// Method and path; `{word}` takes a piece of the path between slashes, or a part of it.
    pub(crate) request: String,
    /// Who has to ask: `key`, `admin`, `none`, which refuses any credential, or `any`, which is for
    /// headers of the exchange to say.
    pub(crate) by: String,
    /// The query, all of it; `{word}` takes a value.
    #[serde(default)]
    pub(crate) query: BTreeMap<String, String>,
    /// Further headers.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// The JSON body, all of it; a string `{word}` takes a text.
    pub(crate) json: Option<String>,
    /// The form body, all of it.
    pub(crate) form: Option<BTreeMap<String, String>>,
    /// The body in pieces (multipart/form-data), all of it.
    pub(crate) parts: Option<BTreeMap<String, String>>,
    /// `live` where it is about the key of `{id}`, and one that is not live is unknown: 404.
    #[serde(default)]
    pub(crate) of: String,
    /// What it does: `make`, `replace` (makes one, and the one that asks ends), `kill` (by `{id}`, or
    /// by its value, `{kill}`), `kill-asking`.
    #[serde(default)]
    pub(crate) does: String,
    /// The status.
    #[serde(default = "ok")]
    pub(crate) status: u16,
    /// The answer; `{rows}` stands for all keys in the form of `row`.
    #[serde(default = "nothing")]
    pub(crate) answer: String,
    /// One key in a list.
    #[serde(default)]
    pub(crate) row: String,
    /// Headers of the answer.
    #[serde(default)]
    pub(crate) answers: BTreeMap<String, String>,
}

fn unauthorized() -> u16 {
    401
}

fn ok() -> u16 {
    200
}

fn nothing() -> String {
    "{}".to_owned()
}

/// A request, read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }
}

impl Book {
    /// The exchange that takes a request, with what it captured; else what differs.
    pub(crate) fn find(&self, request: &Request) -> Result<(&Exchange, Words), String> {
        let mut why = format!("{} {}: no exchange has this path", request.method, request.target);
        for exchange in &self.exchange {
            match exchange.takes(self, request) {
                Ok(words) => return Ok((exchange, words)),
                Err(Some(what)) => why = format!("{}: {what}", exchange.name),
                Err(None) => {}
            }
        }
        Err(why)
    }

    /// The key that asks, if the credential of the request is good for the exchange.
    pub(crate) fn asks(
        &self,
        exchange: &Exchange,
        request: &Request,
        words: &Words,
        state: &State,
    ) -> Option<Option<Key>> {
        let sent = request.header("authorization").and_then(|text| text.strip_prefix("Basic "));
        let sent = sent.and_then(|text| STANDARD.decode(text).ok());
        let sent = sent.and_then(|bytes| String::from_utf8(bytes).ok());
        let carries = |way: &Option<(String, String)>, basic: &Option<String>, words: &Words| {
            let by_header = way.as_ref().is_some_and(|(header, form)| {
                request.header(header) == Some(written(form, words).as_str())
            });
            by_header || basic.is_some() && basic.as_ref().map(|form| written(form, words)) == sent
        };
        let of_key = |key: &Key| {
            let mut words = Words::new();
            describe(key, &mut words);
            words
        };
        let is_it = |key: &&Key| match words.get("credential") {
            Some(credential) => *credential == key.value,
            None => carries(&self.key, &self.key_basic, &of_key(key)),
        };
        let admin = Words::from([("admin".to_owned(), ADMIN.to_owned())]);
        match exchange.by.as_str() {
            "any" => Some(None),
            "none" => request.header("authorization").is_none().then_some(None),
            "admin" => carries(&self.admin, &self.admin_basic, &admin).then_some(None),
            _ => state.keys.iter().filter(|key| key.live).find(is_it).map(|key| Some(key.clone())),
        }
    }
}

impl Exchange {
    /// Whether it is about a key that the vendor does not know.
    pub(crate) fn is_of_none(&self, words: &Words, state: &State) -> bool {
        let is_it = |key: &Key| key.live && Some(&key.id) == words.get("id");
        self.of == "live" && !state.keys.iter().any(is_it)
    }

    /// What it captures of a request; none where method or path are others, else what differs.
    fn takes(&self, book: &Book, request: &Request) -> Result<Words, Option<String>> {
        let (method, path) = self.request.split_once(' ').expect("a method and a path");
        let (target, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let mut words = Words::new();
        let (wanted, pieces) = (path.split('/'), target.split('/'));
        let as_long = wanted.clone().count() == pieces.clone().count();
        if request.method != method || !as_long {
            return Err(None);
        }
        for (form, piece) in wanted.zip(pieces) {
            if !capture(&decoded(form), &decoded(piece), &mut words) {
                return Err(None);
            }
        }
        let sent = pairs(query);
        if !all_fit(&self.query, &sent, &mut words) {
            return Err(Some(format!("query {query}, not {:?}", self.query)));
        }
        for (name, form) in book.headers.iter().chain(&self.headers) {
            let sent = request.header(name).unwrap_or_default();
            if !capture(form, sent, &mut words) {
                return Err(Some(format!("header {name} is {sent:?}, not {form:?}")));
            }
        }
        self.takes_body(request, &mut words).map_err(Some)?;
        Ok(words)
    }

    fn takes_body(&self, request: &Request, words: &mut Words) -> Result<(), String> {
        let kind = request.header("content-type").unwrap_or_default();
        if let Some(form) = &self.json {
            let form: Tree = serde_json::from_str(form).expect("the fixture's body is JSON");
            let sent: Tree = serde_json::from_str(&request.body).map_err(|why| why.to_string())?;
            if kind != "application/json" || !fits(&form, &sent, words) {
                return Err(format!("{kind} body {sent}, not {form}"));
            }
        } else if let Some(form) = &self.form {
            let right = kind == "application/x-www-form-urlencoded";
            if !right || !all_fit(form, &pairs(&request.body), words) {
                return Err(format!("{kind} body {}, not {form:?}", request.body));
            }
        } else if let Some(parts) = &self.parts {
            let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap_or("none");
            if !all_fit(parts, &pieces(&request.body, boundary), words) {
                return Err(format!("{kind} body {}, not {parts:?}", request.body));
            }
        } else if !request.body.is_empty() {
            return Err("a body where none belongs".to_owned());
        }
        Ok(())
    }

    /// Does what it does, and gives the answer's body.
    pub(crate) fn carry_out(
        &self,
        book: &Book,
        asking: Option<&Key>,
        words: &mut Words,
        state: &mut State,
    ) -> String {
        if let Some(key) = asking {
            // What the request itself names goes before.
            let mut of_key = Words::new();
            describe(key, &mut of_key);
            of_key.append(words);
            *words = of_key;
        }
        let asks = asking.map(|key| key.value.clone());
        if let "replace" | "kill-asking" = self.does.as_str() {
            let is_it = |key: &&mut Key| Some(&key.value) == asks.as_ref();
            state.keys.iter_mut().filter(is_it).for_each(|key| key.live = false);
        }
        match self.does.as_str() {
            "make" | "replace" => {
                state.made += 1;
                let (id, count) = (format!("{}900{}", book.id_prefix, state.made), state.made);
                let value = format!("{}needle-made-{count:024x}", book.value_prefix);
                let name = words.get("name").cloned().unwrap_or_default();
                let key = Key { id, value, name, live: true };
                describe(&key, words);
                state.keys.push(key);
            }
            "kill" => {
                let is_it = |key: &&mut Key| match (words.get("id"), words.get("kill")) {
                    (_, Some(value)) => key.value == *value,
                    (Some(id), None) => key.id == *id,
                    (None, None) => false,
                };
                state.keys.iter_mut().filter(is_it).for_each(|key| key.live = false);
            }
            _ => {}
        }
        let row = |key: &Key| {
            let mut words = words.clone();
            describe(key, &mut words);
            written(&self.row, &words)
        };
        let rows: Vec<String> = state.keys.iter().filter(|key| key.live).map(row).collect();
        let behind: String = rows.iter().map(|row| format!(",{row}")).collect();
        words.insert(",rows".to_owned(), behind);
        words.insert("rows".to_owned(), rows.join(","));
        written(&self.answer, words)
    }
}

/// What an answer may say of a key.
fn describe(key: &Key, words: &mut Words) {
    let end = key.value.len().saturating_sub(4);
    let hint = format!("{}...{}", &key.value[..key.value.len().min(12)], &key.value[end..]);
    for (word, text) in
        [("id", &key.id), ("value", &key.value), ("name", &key.name), ("hint", &hint)]
    {
        words.insert(word.to_owned(), text.clone());
    }
}

fn written(form: &str, words: &Words) -> String {
    words
        .iter()
        .fold(form.to_owned(), |text, (word, value)| text.replace(&format!("{{{word}}}"), value))
}

/// Whether `text` is `form`, in which one `{word}` may stand for any text that is not empty.
fn capture(form: &str, text: &str, words: &mut Words) -> bool {
    let Some((before, rest)) = form.split_once('{') else { return form == text };
    let Some((word, after)) = rest.split_once('}') else { return form == text };
    let inner = text.strip_prefix(before).and_then(|text| text.strip_suffix(after));
    let Some(inner) = inner.filter(|inner| !inner.is_empty()) else { return false };
    words.insert(word.to_owned(), inner.to_owned());
    true
}

fn all_fit(
    forms: &BTreeMap<String, String>,
    sent: &BTreeMap<String, String>,
    words: &mut Words,
) -> bool {
    forms.len() == sent.len()
        && forms
            .iter()
            .all(|(name, form)| sent.get(name).is_some_and(|value| capture(form, value, words)))
}

fn fits(form: &Tree, sent: &Tree, words: &mut Words) -> bool {
    match (form, sent) {
        (Tree::String(form), Tree::String(text)) => capture(form, text, words),
        (Tree::Array(forms), Tree::Array(all)) => {
            forms.len() == all.len() && forms.iter().zip(all).all(|(f, s)| fits(f, s, words))
        }
        (Tree::Object(forms), Tree::Object(all)) => {
            forms.len() == all.len()
                && forms
                    .iter()
                    .all(|(name, form)| all.get(name).is_some_and(|sent| fits(form, sent, words)))
        }
        _ => form == sent,
    }
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    text.split('&').filter(|text| !text.is_empty()).map(pair).collect()
}

/// The pieces of a body of multipart/form-data, by name.
fn pieces(body: &str, boundary: &str) -> BTreeMap<String, String> {
    let end = format!("--{boundary}--\r\n");
    let Some(body) = body.strip_suffix(&end) else { return BTreeMap::new() };
    let piece = |piece: &str| {
        let head = "\r\nContent-Disposition: form-data; name=\"";
        let (name, text) = piece.strip_prefix(head)?.split_once("\"\r\n\r\n")?;
        Some((name.to_owned(), text.strip_suffix("\r\n")?.to_owned()))
    };
    body.split(&format!("--{boundary}")).filter_map(piece).collect()
}

/// Percent-encoded text, decoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = (first == b'%').then(|| text_of(after.get(..2)?)).flatten();
        match hex {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(if first == b'+' { b' ' } else { first });
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn text_of(hex: &[u8]) -> Option<u8> {
    u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok()
}
