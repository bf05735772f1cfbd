//! What is unlike yesterday: logins that failed, connections that nobody expects, what was spent.

use std::path::Path;

use crate::hardening::check::{Check, Fix, Outcome, Severity, listed};
use crate::hardening::facts::Facts;
use crate::hardening::host::Unseen;
use crate::hardening::parsers::auth_log;

/// Most of a log that is read, in bytes.
const MAX_LOG: usize = 32 * 1024 * 1024;
/// Guesses from one address that are worth a word.
const MANY: u32 = 100;
/// Guesses after which a login from the same address is a break-in, and no slip.
const BROKEN: u32 = 10;
/// Ports that an agent's gateway is expected to speak to.
const EXPECTED: &[u16] = &[22, 53, 80, 123, 443, 465, 587, 853, 993, 5222, 5223, 5432, 6379, 8443];

/// The log of logins: a file, else the journal of one day.
fn logins(facts: &Facts<'_>) -> Result<String, Unseen> {
    for file in ["/var/log/auth.log", "/var/log/secure"] {
        match facts.host.read(Path::new(file), MAX_LOG) {
            Ok(bytes) => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(Unseen::Missing(_)) => {}
            Err(other) => return Err(other),
        }
    }
    let arguments = [
        "-q",
        "--no-pager",
        "-o",
        "short",
        "--since",
        "-24h",
        "-n",
        "5000",
        "-t",
        "sshd",
        "-t",
        "sshd-session",
    ];
    match facts.host.run("/usr/bin/journalctl", &arguments) {
        Err(Unseen::Missing(_)) => Ok(String::new()),
        printed => printed.map(|printed| printed.text),
    }
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "operations.anomaly.logins",
        severity: Severity::High,
        title: "Nobody got in after guessing passwords, and few try",
        fix: Fix::All(
            "last; lastb; if it was not you: clawvault revoke-all, and take the machine off the network",
        ),
        reference: "lastb(8)",
        look: |facts| {
            let tries = auth_log::tries(&logins(facts)?);
            let broken: Vec<String> = tries
                .iter()
                .filter(|(_, tries)| tries.broken_in > 0 && tries.failed >= BROKEN)
                .map(|(address, tries)| {
                    format!("{address} got in with a password after {} guesses", tries.failed)
                })
                .collect();
            if !broken.is_empty() {
                return Ok(Outcome::fail(listed(&broken)));
            }
            let many: Vec<String> = tries
                .iter()
                .filter(|(_, tries)| tries.failed >= MANY)
                .map(|(address, tries)| format!("{} guesses from {address}", tries.failed))
                .collect();
            Ok(if many.is_empty() {
                Outcome::pass("few guesses, and none that went well")
            } else {
                Outcome::warn(listed(&many))
            })
        },
    },
    Check {
        id: "operations.anomaly.outbound",
        severity: Severity::High,
        title: "OpenClaw's processes speak to no unexpected port elsewhere",
        fix: Fix::All(
            "ss -tnp shows the process; where you do not know it: clawvault revoke-all, and take the machine off the network",
        ),
        reference: "ss(8)",
        look: |facts| {
            if facts.installations()?.is_empty() {
                return Ok(Outcome::na("no OpenClaw home was found"));
            }
            let all = facts.gateway_connections()?;
            let odd: Vec<String> = all
                .iter()
                .filter(|one| !EXPECTED.contains(&one.port))
                .map(|one| format!("{} port {}", one.address, one.port))
                .collect();
            Ok(Outcome::none_of(&odd, format!("{} connections, all to expected ports", all.len())))
        },
    },
    Check {
        id: "operations.anomaly.spending",
        severity: Severity::Medium,
        title: "No key costs suddenly more than it did",
        fix: Fix::All("clawvault spend names the key; clawvault rotate <name>"),
        reference: "clawvault spend --help",
        look: |facts| {
            let vault = facts.vault()?;
            match &vault.spikes {
                None if !vault.keys.iter().any(|key| key.metered) => {
                    Ok(Outcome::na("the vault holds no key of a vendor that charges by use"))
                }
                None => Err(Unseen::Odd(
                    "no vendor told what keys cost since a day (`clawvault spend --refresh`), or \
                     the policy looks for no spikes"
                        .to_owned(),
                )),
                Some(spikes) => {
                    Ok(Outcome::none_of(spikes, "no hour of the last day cost more than is usual"))
                }
            }
        },
    },
    Check {
        id: "operations.anomaly.refusals",
        severity: Severity::Medium,
        title: "Nobody asked the vault for what they may not have",
        fix: Fix::All("clawvault log --outcome refused names who asked"),
        reference: "clawvault log --help",
        look: |facts| {
            let vault = facts.vault()?;
            Ok(match vault.refusals {
                0 => Outcome::pass("none was refused in the last 30 days"),
                count => {
                    Outcome::warn(format!("{count} requests were refused in the last 30 days"))
                }
            })
        },
    },
];
