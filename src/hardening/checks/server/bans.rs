//! Who guesses is shut out: Fail2Ban or CrowdSec.

use crate::hardening::check::{Check, Fix, Outcome, Severity};
use crate::hardening::facts::Facts;
use crate::hardening::host::Unseen;
use crate::hardening::parsers::ini::{self, Entry};

const INSTALL: Fix = Fix::By {
    debian: "apt install fail2ban && systemctl enable --now fail2ban",
    rhel: "dnf install epel-release && dnf install fail2ban && systemctl enable --now fail2ban",
};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "server.bans.running",
        severity: Severity::Medium,
        title: "Who guesses passwords is shut out: Fail2Ban or CrowdSec is on",
        fix: INSTALL,
        reference: "fail2ban(1), https://docs.crowdsec.net",
        look: |facts| {
            let guard = guard(facts)?;
            Ok(match guard {
                None => Outcome::fail("neither Fail2Ban nor CrowdSec is installed"),
                Some((name, unit)) => {
                    let on = facts.is_enabled(unit)?;
                    // A machine that says whether it runs is believed more than its links.
                    let runs = facts.is_active(unit).unwrap_or(on);
                    let told = match (on, runs) {
                        (true, true) => "is on",
                        (true, false) => "is enabled but does not run",
                        (false, true) => "runs, but does not start with the machine",
                        (false, false) => "is installed and off",
                    };
                    Outcome::judge(on && runs, format!("{name} {told}"))
                }
            })
        },
    },
    Check {
        id: "server.bans.sshd",
        severity: Severity::Medium,
        title: "Failed logins over SSH are watched",
        fix: Fix::All(
            "printf '[sshd]\\nenabled = true\\n' > /etc/fail2ban/jail.d/sshd.local && systemctl reload fail2ban",
        ),
        reference: "jail.conf(5)",
        look: |facts| {
            if facts.sshd()?.is_none() {
                return Ok(Outcome::na("no SSH server"));
            }
            watched(facts, &["sshd"], "crowdsecurity/sshd")
        },
    },
    Check {
        id: "server.bans.web",
        severity: Severity::Medium,
        title: "Failed logins at the web server in front of the panel are watched",
        fix: Fix::All(
            "printf '[nginx-http-auth]\\nenabled = true\\n' > /etc/fail2ban/jail.d/web.local && systemctl reload fail2ban",
        ),
        reference: "jail.conf(5)",
        look: |facts| {
            let open = facts.sites()?.iter().any(|site| !site.is_local);
            if !open {
                return Ok(Outcome::na("no web server that others reach"));
            }
            let jails = [
                "nginx-http-auth",
                "nginx-botsearch",
                "nginx-limit-req",
                "apache-auth",
                "caddy",
                "openclaw",
            ];
            watched(facts, &jails, "crowdsecurity/http")
        },
    },
];

/// The guard that is installed, and its unit.
fn guard(facts: &Facts<'_>) -> Result<Option<(&'static str, &'static str)>, Unseen> {
    let mut fail2ban = facts.has_program("fail2ban-server")?;
    for file in ["/etc/fail2ban/jail.conf", "/etc/fail2ban/jail.local", "/etc/fail2ban/jail.d"] {
        fail2ban = fail2ban || facts.exists(file)?;
    }
    if fail2ban {
        return Ok(Some(("Fail2Ban", "fail2ban.service")));
    }
    let crowdsec = facts.has_program("crowdsec")? || facts.exists("/etc/crowdsec/config.yaml")?;
    Ok(crowdsec.then_some(("CrowdSec", "crowdsec.service")))
}

/// Whether one of these jails is on, or CrowdSec has a scenario that begins so.
fn watched(facts: &Facts<'_>, jails: &[&str], scenario: &str) -> Result<Outcome, Unseen> {
    match guard(facts)? {
        None => Ok(Outcome::fail("nothing watches")),
        Some(("CrowdSec", _)) => {
            let name = scenario.rsplit('/').next().unwrap_or_default();
            let mut found = Vec::new();
            for directory in ["/etc/crowdsec/collections", "/etc/crowdsec/scenarios"] {
                found.extend(facts.entries(directory)?.into_iter().filter(|path| {
                    path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name))
                }));
            }
            Ok(Outcome::judge(!found.is_empty(), format!("{} collections for {name}", found.len())))
        }
        Some(_) => {
            let entries = jail_entries(facts)?;
            let is_on = |jail: &&&str| {
                let own = ini::last(&entries, jail, "enabled");
                // A jail that no file defines is none, whatever the default says.
                let known = entries.iter().any(|entry| entry.section.eq_ignore_ascii_case(jail));
                known
                    && own
                        .or_else(|| ini::last(&entries, "DEFAULT", "enabled"))
                        .is_some_and(ini::is_true)
            };
            let on: Vec<String> =
                jails.iter().filter(is_on).map(|jail| (*jail).to_owned()).collect();
            let told = if on.is_empty() {
                format!("no jail of {} is on", jails.join(", "))
            } else {
                format!("on: {}", on.join(", "))
            };
            Ok(Outcome::judge(!on.is_empty(), told))
        }
    }
}

/// All that Fail2Ban reads of jails, the strongest last.
fn jail_entries(facts: &Facts<'_>) -> Result<Vec<Entry>, Unseen> {
    let mut texts = Vec::new();
    texts.extend(facts.text("/etc/fail2ban/jail.conf")?);
    texts
        .extend(facts.drop_ins("/etc/fail2ban/jail.d", ".conf")?.into_iter().map(|(_, text)| text));
    texts.extend(facts.text("/etc/fail2ban/jail.local")?);
    texts.extend(
        facts.drop_ins("/etc/fail2ban/jail.d", ".local")?.into_iter().map(|(_, text)| text),
    );
    Ok(texts.iter().flat_map(|text| ini::parse(text, true)).collect())
}
