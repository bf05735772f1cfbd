//! What `openclaw security audit` finds, each of its checks under an id of ours.
//!
//! The table is that of OpenClaw 2026.9.6 (its documentation, gateway/security/audit-checks); what a
//! newer one finds besides is told under `application.openclaw.others`.

use crate::hardening::check::{Check, Fix, Outcome, Severity, listed};
use crate::hardening::facts::Facts;
use crate::hardening::host::Unseen;
use crate::hardening::supply::OwnFinding;

const REFERENCE: &str = "https://docs.openclaw.ai/gateway/security/audit-checks";

/// Checks of the table, and the table for what is in no row of it.
macro_rules! own {
    ($(($id:literal, $check:literal, $severity:ident, $title:literal, $fix:literal),)*) => {
        /// OpenClaw's ids, `*` for any word.
        const KNOWN: &[&str] = &[$($check),*];
        pub(super) const CHECKS: &[Check] = &[
            Check {
                id: "application.openclaw.others",
                severity: Severity::Medium,
                title: "OpenClaw's own audit finds nothing that this table does not know",
                fix: Fix::All("openclaw security audit"),
                reference: REFERENCE,
                look: |facts| judge(facts, &|check| !KNOWN.iter().any(|known| fits(known, check))),
            },
            $(Check {
                id: $id,
                severity: Severity::$severity,
                title: concat!("OpenClaw's own audit does not find: ", $title),
                fix: Fix::All(concat!("openclaw security audit --fix, or set ", $fix)),
                reference: REFERENCE,
                look: |facts| judge(facts, &|check| fits($check, check)),
            }),*
        ];
    };
}

/// What was found under ids that this takes.
fn judge(facts: &Facts<'_>, takes: &dyn Fn(&str) -> bool) -> Result<Outcome, Unseen> {
    if facts.installations()?.is_empty() {
        return Ok(Outcome::na("no OpenClaw home was found"));
    }
    let found: Vec<&OwnFinding> =
        facts.own_audit()?.iter().filter(|one| takes(&one.check)).collect();
    let Some(worst) = found.iter().find(|one| one.severity == "critical").or(found.first()) else {
        return Ok(Outcome::pass("not found by it"));
    };
    let all: Vec<String> = found.iter().map(|one| one.title.clone()).collect();
    let outcome = match worst.severity.as_str() {
        "critical" => Outcome::fail(listed(&all)),
        // It tells what it saw, and calls nothing of it wrong.
        "info" => Outcome::pass(listed(&all)),
        _ => Outcome::warn(listed(&all)),
    };
    Ok(match worst.remedy.as_str() {
        "" => outcome,
        remedy => outcome.with_fix(remedy),
    })
}

/// Whether an id is that of a row, whose `*` stands for one word each.
fn fits(row: &str, check: &str) -> bool {
    let (mut row, mut check) = (row.split('.'), check.split('.'));
    loop {
        match (row.next(), check.next()) {
            (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

own! {
    ("application.openclaw.fs-state-dir-perms-world-writable", "fs.state_dir.perms_world_writable", Critical, "Other users/processes can modify full OpenClaw state", "filesystem perms on ~/.openclaw"),
    ("application.openclaw.fs-state-dir-perms-group-writable", "fs.state_dir.perms_group_writable", Medium, "Group users can modify full OpenClaw state", "filesystem perms on ~/.openclaw"),
    ("application.openclaw.fs-state-dir-perms-readable", "fs.state_dir.perms_readable", Medium, "State dir is readable by others", "filesystem perms on ~/.openclaw"),
    ("application.openclaw.fs-state-dir-symlink", "fs.state_dir.symlink", Medium, "State dir target becomes another trust boundary", "state dir filesystem layout"),
    ("application.openclaw.fs-config-perms-writable", "fs.config.perms_writable", Critical, "Others can change auth/tool policy/config", "filesystem perms on ~/.openclaw/openclaw.json"),
    ("application.openclaw.fs-config-symlink", "fs.config.symlink", Medium, "Symlinked config files are unsupported for writes and add another trust boundary", "replace with a regular config file or point OPENCLAW_CONFIG_PATH at the real file"),
    ("application.openclaw.fs-config-perms-group-readable", "fs.config.perms_group_readable", Medium, "Group users can read config tokens/settings", "filesystem perms on config file"),
    ("application.openclaw.fs-config-perms-world-readable", "fs.config.perms_world_readable", Critical, "Config can expose tokens/settings", "filesystem perms on config file"),
    ("application.openclaw.fs-config-include-perms-writable", "fs.config_include.perms_writable", Critical, "Config include file can be modified by others", "include-file perms referenced from openclaw.json"),
    ("application.openclaw.fs-config-include-perms-group-readable", "fs.config_include.perms_group_readable", Medium, "Group users can read included secrets/settings", "include-file perms referenced from openclaw.json"),
    ("application.openclaw.fs-config-include-perms-world-readable", "fs.config_include.perms_world_readable", Critical, "Included secrets/settings are world-readable", "include-file perms referenced from openclaw.json"),
    ("application.openclaw.fs-auth-profiles-perms-writable", "fs.auth_profiles.perms_writable", Critical, "Others can inject or replace stored model credentials", "Agent-local SQLite auth database/sidecar perms and legacy auth-profiles.json perms"),
    ("application.openclaw.fs-auth-profiles-perms-readable", "fs.auth_profiles.perms_readable", Medium, "Others can read API keys and OAuth tokens", "Agent-local SQLite auth database/sidecar perms and legacy auth-profiles.json perms"),
    ("application.openclaw.fs-credentials-dir-perms-writable", "fs.credentials_dir.perms_writable", Critical, "Others can modify channel pairing/credential state", "filesystem perms on ~/.openclaw/credentials"),
    ("application.openclaw.fs-credentials-dir-perms-readable", "fs.credentials_dir.perms_readable", Medium, "Others can read channel credential state", "filesystem perms on ~/.openclaw/credentials"),
    ("application.openclaw.fs-sessions-store-perms-readable", "fs.sessions_store.perms_readable", Medium, "Others can read session transcripts/metadata", "session store perms"),
    ("application.openclaw.fs-log-file-perms-readable", "fs.log_file.perms_readable", Medium, "Others can read redacted-but-still-sensitive logs", "gateway log file perms"),
    ("application.openclaw.fs-synced-dir", "fs.synced_dir", Medium, "State/config in iCloud/Dropbox/Drive broadens token/transcript exposure", "move config/state off synced folders"),
    ("application.openclaw.gateway-bind-no-auth", "gateway.bind_no_auth", Critical, "Remote bind without shared secret", "gateway.bind, gateway.auth.*"),
    ("application.openclaw.gateway-loopback-no-auth", "gateway.loopback_no_auth", Critical, "Reverse-proxied loopback may become unauthenticated", "gateway.auth.*, proxy setup"),
    ("application.openclaw.gateway-trusted-proxies-missing", "gateway.trusted_proxies_missing", Medium, "Reverse-proxy headers are present but not trusted", "gateway.trustedProxies"),
    ("application.openclaw.gateway-http-no-auth", "gateway.http.no_auth", High, "Gateway HTTP APIs reachable with auth.mode='none'", "gateway.auth.mode, gateway.http.endpoints.*, plugins.entries.admin-http-rpc"),
    ("application.openclaw.gateway-http-session-key-override-enabled", "gateway.http.session_key_override_enabled", Info, "HTTP API callers can override sessionKey", "gateway.http.allowSessionKeyOverride"),
    ("application.openclaw.gateway-tools-invoke-http-dangerous-allow", "gateway.tools_invoke_http.dangerous_allow", High, "Re-enables dangerous tools over HTTP API for owner/admin callers", "gateway.tools.allow"),
    ("application.openclaw.gateway-nodes-allow-commands-dangerous", "gateway.nodes.allow_commands_dangerous", High, "Enables high-impact node commands (desktop input/camera/screen/contacts/calendar/SMS)", "gateway.nodes.commands.allow"),
    ("application.openclaw.gateway-nodes-deny-commands-ineffective", "gateway.nodes.deny_commands_ineffective", Medium, "Pattern-like deny entries do not match shell text or groups", "gateway.nodes.commands.deny"),
    ("application.openclaw.gateway-tailscale-funnel", "gateway.tailscale_funnel", Critical, "Public internet exposure", "gateway.tailscale.mode"),
    ("application.openclaw.gateway-tailscale-serve", "gateway.tailscale_serve", Info, "Tailnet exposure is enabled via Serve", "gateway.tailscale.mode"),
    ("application.openclaw.gateway-control-ui-allowed-origins-required", "gateway.control_ui.allowed_origins_required", Critical, "Non-loopback Control UI without explicit browser-origin allowlist", "gateway.controlUi.allowedOrigins"),
    ("application.openclaw.gateway-control-ui-allowed-origins-wildcard", "gateway.control_ui.allowed_origins_wildcard", High, "allowedOrigins=[''] disables browser-origin allowlisting", "gateway.controlUi.allowedOrigins"),
    ("application.openclaw.gateway-control-ui-host-header-origin-fallback", "gateway.control_ui.host_header_origin_fallback", High, "Enables Host-header origin fallback (DNS rebinding hardening downgrade)", "gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback"),
    ("application.openclaw.gateway-real-ip-fallback-enabled", "gateway.real_ip_fallback_enabled", High, "Trusting X-Real-IP fallback can enable source-IP spoofing via proxy misconfig", "gateway.allowRealIpFallback, gateway.trustedProxies"),
    ("application.openclaw.gateway-password-placeholder-value", "gateway.password_placeholder_value", Critical, "Password is blank or the stringified undefined/null placeholder", "gateway.auth.password, OPENCLAW_GATEWAY_PASSWORD"),
    ("application.openclaw.gateway-password-too-short", "gateway.password_too_short", Medium, "Shared password has fewer than 24 characters", "gateway.auth.password, OPENCLAW_GATEWAY_PASSWORD"),
    ("application.openclaw.gateway-token-placeholder-value", "gateway.token_placeholder_value", Critical, "Token is blank or the stringified undefined/null placeholder", "gateway.auth.token"),
    ("application.openclaw.gateway-token-too-short", "gateway.token_too_short", Medium, "Short shared token is easier to brute force", "gateway.auth.token"),
    ("application.openclaw.gateway-auth-no-rate-limit", "gateway.auth_no_rate_limit", Medium, "Exposed auth without rate limiting increases brute-force risk", "gateway.auth.rateLimit"),
    ("application.openclaw.gateway-trusted-proxy-auth", "gateway.trusted_proxy_auth", Critical, "Proxy identity now becomes the auth boundary", "gateway.auth.mode='trusted-proxy'"),
    ("application.openclaw.gateway-trusted-proxy-no-proxies", "gateway.trusted_proxy_no_proxies", Critical, "Trusted-proxy auth without trusted proxy IPs is unsafe", "gateway.trustedProxies"),
    ("application.openclaw.gateway-trusted-proxy-no-user-header", "gateway.trusted_proxy_no_user_header", Critical, "Trusted-proxy auth cannot resolve user identity safely", "gateway.auth.trustedProxy.userHeader"),
    ("application.openclaw.gateway-trusted-proxy-no-allowlist", "gateway.trusted_proxy_no_allowlist", Medium, "Trusted-proxy auth accepts any authenticated upstream user", "gateway.auth.trustedProxy.allowUsers"),
    ("application.openclaw.gateway-trusted-proxy-allow-loopback", "gateway.trusted_proxy_allow_loopback", Medium, "Trusted-proxy auth accepts explicitly allowed loopback proxy sources", "gateway.auth.trustedProxy.allowLoopback"),
    ("application.openclaw.gateway-probe-auth-secretref-unavailable", "gateway.probe_auth_secretref_unavailable", Medium, "Deep probe could not resolve auth SecretRefs in this command path", "deep-probe auth source / SecretRef availability"),
    ("application.openclaw.gateway-probe-failed", "gateway.probe_failed", Medium, "Live Gateway probe failed (--deep only)", "gateway reachability/auth"),
    ("application.openclaw.discovery-mdns-full-mode", "discovery.mdns_full_mode", High, "mDNS full mode advertises cliPath/sshPort metadata on local network", "discovery.mdns.mode, gateway.bind"),
    ("application.openclaw.config-insecure-or-dangerous-flags", "config.insecure_or_dangerous_flags", Medium, "One insecure/dangerous debug flag is enabled", "key named in finding detail"),
    ("application.openclaw.security-audit-suppressions-active", "security.audit.suppressions.active", Info, "Audit output has configured suppressions and may be filtered", "security.audit.suppressions"),
    ("application.openclaw.config-secrets-gateway-password-in-config", "config.secrets.gateway_password_in_config", Medium, "Gateway password is stored directly in config", "gateway.auth.password"),
    ("application.openclaw.config-secrets-hooks-token-in-config", "config.secrets.hooks_token_in_config", Medium, "Hook bearer token is stored directly in config", "hooks.token"),
    ("application.openclaw.hooks-token-reuse-gateway-token", "hooks.token_reuse_gateway_token", Critical, "Hook ingress token also unlocks Gateway auth", "hooks.token, gateway.auth.token, gateway.auth.password"),
    ("application.openclaw.hooks-token-too-short", "hooks.token_too_short", Medium, "Easier brute force on hook ingress", "hooks.token"),
    ("application.openclaw.hooks-default-session-key-unset", "hooks.default_session_key_unset", Medium, "Hook agent runs fan out into generated per-request sessions", "hooks.defaultSessionKey"),
    ("application.openclaw.hooks-allowed-agent-ids-unrestricted", "hooks.allowed_agent_ids_unrestricted", High, "Authenticated hook callers may route to any configured agent", "hooks.allowedAgentIds"),
    ("application.openclaw.hooks-request-session-key-enabled", "hooks.request_session_key_enabled", High, "External caller can choose sessionKey", "hooks.allowRequestSessionKey"),
    ("application.openclaw.hooks-request-session-key-prefixes-missing", "hooks.request_session_key_prefixes_missing", High, "No bound on external session key shapes", "hooks.allowedSessionKeyPrefixes"),
    ("application.openclaw.hooks-path-root", "hooks.path_root", Critical, "Hook path is /, making ingress easier to collide or misroute", "hooks.path"),
    ("application.openclaw.hooks-installs-unpinned-npm-specs", "hooks.installs_unpinned_npm_specs", Medium, "Hook install records are not pinned to immutable npm specs", "hook install metadata"),
    ("application.openclaw.hooks-installs-missing-integrity", "hooks.installs_missing_integrity", Medium, "Hook install records lack integrity metadata", "hook install metadata"),
    ("application.openclaw.hooks-installs-version-drift", "hooks.installs_version_drift", Medium, "Hook install records drift from installed packages", "hook install metadata"),
    ("application.openclaw.browser-control-invalid-config", "browser.control_invalid_config", Medium, "Browser control config is invalid before runtime", "browser.*"),
    ("application.openclaw.browser-control-no-auth", "browser.control_no_auth", Critical, "Browser control exposed without token/password auth", "gateway.auth.*"),
    ("application.openclaw.browser-remote-cdp-http", "browser.remote_cdp_http", Medium, "Remote CDP over plain HTTP lacks transport encryption", "browser profile cdpUrl"),
    ("application.openclaw.browser-remote-cdp-private-host", "browser.remote_cdp_private_host", Medium, "Remote CDP targets a private/internal host", "browser profile cdpUrl, browser.ssrfPolicy.*"),
    ("application.openclaw.browser-extension-relay-legacy-auth", "browser.extension_relay_legacy_auth", Medium, "Legacy extension relay bearer/Basic/token authentication remains enabled", "browser.extensionRelay.allowLegacyAuth"),
    ("application.openclaw.sandbox-docker-config-mode-off", "sandbox.docker_config_mode_off", Medium, "Sandbox Docker config present but inactive", "agents.*.sandbox.mode"),
    ("application.openclaw.sandbox-bind-mount-non-absolute", "sandbox.bind_mount_non_absolute", Medium, "Relative bind mounts can resolve unpredictably", "agents.*.sandbox.docker.binds[]"),
    ("application.openclaw.sandbox-dangerous-bind-mount", "sandbox.dangerous_bind_mount", Critical, "Sandbox bind mount targets blocked system, credential, or Docker socket paths", "agents.*.sandbox.docker.binds[]"),
    ("application.openclaw.sandbox-dangerous-network-mode", "sandbox.dangerous_network_mode", Critical, "Sandbox Docker network uses host or container: namespace-join mode", "agents.*.sandbox.docker.network"),
    ("application.openclaw.sandbox-dangerous-seccomp-profile", "sandbox.dangerous_seccomp_profile", Critical, "Sandbox seccomp profile weakens container isolation", "agents.*.sandbox.docker.securityOpt"),
    ("application.openclaw.sandbox-dangerous-apparmor-profile", "sandbox.dangerous_apparmor_profile", Critical, "Sandbox AppArmor profile weakens container isolation", "agents.*.sandbox.docker.securityOpt"),
    ("application.openclaw.sandbox-browser-cdp-bridge-unrestricted", "sandbox.browser_cdp_bridge_unrestricted", Medium, "Sandbox browser bridge is exposed without source-range restriction", "sandbox.browser.cdpSourceRange"),
    ("application.openclaw.sandbox-browser-container-non-loopback-publish", "sandbox.browser_container.non_loopback_publish", Critical, "Existing browser container publishes CDP on non-loopback interfaces", "browser sandbox container publish config"),
    ("application.openclaw.sandbox-browser-container-hash-label-missing", "sandbox.browser_container.hash_label_missing", Medium, "Existing browser container predates current config-hash labels", "openclaw sandbox recreate --browser --all"),
    ("application.openclaw.sandbox-browser-container-hash-epoch-stale", "sandbox.browser_container.hash_epoch_stale", Medium, "Existing browser container predates current browser config epoch", "openclaw sandbox recreate --browser --all"),
    ("application.openclaw.sandbox-browser-container-docker-probe-timeout", "sandbox.browser_container.docker_probe_timeout", Medium, "Docker label probe for the browser container timed out", "Docker daemon reachability"),
    ("application.openclaw.tools-exec-host-sandbox-no-sandbox-defaults", "tools.exec.host_sandbox_no_sandbox_defaults", Medium, "exec host=sandbox fails closed when sandbox is off", "tools.exec.host, agents.defaults.sandbox.mode"),
    ("application.openclaw.tools-exec-host-sandbox-no-sandbox-agents", "tools.exec.host_sandbox_no_sandbox_agents", Medium, "Per-agent exec host=sandbox fails closed when sandbox is off", "agents.entries.*.tools.exec.host, agents.entries.*.sandbox.mode"),
    ("application.openclaw.tools-exec-security-full-configured", "tools.exec.security_full_configured", High, "Host exec is running with security='full'", "tools.exec.security, agents.entries.*.tools.exec.security"),
    ("application.openclaw.tools-exec-agent-skill-mcp-boundary-drift", "tools.exec.agent_skill_mcp_boundary_drift", Medium, "Agent skill allowlists are present while host exec can reach MCP clients/registries", "agents.entries.*.tools.exec.*, sandbox/OS isolation, MCP server credentials"),
    ("application.openclaw.tools-exec-fs-tools-disabled-but-exec-enabled", "tools.exec.fs_tools_disabled_but_exec_enabled", Medium, "Filesystem tool policy does not make shell execution read-only", "tools.deny, agents.entries.*.tools.deny, agents.*.sandbox.workspaceAccess"),
    ("application.openclaw.tools-exec-auto-allow-skills-enabled", "tools.exec.auto_allow_skills_enabled", Medium, "Exec approvals trust skill bins implicitly", "host approvals file"),
    ("application.openclaw.tools-exec-allowlist-interpreter-without-strict-inline-eval", "tools.exec.allowlist_interpreter_without_strict_inline_eval", Medium, "Interpreter allowlists permit inline eval without forced reapproval", "tools.exec.strictInlineEval, agents.entries.*.tools.exec.strictInlineEval, exec approvals allowlist"),
    ("application.openclaw.tools-exec-safe-bins-interpreter-unprofiled", "tools.exec.safe_bins_interpreter_unprofiled", Medium, "Interpreter/runtime bins in safeBins without explicit profiles broaden exec risk", "tools.exec.safeBins, tools.exec.safeBinProfiles, agents.entries.*.tools.exec.*"),
    ("application.openclaw.tools-exec-safe-bins-broad-behavior", "tools.exec.safe_bins_broad_behavior", Medium, "Broad-behavior tools in safeBins weaken the low-risk stdin-filter trust model", "tools.exec.safeBins, agents.entries.*.tools.exec.safeBins"),
    ("application.openclaw.tools-exec-safe-bin-trusted-dirs-risky", "tools.exec.safe_bin_trusted_dirs_risky", Medium, "safeBinTrustedDirs includes mutable or risky directories", "tools.exec.safeBinTrustedDirs, agents.entries.*.tools.exec.safeBinTrustedDirs"),
    ("application.openclaw.tools-elevated-allowfrom-any-wildcard", "tools.elevated.allowFrom.*.wildcard", Critical, "tools.elevated.allowFrom.<provider> includes '', approving every sender", "tools.elevated.allowFrom.<provider>"),
    ("application.openclaw.tools-elevated-allowfrom-any-large", "tools.elevated.allowFrom.*.large", Medium, "Elevated allowlist for <provider> has more than 25 entries", "tools.elevated.allowFrom.<provider>"),
    ("application.openclaw.skills-workspace-symlink-escape", "skills.workspace.symlink_escape", Medium, "Workspace skills//SKILL.md resolves outside workspace root (symlink-chain drift)", "workspace skills/** filesystem state"),
    ("application.openclaw.skills-workspace-scan-truncated", "skills.workspace.scan_truncated", Medium, "Workspace skill scan hit its directory-visit cap before finishing", "flatten/simplify the workspace skills/ directory tree"),
    ("application.openclaw.plugins-extensions-no-allowlist", "plugins.extensions_no_allowlist", Medium, "Plugins are installed without an explicit plugin allowlist", "plugins.allowlist"),
    ("application.openclaw.plugins-allow-phantom-entries", "plugins.allow_phantom_entries", Medium, "plugins.allow lists an ID with no matching installed plugin", "plugins.allow"),
    ("application.openclaw.plugins-installs-unpinned-npm-specs", "plugins.installs_unpinned_npm_specs", Medium, "Plugin index records are not pinned to immutable npm specs", "plugin install metadata"),
    ("application.openclaw.plugins-installs-missing-integrity", "plugins.installs_missing_integrity", Medium, "Plugin index records lack integrity metadata", "plugin install metadata"),
    ("application.openclaw.plugins-installs-version-drift", "plugins.installs_version_drift", Medium, "Plugin index records drift from installed packages", "plugin install metadata"),
    ("application.openclaw.plugins-code-safety", "plugins.code_safety", High, "Plugin code scan found suspicious or dangerous patterns (--deep only)", "plugin code / install source"),
    ("application.openclaw.plugins-code-safety-entry-path", "plugins.code_safety.entry_path", Medium, "Plugin entry path points into hidden or node_modules locations", "plugin manifest entry"),
    ("application.openclaw.plugins-code-safety-entry-escape", "plugins.code_safety.entry_escape", Critical, "Plugin entry escapes the plugin directory", "plugin manifest entry"),
    ("application.openclaw.plugins-code-safety-manifest-parse-error", "plugins.code_safety.manifest_parse_error", Medium, "Plugin manifest could not be parsed during the code-safety scan", "plugin manifest file"),
    ("application.openclaw.plugins-code-safety-scan-failed", "plugins.code_safety.scan_failed", Medium, "Plugin code scan could not complete (--deep only)", "plugin path / scan environment"),
    ("application.openclaw.plugins-any-security-audit-failed", "plugins.*.security_audit_failed", Medium, "A plugin-owned security audit collector threw an error", "that plugin's security-audit collector"),
    ("application.openclaw.skills-code-safety", "skills.code_safety", High, "Skill installer metadata/code contains suspicious or dangerous patterns (--deep only)", "skill install source"),
    ("application.openclaw.skills-code-safety-scan-failed", "skills.code_safety.scan_failed", Medium, "Skill code scan could not complete (--deep only)", "skill scan environment"),
    ("application.openclaw.channels-discord-allowlisted-groups-broad-members", "channels.discord.allowlisted_groups.broad_members", Medium, "Allowlisted Discord guild/channel targets have no member or role restriction", "channels.discord.guilds.*.users/roles, per-channel users/roles"),
    ("application.openclaw.security-exposure-open-channels-with-exec", "security.exposure.open_channels_with_exec", High, "Shared/public rooms can reach exec-enabled agents", "channels.*.dmPolicy, channels.*.groupPolicy, tools.exec.*, agents.entries.*.tools.exec.*"),
    ("application.openclaw.security-exposure-open-groups-with-elevated", "security.exposure.open_groups_with_elevated", Critical, "Open DMs/groups + elevated tools create high-impact prompt-injection paths", "top-level or nested DM policy paths, account overrides, channels.*.groupPolicy"),
    ("application.openclaw.security-exposure-open-groups-with-runtime-or-fs", "security.exposure.open_groups_with_runtime_or_fs", High, "Open DMs/groups can reach command/file tools without sandbox/workspace guards", "DM/group policy paths, tools.profile/deny, tools.fs.workspaceOnly, agents.*.sandbox.mode"),
    ("application.openclaw.security-exposure-open-groups-with-control-plane-tools", "security.exposure.open_groups_with_control_plane_tools", Critical, "Open DMs/groups can reach update, automation, or plugin management tools", "tools.deny (automations, gateway, plugins), DM/group policy paths, tools.profile"),
    ("application.openclaw.security-trust-model-multi-user-heuristic", "security.trust_model.multi_user_heuristic", Medium, "Config looks multi-user while gateway trust model is personal-assistant", "split trust boundaries, or shared-user hardening (sandbox.mode, tool deny/workspace scoping)"),
    ("application.openclaw.security-trust-model-cross-agent-session-access-default", "security.trust_model.cross_agent_session_access_default", Low, "Multiple agents; unclamped callers retain a session tool; trust-boundary signals escalate to warn", "tools.sessions.visibility, tools.agentToAgent.allow, tools.agentToAgent.enabled"),
    ("application.openclaw.tools-profile-minimal-overridden", "tools.profile_minimal_overridden", Medium, "Agent overrides bypass global minimal profile", "agents.entries.*.tools.profile"),
    ("application.openclaw.plugins-tools-reachable-permissive-policy", "plugins.tools_reachable_permissive_policy", Medium, "Extension tools reachable in permissive contexts", "tools.profile + tool allow/deny"),
    ("application.openclaw.models-legacy", "models.legacy", Medium, "Legacy model families are still configured", "model selection"),
    ("application.openclaw.models-weak-tier", "models.weak_tier", Medium, "Configured models are below current recommended tiers", "model selection"),
    ("application.openclaw.models-small-params", "models.small_params", High, "Small models + unsafe tool surfaces raise injection risk", "model choice + sandbox/tool policy"),
    ("application.openclaw.channels-any-dm-open", "channels.*.dm.open", Critical, "<provider> DM policy is 'open'; anyone can DM the bot", "channels.<provider>.dmPolicy, .allowFrom"),
    ("application.openclaw.channels-any-dm-open-invalid", "channels.*.dm.open_invalid", Medium, "dmPolicy='open' without '' in allowFrom is inconsistent", "channels.<provider>.allowFrom"),
    ("application.openclaw.channels-any-dm-scope-main-multiuser", "channels.*.dm.scope_main_multiuser", Medium, "Multiple DM senders currently share the main session", "session.dmScope"),
    ("application.openclaw.channels-any-allowfrom-mutable-entries-inert", "channels.*.allowFrom.mutable_entries_inert", Medium, "Configured entries match only mutable aliases and cannot authorize with name matching disabled", "replace affected allowFrom entries with stable sender IDs"),
    ("application.openclaw.channels-any-allowfrom-dangerous-name-matching-enabled", "channels.*.allowFrom.dangerous_name_matching_enabled", Info, "Mutable matching is enabled; classifier-aware channels report how many entries depend on it", "replace mutable allowFrom entries with stable sender IDs, then disable dangerouslyAllowNameMatching"),
    ("application.openclaw.channels-any-account-read-only-resolution", "channels.*.account.read_only_resolution", Medium, "A channel account could not be fully resolved for audit (missing secret/gateway)", "ensure referenced secrets are resolvable, or run against a live gateway snapshot"),
    ("application.openclaw.channels-any-warning-any", "channels.*.warning.*", Medium, "Provider-specific security warning, classified from free-form plugin text", "see finding detail"),
    ("application.openclaw.summary-attack-surface", "summary.attack_surface", Info, "Roll-up summary of auth, channel, tool, and exposure posture", "multiple keys (see finding detail)"),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_take_what_is_theirs() {
        assert!(fits("channels.*.dm.open", "channels.telegram.dm.open"));
        assert!(!fits("channels.*.dm.open", "channels.telegram.dm.open_invalid"));
        assert!(fits("channels.*.warning.*", "channels.x.warning.1"));
        assert!(!fits("fs.config.symlink", "fs.config"));
        assert_eq!(KNOWN.len(), 122);
    }
}
