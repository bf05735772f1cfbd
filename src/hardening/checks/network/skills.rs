//! Skills and scripts of the workspace that skip the check of certificates.

use std::path::{Path, PathBuf};

use clawvault_core::platform::{Bounds, EntryKind, Step};

use crate::hardening::check::{Check, Fix, Outcome, Severity, listed};
use crate::hardening::facts::Facts;
use crate::hardening::host::Unseen;

/// Most entries below one home, and most files that are read; the largest of them, in bytes.
const MAX_ENTRIES: usize = 100_000;
const MAX_FILES: usize = 2000;
const MAX_SIZE: u64 = 256 * 1024;

/// What code ends in.
const CODE: &[&str] = &[
    "js", "mjs", "cjs", "ts", "mts", "py", "sh", "bash", "go", "rb", "php", "json", "json5",
    "yaml", "yml", "md",
];

/// What switches the check off, blanks taken out, in small letters.
const OFF: &[&str] = &[
    "rejectunauthorized:false",
    "\"rejectunauthorized\":false",
    "node_tls_reject_unauthorized=0",
    "node_tls_reject_unauthorized=\"0\"",
    "node_tls_reject_unauthorized='0'",
    "insecureskipverify:true",
    "verify=false",
    "_create_unverified_context",
    "ssl.cert_none",
    "strictssl:false",
    "verify_peer'=>false",
    "openssl::ssl::verify_none",
    "curl-k",
    "curl--insecure",
    "curl-sk",
    "curl-ks",
    "curl-fsslk",
    "curl-ssk",
    "--no-check-certificate",
    "http.sslverify=false",
    "--trusted-host",
];

pub(super) const CHECKS: &[Check] = &[Check {
    id: "network.outbound.skills",
    severity: Severity::High,
    title: "No skill or script of the workspace skips the check of certificates",
    fix: Fix::All("take the option out, or the skill: openclaw skills uninstall <name>"),
    reference: "https://nodejs.org/api/tls.html",
    look,
}];

fn look(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    let homes = facts.openclaw()?;
    if homes.is_empty() {
        return Ok(Outcome::na("no OpenClaw home is to be seen"));
    }
    let (mut files, mut found, mut cut) = (Vec::new(), Vec::new(), false);
    for home in homes {
        for name in facts.host.list(&home.path, 4096).unwrap_or_default() {
            let text = name.to_string_lossy();
            if text == "skills" || text.starts_with("workspace") || text == "openclaw.json" {
                cut |= collect(facts, &home.path.join(&name), &mut files)?;
            }
        }
    }
    for path in files.iter().take(MAX_FILES) {
        let Ok(bytes) = facts.host.read(path, MAX_SIZE as usize) else { continue };
        found.extend(switched_off(&bytes).map(|what| format!("{} has {what}", path.display())));
    }
    cut |= files.len() > MAX_FILES;
    if found.is_empty() && cut {
        return Ok(Outcome::warn(format!(
            "none in {} files; there are more than are looked at",
            files.len().min(MAX_FILES)
        )));
    }
    Ok(if found.is_empty() {
        Outcome::pass(format!("none in {} files", files.len()))
    } else {
        Outcome::fail(listed(&found))
    })
}

/// The code below a directory, or the file itself; whether there is more than the bound.
fn collect(facts: &Facts<'_>, top: &Path, files: &mut Vec<PathBuf>) -> Result<bool, Unseen> {
    if facts.meta(top)?.is_some_and(|meta| meta.kind == EntryKind::File) {
        files.push(top.to_owned());
        return Ok(false);
    }
    let bounds = Bounds { entries: MAX_ENTRIES, depth: 8 };
    let walked = facts.host.walk(top, bounds, &mut |path, meta| {
        let name = path.file_name().unwrap_or_default();
        if name == "node_modules" || name == ".git" {
            return Step::Past;
        }
        let is_code = path.extension().is_some_and(|end| CODE.iter().any(|one| end == *one));
        if meta.kind == EntryKind::File && is_code && meta.size <= MAX_SIZE {
            files.push(path.to_owned());
        }
        if files.len() > MAX_FILES { Step::Stop } else { Step::On }
    })?;
    Ok(walked.cut)
}

/// What in a text switches the check off; comments count, too: agents follow them.
fn switched_off(bytes: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().find_map(|line| {
        let line: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        let line = line.to_ascii_lowercase();
        OFF.iter().find(|what| line.contains(**what)).copied()
    })
}

#[cfg(test)]
mod tests {
    use super::switched_off;

    #[test]
    fn switches_are_found_however_they_are_spaced() {
        for text in [
            "new Agent({ rejectUnauthorized : false })",
            "curl -k https://a",
            "requests.get(u, verify = False)",
        ] {
            assert!(switched_off(text.as_bytes()).is_some(), "{text}");
        }
        for text in ["rejectUnauthorized: true", "curl -sS https://a", "verify=True"] {
            assert!(switched_off(text.as_bytes()).is_none(), "{text}");
        }
    }
}
