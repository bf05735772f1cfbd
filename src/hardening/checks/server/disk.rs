//! What lies on disk in clear: the file system itself, swap, core dumps.

use crate::hardening::check::{Check, Fix, Outcome, Severity, listed};
use crate::hardening::facts::Facts;
use crate::hardening::host::Unseen;
use crate::hardening::mend::Mend;
use crate::hardening::parsers::ini;

const COREDUMP: &str = "/etc/systemd/coredump.conf.d/clawvault.conf";

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "server.disk.encryption",
        severity: Severity::Medium,
        title: "The disk is encrypted: who takes it, or an image of it, reads nothing",
        fix: Fix::All(
            "encrypt at installation (LUKS), or in the provider's panel; keep the OpenClaw home on an encrypted volume meanwhile",
        ),
        reference: "cryptsetup(8), crypttab(5)",
        look: encryption,
    },
    Check {
        id: "server.disk.swap",
        severity: Severity::Medium,
        title: "Swap is encrypted or off: keys that are in memory get there",
        fix: Fix::All(
            "swapoff -a and take it out of /etc/fstab; or in /etc/crypttab: swap /dev/<device> /dev/urandom swap,cipher=aes-xts-plain64",
        ),
        reference: "swapon(8), crypttab(5), example of encrypted swap",
        look: swap,
    },
    Check {
        id: "server.disk.core-dumps",
        severity: Severity::Medium,
        title: "A program that crashes leaves no copy of its memory, and of the keys in it",
        fix: Fix::All(
            "mkdir -p /etc/systemd/coredump.conf.d && printf '[Coredump]\\nStorage=none\\nProcessSizeMax=0\\n' > \
             /etc/systemd/coredump.conf.d/clawvault.conf; echo '* hard core 0' > /etc/security/limits.d/core.conf",
        ),
        reference: "coredump.conf(5), limits.conf(5), core(5)",
        look: core_dumps,
    },
];

/// Lines without comments, as words.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_whitespace().collect()).collect()
}

fn encryption(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    let crypttab = facts.text("/etc/crypttab")?.unwrap_or_default();
    let names: Vec<String> = rows(&crypttab)
        .iter()
        .filter(|row| {
            !row.get(3).is_some_and(|options| options.split(',').any(|one| one == "swap"))
        })
        .filter_map(|row| row.first().map(|name| (*name).to_owned()))
        .collect();
    if !names.is_empty() {
        return Ok(Outcome::pass(format!("crypttab has {}", listed(&names))));
    }
    if facts.host.is_live() {
        for device in facts.entries("/sys/block")? {
            if let Some(id) = facts.text(device.join("dm/uuid"))?
                && id.starts_with("CRYPT-")
            {
                return Ok(Outcome::pass(format!("{} is encrypted", device.display())));
            }
        }
    }
    // A provider may encrypt below what can be seen here.
    Ok(Outcome::warn("no encrypted volume is to be seen; the provider may encrypt beneath"))
}

fn swap(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    let crypttab = facts.text("/etc/crypttab")?.unwrap_or_default();
    let encrypted: Vec<String> = rows(&crypttab)
        .iter()
        .filter_map(|row| row.first().map(|name| format!("/dev/mapper/{name}")))
        .collect();
    let fstab = facts.text("/etc/fstab")?.unwrap_or_default();
    let mut used: Vec<String> = rows(&fstab)
        .iter()
        .filter(|row| row.get(2) == Some(&"swap"))
        .filter_map(|row| row.first().map(|device| (*device).to_owned()))
        .collect();
    if facts.host.is_live() {
        let table = facts.text("/proc/swaps")?.unwrap_or_default();
        used = table
            .lines()
            .skip(1)
            .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
            .collect();
    }
    let mut clear = Vec::new();
    for device in &used {
        let compressed = device.contains("zram");
        let mut is_crypt = encrypted.contains(device);
        if let Some(number) = device.strip_prefix("/dev/dm-") {
            let id = facts.text(format!("/sys/block/dm-{number}/dm/uuid"))?.unwrap_or_default();
            is_crypt |= id.starts_with("CRYPT-");
        }
        if !compressed && !is_crypt {
            clear.push(format!("{device} is in clear"));
        }
    }
    let good = if used.is_empty() {
        "no swap".to_owned()
    } else {
        format!("{} is encrypted or in memory", listed(&used))
    };
    Ok(Outcome::none_of(&clear, good))
}

fn core_dumps(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    if facts.sysctl("fs.suid_dumpable")?.as_deref() == Some("1") {
        return Ok(Outcome::fail("fs.suid_dumpable is 1: programs of root leave dumps to others"));
    }
    let pattern = facts.sysctl("kernel.core_pattern")?.unwrap_or_default();
    if pattern.starts_with("|/bin/false") || pattern.starts_with("|/usr/bin/false") {
        return Ok(Outcome::pass("dumps go nowhere (core_pattern)"));
    }
    let mut limits = vec!["/etc/security/limits.conf".into()];
    limits.extend(facts.entries("/etc/security/limits.d")?);
    for path in limits {
        let text = facts.text(path)?.unwrap_or_default();
        let none = |row: &Vec<&str>| matches!(row.as_slice(), ["*", "hard" | "-", "core", "0"]);
        if rows(&text).iter().any(none) {
            return Ok(Outcome::pass("limits: * hard core 0"));
        }
    }
    let mut entries =
        ini::parse(&facts.text("/etc/systemd/coredump.conf")?.unwrap_or_default(), false);
    for (_, text) in facts.drop_ins("/etc/systemd/coredump.conf.d", ".conf")? {
        entries.extend(ini::parse(&text, false));
    }
    if ini::last(&entries, "Coredump", "storage") == Some("none") {
        return Ok(Outcome::pass("systemd-coredump stores none"));
    }
    let told = if pattern.contains("systemd-coredump")
        || facts.exists("/usr/lib/systemd/systemd-coredump")?
    {
        "systemd-coredump stores dumps"
    } else {
        "dumps are not switched off"
    };
    let outcome = Outcome::fail(told);
    let has_folder = facts.exists("/etc/systemd/coredump.conf.d")?;
    let text = "[Coredump]\nStorage=none\nProcessSizeMax=0\n";
    Ok(if has_folder { outcome.with_mend(Mend::write(COREDUMP, text)) } else { outcome })
}
