//! How one logs in over SSH: effective values, and what `Match` blocks make of them.

use crate::hardening::check::{Check, Fix, Outcome, Severity, listed};
use crate::hardening::facts::{Facts, Family, Sshd};
use crate::hardening::host::Unseen;
use crate::hardening::mend::Mend;
use crate::hardening::parsers::ssh_key;

/// The drop-in that `--fix` writes; it is read before what the distribution ships.
const DROP_IN: &str = "/etc/ssh/sshd_config.d/00-clawvault.conf";
/// Longest that an idle session may live, in seconds.
const MAX_IDLE: u64 = 3600;
/// Most tries to log in within one connection.
const MAX_TRIES: u64 = 4;

const RELOAD: &str = "sshd -t && systemctl reload ssh || systemctl reload sshd";

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "server.ssh.password-login",
        severity: Severity::High,
        title: "SSH takes no passwords: they are guessed day and night, keys are not",
        fix: Fix::All(
            "printf 'PasswordAuthentication no\\nKbdInteractiveAuthentication no\\n' > \
             /etc/ssh/sshd_config.d/00-clawvault.conf && sshd -t && systemctl reload ssh",
        ),
        reference: "sshd_config(5), PasswordAuthentication",
        look: |facts| {
            with_sshd(facts, |sshd| {
                let names = ["passwordauthentication", "kbdinteractiveauthentication"];
                let is_safe = |value: &str| value == "no";
                let found = weak(sshd, &names, &is_safe);
                let setting = "PasswordAuthentication no\nKbdInteractiveAuthentication no\n";
                judged(facts, sshd, &found, "neither passwords nor keyboard-interactive", setting)
            })
        },
    },
    Check {
        id: "server.ssh.public-key",
        severity: Severity::Medium,
        title: "SSH takes keys, so that passwords can be switched off",
        fix: Fix::All(RELOAD),
        reference: "sshd_config(5), PubkeyAuthentication",
        look: |facts| {
            with_sshd(facts, |sshd| {
                let found = weak(sshd, &["pubkeyauthentication"], &|value| value == "yes");
                judged(
                    facts,
                    sshd,
                    &found,
                    "PubkeyAuthentication yes",
                    "PubkeyAuthentication yes\n",
                )
            })
        },
    },
    Check {
        id: "server.ssh.root-login",
        severity: Severity::High,
        title: "root logs in with a key or not at all: its name needs no guessing",
        fix: Fix::All(RELOAD),
        reference: "sshd_config(5), PermitRootLogin",
        look: |facts| {
            with_sshd(facts, |sshd| {
                let good = ["no", "prohibit-password", "forced-commands-only"];
                let found = weak(sshd, &["permitrootlogin"], &|value| good.contains(&value));
                let now = format!("PermitRootLogin {}", sshd.config.value("permitrootlogin"));
                judged(facts, sshd, &found, &now, "PermitRootLogin prohibit-password\n")
            })
        },
    },
    Check {
        id: "server.ssh.empty-passwords",
        severity: Severity::Critical,
        title: "SSH lets nobody in without a password",
        fix: Fix::All(RELOAD),
        reference: "sshd_config(5), PermitEmptyPasswords",
        look: |facts| {
            with_sshd(facts, |sshd| {
                let found = weak(sshd, &["permitemptypasswords"], &|value| value == "no");
                judged(facts, sshd, &found, "PermitEmptyPasswords no", "PermitEmptyPasswords no\n")
            })
        },
    },
    Check {
        id: "server.ssh.port",
        severity: Severity::Low,
        title: "SSH does not listen on port 22, which most scanners try alone",
        fix: Fix::By {
            debian: "ufw allow 22022/tcp, then add `Port 22022` to /etc/ssh/sshd_config.d/, sshd -t, \
                     reload, log in there, and only then close 22",
            rhel: "semanage port -a -t ssh_port_t -p tcp 22022; firewall-cmd --permanent \
                   --add-port=22022/tcp; then `Port 22022`, sshd -t, reload, log in there, close 22",
        },
        reference: "sshd_config(5), Port",
        look: |facts| {
            with_sshd(facts, |sshd| {
                let (ports, source) = match (&*sshd.socket_ports, sshd.config.all("port")) {
                    ([], []) => (vec!["22".to_owned()], sshd.source),
                    ([], some) => (some.to_vec(), sshd.source),
                    (some, _) => (some.to_vec(), "ssh.socket"),
                };
                let addresses = sshd.config.all("listenaddress");
                let is_22 = |port: &String| port == "22";
                let by_address = source != "ssh.socket" && !addresses.is_empty();
                let named = by_address && addresses.iter().any(|address| address.ends_with(":22"));
                let told = match by_address {
                    false => format!("port {} ({source})", ports.join(", ")),
                    true => {
                        format!("port {}, at {} ({source})", ports.join(", "), addresses.join(", "))
                    }
                };
                if ports.iter().any(is_22) || named {
                    Outcome::warn(told)
                } else {
                    Outcome::pass(told)
                }
            })
        },
    },
    Check {
        id: "server.ssh.allowed-users",
        severity: Severity::Medium,
        title: "SSH lets in the users that are named, and no account that a package adds",
        fix: Fix::All(
            "echo 'AllowUsers <you>' > /etc/ssh/sshd_config.d/10-users.conf && sshd -t && systemctl \
             reload ssh; stay logged in until a second login works",
        ),
        reference: "sshd_config(5), AllowUsers, AllowGroups",
        look: |facts| {
            with_sshd(facts, |sshd| {
                let names = ["allowusers", "allowgroups"];
                let set: Vec<&String> =
                    names.iter().flat_map(|name| sshd.config.all(name)).collect();
                let everyone = set.iter().any(|name| *name == "*");
                if set.is_empty() || everyone {
                    Outcome::fail(format!(
                        "neither AllowUsers nor AllowGroups limits logins ({})",
                        sshd.source
                    ))
                } else {
                    let all: Vec<String> = set.into_iter().cloned().collect();
                    Outcome::pass(format!("only {}", listed(&all)))
                }
            })
        },
    },
    Check {
        id: "server.ssh.idle-timeout",
        severity: Severity::Low,
        title: "SSH ends sessions whose other side is gone: a forgotten one is a door",
        fix: Fix::All(RELOAD),
        reference: "sshd_config(5), ClientAliveInterval",
        look: |facts| {
            with_sshd(facts, |sshd| {
                let interval = sshd.config.seconds("clientaliveinterval").unwrap_or(0);
                let count = sshd.config.value("clientalivecountmax").parse().unwrap_or(3_u64);
                let longest = interval.saturating_mul(count.max(1));
                let told = format!(
                    "ClientAliveInterval {interval}, ClientAliveCountMax {count} ({})",
                    sshd.source
                );
                // A count of 0 ends nothing since OpenSSH 8.2.
                let good = interval > 0 && count > 0 && longest <= MAX_IDLE;
                let found = if good { Vec::new() } else { vec![told.clone()] };
                let setting = "ClientAliveInterval 300\nClientAliveCountMax 2\n";
                judged(facts, sshd, &found, &told, setting)
            })
        },
    },
    Check {
        id: "server.ssh.max-auth-tries",
        severity: Severity::Low,
        title: "SSH gives few tries within one connection",
        fix: Fix::All(RELOAD),
        reference: "sshd_config(5), MaxAuthTries",
        look: |facts| {
            with_sshd(facts, |sshd| {
                let few = |value: &str| value.parse::<u64>().is_ok_and(|tries| tries <= MAX_TRIES);
                let found = weak(sshd, &["maxauthtries"], &few);
                let now = format!("MaxAuthTries {}", sshd.config.value("maxauthtries"));
                judged(facts, sshd, &found, &now, "MaxAuthTries 4\n")
            })
        },
    },
    Check {
        id: "server.ssh.x11-forwarding",
        severity: Severity::Low,
        title: "SSH forwards no X11: a server has no screen, and who breaks in there reaches yours",
        fix: Fix::All(RELOAD),
        reference: "sshd_config(5), X11Forwarding",
        look: |facts| {
            with_sshd(facts, |sshd| {
                let found = weak(sshd, &["x11forwarding"], &|value| value == "no");
                judged(facts, sshd, &found, "X11Forwarding no", "X11Forwarding no\n")
            })
        },
    },
    Check {
        id: "server.ssh.algorithms",
        severity: Severity::Medium,
        title: "SSH agrees to no cipher, digest or key exchange that is broken",
        fix: Fix::All(
            "remove the named ones from Ciphers, MACs, KexAlgorithms, HostKeyAlgorithms; sshd -t; reload",
        ),
        reference: "sshd_config(5), Ciphers, MACs, KexAlgorithms",
        look: |facts| with_sshd(facts, algorithms),
    },
];

fn with_sshd(facts: &Facts<'_>, look: impl FnOnce(&Sshd) -> Outcome) -> Result<Outcome, Unseen> {
    Ok(match facts.sshd()? {
        None => Outcome::na("no SSH server"),
        Some(sshd) if sshd.config.is_cut => {
            Outcome::unknown("sshd_config includes itself or is endless")
        }
        Some(sshd) => look(sshd),
    })
}

/// Where a keyword is not as it should be, for everybody or for some.
fn weak(sshd: &Sshd, names: &[&str], is_safe: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for name in names {
        let value = sshd.config.value(name);
        if !is_safe(&value) {
            found.push(format!("{name} {value} ({})", sshd.source));
        }
        for (whom, value) in sshd.config.in_blocks(name) {
            if !is_safe(&value) {
                found.push(format!("{name} {value} for Match {whom}"));
            }
        }
    }
    found
}

/// Pass, or fail with the drop-in that would mend it, beside what the drop-in already has. A block
/// for some cannot be mended by a drop-in for everybody.
fn judged(facts: &Facts<'_>, sshd: &Sshd, found: &[String], good: &str, setting: &str) -> Outcome {
    if found.is_empty() {
        return Outcome::pass(format!("{good} ({})", sshd.source));
    }
    let outcome = Outcome::fail(listed(found));
    let line = setting.trim_end().replace('\n', "; ");
    let outcome = outcome.with_fix(format!("{line} in {DROP_IN}; {RELOAD}"));
    let in_block = found.iter().any(|one| one.contains("for Match"));
    let main = facts.text("/etc/ssh/sshd_config").ok().flatten().unwrap_or_default();
    let includes = main.lines().any(|line| {
        let line = line.trim_start().to_ascii_lowercase();
        line.starts_with("include") && line.contains("sshd_config.d/")
    });
    // Who has no key in place would be locked out by the first of these.
    if in_block || !includes || !has_key(facts) {
        return outcome;
    }
    let reload: &[&str] = match facts.os().family {
        Family::Rhel => &["/usr/bin/systemctl", "reload", "sshd.service"],
        _ => &["/usr/bin/systemctl", "reload", "ssh.service"],
    };
    outcome.with_mend(Mend {
        validate: Some(&["/usr/sbin/sshd", "-t"]),
        reload: Some(reload),
        needs_confirmation: true,
        ..Mend::append(DROP_IN, setting)
    })
}

/// Whether anybody can log in with a key.
fn has_key(facts: &Facts<'_>) -> bool {
    let Ok(users) = facts.user_homes() else { return false };
    users.iter().any(|user| {
        let path = std::path::Path::new(&user.home).join(".ssh/authorized_keys");
        let text = facts.text(path).ok().flatten().unwrap_or_default();
        user.can_log_in() && text.lines().any(|line| ssh_key::parse(line).is_some())
    })
}

/// Broken by what is known of them.
const BROKEN: &[&str] = &[
    "3des-cbc",
    "arcfour",
    "blowfish-cbc",
    "cast128-cbc",
    "rijndael-cbc",
    "aes128-cbc",
    "aes192-cbc",
    "aes256-cbc",
    "hmac-md5",
    "hmac-ripemd160",
    "hmac-sha1-96",
    "diffie-hellman-group1-sha1",
    "diffie-hellman-group-exchange-sha1",
    "diffie-hellman-group14-sha1",
    "ssh-dss",
    "none",
];
/// Weak by age alone; OpenSSH still offers them.
const OLD: &[&str] = &["hmac-sha1", "umac-64", "ssh-rsa", "ecdh-sha2-nistp"];

fn algorithms(sshd: &Sshd) -> Outcome {
    let keywords =
        ["ciphers", "macs", "kexalgorithms", "hostkeyalgorithms", "pubkeyacceptedalgorithms"];
    let (mut broken, mut old) = (Vec::new(), Vec::new());
    for keyword in keywords {
        let Some(list) = sshd.config.all(keyword).first() else { continue };
        // What is taken away is not offered.
        if list.starts_with('-') {
            continue;
        }
        for name in list.trim_start_matches(['+', '^']).split(',') {
            let is = |all: &[&str]| all.iter().any(|one| name.starts_with(one));
            if is(BROKEN) {
                broken.push(format!("{keyword} has {name}"));
            } else if is(OLD) && name != "ssh-rsa-cert-v01@openssh.com" {
                old.push(format!("{keyword} has {name}"));
            }
        }
    }
    match (broken.is_empty(), old.is_empty()) {
        (false, _) => Outcome::fail(listed(&broken)),
        (true, false) => Outcome::warn(listed(&old)),
        (true, true) => {
            Outcome::pass(format!("none that is known to be weak is set ({})", sshd.source))
        }
    }
}
