//! Logs: on, kept over a restart, rotated, sent elsewhere, unbroken.

use super::super::gateway_home::homes;
use crate::hardening::check::{Check, Fix, Outcome, Severity};
use crate::hardening::facts::Facts;
use crate::hardening::host::Unseen;
use crate::hardening::mend::Mend;
use crate::hardening::parsers::{assignments, logrotate, rsyslog};

/// Programs that send logs elsewhere, as units of systemd.
const SENDERS: &[&str] = &[
    "systemd-journal-upload.service",
    "vector.service",
    "fluent-bit.service",
    "td-agent-bit.service",
    "promtail.service",
    "alloy.service",
    "filebeat.service",
    "journalbeat.service",
    "wazuh-agent.service",
    "splunk.service",
    "otelcol.service",
    "datadog-agent.service",
    "nxlog.service",
    "google-cloud-ops-agent.service",
    "amazon-cloudwatch-agent.service",
];

/// Rules for what rsyslog writes with the configuration of Debian, Ubuntu or RHEL.
const RULES_FILE: &str = "/etc/logrotate.d/clawvault-rsyslog";
const RULES: &str = "/var/log/syslog
/var/log/messages
/var/log/auth.log
/var/log/secure
/var/log/kern.log
/var/log/mail.log
/var/log/cron.log
/var/log/user.log
{
    weekly
    rotate 8
    maxsize 100M
    missingok
    notifempty
    compress
    delaycompress
    sharedscripts
    postrotate
        /usr/bin/systemctl kill -s HUP rsyslog.service >/dev/null 2>&1 || true
    endscript
}
";

/// What `journald.conf` and its drop-ins set under a name; the last counts.
fn journald(facts: &Facts<'_>, name: &str) -> Result<Option<String>, Unseen> {
    let mut texts = Vec::new();
    texts.extend(facts.text("/etc/systemd/journald.conf")?);
    for directory in ["/usr/lib/systemd/journald.conf.d", "/etc/systemd/journald.conf.d"] {
        texts.extend(facts.drop_ins(directory, ".conf")?.into_iter().map(|(_, text)| text));
    }
    Ok(texts.iter().filter_map(|text| assignments::parse(text).remove(name)).next_back())
}

/// The texts of rsyslog's configuration.
fn rsyslog_rules(facts: &Facts<'_>) -> Result<Vec<rsyslog::Target>, Unseen> {
    let mut all = Vec::new();
    if let Some(text) = facts.text("/etc/rsyslog.conf")? {
        all.extend(rsyslog::targets(&text));
    }
    for (_, text) in facts.drop_ins("/etc/rsyslog.d", ".conf")? {
        all.extend(rsyslog::targets(&text));
    }
    Ok(all)
}

fn rotation(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    let mut rules = Vec::new();
    if let Some(text) = facts.text("/etc/logrotate.conf")? {
        rules.extend(logrotate::rules(&text));
    }
    for (_, text) in facts.drop_ins("/etc/logrotate.d", "")? {
        rules.extend(logrotate::rules(&text));
    }
    let mut missing = Vec::new();
    let unruled = facts.exists("/etc/rsyslog.conf")? && rules.is_empty();
    if unruled {
        missing.push("rsyslog writes files, and nothing rotates them".to_owned());
    }
    if journald(facts, "SystemMaxUse")?.as_deref() == Some("0") {
        missing.push("the journal has no bound (SystemMaxUse=0)".to_owned());
    }
    for home in facts.installations()? {
        let logging = home.settings.at("logging");
        let Some(file) = logging.at("file").text() else { continue };
        let bounded = logging.at("maxFileBytes").whole().is_none_or(|bytes| bytes > 0);
        if !bounded && !rules.iter().any(|rule| rule.covers(file)) {
            missing.push(format!("nothing rotates {file}"));
        }
        if logging.at("maxFileBytes").whole().is_some_and(|bytes| bytes > 1 << 30) {
            missing.push(format!("{file} grows to more than 1 GiB"));
        }
    }
    let outcome = Outcome::none_of(&missing, "logs are rotated");
    // Where the program is there, only its rules are missing.
    Ok(match facts.exists("/usr/sbin/logrotate")? && facts.exists("/etc/logrotate.d")? {
        true if unruled => outcome.with_mend(Mend {
            validate: Some(&["/usr/sbin/logrotate", "--debug", RULES_FILE]),
            ..Mend::write(RULES_FILE, RULES)
        }),
        _ => outcome,
    })
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "operations.logging.kept",
        severity: Severity::Medium,
        title: "The system's log outlives a restart",
        fix: Fix::All(
            "mkdir -p /etc/systemd/journald.conf.d && printf '[Journal]\\nStorage=persistent\\n' > /etc/systemd/journald.conf.d/kept.conf && systemctl restart systemd-journald",
        ),
        reference: "journald.conf(5), Storage=",
        look: |facts| {
            let storage = journald(facts, "Storage")?.unwrap_or_else(|| "auto".to_owned());
            let files = !rsyslog_rules(facts)?.is_empty();
            let kept = match storage.as_str() {
                "persistent" => true,
                "auto" => facts.exists("/var/log/journal")?,
                _ => false,
            };
            Ok(match (kept, files) {
                (true, _) => Outcome::pass(format!("journald keeps it (Storage={storage})")),
                (_, true) => Outcome::pass("rsyslog writes it to files"),
                _ => Outcome::fail(format!(
                    "journald forgets it at a restart (Storage={storage}), and rsyslog writes none"
                )),
            })
        },
    },
    Check {
        id: "operations.logging.central",
        severity: Severity::Low,
        title: "Logs go to another machine too, where an intruder cannot clean them",
        fix: Fix::By {
            debian: "apt install systemd-journal-remote; set URL= in /etc/systemd/journal-upload.conf; systemctl enable --now systemd-journal-upload",
            rhel: "dnf install systemd-journal-remote; set URL= in /etc/systemd/journal-upload.conf; systemctl enable --now systemd-journal-upload",
        },
        reference: "systemd-journal-upload.service(8), rsyslog.conf(5)",
        look: |facts| {
            if let Some(target) =
                rsyslog_rules(facts)?.into_iter().find_map(|target| target.remote())
            {
                return Ok(Outcome::pass(format!("rsyslog sends them to {target}")));
            }
            for unit in SENDERS {
                if facts.is_enabled(unit)? {
                    return Ok(Outcome::pass(format!("{unit} sends them")));
                }
            }
            if journald(facts, "ForwardToSocket")?.is_some() {
                return Ok(Outcome::pass("journald forwards them (ForwardToSocket=)"));
            }
            Ok(Outcome::warn("nothing sends them anywhere"))
        },
    },
    Check {
        id: "operations.logging.rotated",
        severity: Severity::Medium,
        title: "Logs are rotated: a full disk stops everything",
        fix: Fix::By {
            debian: "apt install logrotate; openclaw config unset logging.maxFileBytes",
            rhel: "dnf install logrotate; openclaw config unset logging.maxFileBytes",
        },
        reference: "logrotate(8)",
        look: rotation,
    },
    Check {
        id: "operations.logging.gateway",
        severity: Severity::Medium,
        title: "OpenClaw logs what happens, and who did it",
        fix: Fix::All(
            "openclaw config set logging.level info; openclaw config set logging.audit.enabled true",
        ),
        reference: "https://docs.openclaw.ai/gateway/logging",
        look: |facts| {
            homes(facts, "it does", |home, found| {
                let logging = home.settings.at("logging");
                if let Some(level @ ("silent" | "fatal")) = logging.at("level").text() {
                    found.fail(format!("logging.level is {level}"));
                }
                if logging.at("audit.enabled").truth() == Some(false) {
                    found.fail("logging.audit.enabled is false");
                }
            })
        },
    },
    Check {
        id: "operations.logging.vault",
        severity: Severity::High,
        title: "The vault's own log is whole: nothing in it was altered or removed",
        fix: Fix::All(
            "clawvault log --verify names the first entry that is wrong; treat the machine as broken into",
        ),
        reference: "clawvault log --help",
        look: |facts| {
            let vault = facts.vault()?;
            Ok(match &vault.log_fault {
                Some(fault) => Outcome::fail(fault),
                None => Outcome::pass("it is whole"),
            })
        },
    },
    Check {
        id: "operations.logging.vault-copy",
        severity: Severity::Low,
        title: "A copy of the vault's log goes to the system's",
        fix: Fix::All("clawvault policy apply with [log] mirror = \"journald\""),
        reference: "clawvault policy --help",
        look: |facts| {
            let mirror = facts.vault()?.policy.at("log.mirror");
            Ok(match mirror.is_set() && mirror.text() != Some("none") {
                true => Outcome::pass("it does"),
                false => Outcome::warn("whoever has the vault's key can rewrite its log unseen"),
            })
        },
    },
    Check {
        id: "operations.logging.watched",
        severity: Severity::Low,
        title: "Something reads the logs: a person reads what it sends",
        fix: Fix::By { debian: "apt install logcheck", rhel: "dnf install logwatch" },
        reference: "logcheck(8), logwatch(8)",
        look: |facts| {
            let units =
                ["fail2ban.service", "crowdsec.service", "wazuh-agent.service", "auditd.service"];
            for unit in units {
                if facts.is_enabled(unit)? {
                    return Ok(Outcome::pass(format!("{unit} reads them")));
                }
            }
            for file in [
                "/etc/logcheck/logcheck.conf",
                "/etc/cron.daily/0logwatch",
                "/etc/cron.daily/00logwatch",
            ] {
                if facts.exists(file)? {
                    return Ok(Outcome::pass(format!("{file} is there")));
                }
            }
            Ok(Outcome::warn("nothing reads them"))
        },
    },
];
