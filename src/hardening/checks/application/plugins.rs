//! Plugins and servers of tools: code that runs inside the gateway, or beside it.

use clawvault_core::domain::Setting;

use super::super::gateway_home::homes;
use crate::hardening::check::{Check, Fix, Severity};

const REFERENCE: &str = "https://docs.openclaw.ai/cli/plugins";

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "application.plugins.allowlist",
        severity: Severity::Medium,
        title: "Plugins are named in a list: any other is not loaded",
        fix: Fix::All("openclaw config set plugins.allow '[\"<id>\"]'"),
        reference: REFERENCE,
        look: |facts| {
            homes(facts, "plugins are named in a list, or none is set up", |home, found| {
                let plugins = home.settings.at("plugins");
                let any = plugins.at("entries").entries().next().is_some()
                    || !plugins.at("load.paths").items().is_empty();
                let listed = matches!(plugins.at("allow"), Setting::List(_))
                    || plugins.at("enabled").truth() == Some(false);
                if any && !listed {
                    found.fail("plugins are set up, and plugins.allow is not");
                }
                if plugins.at("allow").texts().contains(&"*") {
                    found.fail("plugins.allow has *");
                }
            })
        },
    },
    Check {
        id: "application.plugins.paths",
        severity: Severity::High,
        title: "Plugins come from packages, not from directories where others write",
        fix: Fix::All(
            "openclaw config unset plugins.load.paths; openclaw plugins install <package>@<version>",
        ),
        reference: REFERENCE,
        look: |facts| {
            homes(facts, "no plugin is loaded from a path of its own", |home, found| {
                for path in home.settings.at("plugins.load.paths").texts() {
                    if ["/tmp", "/var/tmp", "/dev/shm"].iter().any(|start| path.starts_with(start))
                    {
                        found.fail(format!(
                            "plugins are loaded from {path}, where everybody writes"
                        ));
                    } else {
                        found.warn(format!("plugins are loaded from {path}"));
                    }
                }
            })
        },
    },
    Check {
        id: "application.plugins.servers",
        severity: Severity::Medium,
        title: "Every server of tools (MCP) is of a pinned version, and spoken to over TLS",
        fix: Fix::All(
            "name a version in mcp.servers.<id>.args (package@1.2.3), and https in its url",
        ),
        reference: "https://docs.openclaw.ai/cli/mcp",
        look: |facts| {
            homes(
                facts,
                "every server of tools is pinned and encrypted, or there is none",
                |home, found| {
                    for (name, server) in home.settings.at("mcp.servers").entries() {
                        let url = server.at("url").text().unwrap_or_default();
                        let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
                        if url.starts_with("http://")
                            && !local.iter().any(|start| url.starts_with(start))
                        {
                            found.fail(format!("{name} is spoken to without TLS: {url}"));
                        }
                        let runner = server.at("command").text().unwrap_or_default();
                        let runner = runner.rsplit('/').next().unwrap_or_default();
                        if !["npx", "uvx", "bunx", "pipx"].contains(&runner) {
                            continue;
                        }
                        let package = server
                            .at("args")
                            .texts()
                            .into_iter()
                            .find(|word| !word.starts_with('-'));
                        let package = package.unwrap_or_default();
                        let pinned = package
                            .get(1..)
                            .is_some_and(|rest| rest.contains('@') || rest.contains("=="));
                        if !pinned || package.ends_with("@latest") {
                            found.fail(format!(
                                "{name} runs {runner} {package} in whatever version"
                            ));
                        }
                    }
                },
            )
        },
    },
];
