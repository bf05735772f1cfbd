//! Skills: only those in use, of a known version and origin, unchanged, and nothing risky in them.

use clawvault_core::domain::{Installation, Setting, Skill};

use super::super::gateway_home::{homes, is_sandboxed};
use crate::hardening::check::{Check, Fix, Severity};

const REFERENCE: &str = "https://docs.openclaw.ai/tools/skills";
/// Days after which a skill that came from a registry is worth an update.
const OLD_DAYS: i64 = 180;

/// Whether an agent may load it: by its list, where it has one.
fn is_loaded(home: &Installation, skill: &Skill) -> bool {
    if home.settings.at("skills.entries").child(&skill.name).at("enabled").truth() == Some(false) {
        return false;
    }
    home.agents.iter().any(|agent| {
        let here = skill.agent.as_ref().is_none_or(|id| *id == agent.id);
        let list = agent.settings.at("skills");
        let named =
            !matches!(list, Setting::List(_)) || list.texts().contains(&skill.name.as_str());
        here && named
    })
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "application.skills.unused",
        severity: Severity::Low,
        title: "Every installed skill is one that an agent uses; the others are removed",
        fix: Fix::All("openclaw skills remove <name>"),
        reference: REFERENCE,
        look: |facts| {
            homes(facts, "every installed skill is one that an agent may load", |home, found| {
                for skill in home.skills.iter().filter(|skill| !is_loaded(home, skill)) {
                    found.fail(format!("{} is installed, and no agent may load it", skill.name));
                }
            })
        },
    },
    Check {
        id: "application.skills.narrowed",
        severity: Severity::Low,
        title: "Each agent has a list of the skills that it needs",
        fix: Fix::All("openclaw config set agents.defaults.skills '[\"<name>\"]'; '[]' is none"),
        reference: REFERENCE,
        look: |facts| {
            homes(facts, "every agent has a list of skills", |home, found| {
                for agent in &home.agents {
                    if !matches!(agent.settings.at("skills"), Setting::List(_)) {
                        found.warn(format!("agent {} may load every skill", agent.id));
                    }
                }
            })
        },
    },
    Check {
        id: "application.skills.unpinned",
        severity: Severity::Medium,
        title: "Every skill and what it fetches has a version: an update must not come by itself",
        fix: Fix::All(
            "openclaw skills install <name> --version <version>; name versions in its SKILL.md",
        ),
        reference: REFERENCE,
        look: |facts| {
            homes(facts, "every skill has a version, and fetches none without", |home, found| {
                for skill in &home.skills {
                    if skill.registry.is_some() && skill.version.is_none() {
                        found.fail(format!("{} has no version", skill.name));
                    }
                    for package in &skill.unpinned {
                        found.warn(format!("{} fetches {package} in whatever version", skill.name));
                    }
                }
            })
        },
    },
    Check {
        id: "application.skills.unverified",
        severity: Severity::Medium,
        title: "It is known where every skill comes from, and it is still what was installed",
        fix: Fix::All(
            "openclaw skills verify <name>; what nobody knows the origin of: openclaw skills remove <name>",
        ),
        reference: "https://docs.openclaw.ai/cli/skills",
        look: |facts| {
            homes(facts, "every skill is what its registry gave", |home, found| {
                for skill in &home.skills {
                    match (skill.intact, &skill.registry) {
                        (Some(false), _) => {
                            found
                                .fail(format!("{} was changed since it was installed", skill.name));
                        }
                        (_, None) => {
                            found.warn(format!("nothing tells where {} comes from", skill.name));
                        }
                        (Some(true) | None, Some(_)) => {}
                    }
                }
            })
        },
    },
    Check {
        id: "application.skills.risky",
        severity: Severity::High,
        title: "No skill holds what attacks: hidden text or code, downloads that run, hands on credentials",
        fix: Fix::All(
            "read it; then openclaw skills remove <name>, and rotate what it could reach: clawvault rotate --all",
        ),
        reference: REFERENCE,
        look: |facts| {
            homes(facts, "nothing risky is in the skills", |home, found| {
                for skill in &home.skills {
                    for risk in &skill.risks {
                        found.fail(format!("{} {risk}", skill.name));
                    }
                }
            })
        },
    },
    Check {
        id: "application.skills.reach",
        severity: Severity::Low,
        title: "A skill that uses both a shell and the network is loaded by agents with a sandbox alone",
        fix: Fix::All("openclaw config set agents.defaults.sandbox.mode all"),
        reference: REFERENCE,
        look: |facts| {
            homes(facts, "no skill has both without a sandbox", |home, found| {
                let open = home.agents.iter().any(|agent| !is_sandboxed(&agent.settings));
                for skill in home.skills.iter().filter(|skill| open && skill.uses.len() > 1) {
                    found.warn(format!("{} uses a shell and the network", skill.name));
                }
            })
        },
    },
    Check {
        id: "application.skills.age",
        severity: Severity::Low,
        title: "Skills are updated: what was found wrong with one is mended in a newer version",
        fix: Fix::All("openclaw skills update, after a look at what changed"),
        reference: "https://docs.openclaw.ai/cli/skills",
        look: |facts| {
            let before = facts.host.now() - OLD_DAYS * 86_400;
            homes(facts, "no skill of a registry is older than half a year", |home, found| {
                let old = home
                    .skills
                    .iter()
                    .filter(|skill| skill.registry.is_some() && skill.modified < before);
                for skill in old {
                    found.warn(format!("{} was not updated for {OLD_DAYS} days", skill.name));
                }
            })
        },
    },
    Check {
        id: "application.skills.bundled",
        severity: Severity::Low,
        title: "Of the skills that come with OpenClaw only those that are needed are offered",
        fix: Fix::All(
            "openclaw config set skills.allowBundled '[\"<name>\"]'; '[\"none\"]' is none",
        ),
        reference: "https://docs.openclaw.ai/tools/skills-config",
        look: |facts| {
            homes(facts, "the skills that come with OpenClaw are narrowed", |home, found| {
                let narrowed = matches!(home.settings.at("skills.allowBundled"), Setting::List(_))
                    || home
                        .agents
                        .iter()
                        .all(|agent| matches!(agent.settings.at("skills"), Setting::List(_)));
                if !narrowed {
                    found.warn("skills.allowBundled is not set: all of them are offered");
                }
            })
        },
    },
    Check {
        id: "application.skills.uploads",
        severity: Severity::Medium,
        title: "No skill is installed from an archive that somebody uploads",
        fix: Fix::All("openclaw config set skills.install.allowUploadedArchives false"),
        reference: "https://docs.openclaw.ai/tools/skills-config",
        look: |facts| {
            homes(facts, "uploaded archives are not installed", |home, found| {
                if home.settings.at("skills.install.allowUploadedArchives").truth() == Some(true) {
                    found.fail("skills.install.allowUploadedArchives is true");
                }
            })
        },
    },
];
