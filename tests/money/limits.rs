//! A limit that is reached: told once, the key taken from programs, and given back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clawvault::app::{App, KeySource, Pause};
use clawvault_core::domain::{ProfileName, SecretName};
use clawvault_core::vault::Place;

use super::World;
use super::http::Server;

fn world(spent: &'static str) -> (World, Server) {
    let server = Server::start(move |_| {
        let hour = jiff::Timestamp::now().as_second() / 3600 * 3600;
        let at = |s: i64| jiff::Timestamp::from_second(s).unwrap().to_string();
        let (from, to) = (at(hour), at(hour + 3600));
        (
            200,
            format!(
                r#"{{"data":[{{"starting_at":"{from}","ending_at":"{to}","group":{{"api_key_id":"k1"}},"cost":{{"amount":"{spent}","currency":"USD"}}}}],"has_more":false,"next_page":null}}"#
            ),
        )
    });
    let world = World::new();
    world.set("anthropic/main", "key-of-anthropic");
    world.set("anthropic/admin", "admin-a");
    world.set("openai/main", "key-of-openai");
    world.policy(&format!(
        "[vendors.anthropic]\nbase_url = \"{}\"\n\
         [secrets.\"anthropic/main\"]\nadmin = \"anthropic/admin\"\nparams = {{ key_id = \"k1\" }}\n\
         limits = [{{ per = \"month\", amount = \"10 USD\", then = [\"alert\", \"pause\"] }}]\n\
         [alerts.file]\nkind = \"webhook\"\nto = \"http://127.0.0.1:9/none\"\n",
        server.url()
    ));
    (world, server)
}

fn crossing(served: bool) {
    let (world, _server) = world("1000.01");
    let _daemon = served.then(|| world.daemon());
    let program = ["run", "--only", "anthropic/main", "--", "sh", "-c", "exit 0"];
    let (code, err) = world.code(&program);
    assert_eq!(code, 0, "{err}");
    let (_, err) = world.code(&["spend", "--refresh"]);
    assert!(err.contains("anthropic/main is paused"), "{err}");
    let (code, err) = world.code(&program);
    assert_eq!(code, 125, "{err}");
    assert!(err.contains("is paused: 10 of 10 USD a month are spent"), "{err}");
    // Programs that did not ask for it go on without it, and are told.
    let (code, err) = world.code(&[
        "run",
        "--",
        "sh",
        "-c",
        "test -z \"$ANTHROPIC_API_KEY\" && test -n \"$OPENAI_API_KEY\"",
    ]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("left out"), "{err}");
    // The operator still sees it; `spend` ends with 1.
    assert_eq!(world.good(&["get", "anthropic/main"]), "key-of-anthropic");
    assert_eq!(world.code(&["spend"]).0, 1);
    let waiting = world.json(&["alert", "list", "--json"]);
    let kinds: Vec<&str> =
        waiting.as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"limit"), "{waiting}");
    // Lifted, it is handed out again, and the next check does not pause it once more.
    world.good(&["spend", "resume", "anthropic/main"]);
    assert_eq!(world.code(&program).0, 0);
    world.code(&["spend", "--refresh"]);
    assert_eq!(world.code(&program).0, 0);
    let again = world.json(&["alert", "list", "--json"]);
    let limits = |all: &serde_json::Value| {
        all.as_array().unwrap().iter().filter(|one| one["kind"] == "limit").count()
    };
    assert_eq!(limits(&again), limits(&waiting), "a crossing is told once");
}

#[test]
fn a_crossing_pauses_and_lifting_brings_back() {
    crossing(false);
}

#[test]
fn the_same_with_a_daemon() {
    crossing(true);
}

/// A limit that is raised gives the key back by itself, at the next check; passed again, it takes it
/// again. So does one that is taken out of the policy.
#[test]
fn a_limit_that_is_raised_gives_the_key_back() {
    let (world, _server) = world("1000.01");
    let program = ["run", "--only", "anthropic/main", "--", "sh", "-c", "exit 0"];
    let policy = std::fs::read_to_string(world.path("policy.toml")).unwrap();
    world.code(&["spend", "--refresh"]);
    assert_eq!(world.code(&program).0, 125);
    world.policy(&policy.replace("10 USD", "100 USD"));
    let (_, err) = world.code(&["spend", "--due"]);
    assert!(err.contains("anthropic/main is handed out again"), "{err}");
    assert_eq!(world.code(&program).0, 0);
    world.policy(&policy.replace("10 USD", "9 USD"));
    world.code(&["spend", "--due"]);
    assert_eq!(world.code(&program).0, 125);
    world.policy(&policy.replace("limits = ", "# limits = "));
    world.code(&["spend", "--due"]);
    assert_eq!(world.code(&program).0, 0);
    // What a person paused no limit gives back.
    world.good(&["spend", "pause", "anthropic/main"]);
    world.code(&["spend", "--due"]);
    assert_eq!(world.code(&program).0, 125);
}

/// A pause whose time is over is taken out of the vault by the daemon, which tells the gateways: no
/// vendor has to be asked for that.
#[test]
fn the_daemon_ends_a_pause_whose_time_is_over() {
    let (world, _server) = world("1");
    let home = world.path("home");
    let identity = Some(home.join("identity.txt"));
    let keys = KeySource { identity, passphrase_file: None, prompt: Box::new(|| None) };
    let place = Place { state: home.join("state"), home };
    let app = App::new(place, world.path("run"), world.path("run/none.sock"), keys);
    let until_ms = jiff::Timestamp::now().as_millisecond() + 3000;
    let pause = Pause {
        profile: ProfileName::default(),
        name: SecretName::parse("anthropic/main").unwrap(),
        until_ms: Some(until_ms),
        why: "10 of 10 USD an hour are spent".to_owned(),
    };
    drop(app.pause(&pause).unwrap());
    let program = ["run", "--only", "anthropic/main", "--", "true"];
    assert_eq!(world.code(&program).0, 125);
    while jiff::Timestamp::now().as_millisecond() <= until_ms {
        std::thread::sleep(Duration::from_millis(50));
    }
    let written = || world.good(&["log", "--event", "pause"]).lines().count();
    assert_eq!(written(), 1);
    let _daemon = world.daemon();
    let end = Instant::now() + Duration::from_secs(30);
    while written() < 2 {
        assert!(Instant::now() < end, "the daemon leaves it there");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(world.code(&program).0, 0);
}

#[test]
fn the_resolver_serves_a_paused_key_dead() {
    let (world, _server) = world("1000");
    let ask =
        r#"{"protocolVersion":1,"provider":"clawvault","ids":["anthropic/main","openai/main"]}"#;
    let resolve = || {
        let mut command = world.command(&["resolve"]);
        use std::io::Write;
        let piped = std::process::Stdio::piped;
        let mut child = command.stdin(piped()).stdout(piped()).stderr(piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(ask.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    };
    assert!(resolve().contains("key-of-anthropic"));
    world.code(&["spend", "--refresh"]);
    let told = resolve();
    assert!(!told.contains("key-of-anthropic") && told.contains("key-of-openai"), "{told}");
    world.good(&["spend", "resume", "anthropic/main"]);
    assert!(resolve().contains("key-of-anthropic"));
}

#[test]
fn a_cap_is_set_at_the_vendor_in_its_own_unit() {
    let server = Server::start(|asked| {
        let good = asked.method == "POST"
            && asked.target == "/organization/projects/proj_1/spend_limit"
            && asked.header("authorization") == Some("Bearer admin-key");
        if good { (200, "{}".to_owned()) } else { (404, "{}".to_owned()) }
    });
    let world = World::new();
    world.set("openai/main", "sk-main");
    world.set("openai/admin", "admin-key");
    world.policy(&format!(
        "[vendors.openai]\nbase_url = \"{}\"\n[secrets.\"openai/main\"]\nadmin = \"openai/admin\"\nparams = {{ project = \"proj_1\" }}\n",
        server.url()
    ));
    world.good(&["spend", "cap", "openai", "50.5 USD"]);
    let body: serde_json::Value = serde_json::from_str(&server.asked()[0].body).unwrap();
    let expected = serde_json::json!({"currency":"USD","interval":"month","threshold_amount":5050});
    assert_eq!(body, expected);
    assert_eq!(world.code(&["spend", "cap", "openai", "50.555 USD"]).0, 6, "no half cents");
    assert_eq!(world.code(&["spend", "cap", "openai", "50 EUR"]).0, 2);
    assert_eq!(world.code(&["spend", "cap", "groq", "50 USD"]).0, 4);
    assert_eq!(server.asked().len(), 1);
}

/// A limit that is reached has the vendor's cap set and the key rotated: each once, a cap that the vendor
/// did not take again at the next check.
#[test]
fn a_crossing_caps_and_rotates_at_the_vendor() {
    let spent = Arc::new(AtomicUsize::new(1));
    let of_server = Arc::clone(&spent);
    let server = Server::start(move |asked| {
        let spent = of_server.load(Ordering::SeqCst);
        let project = "/organization/projects/proj_1";
        let by = asked.header("authorization").unwrap_or_default();
        let path = asked.target.split('?').next().unwrap_or_default();
        let now = jiff::Timestamp::now().as_second() / 86_400 * 86_400;
        let answer = match (asked.method.as_str(), path.strip_prefix(project), by) {
            ("GET", None, "Bearer admin-key") if path == "/organization/costs" => {
                serde_json::json!({
                    "data": [{ "start_time": now, "results": [{
                        "object": "organization.costs.result", "project_id": "proj_1",
                        "amount": { "value": spent, "currency": "usd" } }] }],
                    "has_more": false,
                })
            }
            // Busy as long as no more than twenty is spent.
            ("POST", Some("/spend_limit"), "Bearer admin-key") if spent <= 20 => {
                return (503, "{}".to_owned());
            }
            ("POST", Some("/spend_limit"), "Bearer admin-key") => serde_json::json!({}),
            ("POST", Some("/service_accounts"), "Bearer admin-key") => {
                serde_json::json!({ "id": "account-2", "api_key": { "value": "second-key" } })
            }
            ("GET", None, "Bearer first-key" | "Bearer second-key") if path == "/models" => {
                serde_json::json!({ "data": [] })
            }
            _ => return (401, "{}".to_owned()),
        };
        (200, answer.to_string())
    });
    let world = World::new();
    world.set("openai/main", "first-key");
    world.set("openai/admin", "admin-key");
    world.policy(&format!(
        "[vendors.openai]\nbase_url = \"{}\"\n\
         [secrets.\"openai/main\"]\nadmin = \"openai/admin\"\nparams = {{ project = \"proj_1\" }}\n\
         limits = [{{ per = \"month\", amount = \"10 USD\", then = [\"cap\", \"rotate\"] }}]\n",
        server.url()
    ));
    let of = |end: &str| {
        let all = server.asked().into_iter().filter(|one| one.method == "POST");
        all.filter(|one| one.target.ends_with(end)).collect::<Vec<_>>()
    };
    let count = || (of("/spend_limit").len(), of("/service_accounts").len());
    world.code(&["spend", "--refresh"]);
    assert_eq!(count(), (0, 0), "nothing is reached");
    spent.store(15, Ordering::SeqCst);
    let (code, err) = world.code(&["spend", "--due", "--refresh"]);
    assert!(code == 6 && err.contains("openai/main is rotated"), "{code}: {err}");
    assert!(err.contains("the cap of openai"), "{err}");
    assert_eq!(count(), (1, 1));
    assert_eq!(world.good(&["get", "openai/main"]), "second-key");
    spent.store(25, Ordering::SeqCst);
    let (_, err) = world.code(&["spend", "--due", "--refresh"]);
    assert!(err.contains("openai has a cap of 10 USD at its vendor"), "{err}");
    let body: serde_json::Value = serde_json::from_str(&of("/spend_limit")[1].body).unwrap();
    assert_eq!(body["threshold_amount"], 1000, "{body}");
    world.code(&["spend", "--due", "--refresh"]);
    assert_eq!(count(), (2, 1), "each once");
}
