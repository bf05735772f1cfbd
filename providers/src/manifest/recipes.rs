//! The grammar of recipes: which calls a vendor's interface takes for the life of a key.
//!
//! A recipe is a short, fixed list of calls, written as data: no loop, no condition, no code. Each
//! call names a method and an address with places for what it needs ([`Template`]), what it sends,
//! and, in JSONPath (RFC 9535), what matters of the answer. What each status means has a default
//! that a call may change.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::reading::is_header;
use super::template::{Name, Place, Template};
use super::{Checked, must};

/// Most calls of one recipe, pages of a list apart.
pub const MAX_STEPS: usize = 5;
/// Most variants of one vendor.
const MAX_VARIANTS: usize = 16;

/// All that a manifest says of its vendor's interface.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// Where it is, and what every call carries.
    pub api: Api,
    /// The recipes.
    pub recipes: Recipes,
    /// Recipes for keys of another kind; the first that fits stands in the place of `recipes`.
    #[serde(default)]
    pub variants: Vec<Variant>,
}

/// Where an interface is, and what every call carries.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// What stands before the path of every call: https, no slash at the end.
    pub base_url: String,
    /// Other hosts of the vendor, by name; the same form. The policy's `base_url` replaces them too.
    #[serde(default)]
    pub hosts: BTreeMap<String, String>,
    /// Headers of every call.
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    /// Ways for a call to say who asks; `key` and `admin` are bearer tokens unless named here.
    #[serde(default)]
    pub auth: BTreeMap<String, Auth>,
    /// Params that the policy may or must give.
    #[serde(default)]
    pub params: BTreeMap<String, Param>,
}

/// How a call says who asks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Auth {
    /// A header of its own: its name and what it holds.
    Header(String, Template),
    /// HTTP basic: user and password.
    Basic(Template, Template),
    /// A bearer JWT, signed RS256: issuer and private key (PEM).
    JwtRs256(Template, Template),
}

impl Auth {
    /// Its templates.
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Header(_, value) => vec![value],
            Self::Basic(one, two) | Self::JwtRs256(one, two) => vec![one, two],
        }
    }
}

/// A param of the policy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    /// What it is for.
    pub about: String,
    /// What it is where the policy gives none.
    pub default: Option<String>,
}

/// Recipes for keys of one kind.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Kinds of token formats that it is for.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// Secrets that it is for, without the vendor's id; of any kind and name where both are empty.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// The param that has to be given for it to fit.
    pub param: Option<String>,
    /// The recipes.
    pub recipes: Recipes,
}

/// The recipes for keys of one kind.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipes {
    /// Which of the secrets that the manifest names they are for, without the vendor's id; `main`
    /// where nothing is said. Names of the user's own are taken for such.
    pub secrets: Option<Vec<String>>,
    /// How much of a key's life the interface covers.
    pub level: Level,
    /// Most keys that can be live at once.
    pub most_keys: Option<u32>,
    /// Seconds after which a new key is accepted everywhere.
    #[serde(default)]
    pub propagation_s: u32,
    /// Where the vendor's id of a key lies in the key itself.
    pub key_id_in: Option<KeyIdIn>,
    /// Is the key accepted?
    #[serde(default)]
    pub validate: Vec<Step>,
    /// Make a second one.
    #[serde(default)]
    pub create: Vec<Step>,
    /// Make it refused.
    #[serde(default)]
    pub revoke: Vec<Step>,
    /// Which are there?
    #[serde(default)]
    pub list: Vec<Step>,
    /// What a person does where no call does it.
    #[serde(default)]
    pub guide: Guide,
}

/// How much of a key's life an interface covers, as a manifest writes it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Made, proven and revoked by calls.
    Automatic,
    /// A person makes it at the console; the rest is calls.
    Assisted,
    /// A person does everything but prove it.
    #[default]
    Manual,
    /// The only call replaces the key in place.
    NoOverlap,
}

/// Where the vendor's id of a key lies in the key itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyIdIn {
    /// The field.
    pub field: String,
    /// What separates the pieces of the field; none where the whole of it is the id.
    pub separator: Option<String>,
    /// Which piece, counted from 0.
    #[serde(default)]
    pub piece: usize,
}

/// What a person does.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guide {
    /// The page, where it is not the vendor's console.
    pub console: Option<String>,
    /// How a new key is made.
    #[serde(default)]
    pub create: Vec<String>,
    /// How a key is revoked.
    #[serde(default)]
    pub revoke: Vec<String>,
}

/// One call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Method, path and query: `GET /models?limit=1`.
    pub request: Request,
    /// A name of `hosts`, where it goes to another than `base_url`.
    pub host: Option<String>,
    /// A name of `auth`, or `none`. By default `key` to validate, else `admin`.
    pub auth: Option<String>,
    /// Headers beside those of every call.
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    /// A JSON body; strings in it are templates.
    pub json: Option<Json>,
    /// A body as of an HTML form.
    pub form: Option<BTreeMap<String, Template>>,
    /// The same in pieces (multipart/form-data).
    pub multipart: Option<BTreeMap<String, Template>>,
    /// Where in the answer what is taken lies: `key_id`, `owner`, `scopes`, `expires`, `name`,
    /// `created`, `hint`, or a name of one's own for a later step.
    #[serde(default)]
    pub take: BTreeMap<String, Source>,
    /// Where the fields of a key that was made lie.
    #[serde(default)]
    pub fields: BTreeMap<String, Source>,
    /// JSONPath to the rows of a list; `take` and the conditions then count from each row.
    pub rows: Option<String>,
    /// How the next page of a list is asked for.
    pub page: Option<Page>,
    /// Statuses that mean that it was done; for validate, that the key is accepted.
    pub good: Option<Vec<u16>>,
    /// Statuses that mean that the key is refused as a key. By default 401, to validate.
    pub dead: Option<Vec<u16>>,
    /// Statuses that mean that the key is gone. By default 404 and 410, to revoke.
    pub gone: Option<Vec<u16>>,
    /// Paths at which a good answer holds something.
    #[serde(default)]
    pub holds: Vec<String>,
    /// What the answer has to hold beside a good status: one of these at each path.
    #[serde(default)]
    pub good_if: BTreeMap<String, Vec<Literal>>,
    /// One of these at any of the paths means that the key is refused; of a row, that it is off.
    #[serde(default)]
    pub dead_if: BTreeMap<String, Vec<Literal>>,
    /// Whether it only finds out the key's id: left out where that is known.
    #[serde(default)]
    pub finds_key_id: bool,
    /// Whether the next steps go on where this one is refused, or where it takes an admin credential and there
    /// is none; that the key is dead ends them all the same.
    #[serde(default)]
    pub may_fail: bool,
    /// Whether it replaces the key in place: made only where the policy allows it.
    #[serde(default)]
    pub no_overlap: bool,
    /// Whether the answer to a good status is no JSON.
    #[serde(default)]
    pub no_json: bool,
}

/// Method, path and query of a call.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, from a slash on.
    pub path: Template,
    /// The query.
    pub query: Vec<(String, Template)>,
}

/// A method.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes, or does.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

/// A JSON body with templates for strings.
#[derive(Clone, Debug)]
pub enum Json {
    /// A string.
    Text(Template),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Bool(bool),
    /// An array.
    List(Vec<Json>),
    /// An object.
    Object(BTreeMap<String, Json>),
}

/// Where something is taken from.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub enum Source {
    /// JSONPath into the body.
    Path(String),
    /// A header of the answer.
    Header(String),
    /// What we know ourselves: a field of the old key that the new one keeps.
    Known(Template),
}

/// How the next page of a list is asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// What tells the pages apart.
    pub next: Next,
    /// The query parameter that says which page is wanted.
    pub query: Option<String>,
    /// JSONPath to the cursor of the next page.
    pub cursor: Option<String>,
    /// JSONPath to whether there are more pages.
    pub more: Option<String>,
    /// Rows of a full page: a shorter one is the last.
    pub size: Option<usize>,
}

/// What tells pages apart.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Next {
    /// The answer holds what to send next.
    Cursor,
    /// Pages are counted from 1.
    Number,
    /// Rows are counted from 0.
    Offset,
    /// A header `Link` names the next page.
    Link,
}

/// What an answer may hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Literal {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A string.
    Text(String),
}

/// The operations of a recipe, for naming a place.
pub const OPERATIONS: [&str; 4] = ["validate", "create", "revoke", "list"];

impl Interface {
    /// Checks what a single file can show; where it fails, the place: recipe and step.
    pub(super) fn check(&self) -> Result<(), (String, &'static str)> {
        let head = |reason| ("api".to_owned(), reason);
        self.api.check().map_err(head)?;
        must(self.variants.len() <= MAX_VARIANTS, "more than 16 variants").map_err(head)?;
        self.recipes.check(&self.api, "recipes")?;
        for (at, variant) in self.variants.iter().enumerate() {
            let place = format!("variant {}", at + 1);
            let named = !variant.kinds.is_empty() || !variant.secrets.is_empty();
            let chosen = named || variant.param.is_some();
            let known = variant.param.as_ref().is_none_or(|p| self.api.params.contains_key(p));
            must(chosen, "a variant names neither a kind nor a secret nor a param")
                .and_then(|()| must(known, "its param is not among the params"))
                .map_err(|reason| (place.clone(), reason))?;
            variant.recipes.check(&self.api, &place)?;
        }
        Ok(())
    }
}

impl Api {
    pub(super) fn check(&self) -> Checked {
        for url in std::iter::once(&self.base_url).chain(self.hosts.values()) {
            let host = url.strip_prefix("https://").unwrap_or_default();
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._/:".contains(&b);
            let form = !host.is_empty() && !host.ends_with('/') && host.bytes().all(plain);
            must(form, "an address is not of the form https://host/path")?;
        }
        for auth in self.auth.values() {
            if let Auth::Header(name, _) = auth {
                must(is_header(name), "a header's name is malformed")?;
            }
        }
        let all = self.auth.values().flat_map(Auth::templates).chain(self.headers.values());
        for name in all.flat_map(Template::places).flat_map(names_of) {
            let known = match name {
                Name::Param(name) | Name::Ahead(_, name) => self.params.contains_key(name),
                Name::Taken(_) => false,
                _ => true,
            };
            must(known, "a header or a way of auth names what there is not")?;
        }
        must(self.headers.keys().all(|name| is_header(name)), "a header's name is malformed")
    }
}

impl Recipes {
    /// The steps of each operation, in the order of [`OPERATIONS`].
    pub fn operations(&self) -> [&[Step]; 4] {
        [&self.validate, &self.create, &self.revoke, &self.list]
    }

    fn check(&self, api: &Api, place: &str) -> Result<(), (String, &'static str)> {
        for (operation, steps) in OPERATIONS.iter().zip(self.operations()) {
            let at = |nth: usize| format!("{place}, {operation}, step {}", nth + 1);
            must(steps.len() <= MAX_STEPS, "more than 5 steps").map_err(|why| (at(0), why))?;
            let mut taken: Vec<&str> = Vec::new();
            for (nth, step) in steps.iter().enumerate() {
                step.check(api, &taken).map_err(|why| (at(nth), why))?;
                taken.extend(step.take.keys().map(String::as_str));
            }
            let Some(last) = steps.last() else { continue };
            let fields = !last.fields.is_empty();
            must(fields == (*operation == "create"), "a last step to create has fields, no other")
                .and_then(|()| must(last.rows.is_some() == (*operation == "list"), ROWS))
                .map_err(|why| (at(steps.len() - 1), why))?;
        }
        let both = !self.create.is_empty() && !self.validate.is_empty();
        let whole = self.level != Level::Automatic || both && !self.revoke.is_empty();
        must(whole, "automatic means that validate, create and revoke are there")
            .map_err(|why| (place.to_owned(), why))
    }
}

const ROWS: &str = "a last step to list has rows, no other";

impl Step {
    /// Every template of the call.
    pub fn templates(&self) -> Vec<&Template> {
        let mut all = vec![&self.request.path];
        all.extend(self.request.query.iter().map(|(_, value)| value));
        all.extend(self.headers.values());
        all.extend(self.form.iter().chain(&self.multipart).flat_map(BTreeMap::values));
        if let Some(json) = &self.json {
            json.templates(&mut all);
        }
        all
    }

    /// Every JSONPath of the call.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let sources = self.take.values().chain(self.fields.values());
        let taken = sources.filter_map(|source| match source {
            Source::Path(path) => Some(path.as_str()),
            _ => None,
        });
        let page = self.page.iter().flat_map(|page| page.cursor.iter().chain(&page.more));
        let page = page.map(String::as_str);
        let conditions = self.good_if.keys().chain(self.dead_if.keys()).map(String::as_str);
        let held = self.holds.iter().map(String::as_str);
        taken.chain(page).chain(conditions).chain(held).chain(self.rows.as_deref())
    }

    fn check(&self, api: &Api, taken: &[&str]) -> Checked {
        must(self.page.is_none() || self.rows.is_some(), "it has pages and no rows")?;
        self.check_call(api, taken)
    }

    /// The same of a call whose rows are named beside it, as those about money are.
    pub(super) fn check_call(&self, api: &Api, taken: &[&str]) -> Checked {
        let host = self.host.as_ref().is_none_or(|host| api.hosts.contains_key(host));
        must(host, "its host is not among the hosts")?;
        let auth = self.auth.as_deref().unwrap_or("key");
        let known = matches!(auth, "none" | "key" | "admin") || api.auth.contains_key(auth);
        must(known, "its auth is not among the ways of auth")?;
        must(self.headers.keys().all(|name| is_header(name)), "a header's name is malformed")?;
        let bodies = [self.json.is_some(), self.form.is_some(), self.multipart.is_some()];
        must(bodies.into_iter().filter(|one| *one).count() <= 1, "it has several bodies")?;
        let pages = self.page.as_ref().is_none_or(|page| match page.next {
            Next::Cursor => page.query.is_some() && page.cursor.is_some(),
            Next::Number | Next::Offset => page.query.is_some() && page.cursor.is_none(),
            Next::Link => page.query.is_none() && page.cursor.is_none(),
        });
        must(pages, "its page lacks a query or a cursor, or has one too many")?;
        must(self.paths().all(|path| path.starts_with('$')), "a path does not begin with $")?;
        let names = self.templates().into_iter().flat_map(Template::places).flat_map(names_of);
        for name in names {
            match name {
                Name::Param(name) | Name::Ahead(_, name) => {
                    must(api.params.contains_key(name), "a param is not among the params")?;
                }
                Name::Taken(name) => {
                    must(taken.contains(&name.as_str()), "no earlier step takes what it names")?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn names_of(place: &Place) -> &[Name] {
    &place.names
}

impl Json {
    fn templates<'a>(&'a self, into: &mut Vec<&'a Template>) {
        match self {
            Self::Text(template) => into.push(template),
            Self::Integer(_) | Self::Bool(_) => {}
            Self::List(all) => all.iter().for_each(|one| one.templates(into)),
            Self::Object(all) => all.values().for_each(|one| one.templates(into)),
        }
    }
}
