//! The sandbox of each agent: whether there is one, what it sees, what it may.

use super::super::gateway_home::{agents, can_execute, can_touch_files};
use crate::hardening::check::{Check, Fix, Severity};

const REFERENCE: &str = "https://docs.openclaw.ai/gateway/sandboxing";

/// Directories of the host that no sandbox may see; those ending in `/` with all below.
const PRECIOUS: &[&str] = &[
    "/",
    "/etc/",
    concat!("/root", "/"),
    "/home",
    "/proc/",
    "/sys/",
    "/dev/",
    "/boot/",
    "/var/run/",
    "/run/",
    "/var/lib/docker/",
    "/usr",
    "/var",
];
/// Parts of paths that hold keys, or are a way to the host.
const PRECIOUS_PARTS: &[&str] = &[
    "docker.sock",
    "podman.sock",
    "containerd.sock",
    "/.ssh",
    "/.aws",
    "/.gnupg",
    "/.config/gcloud",
    "/.kube",
    "/.docker",
    "/credentials",
];

/// The host's side of a bind, `SOURCE:TARGET[:OPTIONS]`.
fn source(bind: &str) -> &str {
    bind.split(':').next().unwrap_or(bind)
}

fn is_precious(source: &str) -> bool {
    let trimmed = match source.trim_end_matches('/') {
        "" => "/",
        path => path,
    };
    let whole = PRECIOUS.iter().any(|path| match path.strip_suffix('/') {
        Some(top) if !top.is_empty() => {
            trimmed == top || trimmed.strip_prefix(top).is_some_and(|rest| rest.starts_with('/'))
        }
        _ => trimmed == *path,
    });
    // A user's whole home.
    let home = trimmed.strip_prefix("/home/").is_some_and(|rest| !rest.contains('/'));
    let state = trimmed.ends_with("/.openclaw");
    whole
        || home
        || state
        || trimmed == "~"
        || PRECIOUS_PARTS.iter().any(|part| source.contains(part))
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "application.sandbox.mode",
        severity: Severity::Medium,
        title: "Every agent that runs commands or touches files has a sandbox",
        fix: Fix::All("openclaw config set agents.defaults.sandbox.mode all"),
        reference: REFERENCE,
        look: |facts| {
            agents(facts, "every agent that needs one has a sandbox", |_, agent, found| {
                let settings = &agent.settings;
                let needs = can_execute(settings) || can_touch_files(settings);
                match settings.at("sandbox.mode").text() {
                    Some("all") => {}
                    Some("non-main") => {
                        found.warn("its main session has no sandbox (sandbox.mode is non-main)");
                    }
                    _ if needs => found.fail("sandbox.mode is off"),
                    _ => {}
                }
            })
        },
    },
    Check {
        id: "application.sandbox.binds",
        severity: Severity::Critical,
        title: "No sandbox sees what lets it out: the host's directories, docker's socket, keys",
        fix: Fix::All("take them out of sandbox.docker.binds; bind single directories, read-only"),
        reference: REFERENCE,
        look: |facts| {
            agents(facts, "no sandbox sees what is precious", |_, agent, found| {
                let sandbox = agent.settings.at("sandbox");
                let binds = sandbox.at("docker.binds").texts();
                for bind in binds.iter().chain(&sandbox.at("browser.binds").texts()) {
                    if is_precious(source(bind)) {
                        found.fail(format!("its sandbox sees {}", source(bind)));
                    } else if !source(bind).starts_with('/') {
                        found.warn(format!("the bind {} is no absolute path", source(bind)));
                    }
                }
                for flag in [
                    "dangerouslyAllowExternalBindSources",
                    "dangerouslyAllowReservedContainerTargets",
                ] {
                    if sandbox.at("docker").at(flag).truth() == Some(true) {
                        found.fail(format!("sandbox.docker.{flag} is true"));
                    }
                }
            })
        },
    },
    Check {
        id: "application.sandbox.network",
        severity: Severity::High,
        title: "A sandbox has no network, or one of its own: never the host's",
        fix: Fix::All("openclaw config set agents.defaults.sandbox.docker.network none"),
        reference: REFERENCE,
        look: |facts| {
            agents(facts, "no sandbox is on the host's network", |_, agent, found| {
                let docker = agent.settings.at("sandbox.docker");
                match docker.at("network").text() {
                    Some("host") => found.fail("sandbox.docker.network is host"),
                    Some(network) if network.starts_with("container:") => {
                        found.fail(format!("sandbox.docker.network is {network}"));
                    }
                    Some("bridge" | "default") => {
                        found.warn("its sandbox reaches the whole internet");
                    }
                    _ => {}
                }
                if docker.at("dangerouslyAllowContainerNamespaceJoin").truth() == Some(true) {
                    found.fail("sandbox.docker.dangerouslyAllowContainerNamespaceJoin is true");
                }
            })
        },
    },
    Check {
        id: "application.sandbox.privileges",
        severity: Severity::High,
        title: "A sandbox has no rights to spare: filters of system calls on, capabilities dropped, its root read-only",
        fix: Fix::All(
            "remove seccompProfile and apparmorProfile, set readOnlyRoot true and capDrop [\"ALL\"] in agents.defaults.sandbox.docker",
        ),
        reference: REFERENCE,
        look: |facts| {
            agents(facts, "no sandbox has rights to spare", |_, agent, found| {
                let docker = agent.settings.at("sandbox.docker");
                for profile in ["seccompProfile", "apparmorProfile"] {
                    if docker.at(profile).text() == Some("unconfined") {
                        found.fail(format!("sandbox.docker.{profile} is unconfined"));
                    }
                }
                let drop = docker.at("capDrop");
                if drop.is_set()
                    && !drop.texts().iter().any(|name| name.eq_ignore_ascii_case("all"))
                {
                    found.warn("sandbox.docker.capDrop drops not all capabilities");
                }
                if docker.at("readOnlyRoot").truth() == Some(false) {
                    found.warn("sandbox.docker.readOnlyRoot is false");
                }
                let user = docker.at("user").text().unwrap_or("sandbox");
                if matches!(user.split(':').next(), Some("root" | "0")) {
                    found.fail("its sandbox runs as root");
                }
            })
        },
    },
    Check {
        id: "application.sandbox.workspace",
        severity: Severity::Low,
        title: "A sandbox writes to the workspace only where it must, and shares nothing with other agents",
        fix: Fix::All(
            "openclaw config set agents.defaults.sandbox.workspaceAccess ro; openclaw config set agents.defaults.sandbox.scope session",
        ),
        reference: REFERENCE,
        look: |facts| {
            agents(
                facts,
                "sandboxes are apart from each other and from the workspaces",
                |_, agent, found| {
                    let sandbox = agent.settings.at("sandbox");
                    if sandbox.at("scope").text() == Some("shared") {
                        found.fail("all agents share one sandbox");
                    }
                    if sandbox.at("workspaceAccess").text() == Some("rw") {
                        found.warn(
                            "its sandbox writes to the workspace, and so to its own system prompts",
                        );
                    }
                },
            )
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precious_places_are_known() {
        for path in [
            "/",
            "/etc",
            "/etc/ssl",
            "/home/claw",
            "/var/run/docker.sock",
            "/home/x/.ssh",
            "~",
            "/home/x/.openclaw",
        ] {
            assert!(is_precious(path), "{path}");
        }
        for path in ["/srv/data", "/home/claw/projects/site", "/usr/share/dict", "/var/cache/agent"]
        {
            assert!(!is_precious(path), "{path}");
        }
    }
}
