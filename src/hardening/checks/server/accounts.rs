//! Who can be root, and whom no password guards.

use crate::hardening::check::{Check, Fix, Outcome, Severity};
use crate::hardening::parsers::accounts::Password;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "server.accounts.other-root",
        severity: Severity::Critical,
        title: "Only root has the user number 0: another name for it is a back door",
        fix: Fix::All(
            "usermod -u <free number> <name>, or userdel <name>; see `awk -F: '$3==0' /etc/passwd`",
        ),
        reference: "passwd(5)",
        look: |facts| {
            let others: Vec<String> = facts
                .users()?
                .iter()
                .filter(|user| user.uid == 0 && user.name != "root")
                .map(|user| format!("{} has the user number 0", user.name))
                .collect();
            Ok(Outcome::none_of(&others, "root alone has the user number 0"))
        },
    },
    Check {
        id: "server.accounts.empty-password",
        severity: Severity::Critical,
        title: "No account has an empty password: whoever knows its name is in",
        fix: Fix::All("passwd -l <name>, or set one: passwd <name>"),
        reference: "shadow(5)",
        look: |facts| {
            let open =
                facts.users()?.iter().filter(|user| user.is_open).map(|user| user.name.clone());
            let shadow = facts.passwords()?;
            let empty = shadow.into_iter().filter(|(_, kind)| *kind == Password::Empty);
            let names = open.chain(empty.map(|(name, _)| name));
            let all: Vec<String> = names.map(|name| format!("{name} has no password")).collect();
            Ok(Outcome::none_of(&all, "every account has a password or is locked"))
        },
    },
];
