//! The whole product with the real OpenClaw, from npm: `clawvault run` starts its gateway, the
//! gateway lives on the vault's key, and the vault's key is nowhere but in its environment.
//!
//! Nothing is skipped: where npm is out of reach and OpenClaw is not installed, the tests fail.
//! No request leaves the machine but for npm's; the vendor is a server of our own.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

#[allow(dead_code, reason = "what other tests ask of it")]
#[path = "../money/http.rs"]
mod http;
mod linked;
#[path = "../support/model_server.rs"]
mod model_server;
#[path = "../support/process.rs"]
mod process;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::json;
use tempfile::TempDir;

use model_server::ModelServer;
use process::{Process, free_port};

// A gateway needs 20 seconds to start on two quiet cores, 100 on busy ones.
const START_LIMIT: Duration = Duration::from_secs(180);
const TURN_LIMIT: Duration = Duration::from_secs(120);
const STOP_LIMIT: Duration = Duration::from_secs(60);

#[test]
fn becomes_the_gateway_in_an_empty_home() {
    let bench = Bench::new();
    let port = free_port();
    let mut gateway = bench.start_gateway(port);

    let proc = PathBuf::from(format!("/proc/{}", gateway.id()));
    let exe = fs::read_link(proc.join("exe")).unwrap();
    assert_eq!(exe, fs::canonicalize(bench.openclaw.join("node")).unwrap(), "not exec'ed");
    assert!(listens(&proc, port), "another process than the one we started is the gateway");

    let environment = environment_of(&proc);
    assert_eq!(environment.get("OPENAI_API_KEY"), Some(&bench.value));
    let ours: Vec<&String> = environment.keys().filter(|name| is_ours(name)).collect();
    assert!(ours.is_empty(), "the way to the vault was handed on: {ours:?}");

    let status = gateway.terminate(STOP_LIMIT);
    assert_eq!(status.code(), Some(0), "{}", gateway.said());
    bench.assert_value_is_in_no_file();
}

#[test]
fn answers_a_turn_with_the_key_from_the_vault() {
    let bench = Bench::new();
    let port = free_port();
    let names = bench.path("names");
    // So long an output is packed where it is kept; OpenClaw masks what it knows, and not this.
    let list = format!(
        "env | cut -d= -f1 | sort > {}; echo \"IDENTIFIED BY 'Zk4wQp9vLm2x'\"; seq 2000",
        names.display()
    );
    let vendor = ModelServer::start(Some(list));
    bench.configure(port, &vendor.base_url(), "fake", "${OPENAI_API_KEY}");
    let mut gateway = bench.start_gateway(port);
    bench.takes_a_turn(&vendor, &gateway);
    assert!(vendor.requests().len() >= 2, "a tool call is two requests");

    let names = fs::read_to_string(names).expect("the agent ran the command it was told to run");
    let ours: Vec<&str> = names.lines().filter(|name| is_ours(name)).collect();
    assert!(names.lines().any(|name| name == "HOME"), "not a list of variables: {names}");
    assert!(ours.is_empty(), "the agent's own commands see the way to the vault: {ours:?}");

    let is_found = |leaks: &[(String, String)], rule: &str, place: &str| {
        let there = leaks.iter().any(|(found, file)| found == rule && file.contains(place));
        assert!(there, "no {rule} in {place}: {leaks:?}");
    };
    // While the gateway has its databases open, most of it in their logs.
    let leaks = bench.leaks_in_state();
    is_found(&leaks, "sql-user-password", "openclaw-agent.sqlite!transcript_events/event_zstd");
    is_found(&leaks, "private-key", "openclaw.sqlite!device_identities/private_key_pem");

    let status = gateway.terminate(STOP_LIMIT);
    assert_eq!(status.code(), Some(0), "{}", gateway.said());
    let home = bench.path("home/.openclaw");
    let before = states_below(&home);
    let leaks = bench.leaks_in_state();
    is_found(&leaks, "sql-user-password", "openclaw-agent.sqlite!transcript_events/event_zstd");
    assert!(states_below(&home) == before, "the scan touched OpenClaw's files");
    bench.assert_value_is_in_no_file();
}

/// The key lay in clear in the configuration and in an old copy of it: imported and scrubbed, it
/// reaches the vendor as before and lies in no file.
#[test]
fn lives_on_a_configuration_that_was_scrubbed() {
    let bench = Bench::new();
    let port = free_port();
    let vendor = ModelServer::start(None);
    bench.configure(port, &vendor.base_url(), "openai", &bench.value);
    let home = bench.path("home/.openclaw");
    fs::copy(home.join("openclaw.json"), home.join("openclaw.json.bak")).unwrap();
    bench.clawvault(&["import", "--openclaw", home.to_str().unwrap(), "--scrub", "--yes"], "");
    let mut gateway = bench.start_gateway(port);
    bench.takes_a_turn(&vendor, &gateway);
    let status = gateway.terminate(STOP_LIMIT);
    assert_eq!(status.code(), Some(0), "{}", gateway.said());
    bench.assert_value_is_in_no_file();

    bench.clawvault(&["import", "--undo"], "");
    for name in ["openclaw.json", "openclaw.json.bak"] {
        let text = fs::read_to_string(home.join(name)).unwrap();
        assert!(text.contains(&bench.value), "{name} is not as it was");
    }
}

/// A machine of its own in a temporary directory: a vault that holds one key, and an empty home.
struct Bench {
    root: TempDir,
    /// The directory that holds the commands `openclaw` and `node`.
    openclaw: PathBuf,
    /// The vault's key: different in every run, and of no vendor's format.
    value: String,
}

impl Bench {
    fn new() -> Self {
        let openclaw = install_openclaw();
        let root = tempfile::tempdir().unwrap();
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let value = format!("clawvault-test-{:x}-{now:x}", std::process::id());
        let bench = Self { root, openclaw, value };
        for directory in ["home", "tmp", "credentials"] {
            fs::create_dir(bench.path(directory)).unwrap();
        }
        // Compiled code outlives the test, beside the installation: it is a third of a first start.
        // Not by NODE_COMPILE_CACHE: with it, OpenClaw runs the gateway in a child of itself.
        let compiled = bench.openclaw.join("../../compile-cache");
        fs::create_dir_all(&compiled).unwrap();
        symlink(compiled, bench.path("tmp/node-compile-cache")).unwrap();

        bench.clawvault(&["init"], "");
        bench.clawvault(&["set", "openai/main"], &bench.value);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Runs clawvault to its end with `input` on stdin.
    fn clawvault(&self, arguments: &[&str], input: &str) {
        let mut command = self.vault_command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "clawvault {arguments:?}: {}: {said}", output.status);
    }

    /// The agent answers a message, and every request of it carries the vault's key.
    fn takes_a_turn(&self, vendor: &ModelServer, gateway: &Process) {
        let mut turn = self.command("openclaw");
        turn.args(["agent", "--agent", "main", "--message", "ping", "--json"]);
        let mut turn = Process::start(&mut turn, &self.path("turn.log"));
        let status = turn.wait(TURN_LIMIT);
        assert!(status.success(), "{status}; {}\ngateway: {}", turn.said(), gateway.said());
        let requests = vendor.requests();
        let bearer = format!("Bearer {}", self.value);
        assert!(!requests.is_empty(), "the vendor was not asked");
        for request in &requests {
            assert_eq!(request.path, "/v1/chat/completions");
            assert_eq!(request.authorization.as_ref(), Some(&bearer));
        }
    }

    /// Writes the configuration of a gateway whose one model is at `base_url`. The memory search
    /// is off: it would send the key, as an OpenAI key, to OpenAI's embeddings.
    fn configure(&self, port: u16, base_url: &str, provider: &str, key: &str) {
        let vendor = json!({
            "baseUrl": base_url,
            "api": "openai-completions",
            "apiKey": key,
            "models": [{
                "id": "fake-1", "name": "fake-1",
                "cost": { "input": 1000, "output": 1000, "cacheRead": 0, "cacheWrite": 0 },
            }],
        });
        let config = json!({
            "gateway": {
                "mode": "local", "bind": "loopback", "port": port, "auth": { "mode": "none" },
            },
            "models": { "providers": { provider: vendor } },
            "agents": { "defaults": { "model": { "primary": format!("{provider}/fake-1") } } },
            "memory": { "search": { "enabled": false } },
        });
        let directory = self.path("home/.openclaw");
        let file = directory.join("openclaw.json");
        fs::create_dir(&directory).unwrap();
        fs::write(&file, config.to_string()).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Starts a gateway under `clawvault run` and waits until it is healthy. The launcher knows the
    /// way to the vault by all the variables that may show it.
    fn start_gateway(&self, port: u16) -> Process {
        let mut command = self.vault_command();
        command
            .env("CLAWVAULT_IDENTITY", self.path("vault/identity.txt"))
            .env("CREDENTIALS_DIRECTORY", self.path("credentials"))
            .args(["run", "--", "openclaw", "gateway", "run", "--allow-unconfigured"])
            .args(["--auth", "none", "--bind", "loopback", "--port", &port.to_string()]);
        let mut gateway = Process::start(&mut command, &self.path("gateway.log"));
        gateway.wait_http_ok(port, "/healthz", START_LIMIT);
        gateway
    }

    /// What `scan --openclaw` finds in this home: rules and places.
    fn leaks_in_state(&self) -> Vec<(String, String)> {
        let mut command = self.vault_command();
        let output = command.args(["scan", "--openclaw", "--format", "jsonl"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(!said.contains("not read") && !said.contains("damaged"), "{said}");
        let lines = String::from_utf8(output.stdout).unwrap();
        let finding = |line: &str| {
            let told: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| told[key].as_str().unwrap().to_owned();
            (text("rule"), text("file"))
        };
        lines.lines().map(finding).collect()
    }

    fn vault_command(&self) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_clawvault"));
        command.env("CLAWVAULT_HOME", self.path("vault"));
        command
    }

    /// A command in a clean environment, where OpenClaw is quiet and offline. All that it leaves
    /// outside the bench is lock files below /tmp.
    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", self.openclaw.display()))
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("OPENCLAW_LOG_LEVEL", "silent")
            .env("OPENCLAW_DISABLE_BONJOUR", "1")
            .env("OPENCLAW_NO_AUTO_UPDATE", "1")
            .env("OPENCLAW_OFFLINE", "1")
            .env("OPENCLAW_SKIP_CHANNELS", "1")
            .current_dir(self.path("home"));
        command
    }

    /// Looks for the value in clear in the home, the vault, the logs: everything the run wrote.
    fn assert_value_is_in_no_file(&self) {
        let files = files_below(self.root.path());
        assert!(files.iter().any(|file| file.ends_with("gateway.log")), "the search is broken");
        for file in files {
            let content = fs::read(&file).unwrap();
            let found = String::from_utf8_lossy(&content).contains(&self.value);
            assert!(!found, "{} holds the key in clear", file.display());
        }
    }
}

/// Installs the pinned OpenClaw unless it is there; the directory of its commands.
fn install_openclaw() -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openclaw/install");
    let output = Command::new(script).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "OpenClaw is not installed and {script} failed: see above");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
}

/// Whether a variable shows the way to the vault.
fn is_ours(name: &str) -> bool {
    name.starts_with("CLAWVAULT_") || name == "CREDENTIALS_DIRECTORY"
}

fn environment_of(proc: &Path) -> BTreeMap<String, String> {
    let bytes = fs::read(proc.join("environ")).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Whether the process itself, not a child of it, listens on the IPv4 `port`.
fn listens(proc: &Path, port: u16) -> bool {
    const LISTEN: &str = "0A";
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let sockets: Vec<PathBuf> = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|row| row.get(3) == Some(&LISTEN) && row[1].ends_with(&format!(":{port:04X}")))
        .map(|row| PathBuf::from(format!("socket:[{}]", row[9])))
        .collect();
    let descriptors = fs::read_dir(proc.join("fd")).unwrap().flatten();
    let mut targets = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
    targets.any(|target| sockets.contains(&target))
}

/// What tells that the files below a directory are as they were.
fn states_below(directory: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let state = |path: PathBuf| {
        let known = fs::metadata(&path).unwrap();
        (path, (known.len(), known.modified().unwrap()))
    };
    files_below(directory).into_iter().map(state).collect()
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files.extend(files_below(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files
}
