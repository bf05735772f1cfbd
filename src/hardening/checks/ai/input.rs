//! Data from elsewhere: who may write to an agent, and what that can set off.

use super::super::gateway_home::{
    agents, can_browse, can_execute, can_touch_files, channels, dm_policy, exec_mode, homes,
    is_sandboxed, lets_anyone_in, settable,
};
use crate::hardening::check::{Check, Fix, Severity};

const REFERENCE: &str = "https://docs.openclaw.ai/gateway/security/access-control";

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "ai.input.dm-policy",
        severity: Severity::High,
        title: "Strangers cannot write to an agent: they are paired by the owner first, or on a list",
        fix: Fix::All("openclaw config set channels.<channel>.dmPolicy pairing"),
        reference: REFERENCE,
        look: |facts| {
            homes(facts, "strangers are paired first, or on a list", |home, found| {
                for (name, channel) in channels(&home.settings) {
                    if dm_policy(&channel) == "open" {
                        found.fail(format!("anybody may write on {name} (dmPolicy open)"));
                    }
                }
                if home.settings.at("channels.defaults.dmPolicy").text() == Some("open") {
                    found.fail("channels.defaults.dmPolicy is open");
                }
            })
        },
    },
    Check {
        id: "ai.input.allow-from",
        severity: Severity::High,
        title: "Lists of who may write name people, and not everybody",
        fix: Fix::All("openclaw config set channels.<channel>.allowFrom '[\"<id>\"]'"),
        reference: REFERENCE,
        look: |facts| {
            homes(facts, "the lists name people", |home, found| {
                for (name, channel) in channels(&home.settings) {
                    for path in ["allowFrom", "dm.allowFrom", "groupAllowFrom"] {
                        if channel.at(path).texts().contains(&"*") {
                            found.fail(format!("{name}: {path} has *"));
                        }
                    }
                    if channel.at("dangerouslyAllowNameMatching").truth() == Some(true) {
                        found.fail(format!(
                            "{name}: people are known by names that they choose themselves"
                        ));
                    }
                }
            })
        },
    },
    Check {
        id: "ai.input.groups",
        severity: Severity::Medium,
        title: "In groups an agent answers only where it is mentioned, and only in groups that are named",
        fix: Fix::All(
            "openclaw config set channels.<channel>.groupPolicy allowlist; channels.<channel>.groups.*.requireMention true",
        ),
        reference: "https://docs.openclaw.ai/channels/groups",
        look: |facts| {
            homes(facts, "groups are named, and mentions needed", |home, found| {
                for (name, channel) in channels(&home.settings) {
                    if channel.at("groupPolicy").text() == Some("open") {
                        found.fail(format!("{name}: groupPolicy is open"));
                    }
                    for kind in ["groups", "guilds", "channels", "rooms"] {
                        for (group, rule) in channel.at(kind).entries() {
                            if rule.at("requireMention").truth() == Some(false) {
                                found.warn(format!("{name}: {kind} {group} needs no mention"));
                            }
                        }
                    }
                }
            })
        },
    },
    Check {
        id: "ai.input.sandbox",
        severity: Severity::Critical,
        title: "An agent that anybody can write to runs nothing outside a sandbox",
        fix: Fix::All("openclaw config set agents.defaults.sandbox.mode all, or close the channel"),
        reference: "https://docs.openclaw.ai/gateway/security/exposure-runbook",
        look: |facts| {
            agents(
                facts,
                "no agent that anybody can write to runs or writes outside a sandbox",
                |home, agent, found| {
                    let open: Vec<String> = channels(&home.settings)
                        .into_iter()
                        .filter(|(_, channel)| lets_anyone_in(channel))
                        .map(|(name, _)| name)
                        .collect();
                    let settings = &agent.settings;
                    let able = can_execute(settings) && exec_mode(settings) != "ask"
                        || can_touch_files(settings);
                    if let Some(name) = open.first()
                        && able
                        && !is_sandboxed(settings)
                    {
                        found.fail(format!("anybody on {name} reaches its commands and files"));
                    }
                },
            )
        },
    },
    Check {
        id: "ai.input.dm-scope",
        severity: Severity::Medium,
        title: "People who write to one agent have sessions of their own: none reads what another said",
        fix: Fix::All("openclaw config set session.dmScope per-channel-peer"),
        reference: "https://docs.openclaw.ai/concepts/session",
        look: |facts| {
            let outcome =
                homes(facts, "sessions are apart, or nobody shares one", |home, found| {
                    let scope = home.settings.at("session.dmScope").text().unwrap_or("main");
                    let people = |channel: &clawvault_core::domain::Setting| {
                        channel.at("allowFrom").items().len() > 1 || lets_anyone_in(channel)
                    };
                    let shared =
                        channels(&home.settings).iter().any(|(_, channel)| people(channel));
                    if scope == "main" && shared {
                        found.fail("session.dmScope is main, and several people may write");
                    }
                })?;
            Ok(settable(facts, outcome, "session.dmScope", "per-channel-peer"))
        },
    },
    Check {
        id: "ai.input.trifecta",
        severity: Severity::Medium,
        title: "No agent at once reads the web, has files or commands of the host, and acts unasked",
        fix: Fix::All(
            "openclaw config set tools.deny '[\"group:web\"]' for it, or a sandbox, or tools.exec.mode ask",
        ),
        reference: "https://docs.openclaw.ai/gateway/security/prompt-injection",
        look: |facts| {
            agents(facts, "no agent has all three", |_, agent, found| {
                let settings = &agent.settings;
                let acts = can_execute(settings) && matches!(exec_mode(settings), "full" | "auto");
                if can_browse(settings) && acts && !is_sandboxed(settings) {
                    found.fail("it reads the web and runs commands of the host unasked");
                }
            })
        },
    },
    Check {
        id: "ai.input.marked",
        severity: Severity::High,
        title: "Mails and webhooks are passed to the model marked as foreign",
        fix: Fix::All(
            "openclaw config set hooks.gmail.allowUnsafeExternalContent false, and the same in hooks.mappings",
        ),
        reference: "https://docs.openclaw.ai/gateway/config-hooks",
        look: |facts| {
            homes(facts, "what comes from elsewhere is marked", |home, found| {
                home.settings.at("hooks").visit(&mut |path, setting| {
                    if path.ends_with("allowUnsafeExternalContent") && setting.truth() == Some(true)
                    {
                        found.fail(format!("hooks.{path} is true"));
                    }
                });
            })
        },
    },
    Check {
        id: "ai.input.private-web",
        severity: Severity::Medium,
        title: "An agent that reads web pages cannot reach the machines of the private network",
        fix: Fix::All(
            "openclaw config unset browser.ssrfPolicy.dangerouslyAllowPrivateNetwork, and the same below tools.web.fetch",
        ),
        reference: "https://docs.openclaw.ai/gateway/security/browser-control",
        look: |facts| {
            homes(facts, "the private network is out of its reach", |home, found| {
                for path in ["browser.ssrfPolicy", "tools.web.fetch.ssrfPolicy"] {
                    home.settings.at(path).visit(&mut |name, setting| {
                        if name.to_lowercase().contains("allowprivatenetwork")
                            && setting.truth() == Some(true)
                        {
                            found.fail(format!("{path}.{name} is true"));
                        }
                    });
                }
            })
        },
    },
];
