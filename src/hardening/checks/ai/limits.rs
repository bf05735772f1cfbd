//! Loops that run away, and work that multiplies itself.

use super::super::gateway_home::{agents, homes};
use crate::hardening::check::{Check, Fix, Severity};

const REFERENCE: &str = "https://docs.openclaw.ai/gateway/config-tools/built-in-tools";
/// Longest that one turn may take, in seconds; as long as OpenClaw's own bound.
const MAX_TURN: i64 = 48 * 3600;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "ai.limits.loops",
        severity: Severity::Medium,
        title: "An agent that repeats itself is stopped",
        fix: Fix::All("openclaw config set tools.loopDetection.enabled true"),
        reference: REFERENCE,
        look: |facts| {
            agents(facts, "loops are noticed", |_, agent, found| {
                if agent.settings.at("tools.loopDetection.enabled").truth() != Some(true) {
                    found.fail("tools.loopDetection.enabled is not true");
                }
            })
        },
    },
    Check {
        id: "ai.limits.turn",
        severity: Severity::Low,
        title: "A turn ends by itself: agents and their commands have a limit of time",
        fix: Fix::All(
            "openclaw config set agents.defaults.timeoutSeconds 600; openclaw config set tools.exec.timeoutSeconds 600",
        ),
        reference: "https://docs.openclaw.ai/gateway/config-agents",
        look: |facts| {
            agents(facts, "every turn has a limit of time", |_, agent, found| {
                for path in ["timeoutSeconds", "tools.exec.timeoutSeconds"] {
                    match agent.settings.at(path).whole() {
                        Some(0) => found.fail(format!("{path} is 0: no limit")),
                        Some(seconds) if seconds > MAX_TURN => {
                            found.fail(format!("{path} is {seconds}"));
                        }
                        _ => {}
                    }
                }
            })
        },
    },
    Check {
        id: "ai.limits.children",
        severity: Severity::Low,
        title: "Agents that start agents do so to a depth and number that somebody chose",
        fix: Fix::All(
            "openclaw config set agents.defaults.subagents.maxSpawnDepth 1; openclaw config set agents.defaults.subagents.maxConcurrent 4",
        ),
        reference: "https://docs.openclaw.ai/tools/subagents",
        look: |facts| {
            agents(facts, "their number is bounded", |_, agent, found| {
                let children = agent.settings.at("subagents");
                let bounds =
                    [("maxSpawnDepth", 3), ("maxConcurrent", 16), ("maxChildrenPerAgent", 20)];
                for (name, most) in bounds {
                    if let Some(number) = children.at(name).whole().filter(|number| *number > most)
                    {
                        found.fail(format!("subagents.{name} is {number}"));
                    }
                }
            })
        },
    },
    Check {
        id: "ai.limits.endpoints",
        severity: Severity::High,
        title: "Models are asked at their vendors' own addresses, or at this machine, over TLS",
        fix: Fix::All("openclaw config set models.providers.<id>.baseUrl https://…"),
        reference: "https://docs.openclaw.ai/gateway/configuration",
        look: |facts| {
            homes(facts, "every model is asked over TLS, or on this machine", |home, found| {
                for (name, provider) in home.settings.at("models.providers").entries() {
                    let url = provider.at("baseUrl").text().unwrap_or_default();
                    let host = url
                        .strip_prefix("http://")
                        .map(|rest| rest.split(['/', ':', '?']).next().unwrap_or_default());
                    match host {
                        None | Some("127.0.0.1" | "localhost" | "[" | "host.docker.internal") => {}
                        Some(host) => found.fail(format!("{name} is asked in clear at {host}")),
                    }
                    let tls = provider.at("request.tls");
                    if tls.at("rejectUnauthorized").truth() == Some(false)
                        || tls.at("insecureSkipVerify").truth() == Some(true)
                    {
                        found.fail(format!("the certificate of {name} is not verified"));
                    }
                }
            })
        },
    },
];
