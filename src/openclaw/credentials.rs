//! Which places of OpenClaw's documents hold credentials, and what such a secret could be called.
//!
//! Known places are a table; a rule about the last key finds the places that no table knows yet.

use clawvault_core::domain::SecretName;

use super::exec::takes_one_secret;

/// The name that a secret at `path`, keys joined by dots, could have.
///
/// Known places name their vendor; any other is `openclaw/<path>`. None where the path has
/// nothing that a name may hold, or is too long for one.
pub fn suggested_name(path: &str) -> Option<String> {
    let segments: Vec<&str> = path.split('.').collect();
    let known = PLACES.iter().find_map(|(pattern, name)| {
        let captured = captured(pattern, &segments)?;
        let parts = captured.iter().map(|part| kebab(part, '/')).collect::<Option<Vec<_>>>()?;
        Some(filled(name, &parts))
    });
    let name = known.or_else(|| {
        let parts: Vec<_> = segments.iter().filter_map(|part| kebab(part, '-')).collect();
        (!parts.is_empty()).then(|| format!("openclaw/{}", parts.join(".")))
    })?;
    SecretName::parse(&name).is_ok().then_some(name)
}

/// Whether a text at `path`, keys joined by dots, is a credential.
pub fn is_credential(path: &str) -> bool {
    let segments: Vec<&str> = path.split('.').collect();
    let (last, above) = match segments.as_slice() {
        [.., above, last] => (*last, *above),
        [last] => (*last, ""),
        [] => return false,
    };
    match above {
        "env" => is_credential_variable(last),
        "headers" => is_credential_header(last),
        _ => {
            is_credential_key(last)
                || takes_one_secret(path) && !CERTIFICATES.contains(&last)
                || PLACES.iter().any(|(pattern, _)| {
                    !pattern.ends_with(".*") && captured(pattern, &segments).is_some()
                })
        }
    }
}

/// Whether a text is an address with a password in it, which is a credential wherever it stands.
pub(super) fn has_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let login = authority.rsplit_once('@').and_then(|(login, _)| login.split_once(':'));
    login.is_some_and(|(_, password)| !password.is_empty())
}

/// Whether a variable of this name holds a secret, by its last word.
pub fn is_credential_variable(name: &str) -> bool {
    // `OPENAI_API_KEY_2` is the second of several keys.
    let numbered = |c: char| c == '_' || c.is_ascii_digit();
    let last = name.trim_end_matches(numbered).rsplit('_').next().unwrap_or_default();
    VARIABLE_WORDS.iter().any(|word| last.eq_ignore_ascii_case(word))
}

/// The variable that a place stands for, if the configuration sets one there.
pub(super) fn variable_at(path: &str) -> Option<&str> {
    let below = path.strip_prefix("env.")?;
    let name = below.strip_prefix("vars.").unwrap_or(below);
    super::references::is_name(name).then_some(name)
}

/// Known places and the names of their secrets. `*` is any key, `?` any key that is credential
/// by itself; `{n}` is the n-th of them. The first that fits counts.
const PLACES: &[(&str, &str)] = &[
    ("models.providers.*.apiKey", "{1}/main"),
    ("models.providers.*.headers.*", "{1}/header-{2}"),
    ("models.providers.*.request.headers.*", "{1}/header-{2}"),
    ("models.providers.*.request.auth.value", "{1}/request-auth"),
    ("models.providers.*.request.auth.?", "{1}/request-{2}"),
    ("models.providers.*.request.tls.key", "{1}/tls-key"),
    ("models.providers.*.request.tls.?", "{1}/tls-{2}"),
    ("models.providers.*.request.proxy.tls.key", "{1}/proxy-tls-key"),
    ("models.providers.*.request.proxy.tls.?", "{1}/proxy-tls-{2}"),
    ("gateway.auth.?", "openclaw/gateway-{1}"),
    ("gateway.remote.?", "openclaw/gateway-remote-{1}"),
    ("channels.*.botToken", "{1}/bot"),
    ("channels.discord.token", "discord/bot"),
    ("channels.slack.appToken", "slack/app"),
    ("channels.slack.userToken", "slack/user"),
    ("channels.*.?", "{1}/{2}"),
    ("channels.*.accounts.*.botToken", "{1}/bot-{2}"),
    ("channels.discord.accounts.*.token", "discord/bot-{1}"),
    ("channels.*.accounts.*.?", "{1}/{3}-{2}"),
    ("skills.entries.*.apiKey", "skills/{1}"),
    ("skills.entries.*.env.*", "skills/{1}-{2}"),
    ("plugins.entries.*.config.webSearch.apiKey", "{1}/web-search"),
    ("plugins.entries.*.config.mcpServers.*.env.*", "mcp/{2}-{3}"),
    ("plugins.entries.*.config.mcpServers.*.headers.*", "mcp/{2}-{3}"),
    ("mcp.servers.*.env.*", "mcp/{1}-{2}"),
    ("mcp.servers.*.headers.*", "mcp/{1}-{2}"),
    ("tts.providers.*.apiKey", "{1}/tts"),
    ("messages.tts.providers.*.apiKey", "{1}/tts"),
    ("talk.providers.*.apiKey", "{1}/talk"),
    ("talk.apiKey", "openclaw/talk"),
    ("memory.search.remote.apiKey", "openclaw/memory-search"),
    ("tools.web.search.apiKey", "openclaw/web-search"),
    ("hooks.token", "openclaw/hooks-token"),
    ("hooks.gmail.pushToken", "openclaw/gmail-push-token"),
    ("cron.webhookToken", "openclaw/cron-webhook-token"),
    // `auth-profiles.json`, `models.json` and `auth.json` of an agent.
    ("profiles.*.key", "{1}"),
    ("profiles.*.token", "{1}"),
    ("providers.*.apiKey", "{1}/main"),
];

/// Last words of keys that hold credentials, wherever they stand.
const KEY_WORDS: &[&str] = &[
    "access-key",
    "api-key",
    "apikey",
    "encrypt-key",
    "passphrase",
    "password",
    "private-key",
    "recovery-key",
    "secret",
    "secret-key",
    "signing-key",
    "token",
];

/// Last keys of places that take a reference to a secret, for what everybody may know.
const CERTIFICATES: &[&str] = &["ca", "cert"];

const VARIABLE_WORDS: &[&str] =
    &["KEY", "KEYS", "PASSPHRASE", "PASSWD", "PASSWORD", "PAT", "SECRET", "TOKEN"];

/// Parts of header names that hold credentials.
const HEADER_WORDS: &[&str] = &["auth", "cookie", "key", "secret", "token"];

fn is_credential_key(key: &str) -> bool {
    let Some(key) = kebab(key, '-') else { return false };
    KEY_WORDS.iter().any(|word| {
        key.strip_suffix(word).is_some_and(|before| before.is_empty() || before.ends_with('-'))
    })
}

fn is_credential_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    HEADER_WORDS.iter().any(|word| name.contains(word))
}

/// What the wildcards of `pattern` stand for in a path, if it fits.
fn captured<'a>(pattern: &str, segments: &[&'a str]) -> Option<Vec<&'a str>> {
    if pattern.split('.').count() != segments.len() {
        return None;
    }
    let mut captured = Vec::new();
    for (wanted, segment) in pattern.split('.').zip(segments) {
        match wanted {
            "*" => captured.push(*segment),
            "?" if is_credential_key(segment) => captured.push(*segment),
            _ if wanted == *segment => {}
            _ => return None,
        }
    }
    Some(captured)
}

fn filled(template: &str, parts: &[String]) -> String {
    let mut name = template.to_owned();
    for (index, part) in parts.iter().enumerate() {
        name = name.replace(&format!("{{{}}}", index + 1), part);
    }
    name
}

/// `apiKey` becomes `api-key`; what a name may not hold, `-`; a colon `colon`.
fn kebab(text: &str, colon: char) -> Option<String> {
    let mut name = String::new();
    let mut after_small = false;
    for c in text.chars() {
        let plain = c.is_ascii_alphanumeric();
        let split = c.is_ascii_uppercase() && after_small;
        let separator = if c == ':' { colon } else { '-' };
        if (split || !plain) && !name.is_empty() && !name.ends_with(['-', '/']) {
            name.push(if plain { '-' } else { separator });
        }
        if plain {
            name.push(c.to_ascii_lowercase());
        }
        after_small = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    let name = name.trim_end_matches(['-', '/']);
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_places_name_their_vendor() {
        for (path, name) in [
            ("models.providers.openai.apiKey", "openai/main"),
            ("models.providers.Z_AI.apiKey", "z-ai/main"),
            ("models.providers.openai.headers.X-Api-Key", "openai/header-x-api-key"),
            ("channels.telegram.botToken", "telegram/bot"),
            ("channels.telegram.webhookSecret", "telegram/webhook-secret"),
            ("channels.slack.accounts.work.signingSecret", "slack/signing-secret-work"),
            ("gateway.auth.token", "openclaw/gateway-token"),
            ("gateway.auth.password", "openclaw/gateway-password"),
            ("plugins.entries.brave.config.webSearch.apiKey", "brave/web-search"),
            ("profiles.openai:default.key", "openai/default"),
            (
                "plugins.entries.foo.config.someToken",
                "openclaw/plugins.entries.foo.config.some-token",
            ),
            ("channels.googlechat.serviceAccount", "openclaw/channels.googlechat.service-account"),
            (
                "channels.buzz.accounts.work.authTag",
                "openclaw/channels.buzz.accounts.work.auth-tag",
            ),
            ("a.é.token", "openclaw/a.token"),
        ] {
            assert!(is_credential(path) || path.ends_with(".key"), "{path}");
            assert_eq!(suggested_name(path).as_deref(), Some(name));
        }
        assert_eq!(suggested_name("é"), None);
        assert_eq!(suggested_name(&"a".repeat(200)), None);
    }

    #[test]
    fn whatever_takes_a_reference_is_a_credential() {
        for pattern in include_str!("takes-references.txt").lines() {
            // In a map of headers or variables it depends on the name.
            let path = match pattern.strip_suffix(".*") {
                Some(map) if map.ends_with("env") => format!("{map}.SOME_TOKEN"),
                Some(map) => format!("{map}.x-api-key"),
                None => pattern.to_owned(),
            };
            let path = path.replace('*', "work");
            let is_public = path.ends_with(".ca") || path.ends_with(".cert");
            assert_eq!(is_credential(&path), !is_public, "{path}");
        }
    }

    #[test]
    fn addresses_with_passwords_are_credentials() {
        for (text, has) in [
            ("http://user:word@proxy.example.net:3128", true),
            ("wss://:word@host/path?x=1", true),
            ("http://user@host", false),
            ("http://user:@host", false),
            ("https://host:8080/a@b:c", false),
            ("user:word@host", false),
        ] {
            assert_eq!(has_password(text), has, "{text}");
        }
    }

    #[test]
    fn what_is_no_credential_stays_out() {
        for path in [
            "models.providers.openai.baseUrl",
            "models.providers.openai.headers.X-Title",
            "models.providers.openai.request.tls.ca",
            "plugins.entries.comfy.config.headers.X-Title",
            "agents.defaults.maxTokens",
            "channels.telegram.tokenFile",
            "gateway.auth.mode",
            "skills.entries.x.env.LOG_LEVEL",
            "session.key",
            "",
        ] {
            assert!(!is_credential(path), "{path}");
        }
    }

    #[test]
    fn variables_are_judged_by_their_last_word() {
        for name in ["OPENAI_API_KEY", "OPENAI_API_KEY_2", "HF_TOKEN", "X_PASSWORD", "FAL_KEY"] {
            assert!(is_credential_variable(name), "{name}");
        }
        for name in ["OPENCLAW_GATEWAY_PORT", "AWS_ACCESS_KEY_ID", "MAX_TOKENS", "MONKEY", "1"] {
            assert!(!is_credential_variable(name), "{name}");
        }
        assert_eq!(variable_at("env.vars.A_KEY"), Some("A_KEY"));
        assert_eq!(variable_at("env.A_KEY"), Some("A_KEY"));
        assert_eq!(variable_at("env.shellEnv.enabled"), None);
    }

    proptest! {
        #[test]
        fn a_suggested_name_is_a_name(path in "\\PC{0,60}", more in "[a-zA-Z.:/_é-]{0,60}") {
            for path in [path, more.clone(), format!("profiles.{more}.key")] {
                if let Some(name) = suggested_name(&path) {
                    prop_assert!(SecretName::parse(&name).is_ok());
                }
            }
        }
    }
}
