//! The debugger of Node.js: who reaches it runs code inside the gateway.

use crate::hardening::check::{Check, Fix, Outcome, Severity};

const PORT: u16 = 9229;

pub(super) const CHECKS: &[Check] = &[Check {
    id: "network.debugger.node",
    severity: Severity::Critical,
    title: "No debugger of Node.js listens (port 9229): any local program could run code in the gateway",
    fix: Fix::All(
        "openclaw gateway restart; take --inspect out of NODE_OPTIONS and units; never send SIGUSR1",
    ),
    reference: "https://nodejs.org/en/learn/getting-started/debugging#security-implications",
    look: |facts| {
        let mut found = Vec::new();
        for (place, text) in facts.settings()? {
            let starts = |line: &&str| {
                let line = line.trim();
                let inspects = line.contains("--inspect") || line.contains("--inspect-brk");
                !line.starts_with(['#', ';']) && inspects && !line.contains("--inspect-port")
            };
            found.extend(
                text.lines().find(starts).map(|_| format!("{place} starts Node.js with --inspect")),
            );
        }
        if facts.host.is_live() {
            let listening =
                facts.sockets()?.iter().filter(|one| one.listener.address.port() == PORT);
            found.extend(listening.map(|one| one.told()));
            return Ok(Outcome::none_of(
                &found,
                "nothing listens on 9229, and no unit asks for it",
            ));
        }
        Ok(Outcome::none_of(&found, "no unit or profile asks for it"))
    },
}];
