//! The gateway that OpenClaw is managed by: apart from what serves users, and not for everybody.

use serde_json::Value;

use crate::hardening::check::{Check, Fix, Outcome, Severity, listed};
use crate::hardening::facts::{Facts, Site};
use crate::hardening::host::Unseen;

const PORT: u64 = 18_789;
const DOCS: &str = "https://docs.openclaw.ai/gateway/security";

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "network.management.apart",
        severity: Severity::High,
        title: "OpenClaw's gateway listens on loopback or a VPN, not where users and the world come in",
        fix: Fix::All(
            "openclaw config set gateway.bind loopback (or tailnet); openclaw gateway restart",
        ),
        reference: DOCS,
        look: |facts| {
            with_gateways(facts, |gateways| {
                let out = gateways.iter().filter(|one| one.is_open());
                let found: Vec<String> =
                    out.map(|one| format!("{}: gateway.bind is {}", one.place, one.bind)).collect();
                let all: Vec<String> = gateways.iter().map(|one| one.bind.clone()).collect();
                Ok(Outcome::none_of(&found, format!("gateway.bind: {}", listed(&all))))
            })
        },
    },
    Check {
        id: "network.management.restricted",
        severity: Severity::High,
        title: "Only addresses of yours, or a VPN, reach the management interface",
        fix: Fix::By {
            debian: "ufw allow from <your network> to any port 18789 proto tcp; nginx: allow <your network>; deny all;",
            rhel: "firewall-cmd --permanent --add-rich-rule='rule family=ipv4 source address=<your network> port port=18789 protocol=tcp accept'",
        },
        reference: DOCS,
        look: restricted,
    },
    Check {
        id: "network.management.trusted-proxies",
        severity: Severity::Medium,
        title: "Behind a proxy, the gateway trusts that proxy alone to say who comes",
        fix: Fix::All(
            "openclaw config set gateway.trustedProxies '[\"127.0.0.1\"]'; openclaw gateway restart",
        ),
        reference: DOCS,
        look: trusted_proxies,
    },
    Check {
        id: "network.management.funnel",
        severity: Severity::Critical,
        title: "The gateway is not published to the internet by Tailscale Funnel",
        fix: Fix::All("openclaw config set gateway.tailscale.mode serve; tailscale funnel reset"),
        reference: DOCS,
        look: |facts| {
            with_gateways(facts, |gateways| {
                let published = gateways
                    .iter()
                    .filter(|one| one.text("/gateway/tailscale/mode") == Some("funnel"));
                let found: Vec<String> = published
                    .map(|one| format!("{}: gateway.tailscale.mode is funnel", one.place))
                    .collect();
                Ok(Outcome::none_of(&found, "no funnel"))
            })
        },
    },
];

/// The gateway of one OpenClaw home.
struct Gateway<'f> {
    place: String,
    bind: String,
    port: u64,
    config: &'f Value,
}

impl Gateway<'_> {
    fn text(&self, pointer: &str) -> Option<&str> {
        self.config.pointer(pointer)?.as_str()
    }

    /// Whether it listens on more than loopback and a VPN.
    fn is_open(&self) -> bool {
        match self.bind.as_str() {
            "lan" => true,
            "custom" => {
                let host = self.text("/gateway/customBindHost").unwrap_or("0.0.0.0");
                !["127.", "::1", "localhost", "100."].iter().any(|start| host.starts_with(start))
            }
            _ => false,
        }
    }

    /// The sites that pass requests on to it.
    fn proxies<'s>(&self, sites: &'s [Site]) -> Vec<&'s Site> {
        let port = format!(":{}", self.port);
        let to_it = |to: &String| {
            let to = to.trim_end_matches('/');
            to.ends_with(&port) || to.contains(&format!("{port}/"))
        };
        sites.iter().filter(|site| site.passes_to.iter().any(to_it)).collect()
    }
}

fn with_gateways(
    facts: &Facts<'_>,
    look: impl FnOnce(&[Gateway<'_>]) -> Result<Outcome, Unseen>,
) -> Result<Outcome, Unseen> {
    let mut all = Vec::new();
    for home in facts.openclaw()? {
        match &home.config {
            None => {}
            Some(Err(unseen)) => return Err(unseen.clone()),
            Some(Ok(config)) => {
                let bind =
                    config.pointer("/gateway/bind").and_then(Value::as_str).unwrap_or("loopback");
                let port = config.pointer("/gateway/port").and_then(Value::as_u64).unwrap_or(PORT);
                all.push(Gateway {
                    place: home.path.display().to_string(),
                    bind: bind.to_owned(),
                    port,
                    config,
                });
            }
        }
    }
    if all.is_empty() {
        Ok(Outcome::na("no OpenClaw configuration is to be seen"))
    } else {
        look(&all)
    }
}

fn restricted(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    let sites = facts.sites()?;
    let firewall = facts.firewall()?;
    with_gateways(facts, |gateways| {
        let (mut open, mut ways) = (Vec::new(), 0);
        for gateway in gateways {
            if gateway.is_open() {
                ways += 1;
                let port = gateway.port.to_string();
                let lets_all = match firewall {
                    None => true,
                    Some(one) => {
                        one.rules.input != Some(crate::hardening::parsers::iptables::Policy::Deny)
                            || one.open_to_all().any(|way| {
                                way.ports == "any" || way.ports.split(',').any(|one| one == port)
                            })
                    }
                };
                if lets_all {
                    open.push(format!("{}: port {port} is open to all", gateway.place));
                }
            }
            for site in gateway.proxies(sites).into_iter().filter(|site| !site.is_local) {
                ways += 1;
                if !site.is_guarded {
                    open.push(format!("{} passes everybody on to the gateway", site.told()));
                }
            }
        }
        if ways == 0 {
            return Ok(Outcome::pass("the gateway is reached from this machine or a VPN alone"));
        }
        Ok(Outcome::none_of(&open, format!("{ways} ways in, each limited")))
    })
}

fn trusted_proxies(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    let sites = facts.sites()?;
    with_gateways(facts, |gateways| {
        let (mut wrong, mut behind) = (Vec::new(), 0);
        for gateway in gateways {
            let listed =
                gateway.config.pointer("/gateway/trustedProxies").and_then(Value::as_array);
            let names: Vec<&str> = listed.into_iter().flatten().filter_map(Value::as_str).collect();
            let wide = names
                .iter()
                .find(|name| ["*", "0.0.0.0/0", "::/0"].contains(name) || name.ends_with("/0"));
            wrong.extend(wide.map(|name| format!("{}: trustedProxies has {name}", gateway.place)));
            let proxied = !gateway.proxies(sites).is_empty();
            behind += usize::from(proxied);
            if proxied && names.is_empty() {
                wrong.push(format!(
                    "{}: a proxy is in front, trustedProxies is empty",
                    gateway.place
                ));
            }
            if gateway.config.pointer("/gateway/allowRealIpFallback") == Some(&Value::Bool(true)) {
                wrong.push(format!(
                    "{}: allowRealIpFallback lets who comes say from where",
                    gateway.place
                ));
            }
        }
        if behind == 0 && wrong.is_empty() {
            return Ok(Outcome::na("no proxy is in front of a gateway"));
        }
        Ok(Outcome::none_of(&wrong, format!("{behind} gateways behind a proxy that they know")))
    })
}
