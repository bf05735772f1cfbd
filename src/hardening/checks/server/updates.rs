//! Security updates: whether they come by themselves, which wait, and whether the kernel is new.

use std::path::{Path, PathBuf};

use crate::hardening::check::{Check, Fix, Outcome, Severity};
use crate::hardening::facts::{Facts, Family};
use crate::hardening::host::Unseen;
use crate::hardening::mend::Mend;
use crate::hardening::parsers::{apt, ini};

const DAY: i64 = 86_400;
/// The kernel is called old after so many days, and far too old.
const OLD: i64 = 180;
const FAR_TOO_OLD: i64 = 365;
/// Lists of packages older than so many days say nothing of today's updates.
const STALE: i64 = 14;

/// What apt reads; `--fix` writes what `dpkg-reconfigure unattended-upgrades` would.
const AUTO: &str = "/etc/apt/apt.conf.d/20auto-upgrades";
const AUTO_TEXT: &str =
    "APT::Periodic::Update-Package-Lists \"1\";\nAPT::Periodic::Unattended-Upgrade \"1\";\n";

const AUTOMATIC: Fix = Fix::By {
    debian: "apt install unattended-upgrades && dpkg-reconfigure -f noninteractive unattended-upgrades",
    rhel: "dnf install dnf-automatic; set apply_updates = yes and upgrade_type = security in \
           /etc/dnf/automatic.conf; systemctl enable --now dnf-automatic.timer",
};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "server.updates.automatic",
        severity: Severity::High,
        title: "Security updates come by themselves: known holes are used within days",
        fix: AUTOMATIC,
        reference: "unattended-upgrade(8), dnf-automatic(8)",
        look: |facts| match facts.os().family {
            Family::Debian => unattended(facts),
            Family::Rhel => dnf_automatic(facts),
            Family::Other => Ok(Outcome::unknown(format!("{} is not known here", facts.os().name))),
        },
    },
    Check {
        id: "server.updates.pending",
        severity: Severity::High,
        title: "No security update waits to be installed",
        fix: Fix::By { debian: "apt update && apt upgrade", rhel: "dnf upgrade --security" },
        reference: "apt-get(8), dnf(8)",
        look: pending,
    },
    Check {
        id: "server.updates.lists",
        severity: Severity::Medium,
        title: "The lists of packages are fresh: from old ones nobody learns of an update",
        fix: Fix::By {
            debian: "apt update; systemctl enable --now apt-daily.timer",
            rhel: "dnf makecache; systemctl enable --now dnf-makecache.timer",
        },
        reference: "apt-get(8), dnf(8)",
        look: |facts| {
            // The time of a directory says it only where no file does.
            let (files, directory): (&[&str], &str) = match facts.os().family {
                Family::Rhel => (
                    &["/var/cache/dnf/last_makecache", "/var/cache/dnf/expired_repos.json"],
                    "/var/cache/dnf",
                ),
                _ => (
                    &[
                        "/var/lib/apt/periodic/update-success-stamp",
                        "/var/lib/apt/periodic/update-stamp",
                        "/var/cache/apt/pkgcache.bin",
                    ],
                    "/var/lib/apt/lists",
                ),
            };
            let mut newest = None;
            for path in files {
                newest = newest.max(facts.meta(path)?.map(|meta| meta.modified));
            }
            if newest.is_none() {
                newest = facts.meta(directory)?.map(|meta| meta.modified);
            }
            Ok(match newest {
                None => Outcome::unknown("nothing says when the lists of packages were fetched"),
                Some(time) => {
                    let days = (facts.host.now() - time).max(0) / DAY;
                    Outcome::judge(days <= STALE, format!("fetched {days} days ago"))
                }
            })
        },
    },
    Check {
        id: "server.updates.reboot",
        severity: Severity::Medium,
        title: "The machine runs what is installed: an update of the kernel counts after a reboot",
        fix: Fix::All("systemctl reboot"),
        reference: "update-notifier's /run/reboot-required, dnf needs-restarting -r",
        look: |facts| {
            for path in ["/run/reboot-required", "/var/run/reboot-required"] {
                if facts.exists(path)? {
                    return Ok(Outcome::fail(format!("{path} is there")));
                }
            }
            if !facts.host.is_live() {
                return Err(Unseen::NotLive("which kernel runs"));
            }
            let running = facts.text("/proc/sys/kernel/osrelease")?.unwrap_or_default();
            let running = running.trim();
            let newest = kernels(facts)?.into_iter().max_by_key(|(_, time)| *time);
            Ok(match newest {
                None => Outcome::na("the kernel is not this system's own"),
                Some((name, _)) if name == running => {
                    Outcome::pass(format!("{running} runs, the newest"))
                }
                Some((name, _)) => Outcome::fail(format!("{running} runs, {name} is installed")),
            })
        },
    },
    Check {
        id: "server.updates.kernel-age",
        severity: Severity::Medium,
        title: "The newest kernel that is installed is not old: kernels get fixes every week",
        fix: Fix::By {
            debian: "apt update && apt full-upgrade && systemctl reboot",
            rhel: "dnf upgrade kernel && systemctl reboot",
        },
        reference: "https://www.kernel.org/category/releases.html",
        look: |facts| {
            let newest = kernels(facts)?.into_iter().max_by_key(|(_, time)| *time);
            let Some((name, time)) = newest else {
                return Ok(Outcome::na("no kernel is installed: a container, or the host's own"));
            };
            let days = (facts.host.now() - time).max(0) / DAY;
            let told = format!("{name}, {days} days old");
            Ok(match days {
                ..=OLD => Outcome::pass(told),
                days if days <= FAR_TOO_OLD => Outcome::warn(told),
                _ => Outcome::fail(told),
            })
        },
    },
];

/// The kernels in `/boot`, and when each came.
fn kernels(facts: &Facts<'_>) -> Result<Vec<(String, i64)>, Unseen> {
    let mut all = Vec::new();
    for path in facts.glob(Path::new("/boot/vmlinuz-*"))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let version = name.trim_start_matches("vmlinuz-").to_owned();
        if !version.contains("rescue")
            && let Some(meta) = facts.meta(&path)?
        {
            all.push((version, meta.modified));
        }
    }
    Ok(all)
}

fn unattended(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    if !facts.is_installed("unattended-upgrades", "/usr/bin/unattended-upgrade")? {
        return Ok(Outcome::fail("unattended-upgrades is not installed"));
    }
    let mut all = std::collections::BTreeMap::new();
    let mut texts = Vec::new();
    for path in facts.entries("/etc/apt/apt.conf.d")? {
        // apt passes over what has another ending.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.contains('.') || name.ends_with(".conf") {
            texts.push(path.clone());
        }
    }
    texts.push(PathBuf::from("/etc/apt/apt.conf"));
    for path in texts {
        if let Some(text) = facts.text(path)? {
            all.extend(apt::parse(&text));
        }
    }
    let is_on = |name: &str| {
        let value = all.get(&format!("apt::periodic::{name}"));
        value.is_some_and(|value| !["", "0"].contains(&value.as_str()))
    };
    // `Enable "0"` switches all of it off.
    let enabled = all.get("apt::periodic::enable").is_none_or(|value| value != "0");
    let mut missing = Vec::new();
    if !enabled {
        missing.push("APT::Periodic::Enable is 0".to_owned());
    }
    for name in ["update-package-lists", "unattended-upgrade"] {
        if !is_on(name) {
            missing.push(format!("APT::Periodic::{name} is off"));
        }
    }
    let outcome = Outcome::none_of(&missing, "unattended-upgrades runs daily");
    let mendable = enabled && !missing.is_empty();
    Ok(if mendable { outcome.with_mend(Mend::write(AUTO, AUTO_TEXT)) } else { outcome })
}

fn dnf_automatic(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    let Some(text) = facts.text("/etc/dnf/automatic.conf")? else {
        return Ok(Outcome::fail("dnf-automatic is not installed"));
    };
    let entries = ini::parse(&text, false);
    let applies = ini::last(&entries, "commands", "apply_updates").is_some_and(ini::is_true);
    let (mut on, mut installs) = (false, applies);
    for (unit, always) in [("dnf-automatic.timer", false), ("dnf-automatic-install.timer", true)] {
        if facts.is_enabled(unit)? {
            on = true;
            installs |= always;
        }
    }
    Ok(match (on, installs) {
        (false, _) => Outcome::fail("no timer of dnf-automatic is enabled"),
        (true, false) => Outcome::fail("apply_updates is not yes: updates are fetched and left"),
        (true, true) => Outcome::pass("dnf-automatic installs them"),
    })
}

fn pending(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    let waiting = match facts.os().family {
        Family::Debian => match facts.pending_security()? {
            Some(waiting) => waiting,
            // Ubuntu notes the number for those who log in.
            None => {
                let note = facts.text("/var/lib/update-notifier/updates-available")?;
                let note = note.ok_or_else(|| {
                    Unseen::Odd("no list of security updates is here; apt update".to_owned())
                })?;
                let line = note.lines().find(|line| line.contains("security update"));
                let count =
                    line.and_then(|line| line.split_whitespace().next()?.parse::<u32>().ok());
                let count = count.unwrap_or(0);
                return Ok(Outcome::judge(count == 0, format!("{count} security updates wait")));
            }
        },
        Family::Rhel => {
            let printed = facts
                .host
                .run("/usr/bin/dnf", &["-q", "-C", "updateinfo", "list", "--security"])?;
            if printed.code != Some(0) {
                return Err(Unseen::Odd("dnf has no lists yet".to_owned()));
            }
            let name = |line: &str| line.split_whitespace().last().map(str::to_owned);
            printed.text.lines().filter_map(name).collect()
        }
        Family::Other => return Ok(Outcome::unknown("no package manager that is known here")),
    };
    Ok(Outcome::none_of(&waiting, "no security update waits"))
}
