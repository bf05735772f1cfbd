//! What the host's firewall lets in and out.

use crate::hardening::check::{Check, Fix, Outcome, Severity, listed};
use crate::hardening::facts::{Facts, Firewall};
use crate::hardening::host::Unseen;
use crate::hardening::parsers::iptables::{Opening, Policy};

const REFERENCE: &str = "ufw(8), firewall-cmd(1), nft(8)";

/// Ports that are for this host or a private network alone, and whose they are.
const PRIVATE: &[(u16, &str)] = &[
    (2375, "Docker without TLS"),
    (3306, "MySQL"),
    (5432, "PostgreSQL"),
    (6379, "Redis"),
    (8500, "Consul"),
    (9200, "Elasticsearch"),
    (9229, "the debugger of Node.js"),
    (11211, "memcached"),
    (11434, "Ollama"),
    (18789, "OpenClaw's gateway"),
    (27017, "MongoDB"),
];

/// Words in a rule's comment that say it was not meant to stay.
const TEMPORARY: &[&str] = &["temp", "tmp", "debug", "test", "todo", "remove", "delete", "for now"];

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "server.firewall.default-deny",
        severity: Severity::High,
        title: "A firewall is on and refuses what no rule lets in",
        fix: Fix::By {
            debian: "apt install ufw; ufw allow <your ssh port>/tcp; ufw default deny incoming; ufw enable",
            rhel: "dnf install firewalld; systemctl enable --now firewalld; firewall-cmd --set-default-zone=public",
        },
        reference: REFERENCE,
        look: |facts| {
            let all = facts.firewalls()?;
            let told = |one: &Firewall| format!("{} ({})", one.kind, one.source);
            let on: Vec<&Firewall> = all.iter().filter(|one| one.is_on).collect();
            // What accepts everything from everywhere leaves nothing to refuse.
            let denies = |one: &&&Firewall| {
                let all = |ports: &str, protocol: &str| ports == "any" && protocol == "any";
                one.rules.input == Some(Policy::Deny)
                    && !one.open_to_all().any(|it| all(&it.ports, &it.protocol))
            };
            Ok(match on.iter().find(denies) {
                Some(one) => Outcome::pass(format!("{} is on and denies", told(one))),
                None if on.is_empty() && all.is_empty() => {
                    if facts.host.is_live() && !facts.host.is_root() {
                        return Err(Unseen::NeedsRoot("listing the kernel's tables".to_owned()));
                    }
                    Outcome::fail("no firewall is installed")
                }
                None if on.is_empty() => {
                    let off: Vec<String> = all.iter().map(told).collect();
                    Outcome::fail(format!("switched off: {}", listed(&off)))
                }
                None => Outcome::fail(format!("{} lets in what no rule names", told(on[0]))),
            })
        },
    },
    Check {
        id: "server.firewall.open-ports",
        severity: Severity::High,
        title: "The firewall lets in only what is for everybody: no database, debugger, gateway",
        fix: Fix::By {
            debian: "ufw delete allow <port>; or for a network of yours: ufw allow from 10.8.0.0/24 to any port <port>",
            rhel: "firewall-cmd --permanent --remove-port=<port>/tcp; firewall-cmd --reload",
        },
        reference: REFERENCE,
        look: |facts| {
            with_firewall(facts, |one| {
                let mut wrong = Vec::new();
                for opening in one.open_to_all() {
                    if opening.ports == "any" {
                        wrong.push(format!("any port of {}", opening.protocol));
                    }
                    let named = PRIVATE.iter().filter(|(port, _)| covers(opening, *port));
                    wrong.extend(named.map(|(port, whose)| format!("{port}, {whose}")));
                }
                wrong.dedup();
                let open: Vec<String> = one.open_to_all().map(|one| one.ports.clone()).collect();
                Outcome::none_of(
                    &wrong,
                    format!(
                        "open to all: {}",
                        if open.is_empty() { "nothing".to_owned() } else { listed(&open) }
                    ),
                )
            })
        },
    },
    Check {
        id: "server.firewall.outgoing",
        severity: Severity::Info,
        title: "What may go out is decided: an agent that was turned reaches less",
        fix: Fix::By {
            debian: "ufw default deny outgoing; ufw allow out 443/tcp; ufw allow out 53",
            rhel: "firewall-cmd --permanent --new-policy out; --policy out --add-ingress-zone HOST --add-egress-zone ANY --set-target DROP",
        },
        reference: REFERENCE,
        look: |facts| {
            with_firewall(facts, |one| match one.rules.output {
                Some(Policy::Deny) => Outcome::pass(format!("{} denies by default", one.kind)),
                _ => Outcome::warn(format!("{} lets everything out", one.kind)),
            })
        },
    },
    Check {
        id: "server.firewall.stale-rules",
        severity: Severity::Low,
        title: "No rule is left over: neither one that was for a while nor one whose service is gone",
        fix: Fix::By {
            debian: "ufw status numbered; ufw delete <number>",
            rhel: "firewall-cmd --list-all; firewall-cmd --permanent --remove-port=<port>/tcp; firewall-cmd --reload",
        },
        reference: REFERENCE,
        look: |facts| {
            let listening: Option<Vec<u16>> = facts
                .sockets()
                .ok()
                .map(|all| all.iter().map(|one| one.listener.address.port()).collect());
            with_firewall(facts, |one| {
                let mut stale = Vec::new();
                for opening in &one.rules.open {
                    let comment = opening.comment.to_ascii_lowercase();
                    if TEMPORARY.iter().any(|word| comment.contains(word)) {
                        stale.push(format!("{}: \"{}\"", opening.ports, opening.comment));
                    } else if let (Some(listening), Ok(port)) = (&listening, opening.ports.parse())
                        && opening.protocol == "tcp"
                        && !listening.contains(&port)
                    {
                        stale.push(format!("{port}: nothing listens there"));
                    }
                }
                if stale.is_empty() {
                    Outcome::pass(format!(
                        "{} ways in, each in use as far as can be seen",
                        one.rules.open.len()
                    ))
                } else {
                    Outcome::warn(listed(&stale))
                }
            })
        },
    },
    Check {
        id: "server.firewall.ipv6",
        severity: Severity::Medium,
        title: "The firewall guards IPv6 as it guards IPv4",
        fix: Fix::By {
            debian: "set IPV6=yes in /etc/default/ufw; ufw reload",
            rhel: "firewalld guards both; with iptables: systemctl enable --now ip6tables and give it the same rules",
        },
        reference: REFERENCE,
        look: |facts| {
            let off = facts.sysctl("net.ipv6.conf.all.disable_ipv6")?;
            if off.as_deref() == Some("1") {
                return Ok(Outcome::na("IPv6 is switched off"));
            }
            with_firewall(facts, |one| {
                let told = if one.leaves_ipv6 { "leaves IPv6 open" } else { "guards both" };
                Outcome::judge(!one.leaves_ipv6, format!("{} {told}", one.kind))
            })
        },
    },
];

fn with_firewall(
    facts: &Facts<'_>,
    look: impl FnOnce(&Firewall) -> Outcome,
) -> Result<Outcome, Unseen> {
    Ok(match facts.firewall()? {
        Some(one) => look(one),
        None if facts.host.is_live() && !facts.host.is_root() => {
            return Err(Unseen::NeedsRoot("listing the kernel's tables".to_owned()));
        }
        None => Outcome::na("no firewall is on"),
    })
}

fn covers(opening: &Opening, port: u16) -> bool {
    opening.protocol != "udp"
        && opening.ports.split(',').any(|piece| match piece.split_once(':') {
            Some((low, high)) => match (low.parse::<u16>(), high.parse::<u16>()) {
                (Ok(low), Ok(high)) => (low..=high).contains(&port),
                _ => false,
            },
            None => piece.split('/').next().and_then(|text| text.parse().ok()) == Some(port),
        })
}
