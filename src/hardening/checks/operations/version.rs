//! Versions: supported, mended, and updated by somebody's decision.

use clawvault_core::domain::Installation;

use super::super::gateway_home::homes;
use crate::hardening::check::{Check, Fix, Outcome, Severity, Status};
use crate::hardening::data::{VERSIONS, end_of, version};
use crate::hardening::facts::{Facts, Family};
use crate::hardening::host::Unseen;

const DAY: i64 = 86_400;
/// Oldest that OpenClaw may be, in days since the month of its version.
const OLD_DAYS: i64 = 150;

/// The outcome where every home's version is known; what is not known is not called good.
fn known(
    facts: &Facts<'_>,
    what: &str,
    version: impl Fn(&Installation) -> &Option<String>,
    outcome: Outcome,
) -> Result<Outcome, Unseen> {
    let none = facts.installations()?.iter().any(|home| version(home).is_none());
    Ok(match outcome.status {
        Status::Pass if none => {
            Outcome::unknown(format!("no {what} was found where it usually lies"))
        }
        _ => outcome,
    })
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "operations.version.openclaw",
        severity: Severity::Medium,
        title: "OpenClaw is up to date",
        fix: Fix::All("openclaw update"),
        reference: "https://docs.openclaw.ai/install/updating",
        look: |facts| {
            let now = facts.host.now();
            let outcome = homes(facts, "it is", |home, found| {
                let Some(text) = &home.version else { return };
                // A version is a date: year, month, and a number in it.
                let parts = version(text);
                let (Some(year), Some(month)) = (parts.first(), parts.get(1)) else { return };
                let Some(start) = end_of(&format!("{year}-{month:02}-01")) else { return };
                let days = (now - start) / DAY;
                if *year >= 2025 && days > OLD_DAYS {
                    found.fail(format!(
                        "{text} is {days} days old; {} was the newest that is known here",
                        VERSIONS.openclaw.newest
                    ));
                }
            })?;
            known(facts, "package of OpenClaw", |home| &home.version, outcome)
        },
    },
    Check {
        id: "operations.version.advisories",
        severity: Severity::High,
        title: "Nothing that is known to be wrong with OpenClaw's version is unmended",
        fix: Fix::All("openclaw update"),
        reference: "https://github.com/openclaw/openclaw/security/advisories",
        look: |facts| {
            let outcome =
                homes(facts, "no advisory that is known here concerns it", |home, found| {
                    let Some(text) = &home.version else { return };
                    let known = VERSIONS.advisories.get("openclaw").into_iter().flatten();
                    for (advisory, mended) in
                        known.filter(|(_, mended)| version(text) < version(mended))
                    {
                        found.fail(format!("{text} has {advisory}, mended in {mended}"));
                    }
                })?;
            known(facts, "package of OpenClaw", |home| &home.version, outcome)
        },
    },
    Check {
        id: "operations.version.node",
        severity: Severity::Medium,
        title: "Node.js is of a supported version, and new enough for OpenClaw",
        fix: Fix::All("install Node.js 24 or later, then openclaw gateway install --force"),
        reference: "https://nodejs.org/en/about/previous-releases",
        look: |facts| {
            let now = facts.host.now();
            let outcome = homes(facts, "it is", |home, found| {
                let Some(text) = &home.node else { return };
                let parts = version(text);
                let major = parts.first().copied().unwrap_or_default().to_string();
                match VERSIONS.node.get(&major) {
                    Some(end) if end_of(end).is_some_and(|end| now > end) => {
                        let source = VERSIONS.source("node");
                        found.fail(format!(
                            "Node.js {text} is unsupported since {end} (by {source})"
                        ));
                    }
                    _ if parts < version(&VERSIONS.openclaw.node) => {
                        found.warn(format!(
                            "Node.js {text} is older than OpenClaw asks for ({})",
                            VERSIONS.openclaw.node
                        ));
                    }
                    _ => {}
                }
            })?;
            // Nothing is said of a version that the table does not have.
            let unlisted =
                facts.installations()?.iter().filter_map(|home| home.node.clone()).find(|text| {
                    !VERSIONS.node.contains_key(
                        &version(text)[..1].iter().map(u32::to_string).collect::<String>(),
                    )
                });
            if let (Status::Pass, Some(text)) = (outcome.status, unlisted) {
                return Ok(Outcome::unknown(format!("nothing is noted of Node.js {text}")));
            }
            known(facts, "Node.js", |home| &home.node, outcome)
        },
    },
    Check {
        id: "operations.version.system",
        severity: Severity::High,
        title: "The operating system still gets security updates",
        fix: Fix::By {
            debian: "do-release-upgrade, or move to a new machine",
            rhel: "leapp upgrade, or move to a new machine",
        },
        reference: "os-release(5)",
        look: |facts| {
            let os = facts.os();
            let major = os.version.split('.').next().unwrap_or_default();
            let rhel = os.family == Family::Rhel && !VERSIONS.system.contains_key(&os.id);
            let id = if rhel { "rhel" } else { os.id.as_str() };
            let (table, source) = (VERSIONS.system.get(id), VERSIONS.source(id));
            let end = table.and_then(|table| {
                let minor = os.version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
                table.get(&os.version).or_else(|| table.get(&minor)).or_else(|| table.get(major))
            });
            Ok(match end.and_then(|end| Some((end, end_of(end)?))) {
                None => Outcome::unknown(format!("nothing is noted of the support of {}", os.name)),
                Some((day, end)) if facts.host.now() > end => {
                    Outcome::fail(format!("{} is unsupported since {day} (by {source})", os.name))
                }
                Some((day, end)) if facts.host.now() + 90 * DAY > end => {
                    Outcome::warn(format!("support of {} ends on {day} (by {source})", os.name))
                }
                Some((day, _)) => {
                    Outcome::pass(format!("{} is supported until {day} (by {source})", os.name))
                }
            })
        },
    },
    Check {
        id: "operations.version.news",
        severity: Severity::Low,
        title: "OpenClaw looks for updates, and somebody hears of advisories",
        fix: Fix::All(
            "openclaw config set update.checkOnStart true; watch the repository's security advisories",
        ),
        reference: "https://docs.openclaw.ai/install/updating",
        look: |facts| {
            homes(facts, "it looks for updates", |home, found| {
                if home.settings.at("update.checkOnStart").truth() == Some(false) {
                    found.warn("update.checkOnStart is false: nobody hears of updates");
                }
            })
        },
    },
];
