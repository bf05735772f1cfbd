//! Alerts: somebody hears of it when something happens.

use crate::hardening::check::{Check, Fix, Outcome, Severity};

const DAY: i64 = 86_400;
/// An alert that was never tried for so long may reach nobody.
const TESTED_DAYS: i64 = 100;

/// Units of programs that watch a machine's health and send word.
const WATCHERS: &[&str] = &[
    "monit.service",
    "netdata.service",
    "prometheus-node-exporter.service",
    "node_exporter.service",
    "zabbix-agent.service",
    "zabbix-agent2.service",
    "nagios-nrpe-server.service",
    "nrpe.service",
    "telegraf.service",
    "datadog-agent.service",
    "uptime-kuma.service",
    "icinga2.service",
    "munin-node.service",
    "collectd.service",
    "check-mk-agent.socket",
    "alloy.service",
    "google-cloud-ops-agent.service",
    "amazon-cloudwatch-agent.service",
    "newrelic-infra.service",
    "sensu-agent.service",
];

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "operations.alerts.configured",
        severity: Severity::Medium,
        title: "Somebody is told of what clawvault notices: leaks, limits, refusals, dead keys",
        fix: Fix::All(
            "clawvault policy apply with a receiver below [alerts], then clawvault alert test",
        ),
        reference: "clawvault policy --help",
        look: |facts| {
            let receivers = facts.vault()?.policy.at("alerts").entries().count();
            Ok(match receivers {
                0 => Outcome::fail("the policy names nobody who is told"),
                count => Outcome::pass(format!("{count} receivers are told")),
            })
        },
    },
    Check {
        id: "operations.alerts.tested",
        severity: Severity::Low,
        title: "Alerts were tried lately: they reach somebody",
        fix: Fix::All("clawvault alert test"),
        reference: "clawvault alert --help",
        look: |facts| {
            let last = facts.vault()?.alerted;
            let days = last.map(|last| (facts.host.now() - last) / DAY);
            Ok(match days {
                Some(days) if days <= TESTED_DAYS => Outcome::pass(format!("{days} days ago")),
                Some(days) => Outcome::fail(format!("last {days} days ago")),
                None => Outcome::fail("no alert ever arrived"),
            })
        },
    },
    Check {
        id: "operations.alerts.spending",
        severity: Severity::Medium,
        title: "Somebody is told before a budget is spent",
        fix: Fix::All(
            "clawvault policy apply with limits = [{ per = \"month\", amount = \"50 USD\", at = [50, 80, 100], then = [\"alert\"] }]",
        ),
        reference: "clawvault policy --help",
        look: |facts| {
            let mut limits = 0_usize;
            facts.vault()?.policy.visit(&mut |path, _| {
                limits += usize::from(path.contains("limits.") && path.ends_with(".amount"));
            });
            let metered = facts.vault()?.keys.iter().any(|key| key.metered);
            Ok(match (limits, metered) {
                (0, false) => Outcome::na("no key of the vault costs by use"),
                (0, true) => Outcome::fail("the policy has no limit"),
                (count, _) => Outcome::pass(format!("{count} limits")),
            })
        },
    },
    Check {
        id: "operations.alerts.availability",
        severity: Severity::Low,
        title: "Somebody is told when the machine is down, or busy for long",
        fix: Fix::By {
            debian: "apt install monit, or watch it from elsewhere (Uptime Kuma) and keep this finding with that reason",
            rhel: "dnf install monit, or watch it from elsewhere (Uptime Kuma) and keep this finding with that reason",
        },
        reference: "monit(1)",
        look: |facts| {
            for unit in WATCHERS {
                if facts.is_enabled(unit)? {
                    return Ok(Outcome::pass(format!("{unit} watches it")));
                }
            }
            Ok(Outcome::warn(
                "nothing on this machine watches it; what watches from elsewhere is not seen",
            ))
        },
    },
    Check {
        id: "operations.alerts.logins",
        severity: Severity::Low,
        title: "Somebody is told of many failed logins",
        fix: Fix::All("set destemail and action = %(action_mw)s in /etc/fail2ban/jail.local"),
        reference: "jail.conf(5)",
        look: |facts| {
            let mut texts = Vec::new();
            texts.extend(facts.text("/etc/fail2ban/jail.local")?);
            texts.extend(
                facts.drop_ins("/etc/fail2ban/jail.d", ".conf")?.into_iter().map(|(_, text)| text),
            );
            texts.extend(
                facts.drop_ins("/etc/fail2ban/jail.d", ".local")?.into_iter().map(|(_, text)| text),
            );
            let tells = |text: &str| {
                text.lines().map(str::trim).any(|line| {
                    line.starts_with("action") && line.contains("action_m")
                        || line.starts_with("destemail")
                })
            };
            if texts.iter().any(|text| tells(text)) {
                return Ok(Outcome::pass("fail2ban sends word"));
            }
            for unit in ["crowdsec.service", "wazuh-agent.service"] {
                if facts.is_enabled(unit)? {
                    return Ok(Outcome::pass(format!("{unit} sends word")));
                }
            }
            Ok(Outcome::warn("nothing sends word of them"))
        },
    },
];
