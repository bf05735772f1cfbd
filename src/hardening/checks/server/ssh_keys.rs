//! The server's own keys, and who may log in with which.

use std::path::Path;

use clawvault_core::platform::EntryKind;

use crate::hardening::check::{Check, Fix, Outcome, Severity, listed};
use crate::hardening::facts::Facts;
use crate::hardening::host::Unseen;
use crate::hardening::mend::Mend;
use crate::hardening::parsers::ssh_key;

/// Fewest bits of an RSA key of a host; of a user's.
const HOST_BITS: usize = 3072;
const USER_BITS: usize = 2048;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "server.ssh.host-keys",
        severity: Severity::Medium,
        title: "The server's keys are strong, so that nobody can pose as it",
        fix: Fix::All(
            "rm /etc/ssh/ssh_host_{dsa,rsa}_key*; ssh-keygen -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key",
        ),
        reference: "ssh-keygen(1), -A",
        look: |facts| {
            let keys = facts.drop_ins("/etc/ssh", "_key.pub")?;
            if keys.is_empty() {
                return Ok(Outcome::na("no SSH host keys"));
            }
            let (mut weak, mut short, mut good) = (Vec::new(), Vec::new(), Vec::new());
            for (path, text) in keys {
                let name = path.display();
                match ssh_key::parse(&text) {
                    Some(key) if key.is_weaker_than(USER_BITS) => {
                        weak.push(format!("{name} is {key}"));
                    }
                    Some(key) if key.is_weaker_than(HOST_BITS) => {
                        short.push(format!("{name} is {key}"));
                    }
                    Some(key) => good.push(key.to_string()),
                    None => short.push(format!("{name} is no public key")),
                }
            }
            Ok(match (weak.is_empty(), short.is_empty()) {
                (false, _) => Outcome::fail(listed(&weak)),
                (true, false) => Outcome::warn(listed(&short)),
                (true, true) => Outcome::pass(listed(&good)),
            })
        },
    },
    Check {
        id: "server.ssh.host-key-rights",
        severity: Severity::High,
        title: "The server's private keys can be read by nobody else",
        fix: Fix::All("chmod 600 /etc/ssh/ssh_host_*_key"),
        reference: "sshd(8), FILES",
        look: |facts| {
            let mut open = Vec::new();
            let mut outcome = None;
            let keys = facts.glob(Path::new("/etc/ssh/ssh_host_*_key"))?;
            for path in &keys {
                // RHEL gives them to the group ssh_keys.
                let Some(meta) = facts.meta(path)? else { continue };
                if meta.mode & 0o037 != 0 {
                    open.push(format!("{} has mode {:o}", path.display(), meta.mode));
                    outcome.get_or_insert_with(|| Mend::mode(path, meta.mode & 0o600));
                }
            }
            if keys.is_empty() {
                return Ok(Outcome::na("no SSH host keys"));
            }
            let judged = Outcome::none_of(&open, format!("{} keys, all closed", keys.len()));
            Ok(match outcome {
                Some(mend) => judged.with_mend(mend),
                None => judged,
            })
        },
    },
    Check {
        id: "server.ssh.authorized-keys",
        severity: Severity::High,
        title: "Who may log in is written where nobody else can write, with strong keys",
        fix: Fix::All(
            "chmod go-w ~ ~/.ssh ~/.ssh/authorized_keys; replace DSA keys and short RSA keys by `ssh-keygen -t ed25519`",
        ),
        reference: "sshd(8), AUTHORIZED_KEYS FILE FORMAT",
        look: authorized_keys,
    },
];

fn authorized_keys(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    let (mut wrong, mut count, mut hidden, mut mend) = (Vec::new(), 0, Vec::new(), None);
    for user in facts.user_homes()? {
        let folder = Path::new(&user.home).join(".ssh");
        for name in ["authorized_keys", "authorized_keys2"] {
            let path = folder.join(name);
            let text = match facts.text(&path) {
                Ok(Some(text)) => text,
                Ok(None) => continue,
                Err(unseen) => {
                    hidden.push(unseen.to_string());
                    continue;
                }
            };
            for place in [Path::new(&user.home), &folder, &path] {
                let Some(meta) = facts.meta(place)? else { continue };
                if meta.mode & 0o022 != 0 {
                    wrong.push(format!("{} has mode {:o}", place.display(), meta.mode));
                    let is_plain = matches!(meta.kind, EntryKind::File | EntryKind::Directory);
                    mend = mend.or_else(|| is_plain.then(|| Mend::mode(place, meta.mode & !0o022)));
                }
            }
            for key in text.lines().filter_map(ssh_key::parse) {
                count += 1;
                if key.is_weaker_than(USER_BITS) {
                    wrong.push(format!("{} has {key}", path.display()));
                }
            }
        }
    }
    if wrong.is_empty() && !hidden.is_empty() {
        return Err(Unseen::Odd(listed(&hidden)));
    }
    let outcome = Outcome::none_of(&wrong, format!("{count} keys of users"));
    Ok(match mend {
        Some(mend) => outcome.with_mend(mend),
        None => outcome,
    })
}
