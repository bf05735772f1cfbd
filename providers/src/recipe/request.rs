//! From a step to the request that is sent.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use zeroize::Zeroizing;

use crate::adapter::Operation;
use crate::http::{Call, sensitive};
use crate::manifest::recipes::{Method as Verb, Step};
use crate::manifest::template::{Part, Template};

use super::RecipeAdapter;
use super::fill::{Missing, Scope, as_it_is};
use super::step::way_of;

impl RecipeAdapter {
    /// What stands before a step's path.
    fn base<'a>(&'a self, step: &Step) -> &'a str {
        let api = &self.interface.api;
        let host = step.host.as_ref().and_then(|name| api.hosts.get(name));
        let own = host.unwrap_or(&api.base_url);
        self.base_url.as_deref().unwrap_or(own)
    }

    /// The request of a step; `page` is added to its query.
    pub(super) fn call(
        &self,
        operation: Operation,
        step: &Step,
        scope: &Scope<'_>,
        page: Option<(&str, &str)>,
    ) -> Result<Call, Missing> {
        let url = self.address(step, scope, page)?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        for (name, template) in self.interface.api.headers.iter().chain(&step.headers) {
            if let Some(text) = scope.text(template, as_it_is)? {
                let (name, value) = sensitive(name, text.as_bytes()).ok_or("a header cannot be")?;
                headers.insert(name, value);
            }
        }
        let way = way_of(operation, step);
        scope.authorize(way, self.interface.api.auth.get(way), &mut headers)?;
        let body = body(step, scope)?;
        let body = body.map(|(kind, body)| {
            headers.insert(CONTENT_TYPE, kind);
            body
        });
        Ok(Call { method: method(step.request.method), url, headers, body })
    }

    fn address(
        &self,
        step: &Step,
        scope: &Scope<'_>,
        page: Option<(&str, &str)>,
    ) -> Result<Url, Missing> {
        let base = self.base(step);
        let path = scope.text(&step.request.path, escape_segment)?.ok_or("the path is empty")?;
        // Percent signs do not keep these two from meaning another path.
        if path.split('/').any(|part| matches!(part, "." | "..")) || path.contains("//") {
            return Err("an id cannot stand in an address".to_owned());
        }
        let mut address = Zeroizing::new(format!("{base}{}", *path));
        let mut glue = '?';
        let mut add = |name: &str, value: &str| {
            let _ = write!(address, "{glue}{name}={value}");
            glue = '&';
        };
        for (name, template) in &step.request.query {
            if let Some(value) = scope.text(template, escape)? {
                add(name, &value);
            }
        }
        if let Some((name, value)) = page {
            add(name, &escape(value));
        }
        let wrong = || "the vendor's address is malformed".to_owned();
        let (url, base) = (Url::parse(&address), Url::parse(base));
        let (url, base) = (url.map_err(|_| wrong())?, base.map_err(|_| wrong())?);
        if url.origin() == base.origin() { Ok(url) } else { Err(wrong()) }
    }

    /// A step as a person reads it: method and address, names where values would stand.
    pub(super) fn line(&self, step: &Step, scope: &Scope<'_>) -> String {
        let mut line = format!("{} {}", method(step.request.method), self.base(step));
        show(&step.request.path, escape_segment, scope, &mut line);
        for (at, (name, template)) in step.request.query.iter().enumerate() {
            let _ = write!(line, "{}{name}=", if at == 0 { '?' } else { '&' });
            show(template, escape, scope, &mut line);
        }
        line
    }
}

/// Writes a template with what may be seen: params and the key's id, never a field.
fn show(template: &Template, escape: fn(&str) -> String, scope: &Scope<'_>, into: &mut String) {
    use crate::manifest::template::Name;
    for part in &template.parts {
        match part {
            Part::Text(text) => into.push_str(text),
            Part::Place(place) => {
                let open = |name: &Name| matches!(name, Name::Key(_) | Name::Admin(_));
                let one = Template { parts: vec![part.clone()] };
                let seen = match place.names.iter().any(open) {
                    true => None,
                    false => scope.text(&one, escape).ok().flatten(),
                };
                match seen.filter(|text| !scope.repeats(text)) {
                    Some(text) => into.push_str(&text),
                    None => into.push_str(&named(place.names.first())),
                }
            }
        }
    }

    fn named(name: Option<&Name>) -> String {
        match name {
            Some(Name::Key(field)) => format!("{{key.{field}}}"),
            Some(Name::Admin(field)) => format!("{{admin.{field}}}"),
            Some(Name::KeyId) => "{key_id}".to_owned(),
            Some(Name::Label) => "{label}".to_owned(),
            Some(Name::Param(name) | Name::Ahead(_, name)) => format!("{{param.{name}}}"),
            Some(Name::Taken(name)) => format!("{{{name}}}"),
            None => String::new(),
        }
    }
}

fn method(verb: Verb) -> Method {
    match verb {
        Verb::Get => Method::GET,
        Verb::Post => Method::POST,
        Verb::Put => Method::PUT,
        Verb::Patch => Method::PATCH,
        Verb::Delete => Method::DELETE,
    }
}

type Body = (HeaderValue, Zeroizing<Vec<u8>>);

fn body(step: &Step, scope: &Scope<'_>) -> Result<Option<Body>, Missing> {
    if let Some(json) = &step.json {
        let tree = scope.json(json)?.ok_or("the body is empty")?;
        let bytes = serde_json::to_vec(&tree).map_err(|_| "the body cannot be written")?;
        let kind = HeaderValue::from_static("application/json");
        return Ok(Some((kind, Zeroizing::new(bytes))));
    }
    if let Some(form) = &step.form {
        let mut text = Zeroizing::new(String::new());
        for (name, value) in filled(form, scope)? {
            let glue = if text.is_empty() { "" } else { "&" };
            let _ = write!(text, "{glue}{}={}", escape(name), *Zeroizing::new(escape(&value)));
        }
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        return Ok(Some((kind, Zeroizing::new(text.as_bytes().to_vec()))));
    }
    if let Some(form) = &step.multipart {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| "the system gives no random bytes")?;
        let random = u128::from_le_bytes(random);
        let boundary = format!("clawvault-{random:032x}");
        let mut text = Zeroizing::new(String::new());
        for (name, value) in filled(form, scope)? {
            let head = "Content-Disposition: form-data; name=";
            let _ = write!(text, "--{boundary}\r\n{head}\"{name}\"\r\n\r\n{}\r\n", *value);
        }
        let _ = write!(text, "--{boundary}--\r\n");
        let kind = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}"));
        let kind = kind.map_err(|_| "the body cannot be written")?;
        return Ok(Some((kind, Zeroizing::new(text.as_bytes().to_vec()))));
    }
    Ok(None)
}

type Pairs<'f> = Vec<(&'f str, Zeroizing<String>)>;

fn filled<'f>(
    form: &'f BTreeMap<String, Template>,
    scope: &Scope<'_>,
) -> Result<Pairs<'f>, Missing> {
    let mut pairs = Vec::new();
    for (name, template) in form {
        if let Some(value) = scope.text(template, as_it_is)? {
            pairs.push((name.as_str(), value));
        }
    }
    Ok(pairs)
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub(super) fn escape(text: &str) -> String {
    escaped(text, b"")
}

/// The same for a piece of a path, where these two stand for themselves.
fn escape_segment(text: &str) -> String {
    escaped(text, b":@")
}

fn escaped(text: &str, plain: &[u8]) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || plain.contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
