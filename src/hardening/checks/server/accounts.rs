//! Who can be root, and whom no password guards.

use crate::hardening::check::{Check, Fix, Outcome, Severity};
use crate::hardening::facts::Facts;
use crate::hardening::host::Unseen;
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
    Check {
        id: "server.accounts.agent-is-root",
        severity: Severity::High,
        title: "The user that OpenClaw runs as cannot become root: what turns the agent gets no more",
        fix: Fix::All(
            "gpasswd -d <user> sudo; take its NOPASSWD line out of /etc/sudoers.d; run OpenClaw as a user of its own",
        ),
        reference: "sudoers(5)",
        look: agent_is_root,
    },
];

fn agent_is_root(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    let mut users: Vec<&str> = facts.openclaw()?.iter().map(|home| home.user.as_str()).collect();
    users.dedup();
    if users.is_empty() {
        return Ok(Outcome::na("no OpenClaw home is to be seen"));
    }
    let groups = facts.text("/etc/group")?.unwrap_or_default();
    let member = |user: &str| -> Vec<String> {
        let mine = |line: &&str| {
            line.rsplit(':').next().is_some_and(|all| all.split(',').any(|one| one.trim() == user))
        };
        groups
            .lines()
            .filter(mine)
            .filter_map(|line| line.split(':').next().map(str::to_owned))
            .collect()
    };
    let mut rules = Vec::new();
    rules.extend(facts.text("/etc/sudoers")?);
    for (_, text) in facts.drop_ins("/etc/sudoers.d", "")? {
        rules.push(text);
    }
    let mut found = Vec::new();
    for user in &users {
        if *user == "root" {
            found.push("OpenClaw runs as root".to_owned());
        }
        let groups = member(user);
        // Who may start a container may mount the whole disk into it.
        let strong = groups.iter().filter(|name| {
            ["sudo", "wheel", "admin", "docker", "lxd", "disk"].contains(&name.as_str())
        });
        found.extend(strong.map(|name| format!("{user} is in the group {name}")));
        let names = |line: &&str| {
            let who = line.split_whitespace().next().unwrap_or_default();
            who == *user && line.contains('=')
        };
        let free = rules.iter().flat_map(|text| text.lines()).map(str::trim).filter(names);
        found.extend(free.map(|line| format!("sudoers: {line}")));
    }
    Ok(Outcome::none_of(&found, format!("{} can become nobody else", users.join(", "))))
}
