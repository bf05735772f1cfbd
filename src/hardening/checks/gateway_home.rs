//! What the checks of OpenClaw have in common: over all homes and agents, and what those may do.

use clawvault_core::domain::{AgentHome, Installation, Setting};

use crate::hardening::check::{Outcome, Status, listed};
use crate::hardening::facts::Facts;
use crate::hardening::host::Unseen;
use crate::hardening::mend::Mend;

/// What one check found.
#[derive(Default)]
pub(super) struct Found {
    fails: Vec<String>,
    warns: Vec<String>,
    where_at: String,
}

impl Found {
    /// Something that is not as it should be.
    pub(super) fn fail(&mut self, what: impl AsRef<str>) {
        self.fails.push(format!("{}{}", self.where_at, what.as_ref()));
    }

    /// Something that could be better.
    pub(super) fn warn(&mut self, what: impl AsRef<str>) {
        self.warns.push(format!("{}{}", self.where_at, what.as_ref()));
    }

    /// The outcome; `good` where nothing was found.
    pub(super) fn outcome(mut self, good: &str) -> Outcome {
        match (self.fails.is_empty(), self.warns.is_empty()) {
            (true, true) => Outcome::pass(good),
            (true, false) => Outcome::warn(listed(&self.warns)),
            (false, _) => {
                self.fails.append(&mut self.warns);
                Outcome::fail(listed(&self.fails))
            }
        }
    }
}

/// Adds what would set a setting of the OpenClaw of the user who audits, where something was found and it
/// is another one there.
pub(super) fn settable(facts: &Facts<'_>, outcome: Outcome, key: &str, value: &str) -> Outcome {
    let own = facts.host.own_openclaw();
    let mut all = facts.installations().into_iter().flatten();
    let home = all.find(|one| Some(&one.home) == own.as_ref() && one.problem.is_none());
    let bad = matches!(outcome.status, Status::Warn | Status::Fail);
    match home.filter(|home| bad && home.settings.at(key).plain().as_deref() != Some(value)) {
        Some(home) => outcome.with_mend(Mend::setting(&home.home, key, value)),
        None => outcome,
    }
}

/// Looks at every home, also where its configuration cannot be read.
pub(super) fn everywhere(
    facts: &Facts<'_>,
    good: &str,
    mut look: impl FnMut(&Installation, &mut Found),
) -> Result<Outcome, Unseen> {
    let all = facts.installations()?;
    if all.is_empty() {
        return Ok(Outcome::na("no OpenClaw home was found"));
    }
    let mut found = Found::default();
    for home in all {
        found.where_at = match all.len() {
            1 => String::new(),
            _ => format!("{}: ", home.home.display()),
        };
        look(home, &mut found);
    }
    Ok(found.outcome(good))
}

/// Looks at every home whose configuration can be read.
pub(super) fn homes(
    facts: &Facts<'_>,
    good: &str,
    mut look: impl FnMut(&Installation, &mut Found),
) -> Result<Outcome, Unseen> {
    let mut unread = None;
    let outcome = everywhere(facts, good, |home, found| match &home.problem {
        None => look(home, found),
        Some(why) => unread = Some(format!("{}: {why}", home.home.display())),
    })?;
    match unread {
        // What cannot be read is not called good.
        Some(why) if outcome.status == Status::Pass => Err(Unseen::Odd(why)),
        _ => Ok(outcome),
    }
}

/// Looks at every agent of every home.
pub(super) fn agents(
    facts: &Facts<'_>,
    good: &str,
    mut look: impl FnMut(&Installation, &AgentHome, &mut Found),
) -> Result<Outcome, Unseen> {
    homes(facts, good, |home, found| {
        let place = found.where_at.clone();
        for agent in &home.agents {
            found.where_at = format!("{place}agent {}: ", agent.id);
            look(home, agent, found);
        }
        found.where_at = place;
    })
}

/// Whether a tool is denied to an agent, by its name or one of its groups.
fn denies(settings: &Setting, names: &[&str]) -> bool {
    let deny = settings.at("tools.deny").texts();
    deny.contains(&"*") || names.iter().any(|name| deny.contains(name))
}

/// Whether the profile or the list of tools leaves these out.
fn lacks(settings: &Setting, profiles: &[&str], names: &[&str]) -> bool {
    let allow = settings.at("tools.allow").texts();
    let also = settings.at("tools.alsoAllow").texts();
    let named = |list: &[&str]| list.contains(&"*") || names.iter().any(|name| list.contains(name));
    if !allow.is_empty() {
        return !named(&allow) && !named(&also);
    }
    let profile = settings.at("tools.profile").text().unwrap_or("full");
    profiles.contains(&profile) && !named(&also)
}

/// Whether an agent can run commands.
pub(super) fn can_execute(settings: &Setting) -> bool {
    let names = ["exec", "bash", "process", "group:runtime"];
    exec_mode(settings) != "deny"
        && !denies(settings, &names)
        && !lacks(settings, &["minimal", "messaging"], &names)
}

/// Whether an agent can read and write files.
pub(super) fn can_touch_files(settings: &Setting) -> bool {
    let names = ["read", "write", "edit", "apply_patch", "group:fs"];
    !denies(settings, &["group:fs"]) && !lacks(settings, &["minimal", "messaging"], &names)
}

/// Whether an agent can read the web.
pub(super) fn can_browse(settings: &Setting) -> bool {
    let names = ["web_fetch", "web_search", "browser", "group:web", "group:ui"];
    !denies(settings, &["group:web"]) && !lacks(settings, &["minimal", "messaging"], &names)
}

/// How commands are approved: `deny`, `allowlist`, `ask`, `auto` or `full`; older versions said it
/// in two settings. Without any, OpenClaw runs all of them.
pub(super) fn exec_mode(settings: &Setting) -> &str {
    let exec = settings.at("tools.exec");
    if let Some(mode) = exec.at("mode").text() {
        return mode;
    }
    match (exec.at("security").text(), exec.at("ask").text()) {
        (Some("deny"), _) => "deny",
        (_, Some("always" | "on-miss")) => "ask",
        (Some("allowlist"), _) => "allowlist",
        _ => "full",
    }
}

/// Whether the agent's commands run in a sandbox, always.
pub(super) fn is_sandboxed(settings: &Setting) -> bool {
    matches!(settings.at("sandbox.mode").text(), Some("all" | "non-main"))
        && !matches!(settings.at("tools.exec.host").text(), Some("gateway" | "node"))
}

/// Whether the gateway is reached from this machine alone.
pub(super) fn is_local(settings: &Setting) -> bool {
    let bind = settings.at("gateway.bind").text().unwrap_or("loopback");
    let tailscale = settings.at("gateway.tailscale.mode").text().unwrap_or("off");
    bind == "loopback" && tailscale == "off"
}

/// Channels that are on, each account of one by itself, with what all accounts share.
pub(super) fn channels(settings: &Setting) -> Vec<(String, Setting)> {
    let mut all = Vec::new();
    for (name, channel) in settings.at("channels").entries() {
        let is_channel = matches!(channel, Setting::Map(_)) && name != "defaults";
        if !is_channel || channel.at("enabled").truth() == Some(false) {
            continue;
        }
        let mut accounts = 0;
        for (account, own) in channel.at("accounts").entries() {
            let mut effective = channel.clone();
            effective.overlay(own.clone());
            all.push((format!("{name} ({account})"), effective));
            accounts += 1;
        }
        if accounts == 0 {
            all.push((name.to_owned(), channel.clone()));
        }
    }
    all
}

/// How strangers are met: the newer key, or the older one below `dm`.
pub(super) fn dm_policy(channel: &Setting) -> &str {
    let newer = channel.at("dmPolicy").text();
    newer.or_else(|| channel.at("dm.policy").text()).unwrap_or("pairing")
}

/// Whether anybody at all is let in.
pub(super) fn lets_anyone_in(channel: &Setting) -> bool {
    let wild =
        ["allowFrom", "dm.allowFrom"].iter().any(|path| channel.at(path).texts().contains(&"*"));
    dm_policy(channel) == "open" || wild || channel.at("groupPolicy").text() == Some("open")
}
