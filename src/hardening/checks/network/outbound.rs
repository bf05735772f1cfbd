//! Whoever is called out to proves who it is: no tool skips the check of certificates.

use std::path::Path;

use crate::hardening::check::{Check, Fix, Outcome, Severity};
use crate::hardening::facts::Facts;
use crate::hardening::host::Unseen;
use crate::hardening::parsers::ini;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "network.outbound.node",
        severity: Severity::Critical,
        title: "Node.js checks certificates: NODE_TLS_REJECT_UNAUTHORIZED is nowhere 0",
        fix: Fix::All(
            "take the variable out; for a CA of your own: NODE_EXTRA_CA_CERTS=/path/to/ca.pem",
        ),
        reference: "https://nodejs.org/api/cli.html#node_tls_reject_unauthorizedvalue",
        look: |facts| {
            let found =
                facts.set_variables("NODE_TLS_REJECT_UNAUTHORIZED", &|value| value == "0")?;
            Ok(Outcome::none_of(&found, "set nowhere that was looked at"))
        },
    },
    Check {
        id: "network.outbound.python",
        severity: Severity::High,
        title: "Python checks certificates: PYTHONHTTPSVERIFY is nowhere 0",
        fix: Fix::All(
            "take the variable out; for a CA of your own: REQUESTS_CA_BUNDLE=/path/to/ca.pem",
        ),
        reference: "PEP 493",
        look: |facts| {
            let found = facts.set_variables("PYTHONHTTPSVERIFY", &|value| value == "0")?;
            Ok(Outcome::none_of(&found, "set nowhere that was looked at"))
        },
    },
    Check {
        id: "network.outbound.curl",
        severity: Severity::High,
        title: "curl and wget check certificates by default",
        fix: Fix::All(
            "take `insecure` out of .curlrc and `check_certificate = off` out of .wgetrc",
        ),
        reference: "curl(1), -k",
        look: |facts| {
            let mut found = Vec::new();
            for (name, file) in
                places(facts, &[".curlrc", ".config/curlrc", ".wgetrc"], &["/etc/wgetrc"])?
            {
                let bad = |line: &str| {
                    let line = line.trim().trim_start_matches('-').to_ascii_lowercase();
                    let first = line.split([' ', '=', ':']).next().unwrap_or_default();
                    first == "insecure"
                        || line == "k"
                        || (first == "check_certificate" && line.contains("off"))
                };
                found.extend(
                    file.lines()
                        .find(|line| bad(line))
                        .map(|line| format!("{name}: {}", line.trim())),
                );
            }
            Ok(Outcome::none_of(&found, "no .curlrc or .wgetrc switches it off"))
        },
    },
    Check {
        id: "network.outbound.git",
        severity: Severity::High,
        title: "git checks certificates: skills and plugins are code that comes through it",
        fix: Fix::All("git config --global --unset http.sslVerify; unset GIT_SSL_NO_VERIFY"),
        reference: "git-config(1), http.sslVerify",
        look: |facts| {
            let mut found = Vec::new();
            for (name, file) in
                places(facts, &[".gitconfig", ".config/git/config"], &["/etc/gitconfig"])?
            {
                let off = |entry: &&ini::Entry| {
                    entry.name == "sslverify"
                        && !ini::is_true(&entry.value)
                        && entry.section.to_ascii_lowercase().starts_with("http")
                };
                let entries = ini::parse(&file, false);
                found.extend(
                    entries
                        .iter()
                        .find(off)
                        .map(|entry| format!("{name}: sslVerify = {}", entry.value)),
                );
            }
            found.extend(facts.set_variables("GIT_SSL_NO_VERIFY", &|value| {
                !["", "0", "false"].contains(&value)
            })?);
            Ok(Outcome::none_of(&found, "no configuration of git switches it off"))
        },
    },
    Check {
        id: "network.outbound.pip",
        severity: Severity::High,
        title: "pip trusts no host without a certificate",
        fix: Fix::All(
            "pip config unset global.trusted-host; for a CA of your own: pip config set global.cert /path/to/ca.pem",
        ),
        reference: "pip(1), --trusted-host",
        look: |facts| {
            let own = [".config/pip/pip.conf", ".pip/pip.conf"];
            let mut found = Vec::new();
            for (name, file) in places(facts, &own, &["/etc/pip.conf", "/etc/xdg/pip/pip.conf"])? {
                let entries = ini::parse(&file, true);
                let trusted = entries
                    .iter()
                    // pip takes both spellings.
                    .find(|entry| {
                        ["trusted-host", "trusted_host"].contains(&entry.name.as_str())
                            && !entry.value.is_empty()
                    });
                found
                    .extend(trusted.map(|entry| format!("{name}: trusted-host = {}", entry.value)));
            }
            found.extend(facts.set_variables("PIP_TRUSTED_HOST", &|value| !value.is_empty())?);
            Ok(Outcome::none_of(&found, "no trusted-host"))
        },
    },
    Check {
        id: "network.outbound.npm",
        severity: Severity::High,
        title: "npm checks certificates: OpenClaw and its plugins come through it",
        fix: Fix::All(
            "npm config delete strict-ssl; for a CA of your own: npm config set cafile /path/to/ca.pem",
        ),
        reference: "npm-config(7), strict-ssl",
        look: |facts| {
            let mut found = Vec::new();
            for (name, file) in places(
                facts,
                &[".npmrc"],
                &["/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc"],
            )? {
                let off =
                    |entry: &&ini::Entry| entry.name == "strict-ssl" && !ini::is_true(&entry.value);
                let entries = ini::parse(&file, false);
                found.extend(
                    entries.iter().find(off).map(|_| format!("{name}: strict-ssl = false")),
                );
            }
            for variable in ["NPM_CONFIG_STRICT_SSL", "npm_config_strict_ssl"] {
                found.extend(facts.set_variables(variable, &|value| value == "false")?);
            }
            Ok(Outcome::none_of(&found, "strict-ssl is on"))
        },
    },
];

/// The texts of files in each home, and of files of the system.
fn places(
    facts: &Facts<'_>,
    own: &[&str],
    system: &[&str],
) -> Result<Vec<(String, std::rc::Rc<str>)>, Unseen> {
    let mut all = Vec::new();
    let mut paths: Vec<_> = system.iter().map(|path| Path::new(path).to_owned()).collect();
    for user in facts.user_homes()? {
        paths.extend(own.iter().map(|name| Path::new(&user.home).join(name)));
    }
    for path in paths {
        // A home that may not be read is another user's own.
        if let Ok(Some(text)) = facts.text(&path) {
            all.push((path.display().to_string(), text));
        }
    }
    Ok(all)
}
