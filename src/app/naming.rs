//! How a value that was found becomes a secret: its name, field and variable.
//!
//! By the manifest of its variable, else by its own form, else by what the place calls it.

use std::collections::HashMap;

use clawvault_core::domain::limits::MAX_NAME;
use clawvault_core::domain::{
    FieldName, Found, Label, Policy, ProfileName, SecretInfo, SecretName, Value, Variable,
    VariableError,
};
use clawvault_providers::adapter::registry::is_offered;
use clawvault_providers::{Catalog, Holds};

use crate::openclaw::suggested_name;

/// A value with everything it is going to be called.
pub(super) struct Named {
    pub(super) found: Found,
    pub(super) name: SecretName,
    pub(super) field: FieldName,
    pub(super) vendor: Option<String>,
    pub(super) variable: Option<Variable>,
    pub(super) admin: bool,
}

/// How people are told of a secret: its name, and its profile where that is another than the usual.
pub fn full_name(profile: &str, name: &str) -> String {
    match profile == ProfileName::default().as_str() {
        true => name.to_owned(),
        false => format!("{name}@{profile}"),
    }
}

/// Why a value is not taken, as the end of a sentence.
pub(super) type Skipped = &'static str;

const PATH: Skipped = "holds the path of a secret, not a secret";
const SETTING: Skipped = "is a setting, not a secret";
const STEERS: Skipped = "steers which code runs and is never kept in a vault";
const UNNAMED: Skipped = "has no name that a secret could have; choose one with --as";

/// What the paths of a source are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Paths {
    /// Keys of any document.
    #[default]
    Keys,
    /// Names that a person gave to secrets.
    Names,
    /// Keys of OpenClaw's own documents.
    OpenClaw,
}

/// Gives names to the values of one import, each name to one value.
pub(super) struct Namer<'a> {
    catalog: &'a Catalog,
    paths: Paths,
    values: HashMap<(SecretName, FieldName), Value>,
    variables: HashMap<Variable, SecretName>,
}

impl<'a> Namer<'a> {
    /// For a source whose paths are these, of a vault with these vendors.
    pub(super) fn new(paths: Paths, catalog: &'a Catalog) -> Self {
        let (values, variables) = (HashMap::new(), HashMap::new());
        Self { catalog, paths, values, variables }
    }

    /// Names a value. A name that another value of this import has is passed over for the next
    /// best one; where there is none, the name is given twice and the import says so.
    pub(super) fn name(&mut self, found: Found) -> Result<Named, (Found, Skipped)> {
        let choices = match candidates(&found, self.paths, self.catalog) {
            Ok(choices) => choices,
            Err(skipped) => return Err((found, skipped)),
        };
        let is_free = |c: &Candidate| {
            let held = self.values.get(&(c.name.clone(), c.field.clone()));
            held.is_none_or(|value| *value == found.value)
        };
        let at = choices.iter().position(is_free).unwrap_or(choices.len().saturating_sub(1));
        let Some(choice) = choices.into_iter().nth(at) else { return Err((found, UNNAMED)) };
        let Candidate { name, field, vendor, variable, admin } = choice;
        // One variable can carry one secret: the first that came with it.
        let ours = |v: &Variable| self.variables.get(v).is_none_or(|holder| *holder == name);
        let variable = variable.filter(ours);
        if let Some(variable) = &variable {
            self.variables.insert(variable.clone(), name.clone());
        }
        self.values.entry((name.clone(), field.clone())).or_insert_with(|| found.value.clone());
        Ok(Named { found, name, field, vendor, variable, admin })
    }
}

struct Candidate {
    name: SecretName,
    field: FieldName,
    vendor: Option<String>,
    variable: Option<Variable>,
    admin: bool,
}

/// Names that fit a value, best first.
fn candidates(found: &Found, paths: Paths, catalog: &Catalog) -> Result<Vec<Candidate>, Skipped> {
    match (&found.label, paths) {
        (Label::Variable(text), _) => for_variable(catalog, text, &found.value),
        (Label::Path(path), Paths::OpenClaw) => {
            Ok(for_path(catalog, path, suggested_name(path).as_deref(), &found.value))
        }
        (Label::Path(path), Paths::Names) => match path.rsplit('/').next() {
            Some(last) if catalog.by_variable(last).is_some() => {
                for_variable(catalog, last, &found.value)
            }
            _ => Ok(for_path(catalog, path, Some(&as_name(path)), &found.value)),
        },
        (Label::Path(path), Paths::Keys) => match exported(path) {
            Some((name, field)) => Ok(by_name(catalog, name, field).into_iter().collect()),
            None => Ok(for_path(catalog, path, None, &found.value)),
        },
    }
}

/// A path that is a name as it stands; else part by part what comes closest.
fn as_name(path: &str) -> String {
    if SecretName::parse(path).is_ok() {
        return path.to_owned();
    }
    let parts: Vec<String> = path.split('/').map(kebab).filter(|part| !part.is_empty()).collect();
    parts.join("/")
}

/// Name and field of a place in a document that `export --format json` wrote.
fn exported(path: &str) -> Option<(&str, &str)> {
    let (name, field) = path.strip_prefix("secrets.")?.rsplit_once('.')?;
    let both = SecretName::parse(name).is_ok() && FieldName::parse(field).is_ok();
    both.then_some((name, field))
}

fn for_variable(catalog: &Catalog, text: &str, value: &Value) -> Result<Vec<Candidate>, Skipped> {
    let variable = Variable::parse(text).map_err(|error| match error {
        VariableError::Steers => STEERS,
        _ => UNNAMED,
    })?;
    let mut choices = Vec::new();
    let named =
        |name: &str, field: &str, admin: bool| candidate(catalog, name, field, &variable, admin);
    let owner = match catalog.by_variable(text) {
        Some(usage) => {
            match usage.holds {
                Holds::PathToSecret => return Err(PATH),
                Holds::Setting => return Err(SETTING),
                Holds::Secret => {}
            }
            choices.extend(named(usage.secret, usage.field, usage.admin));
            usage.vendor
        }
        None => match catalog.identify(value.expose()) {
            Some(kind) => {
                choices.extend(named(kind.secret, kind.field, false));
                kind.vendor
            }
            None => "env",
        },
    };
    let own = format!("{owner}/{}", kebab(text));
    choices.extend(named(&own, "value", false));
    Ok(choices)
}

fn for_path(
    catalog: &Catalog,
    path: &str,
    suggested: Option<&str>,
    value: &Value,
) -> Vec<Candidate> {
    let by_form = catalog.identify(value.expose()).map(|kind| (kind.secret, kind.field));
    let own = format!("import/{}", kebab(path));
    let names = suggested.into_iter().map(|name| (name, "value"));
    let names = names.chain(by_form).chain([(own.as_str(), "value")]);
    names.filter_map(|(name, field)| by_name(catalog, name, field)).collect()
}

/// A name with the variable that its vendor's manifest gives to the field.
fn by_name(catalog: &Catalog, name: &str, field: &str) -> Option<Candidate> {
    let uses = catalog.variables_of(name);
    let usage = uses.iter().find(|u| u.field == field && u.holds == Holds::Secret);
    Some(Candidate {
        name: SecretName::parse(name).ok()?,
        field: FieldName::parse(field).ok()?,
        vendor: vendor_of(catalog, name),
        variable: usage.and_then(|u| Variable::parse(u.variable).ok()),
        admin: usage.is_some_and(|u| u.admin),
    })
}

fn candidate(
    catalog: &Catalog,
    name: &str,
    field: &str,
    variable: &Variable,
    admin: bool,
) -> Option<Candidate> {
    Some(Candidate {
        name: SecretName::parse(name).ok()?,
        field: FieldName::parse(field).ok()?,
        vendor: vendor_of(catalog, name),
        variable: Some(variable.clone()),
        admin,
    })
}

/// Id of the vendor that a name begins with, where there is such a vendor.
pub(super) fn vendor_of(catalog: &Catalog, name: &str) -> Option<String> {
    let part = name.split('/').next().unwrap_or(name);
    is_vendor(catalog, part).then(|| part.to_owned())
}

/// Whether there is such a vendor: with a manifest, or one that only an adapter knows.
pub(super) fn is_vendor(catalog: &Catalog, id: &str) -> bool {
    catalog.name_of(id).is_some() || is_offered(id)
}

/// The vendor of a secret: the one that was named, else the one that its name begins with, a
/// manifest of the user's own counting too.
pub(super) fn vendor_in(info: &SecretInfo, policy: &Policy) -> Option<String> {
    let own = || {
        let first = info.name.vendor_part();
        policy.manifests.contains_key(first).then(|| first.to_owned())
    };
    let built_in = || vendor_of(&Catalog::default(), info.name.as_str());
    info.vendor.clone().or_else(built_in).or_else(own)
}

/// Lower case, everything else that a name cannot have becomes `-`.
fn kebab(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let joined: String = text.chars().map(plain).collect();
    let mut parts: Vec<&str> = joined.split('-').filter(|part| !part.is_empty()).collect();
    parts.truncate(MAX_NAME / 4);
    let mut name = parts.join("-");
    name.truncate(MAX_NAME / 2);
    name.trim_end_matches('-').to_owned()
}

/// A warning where a value does not look like what its vendor hands out.
pub(super) fn format_doubt(
    catalog: &Catalog,
    name: &SecretName,
    field: &FieldName,
    value: &Value,
) -> Option<String> {
    let vendor = name.vendor_part();
    let is_known = catalog.has_forms_of(name.as_str(), field.as_str());
    let fits = || catalog.identify(value.expose()).is_some_and(|kind| kind.vendor == vendor);
    (is_known && !fits()).then(|| {
        let issuer = catalog.name_of(vendor).unwrap_or(vendor);
        format!("this does not look like a key of {issuer}; it is stored all the same")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variable: &str, text: &str) -> Found {
        let value = Value::new(text.as_bytes().to_vec()).unwrap();
        let label = Label::Variable(variable.to_owned());
        Found { source: "x".into(), line: None, label, value }
    }

    fn names(pairs: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
        let catalog = Catalog::default();
        let mut namer = Namer::new(Paths::default(), &catalog);
        let mut name = |(variable, text): &(&str, &str)| {
            let named = namer.name(found(variable, text)).ok().unwrap();
            (named.name.to_string(), named.variable.map(|v| v.to_string()))
        };
        pairs.iter().map(&mut name).collect()
    }

    fn pair(name: &str, variable: Option<&str>) -> (String, Option<String>) {
        (name.to_owned(), variable.map(str::to_owned))
    }

    #[test]
    fn manifests_name_first_then_the_place() {
        let named = names(&[("OPENAI_API_KEY", "a"), ("MY_OWN_SECRET", "b")]);
        assert_eq!(named[0], pair("openai/main", Some("OPENAI_API_KEY")));
        assert_eq!(named[1], pair("env/my-own-secret", Some("MY_OWN_SECRET")));
    }

    #[test]
    fn a_taken_name_gives_way_and_a_taken_variable_is_not_shared() {
        let aliases = names(&[("GEMINI_API_KEY", "a"), ("GOOGLE_API_KEY", "a")]);
        assert_eq!(aliases[1], pair("google/main", Some("GOOGLE_API_KEY")));
        let apart = names(&[("GEMINI_API_KEY", "a"), ("GOOGLE_API_KEY", "b")]);
        assert_eq!(apart[1], pair("google/google-api-key", Some("GOOGLE_API_KEY")));
        let twice = names(&[("GEMINI_API_KEY", "a"), ("GEMINI_API_KEY", "b")]);
        assert_eq!(twice[1], pair("google/gemini-api-key", None));
    }

    #[test]
    fn paths_are_named_by_form_by_export_or_by_place() {
        let at = |path: &str, paths: Paths| {
            let label = Label::Path(path.to_owned());
            let catalog = Catalog::default();
            let mut namer = Namer::new(paths, &catalog);
            namer.name(Found { label, ..found("X", "a") }).ok().unwrap().name.to_string()
        };
        assert_eq!(at("my.openai.apiKey", Paths::Keys), "import/my-openai-apikey");
        assert_eq!(at("secrets.acme/a.b.value", Paths::Keys), "acme/a.b");
        assert_eq!(at("models.providers.openai.apiKey", Paths::OpenClaw), "openai/main");
        assert_eq!(at("acme/work.key", Paths::Names), "acme/work.key");
        assert_eq!(at("Web/Me@host.example", Paths::Names), "web/me-host-example");
        assert_eq!(at("api/OPENAI_API_KEY", Paths::Names), "openai/main");
        assert_eq!(at("api/OTHER_KEY", Paths::Names), "api/other-key");
    }

    #[test]
    fn what_steers_code_or_is_no_secret_is_not_taken() {
        for (variable, why) in [
            ("NODE_OPTIONS", STEERS),
            ("AWS_REGION", SETTING),
            ("GOOGLE_APPLICATION_CREDENTIALS", PATH),
        ] {
            let catalog = Catalog::default();
            let mut namer = Namer::new(Paths::default(), &catalog);
            assert_eq!(namer.name(found(variable, "x")).err().unwrap().1, why);
        }
    }
}
