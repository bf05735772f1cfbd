//! The management interface: who gets in, with what, and what it may do then.

use clawvault_core::domain::Setting;

use super::super::gateway_home::{everywhere, homes, is_local};
use crate::hardening::check::{Check, Fix, Outcome, Severity};
use crate::hardening::facts::Facts;
use crate::hardening::host::Unseen;

const REFERENCE: &str = "https://docs.openclaw.ai/gateway/security";
/// Least bytes of a token, and least different ones: 128 bits, as hexadecimal digits, have both.
const MIN_TOKEN: usize = 24;
const MIN_KINDS: usize = 8;

/// Variables that make a program load or accept what it should not.
const DANGEROUS: &[&str] = &[
    "NODE_OPTIONS",
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "NODE_PATH",
    "OPENCLAW_ALLOW_INSECURE",
    "OPENCLAW_SKIP_AUTH",
    "OPENCLAW_INSECURE",
    "BASH_ENV",
];

/// What is wrong with a secret that guards a door.
fn weakness(setting: &Setting, least: usize) -> Option<String> {
    let hidden = setting.hidden()?;
    if hidden.placeholder {
        return Some("is a word of the documentation, or one that everybody tries".to_owned());
    }
    if hidden.bytes < least {
        return Some(format!("has {} characters, {least} are the least", hidden.bytes));
    }
    (hidden.kinds < MIN_KINDS).then(|| format!("is made of {} characters only", hidden.kinds))
}

/// What in the configurations of web servers asks for more than a password.
const FACTORS: &[&str] = &[
    "auth_request",
    "forward_auth",
    "forwardauth",
    "oauth2-proxy",
    "authelia",
    "authentik",
    "ssl_verify_client on",
    "client_auth",
    "openidconnect",
    "auth_openidc",
    "vouch",
];
const PROXIES: &[&str] = &[
    "/etc/nginx/conf.d",
    "/etc/nginx/sites-enabled",
    "/etc/caddy",
    "/etc/traefik",
    "/etc/apache2/sites-enabled",
    "/etc/httpd/conf.d",
    "/etc/haproxy",
];

fn second_factor(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    let mut reached = Vec::new();
    for home in facts.installations()? {
        let gateway = home.settings.at("gateway");
        let port = gateway.at("port").whole().unwrap_or(18_789);
        if gateway.at("auth.mode").text() == Some("trusted-proxy") || !is_local(&home.settings) {
            reached.push(port);
        }
        for directory in PROXIES {
            for file in facts.entries(directory)? {
                let Some(text) = facts.text(&file).ok().flatten() else { continue };
                if !text.contains(&format!(":{port}")) {
                    continue;
                }
                let text = text.to_lowercase();
                if FACTORS.iter().any(|word| text.contains(word)) {
                    return Ok(Outcome::pass(format!(
                        "{} asks for a login of its own",
                        file.display()
                    )));
                }
                reached.push(port);
            }
        }
        if gateway.at("tailscale.mode").text() == Some("serve") {
            return Ok(Outcome::pass(
                "it is reached through Tailscale alone, which has a login of its own",
            ));
        }
    }
    match reached.first() {
        None => Ok(Outcome::na("the management interface is reached from this machine alone")),
        Some(port) => Ok(Outcome::warn(format!("no second factor is seen before port {port}"))),
    }
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "application.gateway.auth-mode",
        severity: Severity::Critical,
        title: "The management interface asks who it is: a token, a password, or a proxy that did",
        fix: Fix::All(
            "openclaw config set gateway.auth.mode token, and gateway.auth.token as a reference to the vault",
        ),
        reference: REFERENCE,
        look: |facts| {
            homes(facts, "it asks everybody", |home, found| {
                let auth = home.settings.at("gateway.auth");
                match auth.at("mode").text() {
                    Some("none") => found.fail("gateway.auth.mode is none"),
                    Some("trusted-proxy") => {
                        if home.settings.at("gateway.trustedProxies").items().is_empty() {
                            found.fail("a proxy is trusted, and gateway.trustedProxies names none");
                        }
                        if !auth.at("trustedProxy.userHeader").is_set()
                            && !auth.at("trustedProxy.cloudflareAccessOidc").is_set()
                        {
                            found.fail("a proxy is trusted, and no header names the user");
                        }
                    }
                    _ => {}
                }
            })
        },
    },
    Check {
        id: "application.gateway.token-strength",
        severity: Severity::High,
        title: "Token and password of the management interface are long and random",
        fix: Fix::All(
            "clawvault set openclaw/gateway-token --generate, then clawvault openclaw link",
        ),
        reference: REFERENCE,
        look: |facts| {
            homes(facts, "they are long and random, or references", |home, found| {
                for (path, least) in [
                    ("gateway.auth.token", MIN_TOKEN),
                    ("gateway.auth.password", 16),
                    ("gateway.remote.token", MIN_TOKEN),
                    ("gateway.remote.password", 16),
                ] {
                    if let Some(weak) = weakness(home.settings.at(path), least) {
                        found.fail(format!("{path} {weak}"));
                    }
                }
            })
        },
    },
    Check {
        id: "application.gateway.rate-limit",
        severity: Severity::Medium,
        title: "Whoever guesses a token is locked out",
        fix: Fix::All(
            "openclaw config unset gateway.auth.rateLimit: ten tries a minute are OpenClaw's own",
        ),
        reference: "https://docs.openclaw.ai/gateway/security/rate-limiting",
        look: |facts| {
            homes(facts, "guesses are limited", |home, found| {
                let limit = home.settings.at("gateway.auth.rateLimit");
                let tries = limit.at("maxAttempts").whole().unwrap_or(10);
                let window = limit.at("windowMs").whole().unwrap_or(60_000).max(1);
                // More than one guess a second, or no lockout at all.
                if tries.saturating_mul(1000) > window || limit.at("lockoutMs").whole() == Some(0) {
                    found.fail(format!("{tries} guesses in {} s are let through", window / 1000));
                }
            })
        },
    },
    Check {
        id: "application.gateway.second-factor",
        severity: Severity::Medium,
        title: "Before a management interface that others reach stands a login with a second factor",
        fix: Fix::All(
            "put it behind Tailscale (gateway.tailscale.mode serve), or a proxy with single sign-on and gateway.auth.mode trusted-proxy",
        ),
        reference: "https://docs.openclaw.ai/gateway/trusted-proxy-auth",
        look: second_factor,
    },
    Check {
        id: "application.gateway.control-ui",
        severity: Severity::High,
        title: "The web panel asks each device, and answers its own pages alone",
        fix: Fix::All(
            "openclaw config unset the flag; openclaw config set gateway.controlUi.allowedOrigins '[\"https://<your host>\"]'",
        ),
        reference: REFERENCE,
        look: |facts| {
            homes(facts, "the panel is closed to other pages and devices", |home, found| {
                let panel = home.settings.at("gateway.controlUi");
                for flag in [
                    "dangerouslyDisableDeviceAuth",
                    "dangerouslyAllowHostHeaderOriginFallback",
                    "allowInsecureAuth",
                ] {
                    if panel.at(flag).truth() == Some(true) {
                        found.fail(format!("gateway.controlUi.{flag} is true"));
                    }
                }
                if panel.at("allowedOrigins").texts().contains(&"*") {
                    found.fail("gateway.controlUi.allowedOrigins has *");
                }
                if panel.at("embedSandbox").text() == Some("trusted") {
                    found.warn("gateway.controlUi.embedSandbox is trusted");
                }
            })
        },
    },
    Check {
        id: "application.gateway.dangerous-flags",
        severity: Severity::High,
        title: "No setting that OpenClaw itself calls dangerous is on",
        fix: Fix::All("openclaw config unset <path>"),
        reference: "https://docs.openclaw.ai/gateway/security/audit-checks",
        look: |facts| {
            homes(facts, "none is on", |home, found| {
                home.settings.visit(&mut |path, setting| {
                    let name = path.rsplit('.').next().unwrap_or_default();
                    let dangerous = ["dangerously", "allowInsecure", "allowUnsafe"]
                        .iter()
                        .any(|start| name.starts_with(start));
                    if dangerous && setting.truth() == Some(true) {
                        found.fail(format!("{path} is true"));
                    }
                });
                if home.settings.at("gateway.allowRealIpFallback").truth() == Some(true) {
                    found.fail("gateway.allowRealIpFallback is true: a client says who it is");
                }
            })
        },
    },
    Check {
        id: "application.gateway.terminal",
        severity: Severity::Medium,
        title: "The web panel opens no shell on this machine",
        fix: Fix::All("openclaw config set gateway.terminal.enabled false"),
        reference: "https://docs.openclaw.ai/gateway/config-gateway",
        look: |facts| {
            homes(facts, "the panel's terminal is off", |home, found| {
                if home.settings.at("gateway.terminal.enabled").truth() == Some(false) {
                    return;
                }
                match is_local(&home.settings) {
                    true => found.warn("the panel's terminal is on, as it is by default"),
                    false => found.fail(
                        "the panel's terminal is on, and the panel is reached from elsewhere",
                    ),
                }
            })
        },
    },
    Check {
        id: "application.gateway.endpoints",
        severity: Severity::Medium,
        title: "No interface that runs an agent is offered to others beside the panel",
        fix: Fix::All(
            "openclaw config set gateway.http.endpoints.chatCompletions.enabled false, and the same for responses",
        ),
        reference: "https://docs.openclaw.ai/gateway/openai-http-api",
        look: |facts| {
            homes(facts, "none is offered, or from this machine alone", |home, found| {
                let gateway = home.settings.at("gateway");
                for (name, endpoint) in gateway.at("http.endpoints").entries() {
                    if endpoint.at("enabled").truth() == Some(true) && !is_local(&home.settings) {
                        found.fail(format!(
                            "gateway.http.endpoints.{name} is reached from elsewhere"
                        ));
                    }
                }
                for tool in gateway.at("tools.allow").texts() {
                    if ["exec", "bash", "gateway", "*", "group:runtime"].contains(&tool) {
                        found.fail(format!("gateway.tools.allow has {tool}"));
                    }
                }
            })
        },
    },
    Check {
        id: "application.gateway.user",
        severity: Severity::High,
        title: "OpenClaw runs as a user of its own, and never as root",
        fix: Fix::All(
            "useradd --create-home --shell /usr/sbin/nologin openclaw, move its home there, loginctl enable-linger openclaw",
        ),
        reference: REFERENCE,
        look: |facts| {
            everywhere(facts, "no home of OpenClaw is root's", |home, found| {
                if home.home.starts_with("/root") {
                    found.fail(format!(
                        "{} is root's: every command of an agent is root's",
                        home.home.display()
                    ));
                }
            })
        },
    },
    Check {
        id: "application.gateway.unit",
        severity: Severity::Low,
        title: "The unit that starts OpenClaw takes rights away from it",
        fix: Fix::All(
            "systemctl --user edit openclaw-gateway: [Service] NoNewPrivileges=yes PrivateTmp=yes ProtectSystem=strict ReadWritePaths=%h/.openclaw /tmp/openclaw",
        ),
        reference: "systemd.exec(5), SANDBOXING",
        look: |facts| {
            let units = units(facts)?;
            if units.is_empty() {
                return Ok(Outcome::na("no unit of systemd starts it"));
            }
            let mut open = Vec::new();
            for (path, text) in units {
                let has = |word: &str| text.lines().any(|line| line.trim_start().starts_with(word));
                if !has("NoNewPrivileges=yes") && !has("NoNewPrivileges=true") {
                    open.push(format!("{path} has no NoNewPrivileges=yes"));
                } else if !has("ProtectSystem=") {
                    open.push(format!("{path} has no ProtectSystem="));
                }
            }
            Ok(if open.is_empty() {
                Outcome::pass("every unit takes rights away")
            } else {
                Outcome::warn(open.join("; "))
            })
        },
    },
    Check {
        id: "application.gateway.environment",
        severity: Severity::High,
        title: "No variable makes OpenClaw load foreign code or accept any certificate",
        fix: Fix::All("take the variable out of env.vars, ~/.openclaw/.env and the unit"),
        reference: "https://docs.openclaw.ai/help/environment",
        look: |facts| {
            let units = units(facts)?;
            homes(facts, "no such variable is set", |home, found| {
                let env = home.settings.at("env");
                for name in DANGEROUS {
                    if env.at("vars").child(name).is_set() || env.child(name).is_set() {
                        found.fail(format!("env.vars sets {name}"));
                    }
                    let start = format!("{name}=");
                    let sets = |line: &str| {
                        line.trim_start().trim_start_matches("export ").starts_with(&start)
                    };
                    let file = home.home.join(".env");
                    let text = facts.text(&file).ok().flatten();
                    if text.is_some_and(|text| text.lines().any(sets)) {
                        found.fail(format!("{} sets {name}", file.display()));
                    }
                    for (path, text) in &units {
                        let named =
                            |line: &str| line.starts_with("Environment=") && line.contains(&start);
                        if text.lines().any(named) {
                            found.fail(format!("{path} sets {name}"));
                        }
                    }
                }
                if env.at("shellEnv.enabled").truth() == Some(true) {
                    found.warn(
                        "env.shellEnv.enabled takes the login shell's whole environment over",
                    );
                }
            })
        },
    },
    Check {
        id: "application.gateway.hooks",
        severity: Severity::High,
        title: "Webhooks have a token of their own, long and random, and reach named agents alone",
        fix: Fix::All(
            "openclaw config set hooks.token as a reference, hooks.allowedAgentIds '[\"<id>\"]', hooks.path /hooks",
        ),
        reference: "https://docs.openclaw.ai/gateway/config-hooks",
        look: |facts| {
            homes(facts, "webhooks are off, or guarded", |home, found| {
                let hooks = home.settings.at("hooks");
                if hooks.at("enabled").truth() != Some(true) {
                    return;
                }
                if let Some(weak) = weakness(hooks.at("token"), MIN_TOKEN) {
                    found.fail(format!("hooks.token {weak}"));
                }
                if !hooks.at("token").is_set() {
                    found.fail("hooks.token is not set");
                }
                if hooks.at("path").text() == Some("/") {
                    found.fail("hooks.path is /");
                }
                let agents = hooks.at("allowedAgentIds");
                if !matches!(agents, Setting::List(_)) || agents.texts().contains(&"*") {
                    found.fail("hooks.allowedAgentIds is not set: webhooks reach every agent");
                }
                if hooks.at("allowRequestSessionKey").truth() == Some(true)
                    && hooks.at("allowedSessionKeyPrefixes").items().is_empty()
                {
                    found.fail("whoever calls a webhook chooses its session");
                }
            })
        },
    },
];

/// The units that start OpenClaw, with their drop-ins.
pub(in crate::hardening::checks) fn units(
    facts: &Facts<'_>,
) -> Result<Vec<(String, String)>, Unseen> {
    let mut directories = vec!["/etc/systemd/system".to_owned()];
    for home in facts.installations()? {
        let user = home.home.parent().unwrap_or(&home.home);
        directories.push(user.join(".config/systemd/user").display().to_string());
    }
    directories.sort_unstable();
    directories.dedup();
    let mut units = Vec::new();
    for directory in directories {
        for path in facts.entries(&directory)? {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            if !name.starts_with("openclaw") || !name.ends_with(".service") {
                continue;
            }
            let Some(text) = facts.text(&path)? else { continue };
            let mut text = text.to_string();
            for (_, more) in facts.drop_ins(format!("{}.d", path.display()), ".conf")? {
                text.push('\n');
                text.push_str(&more);
            }
            units.push((path.display().to_string(), text));
        }
    }
    Ok(units)
}
