//! References to a secret that an exec provider gives: where OpenClaw takes one, how ours looks, and
//! which there are.

use std::path::{Path, PathBuf};

use clawvault_core::platform::read::Directory;
use serde_json::{Value, json};

use super::HomeError;
use super::config::{self, join};
use crate::intake::Tree;

/// What the configuration calls our provider.
pub const PROVIDER: &str = "clawvault";
/// Where the configuration describes it.
pub const PROVIDER_PATH: &str = "secrets.providers.clawvault";
/// How long OpenClaw waits for the resolver, in milliseconds; the resolver gives up before.
const TIMEOUT_MS: u32 = 10_000;

/// Places of the configuration that take a reference, of OpenClaw 2026.9.6: what its package lists
/// in `docs/reference/secretref-user-supplied-credentials-matrix.json`. `*` is any key.
const TAKES_REFERENCES: &str = include_str!("takes-references.txt");

/// Whether OpenClaw takes a reference at this place, keys joined by dots.
pub fn takes_reference(path: &str) -> bool {
    pattern_of(path).is_some()
}

/// Whether it takes a reference just there: not at any key of a map, which may hold other things.
pub(super) fn takes_one_secret(path: &str) -> bool {
    pattern_of(path).is_some_and(|pattern| !pattern.ends_with(".*"))
}

fn pattern_of(path: &str) -> Option<&'static str> {
    let fits = |pattern: &&str| {
        let (mut wanted, mut given) = (pattern.split('.'), path.split('.'));
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return true,
                (Some(one), Some(other)) if one == "*" || one == other => {}
                _ => return false,
            }
        }
    };
    TAKES_REFERENCES.lines().find(fits)
}

/// A reference to the secret of this id, as JSON.
pub fn reference(id: &str) -> Value {
    json!({ "source": "exec", "provider": PROVIDER, "id": id })
}

/// Our provider, as JSON: the resolver and its arguments.
pub fn provider(resolver: &Path, arguments: &[String]) -> Value {
    json!({
        "source": "exec",
        "command": resolver.to_string_lossy(),
        "args": arguments,
        "timeoutMs": TIMEOUT_MS,
    })
}

/// A plan for `openclaw secrets apply`: our provider, and for each place the id it refers to.
pub fn plan(provider: &Value, targets: &[(String, String)], generated: &str) -> String {
    let target = |(path, id): &(String, String)| {
        let parts = pattern_of(path).unwrap_or(path).split('.').filter(|key| *key != "*");
        let kind = parts.collect::<Vec<_>>().join(".");
        let mut target = json!({ "type": kind, "path": path, "ref": reference(id) });
        let mut keys = path.split('.');
        if (keys.next(), keys.next()) == (Some("models"), Some("providers")) {
            target["providerId"] = json!(keys.next());
        }
        target
    };
    let document = json!({
        "version": 1,
        "protocolVersion": 1,
        "generatedAt": generated,
        "generatedBy": PROVIDER,
        "providerUpserts": { PROVIDER: provider },
        "targets": targets.iter().map(target).collect::<Vec<_>>(),
        "options": {
            "scrubEnv": true,
            "scrubAuthProfilesForProviderTargets": true,
            "scrubLegacyAuthJson": false,
        },
    });
    format!("{document:#}\n")
}

/// A reference to our provider in the configuration.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ExecReference {
    /// The place in the whole configuration, keys joined by dots.
    pub path: String,
    /// The id of the secret.
    pub id: String,
    /// The file, relative to the home.
    pub file: PathBuf,
    /// The place in that file.
    pub place: String,
}

/// What the configuration says of our provider.
#[derive(Clone, Debug, Default)]
pub struct Linked {
    /// The resolver, where the provider is described.
    pub resolver: Option<PathBuf>,
    /// Every reference.
    pub references: Vec<ExecReference>,
}

/// Reads what the configuration of a home says of our provider.
///
/// # Errors
/// Where the configuration cannot be read.
pub fn linked(home: &Path) -> Result<Linked, HomeError> {
    let directory =
        Directory::open(home).map_err(|error| HomeError::Read { file: home.to_owned(), error })?;
    let mut found = Linked::default();
    for layer in config::load(home, &directory)? {
        let described = |tree: &Tree| {
            let provider = tree.get("secrets")?.get("providers")?.get(PROVIDER)?;
            provider.get("command")?.text().map(PathBuf::from)
        };
        if layer.prefix.is_empty() {
            found.resolver = described(&layer.tree).or(found.resolver.take());
        }
        let mut place = String::new();
        references_in(&layer.tree, &mut place, &mut |place, id| {
            let mut path = layer.prefix.clone();
            join(&mut path, place);
            found.references.push(ExecReference {
                path,
                id: id.to_owned(),
                file: layer.file.clone(),
                place: place.to_owned(),
            });
        });
    }
    found.references.sort();
    Ok(found)
}

fn references_in(node: &Tree, place: &mut String, add: &mut impl FnMut(&str, &str)) {
    let text = |key: &str| node.get(key).and_then(Tree::text);
    if text("source") == Some("exec") && text("provider") == Some(PROVIDER) {
        if let Some(id) = text("id") {
            add(place, id);
        }
        return;
    }
    let length = place.len();
    let mut below = |key: &str, child: &Tree| {
        join(place, key);
        references_in(child, place, add);
        place.truncate(length);
    };
    match node {
        Tree::Map(map) => map.iter().for_each(|(key, child)| below(key, child)),
        Tree::List(list) => {
            list.iter().enumerate().for_each(|(at, child)| below(&at.to_string(), child));
        }
        Tree::Text(_) | Tree::Truth(_) | Tree::Whole(_) | Tree::Other => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_take_references_are_known() {
        for (path, takes) in [
            ("models.providers.openai.apiKey", true),
            ("channels.telegram.botToken", true),
            ("gateway.auth.token", true),
            ("env.vars.OPENAI_API_KEY", false),
            ("models.providers.openai", false),
            ("mcp.servers.x.env.TOKEN", false),
            ("hooks.token", false),
        ] {
            assert_eq!(takes_reference(path), takes, "{path}");
        }
    }

    #[test]
    fn references_to_us_are_found_in_every_file() {
        let home = tempfile::tempdir().unwrap();
        let one = reference("openai/main");
        let write = |name: &str, text: String| std::fs::write(home.path().join(name), text);
        let config = format!(
            "{{models: {{providers: {{o: {{apiKey: {one}}}, p: {{apiKey: 'x'}}}}}}, \
             channels: {{$include: './c.json5'}}, secrets: {{providers: {{clawvault: {}}}}}}}",
            provider(Path::new("/r"), &[])
        );
        write("openclaw.json", config).unwrap();
        write("c.json5", format!("{{t: {{botToken: {}}}}}", reference("t/bot"))).unwrap();
        let linked = linked(home.path()).unwrap();
        assert_eq!(linked.resolver.as_deref(), Some(Path::new("/r")));
        let all: Vec<_> =
            linked.references.iter().map(|r| (r.path.as_str(), r.id.as_str())).collect();
        let expected =
            [("channels.t.botToken", "t/bot"), ("models.providers.o.apiKey", "openai/main")];
        assert_eq!(all, expected);
        assert_eq!(linked.references[0].place, "t.botToken");
    }

    #[test]
    fn a_plan_names_kinds_and_providers() {
        let targets = [("models.providers.o.apiKey".to_owned(), "openai/main".to_owned())];
        let text = plan(&provider(Path::new("/r"), &[]), &targets, "now");
        let plan: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(plan["targets"][0]["type"], "models.providers.apiKey");
        assert_eq!(plan["targets"][0]["providerId"], "o");
        assert_eq!(plan["providerUpserts"]["clawvault"]["command"], "/r");
    }
}
