//! Text with places for what a call needs: `/projects/{param.project}/keys/{key_id}`.
//!
//! A place names one thing, or several of which the first that is there is taken: `{param.limit|
//! taken.limit}`. After the names may stand how it is written in JSON (`:number`, `:list`) and a `?`,
//! which leaves out the member, query parameter or header that it is the whole of where nothing is
//! there. `{{` and `}}` are plain braces.

use serde::Deserialize;

/// Longest template, in bytes.
const MAX_TEMPLATE: usize = 2048;
/// Most days ahead that a date may lie.
pub const MAX_DAYS: i64 = 3650;

/// Text with places.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template {
    /// Its pieces, in order.
    pub parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Part {
    /// Itself.
    Text(String),
    /// A place.
    Place(Place),
}

/// A place in a template.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// What may stand here: the first that is there.
    pub names: Vec<Name>,
    /// How it is written in JSON.
    pub form: Form,
    /// Whether nothing may stand here.
    pub optional: bool,
}

/// What can stand at a place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Name {
    /// A field of the key.
    Key(String),
    /// A field of the admin credential.
    Admin(String),
    /// The vendor's own id of the key.
    KeyId,
    /// A param of the policy.
    Param(String),
    /// The label of a key that is made.
    Label,
    /// What an earlier step took.
    Taken(String),
    /// A day or an instant as many days from now as a param says.
    Ahead(Instant, String),
}

/// How an instant is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Instant {
    /// `2026-11-30`.
    Date,
    /// `2026-11-30T12:00:00Z`.
    Rfc3339,
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
}

/// How a text is written in JSON where it is the whole of a member.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// As it was taken; anything else as a string.
    Plain,
    /// As a number.
    Number,
    /// Comma-separated words as an array of strings.
    List,
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_TEMPLATE || text.contains(|c: char| c.is_control()) {
            return Err("a template is longer than 2048 bytes or holds a control character");
        }
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
                plain.push_str(&rest[..1]);
                rest = after;
                continue;
            }
            let end = rest.find('}').filter(|_| rest.starts_with('{'));
            let end = end.ok_or("a brace in a template has no partner")?;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Place(Place::parse(&rest[1..end])?));
            rest = &rest[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }

    /// Its places.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.parts.iter().filter_map(|part| match part {
            Part::Place(place) => Some(place),
            Part::Text(_) => None,
        })
    }

    /// The one place that it is the whole of.
    pub fn only_place(&self) -> Option<&Place> {
        match self.parts.as_slice() {
            [Part::Place(place)] => Some(place),
            _ => None,
        }
    }
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).map_err(super::ours)
    }
}

impl Place {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (text, optional) = match text.strip_suffix('?') {
            Some(text) => (text, true),
            None => (text, false),
        };
        let (text, form) = match text.split_once(':') {
            None => (text, Form::Plain),
            Some((text, "number")) => (text, Form::Number),
            Some((text, "list")) => (text, Form::List),
            Some(_) => return Err("a place in a template has an unknown form"),
        };
        let names = text.split('|').map(Name::parse).collect::<Result<_, _>>()?;
        Ok(Self { names, form, optional })
    }
}

impl Name {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "key_id" => return Ok(Self::KeyId),
            "label" => return Ok(Self::Label),
            _ => {}
        }
        let (kind, name) = text.split_once(['.', '+']).ok_or(UNKNOWN)?;
        if !super::is_name(name, super::MAX_LABEL, b"_-") {
            return Err(UNKNOWN);
        }
        let ahead = |instant| Ok(Self::Ahead(instant, name.to_owned()));
        match (kind, text.contains('+')) {
            ("key", false) => Ok(Self::Key(name.to_owned())),
            ("admin", false) => Ok(Self::Admin(name.to_owned())),
            ("param", false) => Ok(Self::Param(name.to_owned())),
            ("taken", false) => Ok(Self::Taken(name.to_owned())),
            ("date", true) => ahead(Instant::Date),
            ("time", true) => ahead(Instant::Rfc3339),
            ("seconds", true) => ahead(Instant::Seconds),
            ("milliseconds", true) => ahead(Instant::Milliseconds),
            _ => Err(UNKNOWN),
        }
    }
}

const UNKNOWN: &str = "a place in a template names nothing that there is: key.FIELD, admin.FIELD, \
                       key_id, param.NAME, label, taken.NAME, date+PARAM, time+PARAM";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        let one = Template::parse("/a/{param.p}/{{x}}/{key_id}").unwrap();
        assert_eq!(one.parts.len(), 4);
        assert_eq!(one.parts[2], Part::Text("/{x}/".to_owned()));
        let two = Template::parse("{param.limit|taken.limit:number?}").unwrap();
        let place = two.only_place().unwrap();
        assert_eq!(place.names, [Name::Param("limit".into()), Name::Taken("limit".into())]);
        assert!(place.optional && place.form == Form::Number);
        let date = Template::parse("{date+days}").unwrap();
        assert_eq!(date.only_place().unwrap().names, [Name::Ahead(Instant::Date, "days".into())]);
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in
            ["{", "}", "{}", "{key}", "{key.}", "{env.X}", "{key.a:b}", "{a+b}", "{key+a}", "\n"]
        {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
