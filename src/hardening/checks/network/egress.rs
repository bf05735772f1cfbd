//! What may go out: an agent that is turned sends what it has somewhere.

use serde_json::Value;

use crate::hardening::check::{Check, Fix, Outcome, Severity};
use crate::hardening::parsers::iptables::Policy;

pub(super) const CHECKS: &[Check] = &[Check {
    id: "network.outbound.restricted",
    severity: Severity::Medium,
    title: "Outgoing connections are limited: by the firewall, a proxy, or OpenClaw's own",
    fix: Fix::By {
        debian: "ufw default deny outgoing; ufw allow out 53; ufw allow out to <api address> port 443 proto tcp; \
                 or openclaw config set proxy.enabled true with a proxy that has a list of hosts",
        rhel: "a firewalld policy HOST -> ANY with target DROP and rules for what is needed; or openclaw config set \
               proxy.enabled true with a proxy that has a list of hosts",
    },
    reference: "https://docs.openclaw.ai/gateway/security",
    look: |facts| {
        if let Some(one) = facts.firewall()?
            && one.rules.output == Some(Policy::Deny)
        {
            return Ok(Outcome::pass(format!("{} denies outgoing by default", one.kind)));
        }
        let homes = facts.openclaw()?;
        let on =
            |config: &Value, pointer: &str| config.pointer(pointer) == Some(&Value::Bool(true));
        for home in homes {
            let Some(Ok(config)) = &home.config else { continue };
            for pointer in ["/proxy/enabled", "/secrets/egressProxy/enabled"] {
                if on(config, pointer) {
                    return Ok(Outcome::pass(format!("{}: {pointer} is on", home.path.display())));
                }
            }
        }
        for (place, text) in facts.settings()? {
            let limits = |line: &str| {
                let line = line.trim();
                line.starts_with("IPAddressDeny=any")
                    || line.starts_with("RestrictAddressFamilies=AF_UNIX")
            };
            if place.contains("openclaw") && text.lines().any(limits) {
                return Ok(Outcome::pass(format!("{place} limits addresses")));
            }
        }
        Ok(Outcome::warn("neither the firewall, nor a proxy, nor the unit limits what goes out"))
    },
}];
