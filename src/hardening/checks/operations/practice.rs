//! Audits by the calendar, a plan for the day it happens, development apart from production.

use super::super::gateway_home::homes;
use super::schedules::schedules;
use crate::hardening::check::{Check, Fix, Outcome, Severity};

const DAY: i64 = 86_400;
/// Oldest that the last drill may be, in days.
const DRILL_DAYS: i64 = 31;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "operations.audit.scheduled",
        severity: Severity::Low,
        title: "This audit runs by itself, monthly at least",
        fix: Fix::All(
            "cp clawvault-audit.service clawvault-audit.timer /etc/systemd/system/ (from deploy/) && systemctl enable --now clawvault-audit.timer",
        ),
        reference: "systemd.timer(5)",
        look: |facts| {
            let job = schedules(facts)?
                .into_iter()
                .find(|job| job.text.contains("clawvault") && job.text.contains("audit"));
            Ok(match job {
                Some(job) => Outcome::pass(job.place),
                None => Outcome::warn("no timer and no crontab runs it"),
            })
        },
    },
    Check {
        id: "operations.incident.revocation",
        severity: Severity::Medium,
        title: "Every key can be revoked from here, or the steps are written down",
        fix: Fix::All(
            "clawvault revoke-all --dry-run names those that cannot; clawvault providers add FILE for their vendor",
        ),
        reference: "clawvault revoke-all --help",
        look: |facts| {
            let keys = &facts.vault()?.keys;
            if keys.is_empty() {
                return Ok(Outcome::na("the vault holds no key"));
            }
            let lost: Vec<String> = keys
                .iter()
                .filter(|key| !key.revocable)
                .map(|key| format!("nothing is known of how {} is revoked", key.name))
                .collect();
            Ok(match lost.is_empty() {
                true => Outcome::pass("all of them"),
                false => Outcome::warn(crate::hardening::check::listed(&lost)),
            })
        },
    },
    Check {
        id: "operations.incident.drill",
        severity: Severity::Low,
        title: "Revoking every key was rehearsed within the last month",
        fix: Fix::All("clawvault revoke-all --drill, monthly: no vendor is called, no key changes"),
        reference: "clawvault revoke-all --help",
        look: |facts| {
            let vault = facts.vault()?;
            if vault.keys.is_empty() {
                return Ok(Outcome::na("the vault holds no key"));
            }
            // The day it happened is the best of rehearsals.
            let last = vault.last("revoke-drill").max(vault.last("revoke"));
            Ok(match last.map(|last| (facts.host.now() - last) / DAY) {
                Some(days) if days <= DRILL_DAYS => Outcome::pass(format!("{days} days ago")),
                Some(days) => Outcome::warn(format!("last {days} days ago")),
                None => Outcome::warn("the log knows of none"),
            })
        },
    },
    Check {
        id: "operations.incident.recovery",
        severity: Severity::High,
        title: "The vault opens with a key that is kept elsewhere: losing this machine is not losing all",
        fix: Fix::All("clawvault recipient add --recovery, and keep what it prints on paper"),
        reference: "clawvault recipient --help",
        look: |facts| {
            Ok(match facts.vault()?.recovery {
                true => Outcome::pass("there is a recovery key, or more than one way in"),
                false => Outcome::warn("only what lies on this machine opens it"),
            })
        },
    },
    Check {
        id: "operations.separation.homes",
        severity: Severity::Medium,
        title: "Development and production of OpenClaw are of different users, or on different machines",
        fix: Fix::All("useradd --create-home openclaw-dev, and move the second home there"),
        reference: "https://docs.openclaw.ai/gateway/multiple-gateways",
        look: |facts| {
            let all = facts.installations()?;
            if all.is_empty() {
                return Ok(Outcome::na("no OpenClaw home was found"));
            }
            let mut shared = Vec::new();
            for (at, one) in all.iter().enumerate() {
                if all[..at].iter().any(|other| other.home.parent() == one.home.parent()) {
                    shared
                        .push(format!("{} is of a user that has another home", one.home.display()));
                }
            }
            Ok(Outcome::none_of(&shared, "no user has two homes of OpenClaw"))
        },
    },
    Check {
        id: "operations.separation.profiles",
        severity: Severity::Low,
        title: "Keys of development and of production are of different profiles",
        fix: Fix::All("clawvault set <name> --profile dev"),
        reference: "clawvault set --help",
        look: |facts| {
            let keys = &facts.vault()?.keys;
            let profiles: std::collections::BTreeSet<&str> =
                keys.iter().map(|key| key.profile.as_str()).collect();
            let mixed: Vec<String> = keys
                .iter()
                .filter(|key| {
                    let words =
                        |name: &str| key.name.split(['/', '-', '.']).any(|part| part == name);
                    let dev = words("dev") || words("test") || words("staging");
                    dev && (key.profile == "default" || key.profile.starts_with("prod"))
                })
                .map(|key| format!("{} is in the profile {}", key.name, key.profile))
                .collect();
            Ok(Outcome::none_of(&mixed, format!("{} profiles", profiles.len())))
        },
    },
    Check {
        id: "operations.separation.flags",
        severity: Severity::Medium,
        title: "What is in production runs a released version, without aids of development",
        fix: Fix::All(
            "openclaw config set update.channel stable; take NODE_ENV=development and --dev out of the unit",
        ),
        reference: "https://docs.openclaw.ai/install/development-channels",
        look: |facts| {
            let units = super::super::application::units(facts)?;
            homes(facts, "no aid of development is on", |home, found| {
                if let Some(channel @ ("dev" | "beta")) = home.settings.at("update.channel").text()
                {
                    found.fail(format!("update.channel is {channel}"));
                }
                if home.settings.at("gateway.controlUi.experimental.customPlugins").truth()
                    == Some(true)
                {
                    found.warn("gateway.controlUi.experimental.customPlugins is true");
                }
                for (path, text) in &units {
                    let aid = ["NODE_ENV=development", " --dev ", "--inspect"]
                        .into_iter()
                        .find(|aid| text.contains(aid));
                    if let Some(aid) = aid {
                        found.fail(format!("{path} has {}", aid.trim()));
                    }
                }
            })
        },
    },
];
