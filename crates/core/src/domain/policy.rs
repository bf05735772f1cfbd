//! The policy document: one TOML text inside the vault.
//!
//! An unknown key is an error with its line and column: a rule that nobody reads must not look
//! like a rule. Each capability brings the sections it needs.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::limits::MAX_DOCUMENT;
use super::rotation_rules::{Defaults, SecretRule, VendorRule};
use super::{
    AuditRules, Limit, Limited, LogRules, NameError, NestingFault, ProfileName, Receiver,
    SecretName, Total, User, check_toml_nesting,
};

/// Why a policy was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct PolicyError {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong there.
    pub what: String,
}

/// The rules.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// What each named agent may have.
    #[serde(default)]
    pub agents: BTreeMap<ProfileName, Agent>,
    /// Gateways of OpenClaw, each of which has the grant of one agent.
    #[serde(default)]
    pub gateways: BTreeMap<ProfileName, Gateway>,
    /// Rules for secrets, by pattern.
    #[serde(default)]
    pub secrets: BTreeMap<Pattern, SecretRule>,
    /// How the audit log is kept.
    #[serde(default)]
    pub log: LogRules,
    /// Whom a daemon of the whole system serves.
    #[serde(default)]
    pub daemon: DaemonRules,
    /// How the hardening audit is read.
    #[serde(default)]
    pub audit: AuditRules,
    /// When keys are rotated where no rule says otherwise.
    #[serde(default)]
    pub defaults: Defaults,
    /// Rules for vendors, by id.
    #[serde(default)]
    pub vendors: BTreeMap<String, VendorRule>,
    /// Limits of whole profiles.
    #[serde(default)]
    pub profiles: BTreeMap<ProfileName, Limited>,
    /// Limits on everything together.
    #[serde(default)]
    pub total: Total,
    /// Who is told when something happens.
    #[serde(default)]
    pub alerts: BTreeMap<ProfileName, Receiver>,
    /// Users' own manifests of vendors, by id.
    #[serde(default)]
    pub manifests: BTreeMap<String, toml::Table>,
}

/// Whom a daemon of the whole system serves; one of a single user heeds none of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DaemonRules {
    /// Users who may have everything; root always may.
    #[serde(default)]
    pub operators: Vec<User>,
}

/// The grant of one agent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Patterns of the secrets it may have.
    pub secrets: Vec<Pattern>,
    /// The only profile it may use; `default` where none is named.
    #[serde(default)]
    pub profile: ProfileName,
    /// The user that it is, where a daemon of the whole system serves it.
    pub uid: Option<User>,
    /// What the secrets of its grant may cost together.
    #[serde(default)]
    pub limits: Vec<Limit>,
}

/// A gateway of OpenClaw: whoever it serves has what its agent may have.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// The agent whose grant it has.
    pub agent: ProfileName,
    /// OpenClaw's own directory, absolute.
    pub home: String,
    /// The unit of the service manager that may start it without an operator.
    pub unit: Option<String>,
}

impl Policy {
    /// Reads a policy document.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_DOCUMENT {
            let what = format!("the document is larger than {MAX_DOCUMENT} bytes");
            return Err(PolicyError { line: 1, column: 1, what });
        }
        let fail = |at: usize, what: &str| {
            let before = text.get(..at).unwrap_or_default();
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            let what = what.replace('\n', " ");
            PolicyError { line: before.matches('\n').count() + 1, column, what }
        };
        check_toml_nesting(text).map_err(|(at, fault)| match fault {
            NestingFault::TooDeep => fail(at, "nested too deep"),
            NestingFault::Unmatched => fail(at, "a bracket or quote has no partner"),
        })?;
        toml::from_str(text).map_err(|error| {
            fail(error.span().map_or(0, |span| span.start), &kind(error.message()))
        })
    }

    /// Reads a policy document that is to be applied: what this system cannot do is an error, too.
    pub fn check(text: &str) -> Result<Self, PolicyError> {
        let policy = Self::parse(text)?;
        if policy.defaults.time_zone.find().is_none() {
            let at = text.find("time_zone").unwrap_or_default();
            let (before, what) = (&text[..at], "this system has no such time zone (tzdata)");
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            let line = before.matches('\n').count() + 1;
            return Err(PolicyError { line, column, what: what.to_owned() });
        }
        Ok(policy)
    }

    /// The hosts that `base_url`s of vendors name, but this machine: where keys would be sent.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        let urls = self.vendors.values().filter_map(|rule| rule.base_url.as_deref());
        urls.chain(self.manifests.values().flat_map(own_urls))
            .filter_map(host_of)
            .filter(|host| !is_loopback(host))
    }

    /// True where a rule names this secret as an admin credential.
    pub fn is_admin(&self, name: &SecretName) -> bool {
        self.secrets.values().any(|rule| rule.admin.as_ref() == Some(name))
    }
}

impl Agent {
    /// True where the grant covers the secret.
    pub fn may_have(&self, profile: &ProfileName, name: &SecretName) -> bool {
        *profile == self.profile && self.secrets.iter().any(|p| p.matches(profile, name))
    }
}

/// The addresses of a user's own manifest: for keys, and for money.
fn own_urls(manifest: &toml::Table) -> Vec<&str> {
    let of_keys = manifest.get("api");
    let of_money = manifest.get("money").and_then(|money| money.get("api"));
    let apis = of_keys.into_iter().chain(of_money).filter_map(toml::Value::as_table);
    let urls = apis.flat_map(|api| {
        let others = api.get("hosts").and_then(toml::Value::as_table);
        api.get("base_url").into_iter().chain(others.into_iter().flat_map(toml::Table::values))
    });
    urls.filter_map(toml::Value::as_str).collect()
}

/// The host of an address, without its port.
pub(super) fn host_of(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split('/').next().filter(|text| !text.is_empty())?;
    let (host, port) = match authority.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let number = port.strip_prefix(':').unwrap_or("0");
    (!host.is_empty() && number.parse::<u16>().is_ok()).then_some(host)
}

pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The kind of error without what the document said there: serde repeats keys and values, and a
/// document that was taken for a policy by mistake may hold secrets.
fn kind(message: &str) -> String {
    let what = match message.split([' ', ':']).take(2).collect::<Vec<_>>().as_slice() {
        ["unknown", _] => "unknown key",
        ["invalid", "type" | "value" | "length"] => "a value of another kind",
        _ => return message.to_owned(),
    };
    // What is expected comes last and is ours.
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("{what}, expected {expected}"),
        None => what.to_owned(),
    }
}

/// Names of secrets: a name, `*` for any characters, `@profile` for one profile only.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(try_from = "String")]
pub struct Pattern {
    name: String,
    profile: Option<ProfileName>,
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (name, profile) = match text.split_once('@') {
            Some((name, profile)) => (name, Some(ProfileName::parse(profile)?)),
            None => (text, None),
        };
        // With every star replaced by a letter, what is left must be a name.
        SecretName::parse(&name.replace('*', "a"))?;
        Ok(Self { name: name.to_owned(), profile })
    }

    /// How exactly it names what it covers: of two that cover a secret, the greater one counts.
    pub(super) fn rank(&self) -> (bool, usize, bool) {
        let exact = !self.name.contains('*');
        (exact, self.name.len() - self.name.matches('*').count(), self.profile.is_some())
    }

    /// True where the pattern covers the secret.
    pub fn matches(&self, profile: &ProfileName, name: &SecretName) -> bool {
        let right_profile = self.profile.as_ref().is_none_or(|p| p == profile);
        right_profile && covers(&self.name, name.as_str())
    }
}

impl TryFrom<String> for Pattern {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

/// Greedy matching from the left is exact where `*` is the only wildcard.
fn covers(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_what_they_say() {
        let name = |text: &str| SecretName::parse(text).unwrap();
        let (default, prod) = (ProfileName::default(), ProfileName::parse("prod").unwrap());
        for (pattern, secret, covered) in [
            ("openai/main", "openai/main", true),
            ("openai/main", "openai/main2", false),
            ("openai/*", "openai/a/b", true),
            ("*", "x", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxcyyb", false),
            ("a*a", "a", false),
        ] {
            let pattern = Pattern::parse(pattern).unwrap();
            assert_eq!(pattern.matches(&default, &name(secret)), covered, "{pattern:?} {secret}");
        }
        let only_prod = Pattern::parse("openai/*@prod").unwrap();
        assert!(only_prod.matches(&prod, &name("openai/x")));
        assert!(!only_prod.matches(&default, &name("openai/x")));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place() {
        let error = Policy::parse("[agents.support]\nsecrets = []\nsecretz = 1\n").unwrap_err();
        assert_eq!((error.line, error.column), (3, 1));
        assert_eq!(
            error.what,
            "unknown key, expected one of `secrets`, `profile`, `uid`, `limits`"
        );
        assert!(Policy::parse("[agents.a]\nsecrets = [\"Bad Name\"]\n").is_err());
    }

    #[test]
    fn an_error_repeats_nothing_of_the_document() {
        let agent = |text: &str| format!("[agents.a]\nsecrets = []\n{text}\n");
        for text in [
            "secrets = \"hunter2\"".to_owned(),
            "agents = \"hunter2, expected x\"".to_owned(),
            "hunter2 = 1".to_owned(),
            "\"hunter2, expected x\" = 1".to_owned(),
            "[agents.HUNTER2]\nsecrets = []".to_owned(),
            agent("profile = \"HUNTER2 hunter2\""),
            agent("hunter2 = 1"),
            agent("profile = hunter2"),
            agent("hunter2"),
            "[secrets.a]\nadmin = [\"hunter2\"]".to_owned(),
        ] {
            let error = Policy::parse(&text).unwrap_err();
            assert!(!format!("{error:?}").to_lowercase().contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn a_base_url_is_encrypted_or_of_this_machine() {
        let policy = |url: &str| Policy::parse(&format!("[vendors.x]\nbase_url = \"{url}\"\n"));
        for (url, hosts) in [
            ("https://api.example.com/v1/", vec!["api.example.com"]),
            ("https://10.0.0.1:8443", vec!["10.0.0.1"]),
            ("http://127.0.0.1:4010", vec![]),
            ("http://[::1]:80/x", vec![]),
            ("http://localhost", vec![]),
        ] {
            assert_eq!(policy(url).unwrap().hosts().collect::<Vec<_>>(), hosts, "{url}");
        }
        for url in [
            "http://example.com",
            "http://127.0.0.1.example.com",
            "ftp://x",
            "https://",
            "https://user@example.com",
            "https://x?y=1",
            "https://x#y",
            "http://localhost:x",
            "http://127.0.0.1@example.com",
            "https:///x",
        ] {
            assert!(policy(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_grant_is_for_its_profile() {
        let text = "[agents.support]\nsecrets = [\"telegram/*\"]\nprofile = \"prod\"\n";
        let policy = Policy::parse(text).unwrap();
        let agent = &policy.agents[&ProfileName::parse("support").unwrap()];
        let name = SecretName::parse("telegram/bot").unwrap();
        assert!(agent.may_have(&ProfileName::parse("prod").unwrap(), &name));
        assert!(!agent.may_have(&ProfileName::default(), &name));
    }
}
