//! The sections of the policy that say when and how keys are rotated.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::schedule::{Length, Rotate, Schedule, Zone};
use super::{FieldName, Limit, Policy, ProfileName, SecretName};

/// Quarterly, at night.
const USUAL: &str = "0 3 1 */3 *";
/// How long old and new live side by side where nothing is said.
const OVERLAP: Length = Length::minutes(60);

/// `[defaults]`: what holds where no rule says otherwise.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// When keys are rotated; quarterly where nothing is said.
    pub rotate: Option<Rotate>,
    /// How long an old key stays accepted beside the new one.
    pub overlap: Option<Length>,
    /// Whose clock the schedules follow.
    #[serde(default)]
    pub time_zone: Zone,
}

/// A rule for the secrets of one pattern.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretRule {
    /// The credential that may rotate them; it is never injected.
    pub admin: Option<SecretName>,
    /// What the vendor's calls need besides: a project, a user, a region.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// When they are rotated.
    pub rotate: Option<Rotate>,
    /// How long an old key stays accepted beside the new one.
    pub overlap: Option<Length>,
    /// Whether a call may be used that replaces a key in place.
    pub no_overlap: Option<bool>,
    /// Where a new key has to be told of.
    pub sinks: Option<Vec<SinkRule>>,
    /// What each of them may cost.
    #[serde(default)]
    pub limits: Vec<Limit>,
}

/// `[vendors.X]`: a rule for one vendor.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VendorRule {
    /// Whether its calls that replace a key in place may be used.
    #[serde(default)]
    pub no_overlap: bool,
    /// What may be spent at it.
    #[serde(default)]
    pub limits: Vec<Limit>,
    /// What replaces every host of the vendor: https, or http to this machine.
    #[serde(default, deserialize_with = "base_url")]
    pub base_url: Option<String>,
}

/// A base URL that keys may be sent to: https, or http to this machine; no user, query or fragment.
fn base_url<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let url = String::deserialize(from)?;
    let plain = url.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/:[]".contains(&b));
    let encrypted = url.starts_with("https://");
    let host = super::policy::host_of(&url)
        .filter(|host| plain && (encrypted || super::policy::is_loopback(host)));
    match host {
        Some(_) => Ok(Some(url.trim_end_matches('/').to_owned())),
        None => Err(serde::de::Error::custom(
            "a base URL is https://host/path, or http to this machine",
        )),
    }
}

/// A place where a key is in use.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "RawSink")]
pub enum SinkRule {
    /// A file that holds one field.
    File {
        /// Its absolute path.
        path: PathBuf,
        /// The field; the only one where none is named.
        field: Option<FieldName>,
    },
    /// A running gateway of OpenClaw, which takes its values anew.
    OpenClaw {
        /// What the policy calls it.
        gateway: ProfileName,
    },
    /// A script that is told the secret's name.
    Hook {
        /// Its absolute path.
        path: PathBuf,
        /// What it must hold.
        sha256: Sha256,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSink {
    file: Option<PathBuf>,
    field: Option<FieldName>,
    hook: Option<PathBuf>,
    sha256: Option<Sha256>,
    openclaw: Option<ProfileName>,
}

impl TryFrom<RawSink> for SinkRule {
    type Error = &'static str;

    fn try_from(raw: RawSink) -> Result<Self, Self::Error> {
        let RawSink { file, field, hook, sha256, openclaw } = raw;
        let sink = match (file, field, hook, sha256, openclaw) {
            (Some(path), field, None, None, None) => Self::File { path, field },
            (None, None, Some(path), Some(sha256), None) => Self::Hook { path, sha256 },
            (None, None, None, None, Some(gateway)) => return Ok(Self::OpenClaw { gateway }),
            _ => return Err("not { file, field }, { hook, sha256 } or { openclaw }"),
        };
        let is_absolute = match &sink {
            Self::File { path, .. } | Self::Hook { path, .. } => path.is_absolute(),
            Self::OpenClaw { .. } => true,
        };
        if is_absolute { Ok(sink) } else { Err("the path of a sink is not absolute") }
    }
}

/// A digest, written as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct Sha256(pub [u8; 32]);

impl TryFrom<String> for Sha256 {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let error = "not 64 hexadecimal digits, as sha256sum prints them";
        let mut digest = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(error);
        }
        for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| error)?;
        }
        Ok(Self(digest))
    }
}

/// What the policy says of one secret: of each thing, what the most exact rule says.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The credential that may rotate it.
    pub admin: Option<SecretName>,
    /// What the vendor's calls need besides.
    pub params: BTreeMap<String, String>,
    /// When it is rotated by itself, if ever.
    pub schedule: Option<Schedule>,
    /// How long an old key stays accepted, in milliseconds.
    pub overlap_ms: i64,
    /// Whether a call may be used that replaces the key in place.
    pub no_overlap: bool,
    /// Where a new key has to be told of.
    pub sinks: Vec<SinkRule>,
}

impl Policy {
    /// What holds for a secret of this vendor.
    pub fn rule(&self, profile: &ProfileName, name: &SecretName, vendor: Option<&str>) -> Rule {
        let mut rules: Vec<_> =
            self.secrets.iter().filter(|(pattern, _)| pattern.matches(profile, name)).collect();
        rules.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.rank()));
        let rules: Vec<&SecretRule> = rules.into_iter().map(|(_, rule)| rule).collect();
        let rotate = rules.iter().find_map(|rule| rule.rotate.as_ref());
        let schedule = match rotate.or(self.defaults.rotate.as_ref()) {
            Some(Rotate::At(schedule)) => Some(schedule.clone()),
            Some(Rotate::Never) => None,
            None => Schedule::parse(USUAL).ok(),
        };
        let overlap = rules.iter().find_map(|rule| rule.overlap).or(self.defaults.overlap);
        let vendor = vendor.and_then(|id| self.vendors.get(id));
        let mut params = BTreeMap::new();
        for rule in rules.iter().rev() {
            params.extend(rule.params.clone());
        }
        Rule {
            admin: rules.iter().find_map(|rule| rule.admin.clone()),
            params,
            schedule,
            overlap_ms: overlap.unwrap_or(OVERLAP).as_ms(),
            no_overlap: rules
                .iter()
                .find_map(|rule| rule.no_overlap)
                .unwrap_or(vendor.is_some_and(|rule| rule.no_overlap)),
            sinks: rules.iter().find_map(|rule| rule.sinks.clone()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_rules_the_more_exact_one_counts() {
        let text = r#"
            [defaults]
            rotate = "never"
            overlap = "2h"
            time_zone = "Europe/Berlin"
            [secrets."openai/*"]
            admin = "openai/admin"
            params = { project = "proj_1", region = "eu" }
            rotate = "0 3 * * 1"
            [secrets."openai/main"]
            params = { project = "proj_2" }
            overlap = "10m"
            no_overlap = false
            sinks = [{ file = "/run/key" }, { hook = "/opt/told", sha256 = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" }]
            [vendors.openai]
            no_overlap = true
        "#;
        let policy = Policy::check(text).unwrap();
        let name = |text| SecretName::parse(text).unwrap();
        let of = |text| policy.rule(&ProfileName::default(), &name(text), Some("openai"));
        let main = of("openai/main");
        assert_eq!(main.params["project"], "proj_2");
        assert_eq!(main.params["region"], "eu");
        assert_eq!(main.schedule.unwrap().as_str(), "0 3 * * 1");
        assert_eq!((main.overlap_ms, main.no_overlap, main.sinks.len()), (600_000, false, 2));
        assert_eq!(main.admin, Some(name("openai/admin")));
        let other = of("openai/other");
        assert!(other.no_overlap && other.sinks.is_empty());
        assert!(of("groq/main").schedule.is_none());
        let usual = Policy::parse("").unwrap().rule(&ProfileName::default(), &name("a"), None);
        assert_eq!(usual.schedule.unwrap().as_str(), USUAL);
        assert_eq!(usual.overlap_ms, 3_600_000);
    }

    #[test]
    fn what_is_wrong_is_named_by_line_and_column_and_not_repeated() {
        for (text, line, column) in [
            ("[defaults]\nrotate = \"hunter2\"", 2, 10),
            ("[defaults]\nrotate = \"0 3 1 13 *\"", 2, 10),
            ("[defaults]\noverlap = \"1y\"", 2, 11),
            ("[defaults]\nhunter2 = 1", 2, 1),
            ("[defaults]\ntime_zone = \"Europe/Hunter2\"", 2, 1),
            ("[defaults]\ntime_zone = \"hunter2 x\"", 2, 13),
            ("[secrets.a]\nsinks = [{ file = \"hunter2\" }]", 2, 9),
            ("[secrets.a]\nsinks = [{ hook = \"/hunter2\" }]", 2, 9),
            ("[secrets.a]\nparams = { x = 1 }", 2, 16),
            ("[vendors.x]\nhunter2 = true", 2, 1),
        ] {
            let error = Policy::check(text).unwrap_err();
            assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
            assert!(!error.what.to_lowercase().contains("hunter2"), "{error}");
        }
    }
}
