//! The program itself against a vendor on this machine: killed at any moment, told errors that repeat
//! keys, all keys revoked at once.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::server::{ADMIN, Vendor};

pub(crate) struct Home {
    pub dir: tempfile::TempDir,
    said: std::cell::RefCell<Vec<u8>>,
}

impl Home {
    pub(crate) fn new(policy: &str) -> Self {
        let home = Self { dir: tempfile::tempdir().unwrap(), said: Default::default() };
        assert!(home.call(&["init"], b"").status.success());
        let file = home.dir.path().join("policy.toml");
        std::fs::write(&file, policy).unwrap();
        let applied = home.call(
            &["policy", "apply", file.to_str().unwrap(), "--yes", "--trust-host", "own.example"],
            b"",
        );
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        home
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clawvault"));
        command
            .args(arguments)
            .env_clear()
            .env("CLAWVAULT_HOME", self.home())
            .env("HOME", self.dir.path());
        command
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Path of the identity file that opens it.
    pub(crate) fn key(&self) -> String {
        self.home().join("identity.txt").to_str().unwrap().to_owned()
    }

    pub(crate) fn call(&self, arguments: &[&str], input: &[u8]) -> Output {
        use std::io::Write;
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        if !["get", "resolve"].contains(&arguments[0]) {
            let mut said = self.said.borrow_mut();
            said.extend(&output.stdout);
            said.extend(&output.stderr);
        }
        output
    }

    pub(crate) fn get(&self, name: &str) -> String {
        String::from_utf8(self.call(&["get", name], b"").stdout).unwrap()
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_slice(&self.call(arguments, b"").stdout).unwrap()
    }

    /// Nothing that was said holds a value.
    pub(crate) fn told_nothing_of(&self, values: &[String]) {
        let said = String::from_utf8_lossy(&self.said.borrow()).into_owned();
        for value in values {
            assert!(!said.contains(value.as_str()), "a value was told");
        }
    }
}

pub(crate) fn policy(port: u16) -> String {
    format!(
        "[defaults]\noverlap = \"0s\"\n[secrets.\"openai/*\"]\nadmin = \"openai/admin\"\n\
         params = {{ project = \"proj_1\" }}\n[vendors.openai]\nbase_url = \"http://127.0.0.1:{port}/v1\"\n"
    )
}

const FIRST: &str = "sk-first-Wv5Wv5Wv5Wv5";

#[test]
fn killed_at_any_moment_it_goes_on_and_nothing_is_left_behind() {
    let vendor = Vendor::start(Duration::from_millis(60));
    vendor.add("first", FIRST);
    let home = Home::new(&policy(vendor.port));
    home.call(&["set", "openai/main"], FIRST.as_bytes());
    home.call(&["set", "openai/admin"], ADMIN.as_bytes());
    let mut values = vec![FIRST.to_owned(), ADMIN.to_owned()];
    for at in 0..8 {
        let mut child = home
            .command(&["rotate", "openai/main"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(40 + at * 60));
        child.kill().unwrap();
        child.wait().unwrap();
        // Whatever the moment was, a key that works is in the vault.
        let now = home.get("openai/main");
        let accepted = |value: &str| {
            vendor.state.lock().unwrap().keys.values().any(|(known, _)| known == value)
        };
        assert!(accepted(&now), "killed after {} ms: the current key does not work", 40 + at * 60);
        let done = home.call(&["rotate", "openai/main"], b"");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        values.push(home.get("openai/main"));
        let live: Vec<String> =
            vendor.state.lock().unwrap().keys.values().map(|(value, _)| value.clone()).collect();
        assert_eq!(
            live,
            [values.last().unwrap().clone()],
            "one key lives, and it is the current one"
        );
    }
    home.told_nothing_of(&values);
}

#[test]
fn errors_that_repeat_keys_are_not_repeated() {
    let vendor = Vendor::start(Duration::ZERO);
    vendor.add("first", FIRST);
    let home = Home::new(&policy(vendor.port));
    home.call(&["set", "openai/main"], FIRST.as_bytes());
    home.call(&["set", "openai/admin"], ADMIN.as_bytes());
    for status in [400, 401, 403, 404, 409, 422] {
        vendor.state.lock().unwrap().fail = vec![status; 2];
        let failed = home.call(&["rotate", "openai/main"], b"");
        assert_eq!(
            failed.status.code(),
            Some(6),
            "{status}: {}",
            String::from_utf8_lossy(&failed.stderr)
        );
        vendor.state.lock().unwrap().fail.clear();
    }
    assert_eq!(home.get("openai/main"), FIRST);
    home.call(&["rotations", "--past", "--json"], b"");
    home.call(&["status"], b"");
    home.told_nothing_of(&[FIRST.to_owned(), ADMIN.to_owned()]);
    // What was refused is tried by hand, and works.
    assert!(home.call(&["rotate", "openai/main"], b"").status.success());
}

#[test]
fn all_keys_are_revoked_and_what_cannot_be_waits() {
    let vendor = Vendor::start(Duration::from_millis(50));
    let mut text = policy(vendor.port);
    // Nobody listens there.
    text.push_str("[vendors.groq]\nbase_url = \"http://127.0.0.1:9/v1\"\n");
    let home = Home::new(&text);
    let mut values = vec![ADMIN.to_owned()];
    home.call(&["set", "openai/admin"], ADMIN.as_bytes());
    for n in 0..12 {
        let value = format!("sk-many-{n:04}-Tt3Tt3Tt{n:03}");
        vendor.add(&format!("many_{n}"), &value);
        home.call(&["set", &format!("openai/k{n}")], value.as_bytes());
        values.push(value);
    }
    home.call(&["set", "redis/main"], b"redis-password");
    let start = Instant::now();
    let refused = home.call(&["revoke-all"], b"");
    assert_eq!(refused.status.code(), Some(2), "nobody can be asked for the word");
    assert_eq!(vendor.state.lock().unwrap().keys.len(), 12);
    let done = home.call(&["revoke-all", "--yes", "--json"], b"");
    let took = start.elapsed();
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    println!(
        "cut {} ms, all {} ms, {took:?}",
        report["report"]["cut_ms"], report["report"]["total_ms"]
    );
    assert!(vendor.state.lock().unwrap().keys.is_empty(), "every key is gone at the vendor");
    let keys = report["report"]["keys"].as_array().unwrap();
    let with = |result: &str| keys.iter().filter(|key| key["result"] == result).count();
    assert_eq!((keys.len(), with("done")), (13, 12), "{keys:?}");
    // Nothing revokes an admin credential but a person, and it came last.
    assert_eq!(keys[12]["name"], "openai/admin");
    assert_eq!(done.status.code(), Some(1));
    let left = report["report"]["left"].as_array().unwrap();
    assert!(left.iter().any(|one| one["name"] == "redis/main"));
    // Nobody gets them any more, and it is said why.
    let run = home.call(&["run", "--only", "openai/k1", "--", "true"], b"");
    assert_eq!(run.status.code(), Some(125));
    assert!(String::from_utf8_lossy(&run.stderr).contains("was revoked"));
    let open = home.json(&["rotations", "--json"]);
    assert_eq!(open["open"].as_array().unwrap().len(), 1, "{open}");
    home.told_nothing_of(&values);
}

/// A vendor that refuses the next rotation, and a vault with alerts that go nowhere.
fn refusing(latency: Duration) -> (Vendor, Home) {
    let vendor = Vendor::start(latency);
    vendor.add("first", FIRST);
    let mut text = policy(vendor.port);
    text.push_str("[alerts.box]\nkind = \"webhook\"\nto = \"http://127.0.0.1:9/hook\"\n");
    let home = Home::new(&text);
    home.call(&["set", "openai/main"], FIRST.as_bytes());
    home.call(&["set", "openai/admin"], ADMIN.as_bytes());
    vendor.state.lock().unwrap().fail = vec![403; 4];
    (vendor, home)
}

/// What failed is told once, however often it is looked at, and a dead key as well.
#[test]
fn what_fails_is_told_once_and_without_a_value() {
    let (vendor, home) = refusing(Duration::ZERO);
    let failed = home.call(&["rotate", "openai/main"], b"");
    assert_eq!(failed.status.code(), Some(6), "{}", String::from_utf8_lossy(&failed.stderr));
    vendor.state.lock().unwrap().fail.clear();
    let told = || home.json(&["alert", "list", "--json"]).as_array().unwrap().clone();
    let first = told();
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(
        (&first[0]["kind"], &first[0]["subject"]),
        (&"rotation-failed".into(), &"openai/main".into())
    );
    assert!(home.call(&["rotate", "--due"], b"").status.success());
    assert_eq!(told(), first, "the same again is no news");
    assert!(home.call(&["rotate", "openai/main"], b"").status.success());
    vendor.state.lock().unwrap().keys.clear();
    for _ in 0..2 {
        assert_eq!(home.call(&["verify", "openai/main"], b"").status.code(), Some(1));
    }
    let both = told();
    assert_eq!(both.len(), 2, "{both:?}");
    assert_eq!((&both[1]["kind"], &both[1]["severity"]), (&"key-dead".into(), &"critical".into()));
    let made = home.get("openai/main");
    home.told_nothing_of(&[FIRST.to_owned(), ADMIN.to_owned(), made]);
}

/// A program that `run --on-rotate` stands beside has the new key within a moment, and then nothing
/// holds the old one any more.
#[test]
fn a_supervised_program_gets_the_new_key_and_the_old_one_is_revoked() {
    let vendor = Vendor::start(Duration::ZERO);
    vendor.add("first", FIRST);
    let home = Home::new(&(policy(vendor.port) + "[agents.bot]\nsecrets = [\"openai/*\"]\n"));
    home.call(&["set", "openai/main"], FIRST.as_bytes());
    home.call(&["set", "openai/admin"], ADMIN.as_bytes());
    let starts = || -> Vec<(u32, String)> {
        let text = std::fs::read_to_string(home.dir.path().join("starts")).unwrap_or_default();
        let line = |line: &str| {
            let (pid, value) = line.split_once(' ').unwrap();
            (pid.parse().unwrap(), value.to_owned())
        };
        text.lines().map(line).collect()
    };
    let until = |what: &str, is_so: &dyn Fn() -> bool| {
        let end = Instant::now() + Duration::from_secs(60);
        while !is_so() {
            assert!(Instant::now() < end, "{what}: {:?}", starts().len());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let script = "echo \"$$ $OPENAI_API_KEY\" >> $HOME/starts; exec /bin/sleep 600";
    let arguments = ["run", "--on-rotate", "restart", "--only", "openai/main", "--"];
    let mut child = home.command(&arguments);
    let mut child = child
        .args(["/bin/sh", "-c", script])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("it does not start", &|| starts().len() == 1);
    assert_eq!(starts()[0].1, FIRST);
    // Whoever has a version is known by it later.
    let asked = br#"{"protocolVersion":1,"provider":"clawvault","ids":["openai/main"]}"#;
    let as_bot = ["run", "--as", "bot", "--only", "openai/main", "--", "/bin/true"];
    let all_get_it = || {
        assert!(home.call(&as_bot, b"").status.success());
        assert!(home.call(&["resolve"], asked).status.success());
        home.get("openai/main")
    };
    all_get_it();
    let rotated = home.call(&["rotate", "openai/main"], b"");
    assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));
    until("it is not started anew", &|| starts().len() == 2);
    let (first, second) = (starts()[0].clone(), starts()[1].clone());
    assert_eq!(second.1, all_get_it());
    assert_ne!(second.1, FIRST);
    until("the old one lives on", &|| !PathBuf::from(format!("/proc/{}", first.0)).exists());
    // On a slow machine the rotation has left the wait for it to whoever comes next.
    until("the old key is not revoked", &|| {
        home.call(&["rotate", "--due"], b"");
        vendor.state.lock().unwrap().keys.len() == 1
    });
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&child),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    child.wait().unwrap();
    assert!(!PathBuf::from(format!("/proc/{}", second.0)).exists(), "it lives on");
    let log = home.call(&["log", "--secret", "openai/main", "--since", "1h", "--json"], b"");
    let lines = String::from_utf8(log.stdout).unwrap();
    let seen: std::collections::BTreeSet<(String, Option<String>, u64, bool)> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| ["run", "get", "resolve"].contains(&line["event"].as_str().unwrap()))
        .map(|line| {
            let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
            let version = line["version"].as_u64().expect("a version is named");
            let is_process = line["actor"]["pid"].as_u64().is_some_and(|pid| pid > 1);
            (text(&line["event"]).unwrap(), text(&line["agent"]), version, is_process)
        })
        .collect();
    for version in [1, 2] {
        for (event, agent) in
            [("run", None), ("run", Some("bot")), ("get", None), ("resolve", None)]
        {
            let one = (event.to_owned(), agent.map(str::to_owned), version, true);
            assert!(seen.contains(&one), "{one:?} is not in {seen:?}");
        }
    }
    home.told_nothing_of(&[FIRST.to_owned(), ADMIN.to_owned(), second.1]);
}

/// The journal is in the backup: what was begun on one machine goes on on another, and leaves one key.
#[test]
fn a_rotation_that_was_interrupted_goes_on_after_a_restore() {
    let (vendor, home) = refusing(Duration::from_millis(60));
    home.call(&["rotate", "openai/main"], b"");
    vendor.state.lock().unwrap().fail.clear();
    let mut wait = Duration::from_millis(100);
    let open = loop {
        let mut child = home.command(&["rotate", "openai/main"]);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(wait);
        child.kill().unwrap();
        child.wait().unwrap();
        let all = home.json(&["rotations", "--json"])["open"].as_array().unwrap().clone();
        if all.len() == 1 {
            break all;
        }
        // Too early, or over already: later, a little.
        wait = (wait + Duration::from_millis(37)).min(Duration::from_secs(2));
    };
    let (file, told) = (home.dir.path().join("b.age"), home.json(&["alert", "list", "--json"]));
    assert_eq!(told.as_array().unwrap().len(), 1, "{told}");
    let backed_up = home.call(&["backup", file.to_str().unwrap()], b"");
    assert!(backed_up.status.success(), "{}", String::from_utf8_lossy(&backed_up.stderr));
    let other = home.dir.path().join("other");
    let there = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.env("CLAWVAULT_HOME", &other);
        command.env("CLAWVAULT_IDENTITY", home.home().join("identity.txt"));
        let output = command.stdin(Stdio::null()).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {err}");
        output.stdout
    };
    let json = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_slice(&there(arguments)).unwrap()
    };
    let file = file.to_str().unwrap();
    there(&["restore", file, "--check"]);
    there(&["restore", file]);
    assert_eq!(json(&["alert", "list", "--json"]), told);
    let restored = &json(&["rotations", "--json"])["open"];
    assert_eq!(restored[0]["rotation"], open[0]["rotation"], "{restored} {open:?}");
    there(&["rotate", "openai/main"]);
    let now = String::from_utf8(there(&["get", "openai/main"])).unwrap();
    let live: Vec<String> =
        vendor.state.lock().unwrap().keys.values().map(|(value, _)| value.clone()).collect();
    assert_eq!(live, [now.trim().to_owned()], "one key lives, and it is the current one");
}
