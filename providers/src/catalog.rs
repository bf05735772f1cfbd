//! The vendors as one vault sees them: the built-in ones, and manifests of its user's own.
//!
//! A manifest of the user's own stands in the place of the built-in one with its id, and its
//! variables and forms come before those of others.

use std::borrow::Cow;
use std::ops::Range;

use crate::identify::{Hit, Key, Shape, Shapes, Texts, built_in, without_overlaps};
use crate::manifest::{FormatEntry, Manifest, VariableEntry};
use crate::{Format, Holds, VariableUse, Vendor, by_variable, vendor};

/// What an environment variable is for, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Usage<'a> {
    /// Id of the vendor.
    pub vendor: &'a str,
    /// The variable's name.
    pub variable: &'a str,
    /// The secret that it fills, or goes with.
    pub secret: &'a str,
    /// The field of that secret.
    pub field: &'a str,
    /// Whether the secret administers an account.
    pub admin: bool,
    /// What the variable holds.
    pub holds: Holds,
}

/// A kind of token, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Kind<'a> {
    /// Id of the vendor.
    pub vendor: &'a str,
    /// Name of the kind.
    pub kind: &'a str,
    /// The secret that such a token fills where nothing else names one.
    pub secret: &'a str,
    /// The field of that secret.
    pub field: &'a str,
}

/// The vendors of one vault; without manifests of its own, the built-in ones.
#[derive(Debug, Default)]
pub struct Catalog {
    own: Vec<Manifest>,
    shapes: Option<Shapes<Place>>,
}

/// Where a format of the user's own is: its manifest's place, and its own there.
type Place = (usize, usize);

#[derive(Clone, Copy)]
enum Which {
    Own(Place),
    BuiltIn(Key),
}

impl Catalog {
    /// The built-in vendors and these.
    pub fn new(own: Vec<Manifest>) -> Self {
        let mut all = Vec::new();
        for (at, manifest) in own.iter().enumerate() {
            let formats = manifest.formats.iter().enumerate();
            for (nth, format) in formats.filter(|(_, format)| !format.context) {
                let keywords = format.keywords.iter().cloned().map(Cow::Owned).collect();
                all.push(Shape::new((at, nth), Cow::Owned(format.pattern.clone()), keywords));
            }
        }
        let shapes = if all.is_empty() { None } else { Shapes::new(all) };
        Self { own, shapes }
    }

    /// The manifests of the user's own.
    pub fn own(&self) -> &[Manifest] {
        &self.own
    }

    /// The user's own manifest of a vendor.
    pub fn own_vendor(&self, id: &str) -> Option<&Manifest> {
        self.own.iter().find(|manifest| manifest.id == id)
    }

    /// The vendor's name as it writes it itself; none where there is no manifest of it.
    pub fn name_of(&self, id: &str) -> Option<&str> {
        let own = self.own_vendor(id).map(|manifest| manifest.name.as_str());
        own.or_else(|| vendor(id).map(|vendor| vendor.name))
    }

    /// Page where a person manages the keys of a vendor.
    pub fn console_of(&self, id: &str) -> Option<&str> {
        match self.own_vendor(id) {
            Some(own) => own.console.as_deref(),
            None => vendor(id)?.console,
        }
    }

    /// What this environment variable is for.
    pub fn by_variable(&self, variable: &str) -> Option<Usage<'_>> {
        let own = self.own.iter().find_map(|manifest| {
            let entry = manifest.variables.iter().find(|entry| entry.variable == variable)?;
            Some(own_usage(&manifest.id, entry))
        });
        own.or_else(|| {
            let (owner, usage) = by_variable(variable)?;
            self.own_vendor(owner.id).is_none().then(|| built_in_usage(owner, usage))
        })
    }

    /// The variables that fill this secret, the primary one of each field first; settings fill none.
    pub fn variables_of(&self, secret: &str) -> Vec<Usage<'_>> {
        let id = secret.split('/').next().unwrap_or(secret);
        let mut all: Vec<Usage<'_>> = match (self.own_vendor(id), vendor(id)) {
            (Some(own), _) => own.variables.iter().map(|one| own_usage(&own.id, one)).collect(),
            (None, Some(owner)) => {
                owner.variables.iter().map(|one| built_in_usage(owner, one)).collect()
            }
            (None, None) => Vec::new(),
        };
        all.retain(|one| one.secret == secret && one.holds != Holds::Setting);
        all
    }

    /// The kind of token whose shape the whole of `value` has; the longest literal decides, and
    /// between equals the user's own.
    pub fn identify(&self, value: &[u8]) -> Option<Kind<'_>> {
        let own = self.shapes.as_ref().and_then(|shapes| shapes.identify(value));
        let built_in = built_in().and_then(|shapes| shapes.identify(value));
        let built_in = built_in.filter(|((owner, _), _)| self.own_vendor(owner.id).is_none());
        match (own, built_in) {
            (Some((place, weight)), Some((_, other))) if weight >= other => self.kind(place),
            (_, Some((key, _))) => Some(built_in_kind(key)),
            (Some((place, _)), None) => self.kind(place),
            (None, None) => None,
        }
    }

    /// The tokens inside a container that stores texts back to back; see [`crate::find_in_packed`].
    pub fn find_in_packed(&self, bytes: &[u8]) -> Vec<(Range<usize>, Kind<'_>)> {
        let (mut own, mut others) = (Vec::new(), Vec::new());
        if let Some(shapes) = &self.shapes {
            shapes.find(bytes, Texts::Packed, &mut own);
        }
        if let Some(shapes) = built_in() {
            shapes.find(bytes, Texts::Packed, &mut others);
        }
        let replaced = |hit: &Hit<Key>| self.own_vendor(hit.key.0.id).is_some();
        let own = own.into_iter().map(|hit| hit.named(Which::Own));
        let others = others.into_iter().filter(|hit| !replaced(hit));
        let all = own.chain(others.map(|hit| hit.named(Which::BuiltIn))).collect();
        let kind = |which| match which {
            Which::Own(place) => self.kind(place),
            Which::BuiltIn(key) => Some(built_in_kind(key)),
        };
        let found = without_overlaps(all).into_iter();
        found.filter_map(|hit| Some((hit.range, kind(hit.key)?))).collect()
    }

    /// Whether the manifest of a vendor names a secret: by a variable, or by a form of its keys.
    pub fn names(&self, id: &str, secret: &str) -> bool {
        match self.own_vendor(id) {
            Some(own) => {
                own.variables.iter().any(|one| one.secret == secret)
                    || own.formats.iter().any(|one| one.secret == secret)
            }
            None => vendor(id).is_some_and(|vendor| {
                vendor.variables.iter().any(|one| one.secret == secret)
                    || vendor.formats.iter().any(|one| one.secret == secret)
            }),
        }
    }

    /// The forms of keys that fill a field of a secret and say something by themselves.
    pub fn has_forms_of(&self, secret: &str, field: &str) -> bool {
        let id = secret.split('/').next().unwrap_or(secret);
        let is = |of: &str, its: &str, context: bool| of == secret && its == field && !context;
        let own = |one: &FormatEntry| is(&one.secret, &one.field, one.context);
        let built_in = |one: &Format| is(one.secret, one.field, one.context);
        match self.own_vendor(id) {
            Some(manifest) => manifest.formats.iter().any(own),
            None => vendor(id).is_some_and(|vendor| vendor.formats.iter().any(built_in)),
        }
    }

    fn kind(&self, (at, nth): Place) -> Option<Kind<'_>> {
        let manifest = self.own.get(at)?;
        let FormatEntry { kind, secret, field, .. } = manifest.formats.get(nth)?;
        Some(Kind { vendor: &manifest.id, kind, secret, field })
    }
}

fn built_in_kind((vendor, format): Key) -> Kind<'static> {
    let Format { kind, secret, field, .. } = *format;
    Kind { vendor: vendor.id, kind, secret, field }
}

fn built_in_usage(vendor: &Vendor, one: &'static VariableUse) -> Usage<'static> {
    let VariableUse { variable, secret, field, admin, holds } = *one;
    Usage { vendor: vendor.id, variable, secret, field, admin, holds }
}

fn own_usage<'a>(vendor: &'a str, one: &'a VariableEntry) -> Usage<'a> {
    let VariableEntry { variable, secret, field, admin, secret_value, path } = one;
    let holds = match (secret_value, path) {
        (false, _) => Holds::Setting,
        (true, true) => Holds::PathToSecret,
        (true, false) => Holds::Secret,
    };
    Usage { vendor, variable, secret, field, admin: *admin, holds }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACME: &str = r#"
id = "acme"
name = "Acme"
[[variables]]
variable = "ACME_KEY"
secret = "acme/main"
[[variables]]
variable = "ACME_ZONE"
secret = "acme/main"
field = "zone"
secret_value = false
[[formats]]
kind = "key"
secret = "acme/main"
description = "Reads all."
pattern = 'acme-[0-9a-f]{24}'
keywords = ["acme-"]
examples = ["acme-0123456789abcdef01234567"]
counter_examples = ["acme-", "acme-0123"]
"#;

    #[test]
    fn the_users_own_come_first_and_the_rest_stays() {
        let catalog = Catalog::new(vec![Manifest::parse(ACME).unwrap()]);
        let usage = catalog.by_variable("ACME_KEY").unwrap();
        assert_eq!((usage.vendor, usage.secret, usage.field), ("acme", "acme/main", "value"));
        assert_eq!(catalog.by_variable("OPENAI_API_KEY").unwrap().secret, "openai/main");
        assert_eq!(catalog.variables_of("acme/main").len(), 1, "a setting fills nothing");
        let key = b"acme-0123456789abcdef01234567";
        assert_eq!(catalog.identify(key).unwrap().vendor, "acme");
        assert!(Catalog::default().identify(key).is_none());
        let packed = catalog.find_in_packed(b"\0\x1d acme-0123456789abcdef01234567next");
        assert_eq!(packed.len(), 1);
        assert_eq!(packed[0].0, 3..32);
        assert!(catalog.has_forms_of("acme/main", "value"));
    }

    #[test]
    fn a_replaced_vendor_is_replaced_whole() {
        let text = ACME.replace("acme", "openai");
        let catalog = Catalog::new(vec![Manifest::parse(&text).unwrap()]);
        assert!(catalog.by_variable("OPENAI_API_KEY").is_none());
        assert_eq!(catalog.by_variable("ACME_KEY").unwrap().vendor, "openai");
        assert_eq!(catalog.name_of("openai"), Some("Acme"));
        assert_eq!(catalog.console_of("openai"), None);
    }
}
