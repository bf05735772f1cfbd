//! What each agent may do: tools, commands, files, other sessions.

use super::super::gateway_home::{
    agents, can_execute, can_touch_files, exec_mode, is_sandboxed, settable,
};
use crate::hardening::check::{Check, Fix, Severity};

const REFERENCE: &str = "https://docs.openclaw.ai/gateway/security/tool-permissions";

/// Programs that run whatever they are given: allowing one allows all.
const INTERPRETERS: &[&str] = &[
    "awk", "bash", "bun", "busybox", "deno", "env", "find", "fish", "gawk", "node", "nodejs",
    "nohup", "perl", "php", "python", "python3", "ruby", "sed", "sh", "ssh", "sudo", "tar",
    "tclsh", "vim", "xargs", "zsh", "curl", "wget", "git", "npm", "npx", "docker", "make",
];

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "application.tools.profile",
        severity: Severity::Medium,
        title: "Each agent has only the tools of its job: a profile, or a list of what is allowed",
        fix: Fix::All(
            "openclaw config set tools.profile messaging, and agents.entries.<id>.tools.allow for what one needs more",
        ),
        reference: REFERENCE,
        look: |facts| {
            agents(facts, "every agent has a profile or a list of tools", |_, agent, found| {
                let listed = !agent.settings.at("tools.allow").items().is_empty();
                match agent.settings.at("tools.profile").text() {
                    Some("minimal" | "messaging" | "coding") => {}
                    _ if listed => {}
                    Some(profile) => found.fail(format!("tools.profile is {profile}: every tool")),
                    None => found.fail("tools.profile is not set: every tool"),
                }
                if agent.settings.at("tools.alsoAllow").texts().contains(&"*") {
                    found.fail("tools.alsoAllow has *: every tool");
                }
            })
        },
    },
    Check {
        id: "application.tools.control",
        severity: Severity::High,
        title: "No agent can change the gateway that runs it: configuration, schedules, plugins are denied",
        fix: Fix::All("openclaw config set tools.deny '[\"group:automation\", \"gateway\"]'"),
        reference: REFERENCE,
        look: |facts| {
            agents(facts, "no agent reaches the gateway's own controls", |_, agent, found| {
                let settings = &agent.settings;
                let deny = settings.at("tools.deny").texts();
                let denied = ["group:automation", "gateway", "group:openclaw", "*"];
                let narrow = matches!(
                    settings.at("tools.profile").text(),
                    Some("minimal" | "messaging" | "coding")
                ) || !settings.at("tools.allow").items().is_empty();
                if !narrow && !denied.iter().any(|name| deny.contains(name)) {
                    found.fail("the tools gateway and cron are not denied");
                }
                let also = settings.at("tools.alsoAllow").texts();
                if also.contains(&"gateway") || also.contains(&"group:automation") {
                    found.fail("the gateway's own controls are allowed");
                }
            })
        },
    },
    Check {
        id: "application.tools.exec-host",
        severity: Severity::High,
        title: "An agent that runs commands runs them in a sandbox, and not as the gateway's own user",
        fix: Fix::All(
            "openclaw config set agents.defaults.sandbox.mode all, or tools.exec.mode deny",
        ),
        reference: "https://docs.openclaw.ai/gateway/sandboxing",
        look: |facts| {
            agents(facts, "no agent runs commands on the host", |_, agent, found| {
                if can_execute(&agent.settings) && !is_sandboxed(&agent.settings) {
                    found.fail("its commands run on the host, as the gateway's user");
                }
            })
        },
    },
    Check {
        id: "application.tools.exec-deny",
        severity: Severity::Medium,
        title: "An agent that answers people on a channel runs no commands without asking",
        fix: Fix::All("openclaw config set tools.exec.mode ask, or deny where it needs none"),
        reference: "https://docs.openclaw.ai/gateway/permission-modes",
        look: |facts| {
            agents(facts, "no agent on a channel runs commands freely", |home, agent, found| {
                let reached = !super::super::gateway_home::channels(&home.settings).is_empty();
                if reached
                    && can_execute(&agent.settings)
                    && matches!(exec_mode(&agent.settings), "full" | "auto")
                {
                    found.fail(format!(
                        "reached by channels, and tools.exec.mode is {}",
                        exec_mode(&agent.settings)
                    ));
                }
            })
        },
    },
    Check {
        id: "application.tools.elevated",
        severity: Severity::High,
        title: "Nobody lifts an agent out of its sandbox by a message: elevated commands are off, or for named people alone",
        fix: Fix::All("openclaw config set tools.elevated.enabled false"),
        reference: REFERENCE,
        look: |facts| {
            let outcome = agents(
                facts,
                "elevated commands are off, or for named people",
                |_, agent, found| {
                    let elevated = agent.settings.at("tools.elevated");
                    if elevated.at("enabled").truth() == Some(false) {
                        return;
                    }
                    for (channel, from) in elevated.at("allowFrom").entries() {
                        let from = from.texts();
                        if from.contains(&"*") {
                            found.fail(format!("anybody on {channel} may run elevated commands"));
                        } else if from.len() > 5 {
                            found.warn(format!(
                                "{} people on {channel} may run elevated commands",
                                from.len()
                            ));
                        }
                    }
                    if matches!(agent.settings.at("elevatedDefault").text(), Some("on" | "full")) {
                        found.fail("elevatedDefault is on");
                    }
                },
            )?;
            Ok(settable(facts, outcome, "tools.elevated.enabled", "false"))
        },
    },
    Check {
        id: "application.tools.workspace-only",
        severity: Severity::Medium,
        title: "An agent that reads and writes files stays in its workspace",
        fix: Fix::All("openclaw config set tools.fs.workspaceOnly true"),
        reference: REFERENCE,
        look: |facts| {
            let outcome = agents(
                facts,
                "files outside the workspaces are out of reach",
                |_, agent, found| {
                    let tools = agent.settings.at("tools");
                    if can_touch_files(&agent.settings)
                        && tools.at("fs.workspaceOnly").truth() != Some(true)
                    {
                        found.fail("tools.fs.workspaceOnly is not true");
                    }
                    if tools.at("exec.applyPatch.workspaceOnly").truth() == Some(false) {
                        found.fail("tools.exec.applyPatch.workspaceOnly is false");
                    }
                },
            )?;
            Ok(settable(facts, outcome, "tools.fs.workspaceOnly", "true"))
        },
    },
    Check {
        id: "application.tools.workspace-place",
        severity: Severity::High,
        title: "A workspace is a directory of its own: no home, no root, not OpenClaw's state itself",
        fix: Fix::All("openclaw config set agents.defaults.workspace ~/.openclaw/workspace"),
        reference: "https://docs.openclaw.ai/concepts/agent-workspace",
        look: |facts| {
            agents(facts, "every workspace is a directory of its own", |home, agent, found| {
                let place = agent.workspace.as_path();
                let holds_home = home.home.starts_with(place);
                let system = ["/etc", "/usr", "/var", "/srv", "/opt", "/root"]
                    .iter()
                    .any(|path| place == std::path::Path::new(path));
                if holds_home || system {
                    found.fail(format!("its workspace is {}", place.display()));
                }
            })
        },
    },
    Check {
        id: "application.tools.safe-bins",
        severity: Severity::High,
        title: "No program that runs others is among those that need no approval",
        fix: Fix::All("take interpreters out of tools.exec.safeBins"),
        reference: "https://docs.openclaw.ai/tools/exec-approvals",
        look: |facts| {
            agents(facts, "no interpreter is trusted", |_, agent, found| {
                for bin in agent.settings.at("tools.exec.safeBins").texts() {
                    let name = bin.rsplit('/').next().unwrap_or(bin);
                    if INTERPRETERS.contains(&name) {
                        found.fail(format!(
                            "{bin} needs no approval, and runs whatever it is given"
                        ));
                    }
                }
                for place in agent.settings.at("tools.exec.safeBinTrustedDirs").texts() {
                    if ["/tmp", "/home", "/var/tmp", "/dev/shm"]
                        .iter()
                        .any(|start| place.starts_with(start))
                    {
                        found.fail(format!(
                            "programs in {place}, where others write, need no approval"
                        ));
                    }
                }
            })
        },
    },
    Check {
        id: "application.tools.sessions",
        severity: Severity::Low,
        title: "An agent sees its own sessions alone, and speaks to named agents only",
        fix: Fix::All(
            "openclaw config set tools.sessions.visibility agent; openclaw config set tools.agentToAgent.enabled false",
        ),
        reference: REFERENCE,
        look: |facts| {
            agents(facts, "agents are kept apart", |_, agent, found| {
                let tools = agent.settings.at("tools");
                if tools.at("sessions.visibility").text() == Some("all") {
                    found.fail("it sees the sessions of all agents");
                }
                let talk = tools.at("agentToAgent");
                let allowed = talk.at("allow").texts();
                if talk.at("enabled").truth() == Some(true)
                    && (allowed.is_empty() || allowed.contains(&"*"))
                {
                    found.fail("it may speak to every agent");
                }
            })
        },
    },
];
