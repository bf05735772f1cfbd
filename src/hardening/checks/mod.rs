//! All checks there are, area by area.

mod ai;
mod application;
mod gateway_home;
mod network;
mod operations;
mod server;

use super::check::Check;

/// Every check, in the order of the checklist. All are listed in every audit.
pub fn all() -> impl Iterator<Item = &'static Check> {
    let areas = [
        server::SUBJECTS,
        application::SUBJECTS,
        network::SUBJECTS,
        ai::SUBJECTS,
        operations::SUBJECTS,
    ];
    areas.into_iter().flatten().copied().flatten()
}

/// What takes no time, and changes from one day to the other: ids, or how they begin.
pub const QUICK: &[&str] = &[
    "server.accounts",
    "server.firewall",
    "server.sockets",
    "server.ssh",
    "application.files",
    "application.gateway",
    "application.tools",
    "network.debugger",
    "network.management",
    "ai.approval",
    "ai.input.dm-policy",
    "ai.input.allow-from",
    "operations.alerts",
    "operations.anomaly",
    "operations.backup",
    "operations.logging.vault",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::hardening::Area;

    #[test]
    fn whatever_is_looked_at_daily_is_a_check() {
        for word in QUICK {
            assert!(all().any(|check| crate::hardening::is_of(check.id, word)), "{word}");
        }
    }

    #[test]
    fn ids_are_of_one_form_and_each_is_there_once() {
        let mut seen = BTreeSet::new();
        for check in all() {
            let words: Vec<&str> = check.id.split('.').collect();
            assert_eq!(words.len(), 3, "{}", check.id);
            assert!(Area::ALL.iter().any(|area| area.word() == words[0]), "{}", check.id);
            assert!(
                check
                    .id
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b)),
                "{}",
                check.id
            );
            assert!(seen.insert(check.id), "{} twice", check.id);
            assert!(!check.title.is_empty() && !check.reference.is_empty(), "{}", check.id);
        }
    }
}
