//! OpenClaw without keys in its files and its environment: linked, reloaded, cut off, and what it
//! gets while the daemon is locked or gone.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http::Server;
use super::model_server::ModelServer;
use super::process::{Process, free_port};
use super::vendor::{ADMIN, Vendor};
use super::{Bench, START_LIMIT, STOP_LIMIT, TURN_LIMIT, files_below, install_openclaw};

/// How soon the resolver has to answer, whatever is wrong.
const AT_ONCE: Duration = Duration::from_secs(3);

#[test]
fn a_linked_openclaw_has_its_keys_from_the_vault_alone() {
    let bench = Linked::new();
    let vendor = ModelServer::start(Some(bench.what_a_hijacked_agent_does()));
    bench.configure(&vendor, json!({ "mode": "token", "token": bench.token }));
    bench.cv(&["openclaw", "link", "--yes"], "");
    bench.assert_no_key_in_files();
    let state = bench.json(&["openclaw", "status", "--json"]);
    assert_eq!(state["references"][1]["state"], "resolves", "{state}");

    let mut daemon = bench.serve();
    bench.cv(&["unlock"], "");
    // Its own commands are the operator's: they are answered at any time.
    let audit = bench.openclaw(&["secrets", "audit", "--check", "--allow-exec", "--json"]);
    let audit: Value = serde_json::from_str(&audit).unwrap();
    assert_eq!(audit["status"], "clean", "{audit}");

    let mut gateway = bench.start(true);
    let first = bench.bench.value.clone();
    bench.takes_a_turn(&gateway);
    let seen = vendor.requests();
    assert!(seen.len() >= 2, "a tool call is two requests");
    bench.assert_bearer(&vendor, 0, &first);
    let got = fs::read_to_string(bench.bench.path("got")).expect("the agent ran its command");
    assert!(got.contains("get 3") && got.contains("resolver 3"), "{got}");
    for value in [&first, &bench.token] {
        assert!(!got.contains(value.as_str()), "the agent got a key");
    }
    let log = bench.cv(&["log"], "");
    assert!(log.contains("get refused") && log.contains("resolve refused"), "{log}");

    // A new value is used by the very same process.
    let second = format!("{first}-second");
    bench.cv(&["set", "openai/main"], &second);
    bench.requests_once_quiet(&vendor);
    let reloaded = bench.json(&["openclaw", "reload", "--json"]);
    assert_eq!(reloaded["pid"], gateway.id());
    assert_eq!((&reloaded["warnings"], &reloaded["by"]), (&json!(0), &json!("socket")));
    let before = bench.requests_once_quiet(&vendor);
    bench.takes_a_turn(&gateway);
    bench.assert_bearer(&vendor, before, &second);

    // What opens the gateway gets another value, and the first again: each time by the one before.
    for change in ["set", "rollback"] {
        let other = format!("{}-other", bench.token);
        bench.cv(&[change, "openclaw/gateway-token"], if change == "set" { &other } else { "" });
        let reloaded = bench.json(&["openclaw", "reload", "--json"]);
        assert_eq!((&reloaded["pid"], &reloaded["by"]), (&json!(gateway.id()), &json!("socket")));
    }

    // Nobody may ask OpenAI what it costs here: OpenClaw's own books tell, as an estimate.
    let estimate = bench.estimate();
    assert!(estimate["spent"].as_str().unwrap().starts_with("0.0"), "{estimate}");

    // A rotation brings it the new key and takes the old one from the vendor: the same process.
    let policy = bench.cv(&["policy", "show"], "");
    let issuer = bench.rotates_at(&second);
    bench.requests_once_quiet(&vendor);
    let rotated = bench.json(&["rotate", "openai/main", "--json"]);
    assert_eq!(rotated[0]["result"], "done", "{rotated}");
    let third = bench.cv(&["get", "openai/main"], "");
    let live: Vec<String> =
        issuer.state.lock().unwrap().keys.values().map(|(value, _)| value.clone()).collect();
    assert_eq!(live, [third.trim().to_owned()], "one key lives");
    let before = bench.requests_once_quiet(&vendor);
    bench.takes_a_turn(&gateway);
    bench.assert_bearer(&vendor, before, third.trim());
    bench.apply(&policy);

    // Cut off: nothing reaches the vendor, and the gateway lives. What opens the gateway stays.
    bench.refused(&["openclaw", "kill", "openclaw/gateway-token"]);
    bench.requests_once_quiet(&vendor);
    bench.cv(&["openclaw", "kill", "openai/main"], "");
    let before = vendor.requests().len();
    bench.turn(&gateway);
    assert_eq!(vendor.requests().len(), before, "the vendor was asked with a dead key");

    // A daemon that is killed, and another one in its place.
    drop(daemon);
    let (code, took) = bench.resolver();
    assert!(code == Some(7) && took < AT_ONCE, "a stale socket: {code:?} after {took:?}");
    daemon = bench.serve();
    let (code, took) = bench.resolver();
    assert!(code == Some(3) && took < AT_ONCE, "a locked daemon: {code:?} after {took:?}");
    bench.cv(&["unlock"], "");
    bench.cv(&["rollback", "openai/main"], "");
    let reloaded = bench.json(&["openclaw", "reload", "--json"]);
    assert_eq!((&reloaded["pid"], &reloaded["answered"]), (&json!(gateway.id()), &json!(true)));
    let before = vendor.requests().len();
    bench.takes_a_turn(&gateway);
    assert!(vendor.requests().len() > before, "the key came back");

    // A limit that is reached takes the key from the running gateway; raised, it has it again.
    let _costs = bench.limit();
    bench.requests_once_quiet(&vendor);
    bench.cv(&["spend", "--due"], "");
    let before = vendor.requests().len();
    bench.turn(&gateway);
    assert_eq!(vendor.requests().len(), before, "the vendor was asked with a paused key");
    let policy = bench.cv(&["policy", "show"], "");
    bench.apply(&policy.replace("10 USD", "100 USD"));
    bench.cv(&["spend", "--due"], "");
    bench.takes_a_turn(&gateway);
    assert!(vendor.requests().len() > before, "the key was given back");

    let status = gateway.terminate(STOP_LIMIT);
    assert_eq!(status.code(), Some(0), "{}", gateway.said());
    bench.assert_no_key_in_files();
    assert_eq!(daemon.terminate(STOP_LIMIT).code(), Some(0), "{}", daemon.said());
    // And back: the values stand where they stood.
    bench.cv(&["openclaw", "unlink", "--yes"], "");
    let config = fs::read_to_string(bench.bench.path("home/.openclaw/openclaw.json")).unwrap();
    assert!(config.contains(&bench.token) && !config.contains("clawvault-resolver"), "{config}");
}

#[test]
fn a_gateway_that_starts_while_the_daemon_is_locked_gets_its_keys_later() {
    let bench = Linked::new();
    let vendor = ModelServer::start(None);
    bench.configure(&vendor, json!({ "mode": "none" }));
    bench.cv(&["openclaw", "link", "--yes"], "");
    let _daemon = bench.serve();
    let gateway = bench.start(false);
    bench.turn(&gateway);
    assert_eq!(vendor.requests().len(), 0, "it had no key to ask with");
    bench.cv(&["unlock"], "");
    let reloaded = bench.json(&["openclaw", "reload", "--json"]);
    assert_eq!((&reloaded["pid"], &reloaded["answered"]), (&json!(gateway.id()), &json!(true)));
    bench.takes_a_turn(&gateway);
    bench.assert_bearer(&vendor, 0, &bench.bench.value);

    // All keys are revoked: the gateway drops its own, though the key's vendor cannot be reached.
    let away = "\n[vendors.openai]\nbase_url = \"http://127.0.0.1:9/v1\"\n";
    bench.apply(&(bench.cv(&["policy", "show"], "") + away));
    bench.requests_once_quiet(&vendor);
    let report = bench.json(&["revoke-all", "--yes", "--json", "--wait", "0"]);
    let told = &report["report"]["gateways"][0]["result"];
    assert_eq!(*told, "it dropped what was revoked", "{report}");
    let before = vendor.requests().len();
    bench.turn(&gateway);
    assert_eq!(vendor.requests().len(), before, "the vendor was asked with a revoked key");
}

/// All of it while the daemon has the store.
#[test]
fn openclaw_itself_applies_the_plan_and_scrub_and_unlink_do_the_rest() {
    let bench = Linked::new();
    let vendor = ModelServer::start(None);
    bench.configure(&vendor, json!({ "mode": "token", "token": bench.token }));
    let mut daemon = bench.serve();
    bench.cv(&["unlock"], "");
    let file = bench.bench.path("home/.openclaw/openclaw.json");
    let before = fs::read_to_string(&file).unwrap();
    let plan = bench.cv(&["openclaw", "link", "--plan", "--yes"], "");
    assert!(!plan.contains(&bench.bench.value) && !plan.contains(&bench.token), "{plan}");
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    fs::write(bench.bench.path("home/plan.json"), &plan).unwrap();
    let apply = ["secrets", "apply", "--from", "plan.json", "--allow-exec", "--json"];
    let applied = |more: &[&str]| {
        let mut command = bench.bench.command("openclaw");
        command.args(apply).args(more);
        let (code, out, said) = finish(command, "");
        assert_eq!(code, Some(0), "apply {more:?}: {out}{said}");
    };
    applied(&["--dry-run"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    applied(&[]);
    let after = fs::read_to_string(&file).unwrap();
    assert!(after.contains("clawvault-resolver") && !after.contains(&bench.bench.value), "{after}");
    // OpenClaw leaves the old copies as they were.
    bench.cv(&["openclaw", "scrub", "--yes"], "");
    bench.assert_no_key_in_files();
    let audit = bench.openclaw(&["secrets", "audit", "--check", "--allow-exec", "--json"]);
    let audit: Value = serde_json::from_str(&audit).unwrap();
    assert_eq!(audit["status"], "clean", "{audit}");
    bench.cv(&["openclaw", "unlink", "--yes"], "");
    assert!(fs::read_to_string(&file).unwrap().contains(&bench.token));
    assert_eq!(daemon.terminate(STOP_LIMIT).code(), Some(0), "{}", daemon.said());
}

/// What we take for places of references is what the package says of itself.
#[test]
fn the_places_that_take_references_are_those_of_the_package() {
    let package = install_openclaw().join("../openclaw/docs/reference");
    let matrix = package.join("secretref-user-supplied-credentials-matrix.json");
    let matrix: Value = serde_json::from_slice(&fs::read(matrix).unwrap()).unwrap();
    let entries = matrix["entries"].as_array().unwrap().iter();
    let ours = entries.filter(|entry| entry["configFile"] == "openclaw.json");
    let mut paths: Vec<&str> = ours.map(|entry| entry["path"].as_str().unwrap()).collect();
    paths.sort_unstable();
    let mut known: Vec<&str> =
        include_str!("../../src/openclaw/takes-references.txt").lines().collect();
    known.sort_unstable();
    assert_eq!(known, paths);
}

/// A bench whose gateway asks the vault.
struct Linked {
    bench: Bench,
    token: String,
    port: u16,
}

impl Linked {
    fn new() -> Self {
        // Once for the process: who unlocks is the session that it leads from then on.
        rustix::process::setsid().ok();
        let bench = Bench::new();
        let token = format!("token-{}", bench.value);
        Self { bench, token, port: free_port() }
    }

    /// Two keys in the configuration, and an old copy of it.
    fn configure(&self, vendor: &ModelServer, auth: Value) {
        self.bench.configure(self.port, &vendor.base_url(), "openai", &self.bench.value);
        let file = self.bench.path("home/.openclaw/openclaw.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        config["gateway"]["auth"] = auth;
        fs::write(&file, config.to_string()).unwrap();
        fs::copy(&file, file.with_extension("json.bak")).unwrap();
    }

    /// A vendor that issues keys, and the rule by which `openai/main` is rotated there.
    fn rotates_at(&self, value: &str) -> Vendor {
        let issuer = Vendor::start(Duration::ZERO);
        issuer.add("first", value);
        self.cv(&["set", "openai/admin"], ADMIN);
        let rules = format!(
            "\n[defaults]\noverlap = \"0s\"\n[secrets.\"openai/main\"]\nadmin = \"openai/admin\"\n\
             params = {{ project = \"proj_1\" }}\n[vendors.openai]\nbase_url = \"http://127.0.0.1:{}/v1\"\n",
            issuer.port
        );
        self.apply(&(self.cv(&["policy", "show"], "") + &rules));
        issuer
    }

    fn apply(&self, policy: &str) {
        let file = self.bench.path("policy.toml");
        fs::write(&file, policy).unwrap();
        self.cv(&["policy", "apply", file.to_str().unwrap(), "--yes"], "");
    }

    fn resolver_path(&self) -> PathBuf {
        self.bench.path("vault/bin/clawvault-resolver")
    }

    fn what_a_hijacked_agent_does(&self) -> String {
        let request = r#"{"protocolVersion":1,"provider":"clawvault","ids":["openai/main"]}"#;
        format!(
            "export CLAWVAULT_HOME={vault}; {{ env; {clawvault} get openai/main; echo get $?; \
             echo '{request}' | {resolver} --socket {vault}/run/daemon-*.sock; echo resolver $?; \
             }} > {got} 2>&1",
            vault = self.bench.path("vault").display(),
            clawvault = env!("CARGO_BIN_EXE_clawvault"),
            resolver = self.resolver_path().display(),
            got = self.bench.path("got").display(),
        )
    }

    /// What is known of OpenAI's costs, once OpenClaw has counted.
    fn estimate(&self) -> Value {
        let end = Instant::now() + TURN_LIMIT;
        loop {
            let told = self.json(&["spend", "--refresh", "--json"]);
            let figures = told["figures"].as_array().unwrap();
            let figure = figures.iter().find(|one| one["subject"] == "vendor openai").unwrap();
            if figure["estimate"] == true {
                return figure.clone();
            }
            assert!(Instant::now() < end, "{told}");
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    /// A limit on the key, and a billing interface that says it is passed.
    fn limit(&self) -> Server {
        let costs = Server::start(|asked| {
            if asked.header("authorization") != Some("Bearer admin-key") {
                return (401, "{}".to_owned());
            }
            let start = jiff::Timestamp::now().as_second();
            let cost = json!({
                "object": "organization.costs.result", "project_id": "proj_1",
                "amount": { "value": 12.5, "currency": "usd" },
            });
            let bucket = json!({ "start_time": start, "results": [cost] });
            (200, json!({ "data": [bucket], "has_more": false, "next_page": null }).to_string())
        });
        self.cv(&["set", "openai/admin"], "admin-key");
        let policy = self.cv(&["policy", "show"], "");
        let limits = r#"[{ per = "month", amount = "10 USD", then = ["alert", "pause"] }]"#;
        let more = format!(
            "\n[vendors.openai]\nbase_url = \"{}\"\n[secrets.\"openai/main\"]\nadmin = \"openai/admin\"\n\
             params = {{ project = \"proj_1\" }}\nlimits = {limits}\n",
            costs.url()
        );
        self.apply(&(policy + &more));
        costs
    }

    /// Runs clawvault; what it prints.
    fn cv(&self, arguments: &[&str], input: &str) -> String {
        let (code, out, said) = self.call(arguments, input);
        assert_eq!(code, Some(0), "clawvault {arguments:?}: {said}");
        out
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let (_, out, said) = self.call(arguments, "");
        serde_json::from_str(&out).unwrap_or_else(|_| panic!("clawvault {arguments:?}: {said}"))
    }

    fn refused(&self, arguments: &[&str]) {
        let (code, _, said) = self.call(arguments, "");
        assert_eq!(code, Some(1), "clawvault {arguments:?}: {said}");
    }

    fn call(&self, arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
        let mut command = self.bench.vault_command();
        command.args(arguments);
        let (code, out, err) = finish(command, input);
        (code, out, err)
    }

    /// Runs OpenClaw's own command; what it prints.
    fn openclaw(&self, arguments: &[&str]) -> String {
        let mut command = self.bench.command("openclaw");
        command.args(arguments);
        finish(command, "").1
    }

    fn socket(&self) -> Option<PathBuf> {
        let all = fs::read_dir(self.bench.path("vault/run")).into_iter().flatten().flatten();
        let mut paths = all.map(|entry| entry.path());
        paths.find(|path| path.extension().is_some_and(|end| end == "sock"))
    }

    fn serve(&self) -> Process {
        let mut command = self.bench.vault_command();
        command.arg("daemon");
        let daemon = Process::start(&mut command, &self.bench.path("daemon.log"));
        let end = Instant::now() + Duration::from_secs(20);
        while self.socket().is_none_or(|socket| UnixStream::connect(socket).is_err()) {
            assert!(Instant::now() < end, "the daemon does not listen; {}", daemon.said());
            std::thread::sleep(Duration::from_millis(10));
        }
        daemon
    }

    /// Starts the gateway: as one that the daemon knows, or by itself.
    fn start(&self, known: bool) -> Process {
        let mut command = match known {
            true => {
                let mut command = self.bench.vault_command();
                command.args(["openclaw", "run", "--", "openclaw"]);
                command
            }
            false => self.bench.command("openclaw"),
        };
        command.args(["gateway", "run"]);
        let mut gateway = Process::start(&mut command, &self.bench.path("gateway.log"));
        gateway.wait_http_ok(self.port, "/healthz", START_LIMIT);
        gateway
    }

    /// The agent is asked something; whether it could answer.
    fn turn(&self, gateway: &Process) -> bool {
        let mut turn = self.bench.command("openclaw");
        turn.args(["agent", "--agent", "main", "--message", "ping", "--json"]);
        let mut turn = Process::start(&mut turn, &self.bench.path("turn.log"));
        let status = turn.wait(TURN_LIMIT);
        println!("a turn: {status}; {}\ngateway: {}", turn.said(), gateway.said());
        status.success()
    }

    fn takes_a_turn(&self, gateway: &Process) {
        assert!(self.turn(gateway), "the turn failed");
    }

    fn assert_bearer(&self, vendor: &ModelServer, from: usize, value: &str) {
        let requests = vendor.requests();
        let bearer = format!("Bearer {value}");
        assert!(requests.len() > from, "the vendor was not asked");
        for (at, request) in requests.iter().enumerate().skip(from) {
            assert_eq!(
                request.authorization.as_ref(),
                Some(&bearer),
                "request {at} of {requests:?}"
            );
        }
    }

    /// How many requests there were, once no turn is at work any more: what one began it ends with
    /// the key that it began with.
    fn requests_once_quiet(&self, vendor: &ModelServer) -> usize {
        let mut count = vendor.requests().len();
        let mut since = Instant::now();
        while since.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(100));
            let now = vendor.requests().len();
            if now != count {
                (count, since) = (now, Instant::now());
            }
        }
        count
    }

    /// The resolver as OpenClaw calls it, without an environment; how it ended, and when.
    fn resolver(&self) -> (Option<i32>, Duration) {
        let mut command = Command::new(self.resolver_path());
        command.env_clear().arg("--socket").arg(self.socket().unwrap());
        let began = Instant::now();
        let (code, out, _) = finish(command, r#"{"protocolVersion":1,"ids":["openai/main"]}"#);
        assert_eq!(out, "");
        (code, began.elapsed())
    }

    /// Neither key lies in any file: not in OpenClaw's home, not in the vault, not in a log.
    fn assert_no_key_in_files(&self) {
        for file in files_below(self.bench.root.path()) {
            // A database may be rewritten just now.
            let content = fs::read(&file).unwrap_or_default();
            let text = String::from_utf8_lossy(&content);
            for value in [&self.bench.value, &self.token] {
                assert!(!text.contains(value.as_str()), "{} holds a key", file.display());
            }
        }
    }
}

fn finish(mut command: Command, input: &str) -> (Option<i32>, String, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}
