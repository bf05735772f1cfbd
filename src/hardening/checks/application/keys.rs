//! Keys in clear, wherever the scanner found them.

use clawvault_core::domain::Setting;

use super::super::gateway_home::{everywhere, homes};
use crate::hardening::check::{Check, Fix, Outcome, Severity, listed};
use crate::hardening::facts::Facts;
use crate::hardening::host::Unseen;
use crate::hardening::supply::LeakPlace;

const SCAN: &str = "`clawvault scan` in the documentation of clawvault";

/// What the scanner found in places of these kinds.
pub(in crate::hardening::checks) fn found_in(
    facts: &Facts<'_>,
    places: &[LeakPlace],
    good: &str,
) -> Result<Outcome, Unseen> {
    if places.contains(&LeakPlace::Environment) && !facts.host.is_live() {
        return Err(Unseen::NotLive("environments of processes"));
    }
    let leaks = facts.leaks()?;
    let here = leaks.found.iter().filter(|leak| places.contains(&leak.place));
    let all: Vec<String> = here.map(|leak| format!("{} in {}", leak.what, leak.at)).collect();
    match (&leaks.cut, all.is_empty()) {
        (Some(why), true) => Err(Unseen::Odd(format!("none found so far: {why}"))),
        (None, true) => Ok(Outcome::pass(good)),
        (_, false) => Ok(Outcome::fail(listed(&all))),
    }
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "application.keys.in-config",
        severity: Severity::High,
        title: "No key lies in clear in OpenClaw's configuration, environment files or stores: the agent reads them as you do",
        fix: Fix::All("clawvault import --openclaw --scrub"),
        reference: SCAN,
        look: |facts| {
            found_in(facts, &[LeakPlace::Config], "no key in clear in OpenClaw's own files")
        },
    },
    Check {
        id: "application.keys.in-old-copies",
        severity: Severity::High,
        title: "No key lies in old copies of the configuration, which OpenClaw keeps and never cleans",
        fix: Fix::All(
            "clawvault import --openclaw --scrub, which cleans the copies too; then rotate the keys",
        ),
        reference: SCAN,
        look: |facts| found_in(facts, &[LeakPlace::OldCopy], "no key in old copies"),
    },
    Check {
        id: "application.keys.in-code",
        severity: Severity::High,
        title: "No key lies in the files of a workspace, where it ends up in a repository or a prompt",
        fix: Fix::All(
            "clawvault scan <workspace>, take the keys out, rotate them; clawvault hook install keeps new ones out",
        ),
        reference: SCAN,
        look: |facts| found_in(facts, &[LeakPlace::Code], "no key in the workspaces"),
    },
    Check {
        id: "application.keys.in-history",
        severity: Severity::Medium,
        title: "No key lies in a history of commands",
        fix: Fix::All(
            "clawvault scan --histories names the lines and what removes them; then rotate the keys",
        ),
        reference: SCAN,
        look: |facts| found_in(facts, &[LeakPlace::History], "no key in the histories"),
    },
    Check {
        id: "application.keys.in-units",
        severity: Severity::High,
        title: "No key lies in a unit of systemd or its environment file, which others may read",
        fix: Fix::All(
            "start it through the vault: openclaw gateway install --wrapper <script that runs `clawvault run -- openclaw \"$@\"`> --force",
        ),
        reference: "systemd.exec(5), Environment=",
        look: |facts| found_in(facts, &[LeakPlace::Unit], "no key in the units"),
    },
    Check {
        id: "application.keys.in-environment",
        severity: Severity::Medium,
        title: "No key stands in the environment of a running process, where its children and the agent's shell read it",
        fix: Fix::All(
            "clawvault openclaw link: OpenClaw asks for each key and no variable holds it",
        ),
        reference: "proc(5), environ",
        look: |facts| {
            found_in(
                facts,
                &[LeakPlace::Environment],
                "no key in the environments that could be read",
            )
        },
    },
    Check {
        id: "application.keys.by-reference",
        severity: Severity::Medium,
        title: "OpenClaw's credentials are references, and none of them is written out",
        fix: Fix::All("clawvault import --openclaw, then clawvault openclaw link"),
        reference: "https://docs.openclaw.ai/gateway/secrets",
        look: |facts| {
            homes(facts, "every credential is a reference", |home, found| {
                home.settings.visit(&mut |path, setting| {
                    if setting.hidden().is_some() {
                        found.fail(format!("{path} is written out"));
                    }
                });
            })
        },
    },
    Check {
        id: "application.keys.in-repository",
        severity: Severity::High,
        title: "OpenClaw's state is in no git repository: one push gives all of it away",
        fix: Fix::All(
            "move the repository's .git elsewhere, or keep the state out by .gitignore; clawvault scan --history finds what was pushed",
        ),
        reference: "https://docs.openclaw.ai/gateway/security",
        look: |facts| {
            everywhere(facts, "no repository holds the state", |home, found| {
                if let Some(repository) = &home.repository {
                    found.fail(format!(
                        "{} is inside the repository {}",
                        home.home.display(),
                        repository.display()
                    ));
                }
            })
        },
    },
    Check {
        id: "application.keys.separate",
        severity: Severity::High,
        title: "No two services share a credential: one that leaks must open one door only",
        fix: Fix::All("make a new one for each: openssl rand -base64 32"),
        reference: "https://docs.openclaw.ai/gateway/security",
        look: |facts| {
            let mut known: Vec<([u8; 16], String)> = Vec::new();
            homes(facts, "every credential differs from the others", |home, found| {
                home.settings.visit(&mut |path, setting| {
                    let Setting::Hidden(hidden) = setting else { return };
                    let place = format!("{} {path}", home.home.display());
                    match known.iter().find(|(mark, _)| *mark == hidden.mark) {
                        Some((_, other)) if differ(other, &place) => {
                            found.fail(format!("the same credential in {other} and {path}"));
                        }
                        Some(_) => {}
                        None => known.push((hidden.mark, place)),
                    }
                });
            })
        },
    },
];

/// Whether two places are of different services: the same key of one provider in a model and in a
/// tool of it is one credential.
fn differ(one: &str, other: &str) -> bool {
    let vendor = |place: &str| {
        let path = place.rsplit(' ').next().unwrap_or_default().to_owned();
        let mut words = path.split('.').map(str::to_owned);
        let first = words.next().unwrap_or_default();
        match first.as_str() {
            "models" | "plugins" | "tts" => words.nth(1).unwrap_or(first),
            "channels" => words.next().unwrap_or(first),
            _ => path,
        }
    };
    one != other && vendor(one) != vendor(other)
}
