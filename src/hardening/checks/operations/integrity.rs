//! Files that root or an agent obeys, against the baseline of a good day.

use std::path::Path;

use crate::hardening::baseline::{self, Became};
use crate::hardening::check::{Check, Fix, Outcome, Severity, listed};
use crate::hardening::host::Unseen;

/// What packages bring: it changes with every update.
const OF_PACKAGES: &[&str] = &["/usr/bin", "/usr/sbin", "/usr/lib", "/boot"];

pub(in crate::hardening::checks) const CHECKS: &[Check] = &[Check {
    id: "operations.anomaly.files",
    severity: Severity::High,
    title: "What root and the agents obey is as it was when the baseline was made",
    fix: Fix::All(
        "clawvault audit baseline --check shows each; once they are meant: clawvault audit baseline",
    ),
    reference: "SECURITY.md, hardening audit",
    look: |facts| {
        if !facts.host.is_live() {
            return Err(Unseen::NotLive("the baseline of a host"));
        }
        let Some(changes) = baseline::quick(facts, facts.host)? else {
            let outcome = Outcome::warn("there is no baseline");
            return Ok(outcome.with_fix("clawvault audit baseline"));
        };
        let (packages, others): (Vec<_>, Vec<_>) = changes
            .iter()
            .partition(|(_, path)| OF_PACKAGES.iter().any(|top| path.starts_with(Path::new(top))));
        let told = |all: &[&(Became, std::path::PathBuf)]| {
            let all: Vec<String> = all
                .iter()
                .map(|(became, path)| format!("{} {}", became.word(), path.display()))
                .collect();
            listed(&all)
        };
        Ok(match (others.is_empty(), packages.is_empty()) {
            (false, _) => Outcome::fail(told(&others)),
            (true, false) => Outcome::warn(format!("of packages: {}", told(&packages))),
            (true, true) => Outcome::pass("nothing changed since the baseline"),
        })
    },
}];
