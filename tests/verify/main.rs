//! Vendors on loopback are asked about keys: by `verify`, with and without the daemon, and by
//! `scan --verify`; what they say is told, and no value is.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by it"
)]

#[path = "../support/sandbox.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod sandbox;
#[path = "../support/vendor/mod.rs"]
mod vendor;

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use clawvault::app::{Asking, Vendors, Verdict, ask_all};
use clawvault_core::domain::{FieldName, Policy, Value};
use clawvault_providers::adapter::Ask;
use sandbox::{Said, Sandbox};
use vendor::{Fault, Vendor};

const LIVE: &str = "needle-live-0a1b2c3d4e5f60718293a4b5c6d7e8f9";
const DEAD: &str = "needle-dead-0a1b2c3d4e5f60718293a4b5c6d7e8f9";

/// A user's own vendor.
fn manifest(id: &str, variable: &str) -> String {
    format!(
        "id = \"{id}\"\nname = \"Own\"\n\n[[variables]]\nvariable = \"{variable}\"\n\
         secret = \"{id}/main\"\n\n[api]\nbase_url = \"https://{id}.example\"\n\n[recipes]\n\
         level = \"manual\"\n\n[[recipes.validate]]\nrequest = \"GET /models\"\nholds = [\"$.data\"]\n"
    )
}

/// A vault with two keys, and the vendor of both.
fn world() -> (Sandbox, Vendor) {
    let (sandbox, vendor) = (Sandbox::with_vault(), Vendor::start("openai"));
    vendor.add_key(LIVE, "live");
    sandbox.run(&["set", "openai/main"], LIVE.as_bytes());
    let policy = format!("[vendors.openai]\nbase_url = \"{}\"\n", vendor.base_url());
    apply(&sandbox, &policy, &[]).sound("policy apply");
    (sandbox, vendor)
}

fn apply(sandbox: &Sandbox, policy: &str, more: &[&str]) -> Said {
    std::fs::write(sandbox.path("policy.toml"), policy).unwrap();
    let path = sandbox.path("policy.toml");
    let mut args = vec!["policy", "apply", path.to_str().unwrap(), "--yes"];
    args.extend(more);
    sandbox.run(&args, b"")
}

/// What was said holds no value.
fn silent(said: Said) -> Said {
    let out = String::from_utf8_lossy(&said.out).into_owned();
    assert!(!format!("{out}{}", said.err).contains("needle"), "{out}{}", said.err);
    said
}

#[test]
fn verify_says_live_dead_or_unknown_and_ends_so() {
    let (sandbox, vendor) = world();
    let verify = |args: &[&str]| {
        let args: Vec<&str> = ["verify"].into_iter().chain(args.iter().copied()).collect();
        let said = silent(sandbox.run(&args, b""));
        (said.code(), String::from_utf8(said.out).unwrap())
    };
    let (code, out) = verify(&[]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("openai/main") && out.contains("live"), "{out}");

    sandbox.run(&["set", "openai/other"], DEAD.as_bytes());
    let (code, out) = verify(&["--json"]);
    assert_eq!(code, Some(1), "{out}");
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    let verdict = |at: usize| told["keys"][at]["verdict"].as_str().unwrap().to_owned();
    assert_eq!((verdict(0), verdict(1)), ("live".to_owned(), "dead".to_owned()), "{told}");

    for fault in [Fault::Status(500), Fault::Echo, Fault::Page, Fault::RateLimited(9)] {
        vendor.fault("validate", fault);
        let (code, out) = verify(&["openai/main"]);
        assert_eq!(code, Some(6), "{out}");
        assert!(out.contains("unknown"), "{out}");
    }
    assert_eq!(verify(&["openai/none"]).0, Some(4));
    // What no vendor can be asked about counts where it is named.
    sandbox.run(&["set", "mine/thing"], b"needle-mine-value");
    assert_eq!(verify(&["openai/main"]).0, Some(0));
    assert_eq!(verify(&["mine/thing"]).0, Some(6));

    let log = silent(sandbox.run(&["log", "--json"], b"")).sound("log");
    assert!(log.lines().any(|line| line.contains("\"event\":\"verify\"")), "{log}");
    assert_eq!(vendor.problems(), [""; 0]);
}

/// Ends with the test.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn verify_is_the_same_through_the_daemon() {
    let (sandbox, vendor) = world();
    let mut daemon = sandbox.command(&["daemon"]);
    let daemon = daemon.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _daemon = Daemon(daemon.spawn().expect("the daemon starts"));
    let start = Instant::now();
    while sandbox.run(&["unlock"], b"").code() != Some(0) {
        assert!(start.elapsed() < Duration::from_secs(60), "the daemon does not open the vault");
        std::thread::sleep(Duration::from_millis(50));
    }
    // A test's processes may have no login session that could have unlocked: the key is named.
    let identity = sandbox.home().join("identity.txt");
    let key = ["verify", "--json", "--identity", identity.to_str().unwrap()];
    let said = silent(sandbox.run(&key, b""));
    assert_eq!(said.code(), Some(0), "{}", said.err);
    assert_eq!(vendor.order(), ["validate"]);
    let out = String::from_utf8(said.out).unwrap();
    assert!(out.contains("\"live\""), "{out}");
}

#[test]
fn a_host_has_to_be_trusted_and_a_manifest_may_not_take_what_is_built_in() {
    let sandbox = Sandbox::with_vault();
    let policy = "[vendors.openai]\nbase_url = \"https://keys.example\"\n";
    let said = apply(&sandbox, policy, &[]);
    assert_eq!(said.code(), Some(2), "{}", said.err);
    assert!(said.err.contains("--trust-host keys.example"), "{}", said.err);
    assert_eq!(apply(&sandbox, policy, &["--trust-host", "keys.example"]).code(), Some(0));
    assert_eq!(
        apply(&sandbox, "[vendors.openai]\nbase_url = \"http://keys.example\"\n", &[]).code(),
        Some(2)
    );

    let file = sandbox.path("own.toml");
    let providers = |args: &[&str], text: &str| {
        std::fs::write(&file, text).unwrap();
        let mut all = vec!["providers"];
        all.extend(args);
        all.push(file.to_str().unwrap());
        sandbox.run(&all, b"")
    };
    let good = manifest("own", "OWN_KEY");
    assert_eq!(providers(&["check"], &good).code(), Some(0));
    let said = providers(&["check"], &good.replace("GET /models", "FETCH /models"));
    assert!(said.err.contains("line 15, column 11: a request is not"), "{}", said.err);
    for (from, to, what) in [
        ("id = \"own\"", "id = \"openai\"", "secret's first part"),
        ("OWN_KEY", "OPENAI_API_KEY", "a variable of openai"),
        ("own.example", "api.openai.com", "a host of openai"),
        ("\"$.data\"", "\"$[\"", "no JSONPath"),
    ] {
        let said = providers(&["add"], &good.replacen(from, to, 1));
        assert_eq!(said.code(), Some(2), "{to}");
        assert!(said.err.contains(what), "{}", said.err);
    }
    assert_eq!(providers(&["add"], &good).code(), Some(0));
    assert_eq!(providers(&["add"], &good).code(), Some(2));
    assert_eq!(providers(&["add", "--replace"], &good).code(), Some(0));
    let shown = sandbox.run(&["policy", "show"], b"").sound("policy show");
    assert_eq!(shown.matches("[manifests.own]").count(), 1, "{shown}");
    assert!(shown.contains("keys.example"), "{shown}");

    let vendor = Vendor::start("openai");
    vendor.add_key(LIVE, "live");
    let moved = format!("{shown}\n[vendors.own]\nbase_url = \"{}\"\n", vendor.base_url());
    let said = apply(&sandbox, &moved, &[]);
    assert_eq!(said.code(), Some(0), "{}", said.err);
    sandbox.run(&["set", "own/main"], LIVE.as_bytes());
    let said = silent(sandbox.run(&["verify", "own/main"], b""));
    assert_eq!(said.code(), Some(0), "{} {}", String::from_utf8_lossy(&said.out), said.err);
}

/// A vault with a manifest of its user's own, whose keys have a form; `standin` asks about them.
fn with_own_manifest() -> Sandbox {
    let sandbox = Sandbox::with_vault();
    let form = "\n[[formats]]\nkind = \"key\"\nsecret = \"own/main\"\ndescription = \"Reads.\"\n\
                pattern = 'owk-[0-9a-z]{24}'\nkeywords = [\"owk-\"]\n\
                examples = [\"owk-0123456789abcdefghijklmn\"]\n\
                counter_examples = [\"owk-\", \"owk-0123\"]\n";
    std::fs::write(sandbox.path("own.toml"), manifest("own", "OWN_KEY") + form).unwrap();
    let file = sandbox.path("own.toml");
    sandbox.run(&["set", "own/early"], b"an early one");
    let said = sandbox.run(&["providers", "add", file.to_str().unwrap()], b"");
    assert_eq!(said.code(), Some(0), "{}", said.err);
    sandbox
}

/// A vendor of the user's own is one everywhere: its variables and the forms of its keys count in `set`,
/// `run`, `import` and `scan` as those of a built-in one.
#[test]
fn a_manifest_of_ones_own_counts_like_a_built_in_one() {
    let sandbox = with_own_manifest();
    let key = "owk-91kd8s7f6g5h4j3k2l1q0wne";
    let env = ["run", "--", "printenv", "OWN_KEY"];

    // A variable that its manifest names, and a value of its form in one that nobody names.
    let named = |variable: &str, value: &str, args: &[&str]| {
        let mut command = sandbox.command(args);
        sandbox::run(command.env(variable, value), b"")
    };
    let said = named("OWN_KEY", "anything", &["import", "--env", "--dry-run"]);
    assert!(format!("{}{}", String::from_utf8_lossy(&said.out), said.err).contains("own/main"));
    let said = named("CI_THING", key, &["import", "--env", "--dry-run"]);
    assert!(format!("{}{}", String::from_utf8_lossy(&said.out), said.err).contains("own/main"));
    let file = sandbox.path("x.env");
    std::fs::write(&file, format!("OWN_KEY={key}\n")).unwrap();
    sandbox.run(&["import", file.to_str().unwrap()], b"").sound("import");
    assert_eq!(sandbox.run(&env, b"").sound("run"), format!("{key}\n"));

    // `set` takes its variable, says what does not look right, and takes its id.
    sandbox.run(&["rm", "own/main", "--purge", "--yes"], b"");
    let said = sandbox.run(&["set", "own/main"], b"not like one");
    assert!(said.err.contains("does not look like a key of Own"), "{}", said.err);
    assert_eq!(sandbox.run(&env, b"").sound("run"), "not like one\n");
    assert_eq!(sandbox.run(&["set", "x/y", "--vendor", "own"], b"a").code(), Some(0));
    assert_eq!(sandbox.run(&["set", "x/y", "--vendor", "postgres"], b"a").code(), Some(0));
    assert_eq!(sandbox.run(&["set", "x/y", "--vendor", "nobody"], b"a").code(), Some(2));

    // A scan finds the form, with the vault or not at all.
    let tree = sandbox.path("tree");
    std::fs::create_dir(&tree).unwrap();
    std::fs::write(tree.join("a.txt"), format!("it: {key}\n")).unwrap();
    let scan = |more: &[&str]| {
        let mut args = vec!["scan", "--format", "json", tree.to_str().unwrap()];
        args.extend(more);
        let said = sandbox.run(&args, b"");
        let told: serde_json::Value = serde_json::from_slice(&said.out).unwrap();
        told["findings"].as_array().unwrap().clone()
    };
    let found = scan(&[]);
    assert!(found.iter().any(|one| one["rule"] == "own-key"), "{found:?}");
    assert!(scan(&["--no-vault"]).iter().all(|one| one["rule"] != "own-key"));

    // So does an audit, in OpenClaw's own files.
    std::fs::create_dir(sandbox.path(".openclaw")).unwrap();
    let config = sandbox.path(".openclaw/openclaw.json");
    std::fs::write(config, format!("{{\"note\": \"{key}\"}}")).unwrap();
    let mut audit = sandbox.command(&["audit", "--only", "application.keys.in-config", "--json"]);
    let said = sandbox::run(audit.env("HOME", sandbox.path("")), b"");
    let told: serde_json::Value = serde_json::from_slice(&said.out).unwrap();
    let check = &told["checks"][0];
    let evidence = check["evidence"].as_str().unwrap();
    assert_eq!(check["status"], "fail", "{evidence}");
    assert!(evidence.contains("own-key") || evidence.contains("Own"), "{evidence}");
    assert!(!evidence.contains(key));

    // It stands among the vendors.
    let shown = sandbox.run(&["providers", "show", "own"], b"").sound("providers show");
    assert!(shown.contains("OWN_KEY") && shown.contains("GET https://own.example/models"));
    let all = sandbox.run(&["providers"], b"").sound("providers");
    assert!(all.lines().any(|line| line.starts_with("own ") && line.contains("your own")));
    assert_eq!(sandbox.run(&["providers", "show", "nobody"], b"").code(), Some(4));
    // So do those that no manifest describes.
    let shown = sandbox.run(&["providers", "show", "postgres"], b"").sound("providers show");
    assert!(shown.contains("roles: two roles") && shown.contains("ALTER ROLE"), "{shown}");
    for id in ["postgres", "redis", "ssh", "exec", "webhook", "aws", "openai"] {
        assert!(all.lines().any(|line| line.starts_with(&format!("{id} "))), "{id}: {all}");
    }
}

/// A form that stands in the place of a built-in one, or that cannot be looked for, ends no scan.
#[test]
fn a_scan_goes_on_whatever_the_own_manifests_say() {
    let sandbox = Sandbox::with_vault();
    let form = |pattern: &str| {
        manifest("openai", "OPENAI_API_KEY")
            + "\n[[formats]]\nkind = \"project-key\"\nsecret = \"openai/main\"\n\
               description = \"Reads.\"\nkeywords = [\"owk-\"]\nexamples = [\"owk-\"]\n\
               counter_examples = [\"a\", \"b\"]\npattern = '"
            + pattern
            + "'\n"
    };
    for (pattern, found) in [("owk-[0-9]{24}", true), ("owk-([0-9]", false)] {
        let table: toml::Table = form(pattern).parse().unwrap();
        let inner = toml::Table::from_iter([("openai".to_owned(), toml::Value::Table(table))]);
        let outer = toml::Table::from_iter([("manifests".to_owned(), toml::Value::Table(inner))]);
        let trusted = ["--trust-host", "openai.example"];
        let said = apply(&sandbox, &toml::to_string(&outer).unwrap(), &trusted);
        assert_eq!(said.code(), Some(0), "{}", said.err);
        let text = b"it: owk-918273645091827364509182\n";
        let said = sandbox.run(&["scan", "--stdin", "--format", "json"], text);
        let told: serde_json::Value = serde_json::from_slice(&said.out).unwrap();
        let all = told["findings"].as_array().unwrap();
        let has = all.iter().any(|one| one["vendor"] == "openai");
        assert_eq!(has, found, "{pattern}: {told} {}", said.err);
    }
}

#[test]
fn a_scan_asks_about_each_value_once() {
    let (sandbox, vendor) = world();
    let tree = sandbox.path("tree");
    std::fs::create_dir(&tree).unwrap();
    for name in ["a.txt", "b.txt"] {
        std::fs::write(tree.join(name), format!("key: {LIVE}\n")).unwrap();
    }
    let said = sandbox.run(&["scan", "--verify", "--format", "json", tree.to_str().unwrap()], b"");
    assert_eq!(said.code(), Some(1), "{}", said.err);
    let told: serde_json::Value = serde_json::from_slice(&said.out).unwrap();
    let all = told["findings"].as_array().unwrap();
    assert!(all.len() >= 2 && all.iter().all(|one| one["verified"] == "live"), "{told}");
    assert_eq!(vendor.order(), ["validate"]);
}

/// 200 keys of 40 vendors that take 50 to 500 ms: at most 1.3 times what the slowest one needs.
#[test]
fn two_hundred_keys_of_forty_vendors_take_as_long_as_the_slowest_vendor() {
    let mut policy = String::new();
    let mut vendors = Vec::new();
    for nth in 0..40_u64 {
        let vendor = Vendor::start("openai");
        let id = format!("own{nth}");
        let table: toml::Table = manifest(&id, &format!("OWN{nth}_KEY")).parse().unwrap();
        let section = toml::Table::from_iter([(id.clone(), toml::Value::Table(table))]);
        let section =
            toml::Table::from_iter([("manifests".to_owned(), toml::Value::Table(section))]);
        policy.push_str(&toml::to_string(&section).unwrap());
        policy.push_str(&format!("\n[vendors.{id}]\nbase_url = \"{}\"\n", vendor.base_url()));
        for key in 0..5 {
            vendor.add_key(&format!("needle-{nth}-{key}"), "key");
        }
        vendor.set_latency(Duration::from_millis(50 + nth * 450 / 39));
        vendors.push(vendor);
    }
    let policy = Policy::parse(&policy).unwrap();
    let asking = |nth: usize| {
        let ask = |key| {
            let value = Value::copy_of(format!("needle-{nth}-{key}").as_bytes()).unwrap();
            let key = vec![(FieldName::parse("value").unwrap(), value)];
            Some(Asking { vendor: format!("own{nth}"), ask: Ask { key, ..Ask::default() } })
        };
        (0..5).map(ask).collect::<Vec<_>>()
    };
    let timed = |questions| {
        let all = Vendors::new(&policy).unwrap();
        let start = Instant::now();
        let verdicts = ask_all(&all, questions).unwrap();
        assert!(verdicts.iter().all(|one| matches!(one, Verdict::Live(_))), "{verdicts:?}");
        (start.elapsed(), verdicts.len())
    };
    // The best of three: others may be at work on the machine.
    let mut tries = (0..3).map(|_| {
        let (slowest, _) = timed(asking(39));
        let (took, keys) = timed((0..40).flat_map(asking).collect());
        assert_eq!(keys, 200);
        println!("{took:?} for all, {slowest:?} for the slowest vendor");
        took < slowest.mul_f64(1.3)
    });
    assert!(tries.any(|in_time| in_time), "never within 1.3 of the slowest vendor");
    assert!(vendors.iter().all(|vendor| vendor.most_open() <= 4), "more than 4 at once");
}
