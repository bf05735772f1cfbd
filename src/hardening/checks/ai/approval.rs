//! What an agent does only after somebody approved it, and who that is.

use super::super::gateway_home::{agents, can_execute, exec_mode, homes, is_sandboxed, settable};
use crate::hardening::check::{Check, Fix, Severity};

const REFERENCE: &str = "https://docs.openclaw.ai/tools/exec-approvals";

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "ai.approval.exec",
        severity: Severity::High,
        title: "Commands wait for approval, or are of a list, or cannot leave a sandbox",
        fix: Fix::All("openclaw config set tools.exec.mode ask"),
        reference: REFERENCE,
        look: |facts| {
            let outcome =
                agents(facts, "no command runs unasked outside a sandbox", |_, agent, found| {
                    let settings = &agent.settings;
                    if !can_execute(settings) {
                        return;
                    }
                    match (exec_mode(settings), is_sandboxed(settings)) {
                        ("full", false) => {
                            found.fail("every command runs unasked (tools.exec.mode full)");
                        }
                        ("auto", false) => {
                            found.warn("a model approves commands (tools.exec.mode auto)");
                        }
                        _ => {}
                    }
                })?;
            Ok(settable(facts, outcome, "tools.exec.mode", "ask"))
        },
    },
    Check {
        id: "ai.approval.inline-code",
        severity: Severity::Medium,
        title: "Code that a model writes into a command line is looked at like any other command",
        fix: Fix::All("openclaw config set tools.exec.strictInlineEval true"),
        reference: REFERENCE,
        look: |facts| {
            agents(facts, "code on a command line needs approval", |_, agent, found| {
                let exec = agent.settings.at("tools.exec");
                let listed = matches!(exec_mode(&agent.settings), "allowlist" | "ask" | "auto");
                if can_execute(&agent.settings)
                    && listed
                    && exec.at("strictInlineEval").truth() != Some(true)
                {
                    found.fail("tools.exec.strictInlineEval is not true");
                }
            })
        },
    },
    Check {
        id: "ai.approval.reach",
        severity: Severity::Low,
        title: "Questions for approval reach a person",
        fix: Fix::All(
            "openclaw config set approvals.exec.enabled true, with approvals.exec.targets",
        ),
        reference: REFERENCE,
        look: |facts| {
            agents(facts, "questions reach a person, or none is asked", |home, agent, found| {
                let asks = matches!(exec_mode(&agent.settings), "ask" | "allowlist")
                    && can_execute(&agent.settings);
                let exec = home.settings.at("approvals.exec");
                if asks && exec.at("enabled").truth() != Some(true) {
                    found
                        .warn("its questions are seen in the panel alone (approvals.exec.enabled)");
                }
            })
        },
    },
    Check {
        id: "ai.approval.install",
        severity: Severity::Medium,
        title: "What is installed is looked at first: an install policy of the operator decides",
        fix: Fix::All(
            "openclaw config set security.installPolicy.enabled true, with security.installPolicy.exec.command",
        ),
        reference: "https://docs.openclaw.ai/gateway/security",
        look: |facts| {
            homes(facts, "an install policy decides", |home, found| {
                let policy = home.settings.at("security.installPolicy");
                if policy.at("enabled").truth() != Some(true) {
                    found.warn("security.installPolicy.enabled is not true");
                } else if !policy.at("exec.command").is_set() {
                    found.fail("the install policy names no command, so nothing is looked at");
                }
            })
        },
    },
    Check {
        id: "ai.approval.owner-commands",
        severity: Severity::High,
        title: "Only the owner gives orders to the gateway by message, and none of them runs a shell",
        fix: Fix::All(
            "openclaw config set commands.bash false; commands.config false; commands.ownerAllowFrom '[\"<your id>\"]'",
        ),
        reference: "https://docs.openclaw.ai/tools/slash-commands",
        look: |facts| {
            homes(facts, "orders by message are the owner's, and run no shell", |home, found| {
                let commands = home.settings.at("commands");
                if commands.at("bash").truth() == Some(true) {
                    found.fail("commands.bash is true: a message runs a shell");
                }
                for name in ["config", "plugins", "mcp", "debug"] {
                    if commands.at(name).truth() == Some(true) {
                        found.warn(format!(
                            "commands.{name} is true: a message changes the gateway"
                        ));
                    }
                }
                if commands.at("ownerAllowFrom").texts().contains(&"*") {
                    found.fail("commands.ownerAllowFrom has *: everybody is the owner");
                }
                for (channel, from) in commands.at("allowFrom").entries() {
                    if from.texts().contains(&"*") {
                        found.fail(format!("commands.allowFrom.{channel} has *"));
                    }
                }
            })
        },
    },
    Check {
        id: "ai.approval.nodes",
        severity: Severity::Medium,
        title: "No device is paired by itself, and none runs what it is sent",
        fix: Fix::All("openclaw config unset gateway.nodes.pairing.autoApproveCidrs"),
        reference: "https://docs.openclaw.ai/gateway/pairing",
        look: |facts| {
            homes(facts, "devices are paired by a person", |home, found| {
                let nodes = home.settings.at("gateway.nodes");
                for net in nodes.at("pairing.autoApproveCidrs").texts() {
                    let wide = net.starts_with("0.0.0.0/") || net.starts_with("::/");
                    if wide {
                        found.fail(format!("every device in {net} is paired by itself"));
                    } else {
                        found.warn(format!("devices in {net} are paired by themselves"));
                    }
                }
                for command in nodes.at("commands.allow").texts() {
                    if command == "*" || command.contains("run") {
                        found.warn(format!("gateway.nodes.commands.allow has {command}"));
                    }
                }
            })
        },
    },
];
