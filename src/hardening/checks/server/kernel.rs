//! What the kernel lets one process learn of another; the clock; who listens.

use crate::hardening::check::{Check, Fix, Outcome, Severity, listed};
use crate::hardening::facts::Facts;
use crate::hardening::host::Unseen;
use crate::hardening::mend::Mend;

/// Settings that keep the kernel's insides to itself, with the least that each should be.
const INSIDES: &[(&str, i64)] = &[
    ("kernel.kptr_restrict", 1),
    ("kernel.dmesg_restrict", 1),
    ("kernel.unprivileged_bpf_disabled", 1),
];

/// Units that keep the clock, by their names on each distribution.
const CLOCKS: &[&str] = &[
    "chrony.service",
    "chronyd.service",
    "systemd-timesyncd.service",
    "ntpsec.service",
    "ntp.service",
    "ntpd.service",
    "openntpd.service",
];

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "server.kernel.ptrace",
        severity: Severity::Medium,
        title: "A process cannot read the memory of another of the same user: an agent's tools could read its keys",
        fix: Fix::All(
            "echo 'kernel.yama.ptrace_scope = 1' > /etc/sysctl.d/60-ptrace.conf && sysctl --system",
        ),
        reference: "https://docs.kernel.org/admin-guide/LSM/Yama.html",
        look: |facts| {
            let scope = facts.sysctl("kernel.yama.ptrace_scope")?;
            let set = scope.as_deref().and_then(|text| text.parse::<i64>().ok());
            let told =
                format!("kernel.yama.ptrace_scope is {}", scope.as_deref().unwrap_or("not set"));
            let outcome = Outcome::judge(set.is_some_and(|scope| scope >= 1), told);
            if scope.is_none() && facts.host.is_live() {
                // The kernel was built without Yama: no setting would help.
                return Ok(outcome);
            }
            let mend =
                Mend::write("/etc/sysctl.d/60-ptrace.conf", "kernel.yama.ptrace_scope = 1\n");
            Ok(outcome.with_mend(Mend { reload: Some(&["/usr/sbin/sysctl", "--system"]), ..mend }))
        },
    },
    Check {
        id: "server.kernel.insides",
        severity: Severity::Low,
        title: "The kernel keeps addresses, messages and BPF from users: exploits begin with them",
        fix: Fix::All(
            "printf 'kernel.kptr_restrict = 1\\nkernel.dmesg_restrict = 1\\nkernel.unprivileged_bpf_disabled = 1\\n' > \
             /etc/sysctl.d/60-insides.conf && sysctl --system",
        ),
        reference: "https://docs.kernel.org/admin-guide/sysctl/kernel.html",
        look: |facts| {
            let mut wrong = Vec::new();
            for (name, least) in INSIDES {
                let value = facts.sysctl(name)?;
                let number = value.as_deref().and_then(|text| text.parse::<i64>().ok());
                if number.is_none_or(|number| number < *least) {
                    wrong.push(format!("{name} is {}", value.as_deref().unwrap_or("not set")));
                }
            }
            Ok(if wrong.is_empty() {
                Outcome::pass("all three are set")
            } else {
                Outcome::warn(listed(&wrong))
            })
        },
    },
    Check {
        id: "server.time.sync",
        severity: Severity::Low,
        title: "The clock is kept: certificates, tokens and logs depend on it",
        fix: Fix::By {
            debian: "apt install chrony && systemctl enable --now chrony",
            rhel: "dnf install chrony && systemctl enable --now chronyd",
        },
        reference: "chronyd(8), systemd-timesyncd.service(8)",
        look: |facts| {
            for unit in CLOCKS {
                if facts.is_enabled(unit)? {
                    return Ok(Outcome::pass(format!("{unit} is enabled")));
                }
            }
            // A virtual machine may be given the host's time.
            Ok(Outcome::judge(false, "no time service is enabled"))
        },
    },
    Check {
        id: "server.sockets.owners",
        severity: Severity::Medium,
        title: "Each program that others can reach is known, and none of them needs to be root",
        fix: Fix::All("ss -tlnp; then `systemctl disable --now <unit>`, or bind it to 127.0.0.1"),
        reference: "ss(8)",
        look: sockets,
    },
];

/// Programs that must be root, or give that up after they have their port.
const MAY_BE_ROOT: &[&str] =
    &["sshd", "systemd", "nginx", "apache2", "httpd", "caddy", "master", "dockerd", "docker-proxy"];

fn sockets(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    let open: Vec<_> = facts.sockets()?.iter().filter(|one| one.leaves_loopback()).collect();
    if open.is_empty() {
        return Ok(Outcome::pass("nothing listens beyond loopback"));
    }
    let all: Vec<String> = open.iter().map(|one| one.told()).collect();
    if open.iter().any(|one| one.program.is_none()) && !facts.host.is_root() {
        return Err(Unseen::NeedsRoot(format!("whose these are ({})", listed(&all))));
    }
    let is_odd = |program: &Option<String>| {
        program.as_ref().is_none_or(|name| !MAY_BE_ROOT.contains(&name.as_str()))
    };
    let odd: Vec<String> = open
        .iter()
        .filter(|one| one.listener.uid == 0 && is_odd(&one.program))
        .map(|one| one.told())
        .collect();
    Ok(if odd.is_empty() { Outcome::pass(listed(&all)) } else { Outcome::warn(listed(&odd)) })
}
