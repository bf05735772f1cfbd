//! OpenClaw under the audit: the real one, from npm, in a careless and a hardened configuration; a
//! home of many files; values that must not be told.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde::Deserialize;
use tempfile::TempDir;

use super::{checks, fixture, made_up, schedule, unpack::unpack};

const AREAS: &str = "application,ai,operations";

/// A check's status and evidence, by its id.
type Report = BTreeMap<String, (String, String)>;

fn report(checks: &[serde_json::Value]) -> Report {
    let text = |check: &serde_json::Value, name: &str| check[name].as_str().unwrap().to_owned();
    let row = |check| (text(check, "id"), (text(check, "status"), text(check, "evidence")));
    checks.iter().map(row).collect()
}

/// Where npm put it.
fn installed() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openclaw/install");
    let output = Command::new(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
}

/// The configuration of a tree.
fn configuration(tree: &str) -> String {
    #[derive(Deserialize)]
    struct Tree {
        entry: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        path: String,
        #[serde(default)]
        text: String,
    }
    let text = fs::read_to_string(fixture(&format!("{tree}.toml"))).unwrap();
    let tree: Tree = toml::from_str(&text).unwrap();
    let config = tree.entry.iter().find(|entry| entry.path == "/home/claw/.openclaw/openclaw.json");
    made_up::filled(&config.unwrap().text)
}

/// A machine's user with OpenClaw in this configuration.
struct Bench {
    home: TempDir,
    bin: PathBuf,
}

impl Bench {
    fn new(configuration: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let state = home.path().join(".openclaw");
        fs::create_dir_all(&state).unwrap();
        let config = state.join("openclaw.json");
        fs::write(&config, configuration).unwrap();
        fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
        Self { home, bin: installed() }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", format!("{}:/usr/bin:/bin", self.bin.display()))
            .env("OPENCLAW_OFFLINE", "1")
            .env("OPENCLAW_GATEWAY_TOKEN", "c4b1f00d9e7a6532".repeat(3))
            .env("ANTHROPIC_API_KEY", "of-no-use");
        command
    }

    /// Whether OpenClaw takes the configuration, and what it says.
    fn validate(&self) -> (bool, String) {
        let openclaw = self.bin.join("openclaw");
        let output = self.command(openclaw.to_str().unwrap()).args(["config", "validate"]).output();
        let output = output.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// The audit of this very machine, on which the user has OpenClaw.
    fn audit(&self) -> Report {
        let mut command = self.command(env!("CARGO_BIN_EXE_clawvault"));
        let output =
            command.args(["audit", "--json", "--no-probes", "--only", AREAS]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        let document: serde_json::Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{errors}"));
        report(document["checks"].as_array().unwrap())
    }
}

fn of_status<'r>(report: &'r Report, start: &str, statuses: &[&str]) -> Vec<&'r String> {
    let ids = report
        .iter()
        .filter(|(id, (is, _))| id.starts_with(start) && statuses.contains(&is.as_str()));
    ids.map(|(id, _)| id).collect()
}

/// What the real OpenClaw takes, and its own audit calls good, raises no alarm of ours either.
#[test]
fn the_real_openclaw_hardened_raises_no_alarm() {
    let bench = Bench::new(&configuration("openclaw-hardened"));
    let (valid, said) = bench.validate();
    assert!(valid, "{said}");
    let report = bench.audit();
    let own = of_status(&report, "application.openclaw.", &["fail", "unknown", "na"]);
    assert!(own.is_empty(), "{own:?}: {:?}", report[own[0]]);
    let settings = [
        "application.tools",
        "application.sandbox",
        "application.gateway",
        "ai.approval",
        "ai.input",
        "ai.limits",
    ];
    for start in settings {
        let alarms = of_status(&report, start, &["fail", "warn"]);
        assert!(
            alarms.is_empty(),
            "{:?}",
            report.iter().filter(|(id, _)| alarms.contains(id)).collect::<Vec<_>>()
        );
    }
}

/// The faults of a careless configuration that OpenClaw itself takes: found by our checks, and what
/// its own audit finds is taken over.
#[test]
fn the_real_openclaw_careless_is_found_out() {
    let text = "{
      gateway: { mode: 'local', bind: 'lan', auth: { mode: 'token', token: 'changeme' },
        controlUi: { allowedOrigins: ['*'], dangerouslyDisableDeviceAuth: true } },
      agents: { defaults: { sandbox: { mode: 'off' } } },
      tools: { profile: 'full', exec: { mode: 'full' }, elevated: { enabled: true, allowFrom: { telegram: ['*'] } } },
      channels: { telegram: { enabled: true, botToken: '{key48}', dmPolicy: 'open', allowFrom: ['*'] } },
      logging: { level: 'trace' },
    }";
    let bench = Bench::new(&made_up::filled(text));
    let (valid, said) = bench.validate();
    assert!(valid, "{said}");
    let report = bench.audit();
    for id in [
        "application.gateway.token-strength",
        "application.gateway.control-ui",
        "application.gateway.terminal",
        "application.tools.profile",
        "application.tools.exec-host",
        "application.tools.elevated",
        "application.keys.by-reference",
        "ai.approval.exec",
        "ai.input.dm-policy",
        "ai.input.sandbox",
        "ai.retention.logged",
        "application.openclaw.gateway-control-ui-allowed-origins-wildcard",
        "application.openclaw.security-exposure-open-channels-with-exec",
    ] {
        assert_eq!(report[id].0, "fail", "{id}: {:?}", report[id]);
    }
    let own = of_status(&report, "application.openclaw.", &["fail", "warn"]);
    assert!(own.len() >= 5, "{own:?}");
    assert!(!format!("{report:?}").contains(&made_up::values()[1].1), "a value is told");
}

/// Settings are changed, and taken back, by OpenClaw itself; what somebody changed since stays.
#[test]
fn the_real_openclaw_is_set_by_its_own_program() {
    let text = "{
      // A comment that its program may lose.
      gateway: { mode: 'local', auth: { mode: 'token', token: '{key48}' } },
      tools: { profile: 'coding', exec: { mode: 'full' } },
      telemetry: { enabled: true },
    }";
    let bench = Bench::new(&made_up::filled(text));
    let config = bench.home.path().join(".openclaw/openclaw.json");
    let vault = bench.home.path().join("vault");
    let run = |words: &[&str]| {
        let mut command = bench.command(env!("CARGO_BIN_EXE_clawvault"));
        let output = command.args(words).env("CLAWVAULT_HOME", &vault).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!told.contains(&made_up::values()[1].1), "a value is told");
        (output.status.code(), told)
    };
    let only = [
        "audit",
        "--no-openclaw",
        "--no-probes",
        "--only",
        "ai.approval.exec,ai.provider.telemetry",
    ];
    let (code, told) = run(&[&only[..], &["--fix", "--yes"]].concat());
    assert_eq!(code, Some(0), "{told}");
    for line in [
        "- tools.exec.mode: full",
        "+ tools.exec.mode: ask",
        "+ telemetry.enabled: false",
        "2 mended",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let after = fs::read_to_string(&config).unwrap();
    assert!(after.contains("\"ask\"") && bench.validate().0, "{after}");
    let undo_record = fs::read_to_string(vault.join("state/audit-undo.jsonl")).unwrap();
    assert!(!undo_record.contains(&made_up::values()[1].1), "the record has a value");

    // Somebody decides otherwise meanwhile.
    fs::write(&config, after.replace("\"ask\"", "\"deny\"")).unwrap();
    let (code, told) = run(&["audit", "--undo"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("tools.exec.mode of OpenClaw") && told.contains("meanwhile"), "{told}");
    assert!(told.contains("telemetry.enabled of OpenClaw"), "{told}");
    let last = fs::read_to_string(&config).unwrap();
    assert!(last.contains("\"deny\""), "{last}");
    assert!(bench.audit()["ai.provider.telemetry"].0 == "warn", "it is as it was");
}

#[test]
fn no_value_of_a_careless_host_is_told() {
    let root = tempfile::tempdir().unwrap();
    unpack("debian-12-careless", root.path());
    let told = report(&checks(&["--root", root.path().to_str().unwrap()]));
    assert_eq!(told["application.keys.in-history"].0, "fail");
    for (_, value) in made_up::values() {
        assert!(!format!("{told:?}").contains(&value));
    }
}

/// The promise: less than two seconds and 50 MB, with 50,000 files in the home.
#[test]
fn many_files_take_little_time_and_memory() {
    let root = tempfile::tempdir().unwrap();
    unpack("debian-12-hardened", root.path());
    let sessions = root.path().join("home/claw/.openclaw/agents/main/sessions");
    let time = SystemTime::now() - Duration::from_secs(86_400);
    for number in 0..50_000 {
        let text =
            format!("{{\"type\":\"message\",\"content\":\"order {number} is on its way\"}}\n");
        let file = sessions.join(format!("s{number}.jsonl"));
        fs::write(&file, text).unwrap();
        fs::File::options().append(true).open(&file).unwrap().set_modified(time).unwrap();
    }
    let start = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_clawvault"))
        .args(["audit", "--json", "--root", root.path().to_str().unwrap()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let read = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok());
        peak = read.unwrap_or(peak);
        thread::sleep(Duration::from_millis(5));
    }
    let took = start.elapsed();
    println!("50,000 files: {} ms, {peak} KiB", took.as_millis());
    assert!((1..super::MOST_KIB).contains(&peak), "{peak} KiB");
    // A build with debug information is slower by much; the promise is a release build's.
    let most = if cfg!(debug_assertions) { 30 } else { 2 };
    assert!(took < Duration::from_secs(most), "{took:?}");
}

/// What only the vault can answer: with a reason where there is none or it is locked, else judged.
#[test]
fn the_vault_is_asked_and_a_locked_one_is_unknown() {
    let home = tempfile::tempdir().unwrap();
    let clawvault = |words: &[&str], input: &str| schedule::call(home.path(), words, input);
    let audited = || {
        let output = clawvault(
            &["audit", "--json", "--no-probes", "--only", "application.keys,operations"],
            "",
        );
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        report(document["checks"].as_array().unwrap())
    };
    let none = audited();
    assert_eq!(none["application.keys.age"].0, "unknown");
    assert!(
        none["application.keys.age"].1.contains("no vault"),
        "{:?}",
        none["application.keys.age"]
    );

    let done = |words: &[&str], input: &str| {
        let output = clawvault(words, input);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    done(&["init"], "");
    let [(_, token), (_, key)] = made_up::values();
    done(&["set", "openai/main"], &key);
    done(&["set", "groq/main"], &key);
    done(&["set", "openai/main", "--profile", "dev"], &key);
    done(&["set", "github/admin", "--env", "GITHUB_TOKEN"], &token);
    done(&["set", "private/dev-key"], "a password that is long enough");
    let told = audited();
    for (id, status) in [
        ("application.keys.age", "pass"),
        ("application.keys.unused", "pass"),
        ("application.keys.privilege", "fail"),
        ("application.keys.shared", "fail"),
        ("application.keys.reused", "fail"),
        ("application.keys.spending-limit", "fail"),
        ("operations.alerts.configured", "fail"),
        ("operations.alerts.tested", "fail"),
        ("operations.alerts.spending", "fail"),
        ("operations.backup.vault", "fail"),
        ("operations.backup.restored", "warn"),
        ("operations.incident.drill", "warn"),
        ("operations.incident.recovery", "warn"),
        ("operations.incident.revocation", "warn"),
        ("operations.logging.vault", "pass"),
        ("operations.logging.vault-copy", "warn"),
        ("operations.anomaly.refusals", "pass"),
        ("operations.separation.profiles", "fail"),
    ] {
        assert_eq!(told[id].0, status, "{id}: {:?}", told[id]);
    }
    assert!(!format!("{told:?}").contains(&key), "a value is told");

    let backup = home.path().join("backup.age");
    done(&["backup", backup.to_str().unwrap()], "");
    done(&["rm", "groq/main", "--yes", "--purge"], "");
    done(&["rm", "github/admin", "--yes", "--purge"], "");
    let told = audited();
    for id in ["operations.backup.vault", "application.keys.reused", "application.keys.privilege"] {
        assert_eq!(told[id].0, "pass", "{id}: {:?}", told[id]);
    }

    fs::rename(home.path().join("vault/identity.txt"), home.path().join("elsewhere")).unwrap();
    let locked = audited();
    assert_eq!(locked["application.keys.age"].0, "unknown", "{:?}", locked["application.keys.age"]);
}
