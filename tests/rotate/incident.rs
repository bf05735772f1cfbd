//! The day it happens: all keys at once, whatever became of the daemon and of some vendors; rehearsed
//! before, and proven afterwards by a report.

use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::real::{Home, policy};
use crate::server::{ADMIN, Vendor};

/// Ends with the test.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Daemon {
    fn start(home: &Home) -> Self {
        let mut command = home.command(&["daemon"]);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let daemon = Self(command.spawn().unwrap());
        until("the daemon answers", || {
            home.json(&["status", "--json"])["daemon"].is_object()
                || home.call(&["lock"], b"").status.success()
        });
        daemon
    }
}

/// Waits for what has to come, at most a minute.
fn until(what: &str, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}: never");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A vault with so many keys of one vendor; and their values.
fn world(vendor: &Vendor, keys: usize, more: &str) -> (Home, Vec<String>) {
    let home = Home::new(&(policy(vendor.port) + more));
    home.call(&["set", "openai/admin"], ADMIN.as_bytes());
    let mut values = vec![ADMIN.to_owned()];
    for n in 0..keys {
        let value = format!("sk-all-{n:04}-Tt3Tt3Tt{n:03}");
        vendor.add(&format!("all_{n}"), &value);
        let (name, variable) = (format!("openai/k{n}"), format!("KEY_{n}"));
        home.call(&["set", &name, "--env", &variable], value.as_bytes());
        values.push(value);
    }
    (home, values)
}

pub(crate) fn left_at(vendor: &Vendor) -> usize {
    vendor.state.lock().unwrap().keys.len()
}

/// Revokes all but the admin credential; the exit code and the report.
fn revoke_all(home: &Home, more: &[&str]) -> (Option<i32>, Value) {
    let identity = home.home().join("identity.txt");
    let mut all = vec!["revoke-all", "--yes", "--json", "--except", "openai/admin"];
    all.extend(["--identity", identity.to_str().unwrap()]);
    all.extend(more);
    let done = home.call(&all, b"");
    let report = serde_json::from_slice(&done.stdout);
    let report = report.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&done.stderr)));
    (done.status.code(), report)
}

pub(crate) fn results(report: &Value) -> Vec<(String, String)> {
    let word = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let keys = report["report"]["keys"].as_array().unwrap();
    keys.iter().map(|key| (word(key, "name"), word(key, "result"))).collect()
}

#[test]
fn a_drill_calls_nobody_changes_nothing_and_is_written_down() {
    let vendor = Vendor::start(Duration::ZERO);
    let (home, mut values) = world(&vendor, 2, "");
    for (name, value) in [
        ("github/main", "gh-needle-1"),
        ("groq/main", "groq-needle-1"),
        ("aws/main", "aws-needle-1"),
        ("redis/main", "redis-needle-1"),
        ("mine/thing", "mine-needle-1"),
    ] {
        home.call(&["set", name], value.as_bytes());
        values.push(value.to_owned());
    }
    let began = home.call(&["revoke-all", "--drill"], b"");
    let told = String::from_utf8(began.stderr).unwrap();
    assert_eq!(began.status.code(), Some(0), "{told}");
    assert!(told.contains("no vendor was called") && told.contains("ed25519:"), "{told}");
    let mut command = home.command(&["revoke-all", "--drill", "--include", "infra", "--json"]);
    let ssh = command.env("SSH_CONNECTION", "1 2 3 4").output().unwrap();
    let report: Value = serde_json::from_slice(&ssh.stdout).unwrap();
    assert_eq!(vendor.state.lock().unwrap().requests, 0, "a vendor was called");

    let is = |name: &str, result: &str| {
        assert!(results(&report).contains(&(name.to_owned(), result.to_owned())), "{report}");
    };
    is("openai/k0", "done");
    is("openai/k1", "done");
    is("github/main", "done");
    is("groq/main", "person");
    // What the others are revoked with goes last.
    assert_eq!(results(&report).last().unwrap().0, "openai/admin", "{report}");
    let left = report["report"]["left"].to_string();
    for name in ["aws/main", "redis/main", "mine/thing"] {
        assert!(left.contains(name), "{left}");
    }
    assert_eq!(report["report"]["drill"], true);
    // Nothing is cut, and the log tells of two drills.
    assert!(home.call(&["run", "--only", "openai/k1", "--", "/bin/true"], b"").status.success());
    let log = String::from_utf8(home.call(&["log", "--json"], b"").stdout).unwrap();
    assert_eq!(log.matches("\"event\":\"revoke-drill\"").count(), 2, "{log}");
    assert_eq!(log.matches("\"event\":\"revoke\"").count(), 0, "{log}");
    home.told_nothing_of(&values);
}

#[test]
fn what_would_be_done_is_told_as_it_would_be_done() {
    let vendor = Vendor::start(Duration::ZERO);
    let (home, _) = world(&vendor, 1, "");
    for (name, value) in [("groq/main", "groq-needle-1"), ("redis/main", "redis-needle-1")] {
        home.call(&["set", name], value.as_bytes());
    }
    let said = |args: &[&str]| {
        let done = home.call(args, b"");
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (done.status.code(), text(done.stdout), text(done.stderr))
    };
    // A person revokes there, and makes nothing; what stays is named.
    let (code, out, err) = said(&["revoke-all", "--dry-run"]);
    assert_eq!(code, Some(0), "{err}");
    let by_hand =
        out.lines().find(|line| line.contains("by a person: Revoke it at https://console.groq"));
    assert!(by_hand.is_some() && !out.contains("Make a key"), "{out}");
    assert!(err.contains("left alone: redis/main"), "{err}");
    // The calls of a rotation are those that it makes, in this order.
    let (_, out, _) = said(&["rotate", "openai/k0", "--dry-run"]);
    let planned: Vec<String> = out
        .lines()
        .filter_map(|line| line.trim().split_once(". "))
        .filter(|(_, step)| ["GET ", "POST ", "DELETE "].iter().any(|verb| step.starts_with(verb)))
        .map(|(_, step)| {
            let call = step.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ");
            let base = format!("http://127.0.0.1:{}", vendor.port);
            call.replace(&base, "").replace("{key_id}", "all_0")
        })
        .collect();
    vendor.state.lock().unwrap().seen.clear();
    assert_eq!(said(&["rotate", "openai/k0"]).0, Some(0));
    let made: Vec<String> = vendor.state.lock().unwrap().seen.clone();
    assert_eq!(planned, made, "{out}");
    // Nothing is due, so that nothing would be done.
    let (code, out, err) = said(&["rotate", "--due", "--dry-run"]);
    assert_eq!((code, out.as_str()), (Some(0), ""), "{err}");
    assert!(err.contains("nothing to do"), "{err}");
    // What is not there is not revoked in silence.
    let (code, _, err) = said(&["revoke-all", "--yes", "--profile", "prd"]);
    assert_eq!(code, Some(4), "{err}");
    let (code, _, err) = said(&["revoke", "openai/k0", "--version", "77", "--yes"]);
    assert_eq!(code, Some(4), "{err}");
    assert!(err.contains("no version 77"), "{err}");
    // A key that was revoked says so where it is listed.
    let listed = |name: &str| {
        let all: Value = serde_json::from_str(&said(&["list", "--json"]).1).unwrap();
        all.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap()["revoked"].clone()
    };
    assert!(listed("openai/k0").is_null());
    assert_eq!(said(&["revoke", "openai/k0", "--yes"]).0, Some(0));
    assert_eq!(listed("openai/k0"), true);
}

#[test]
fn a_report_is_signed_and_anybody_can_check_it() {
    let vendor = Vendor::start(Duration::ZERO);
    let (home, _) = world(&vendor, 1, "");
    let file = home.dir.path().join("report.json");
    let name = file.to_str().unwrap();
    revoke_all(&home, &["--report", name]);
    let report: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let key = report["key"].as_str().unwrap();
    let one = &report["report"]["keys"][0];
    assert!(one["ms"].is_u64() && one["at"].as_str().unwrap().ends_with('Z'), "{one}");
    let check = |home: &Home, more: &[&str]| {
        let all: Vec<&str> = ["revoke-all", "--check", name].iter().chain(more).copied().collect();
        home.call(&all, b"").status.code()
    };
    assert_eq!(check(&home, &[]), Some(0));
    // By one who has no key to the vault.
    let other = Home::new("");
    assert_eq!(check(&other, &["--key", key]), Some(0));
    assert_eq!(check(&other, &[]), Some(1), "signed by another vault");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("\"done\"", "\"dine\"")).unwrap();
    assert_eq!(check(&home, &[]), Some(1), "one byte is another one");
    std::fs::write(&file, "{}").unwrap();
    assert_eq!(check(&home, &[]), Some(2));
}

/// Unlocks the daemon of a home as soon as it listens.
fn unlock(home: &Home) {
    let key = home.key();
    let unlock = ["unlock", "--identity", key.as_str()];
    until("it unlocks", || home.call(&unlock, b"").status.success());
}

#[test]
fn a_daemon_that_is_locked_dead_or_dies_in_the_middle_stops_nothing() {
    // Locked, then dead with its socket left behind.
    let vendor = Vendor::start(Duration::ZERO);
    let (home, _) = world(&vendor, 4, "");
    let mut daemon = Daemon::start(&home);
    let (code, report) = revoke_all(&home, &[]);
    assert_eq!((code, left_at(&vendor)), (Some(0), 0), "locked: {report}");
    vendor.add("again", "sk-again-Tt3Tt3");
    daemon.0.kill().unwrap();
    daemon.0.wait().unwrap();
    home.call(&["set", "openai/again"], b"sk-again-Tt3Tt3");
    let (code, report) = revoke_all(&home, &[]);
    assert_eq!((code, left_at(&vendor)), (Some(0), 0), "dead: {report}");

    // Killed while vendors think.
    let slow = Vendor::start(Duration::from_millis(700));
    let (home, _) = world(&slow, 6, "");
    let mut daemon = Daemon::start(&home);
    let key = home.key();
    unlock(&home);
    let (code, report) = std::thread::scope(|scope| {
        scope.spawn(|| {
            until("a vendor is called", || slow.state.lock().unwrap().requests > 0);
            daemon.0.kill().unwrap();
            daemon.0.wait().unwrap();
        });
        let all = ["revoke-all", "--yes", "--json", "--except", "openai/admin"];
        let mut command = home.command(&all);
        let done = command.args(["--identity", &key]).output().unwrap();
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        let report: Value =
            serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{told}"));
        (done.status.code(), report)
    });
    assert_eq!((code, left_at(&slow)), (Some(0), 0), "killed: {report}");
    assert!(results(&report).iter().all(|(_, result)| result == "done"), "{report}");
}

#[test]
fn a_vendor_that_is_away_is_tried_again_by_a_daemon_that_starts_later() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let home = Home::new(&policy(port));
    home.call(&["set", "openai/admin"], ADMIN.as_bytes());
    home.call(&["set", "openai/main"], b"sk-away-Tt3Tt3Tt3");
    let (code, report) = revoke_all(&home, &["--wait", "1"]);
    assert_eq!(code, Some(6), "{report}");
    assert_eq!(results(&report), [("openai/main".to_owned(), "retries".to_owned())]);
    assert_eq!(
        home.call(&["run", "--", "/bin/true"], b"").status.code(),
        Some(125),
        "cut all the same"
    );

    let vendor = Vendor::start_at(port, Duration::ZERO);
    vendor.add("away", "sk-away-Tt3Tt3Tt3");
    let _daemon = Daemon::start(&home);
    unlock(&home);
    until("the vendor refuses the key", || left_at(&vendor) == 0);
}

#[test]
fn a_person_is_asked_where_the_policy_names_no_admin_credential() {
    let vendor = Vendor::start(Duration::ZERO);
    vendor.add("made", "sk-by-hand-Jj6Jj6Jj6");
    vendor.add("before", "sk-before-Hh8Hh8Hh8");
    let home = Home::new(&policy(vendor.port).replace("admin = \"openai/admin\"\n", ""));
    home.call(&["set", "openai/main"], b"sk-before-Hh8Hh8Hh8");
    let plan = home.call(&["rotate", "openai/main", "--dry-run"], b"").stdout;
    let plan = String::from_utf8(plan).unwrap();
    assert!(plan.contains("1. by a person") && !plan.contains("DELETE"), "{plan}");

    // The daemon goes on with what waits; it takes nothing out of the hands of the command.
    let _daemon = Daemon::start(&home);
    unlock(&home);
    // Whatever started this test: who has the key may.
    let key = home.key();
    let call = |words: &[&str], input: &[u8]| {
        home.call(&[words, &["--identity", key.as_str()]].concat(), input)
    };
    let asked = call(&["rotate", "openai/main", "--json"], b"");
    assert_eq!(asked.status.code(), Some(1), "{}", String::from_utf8_lossy(&asked.stderr));
    let asked: Value = serde_json::from_slice(&asked.stdout).unwrap();
    assert_eq!((&asked[0]["result"], &asked[0]["state"]), (&"person".into(), &"awaiting".into()));
    let id = asked[0]["rotation"].as_str().unwrap();
    let given = call(&["rotations", "resume", id], b"sk-by-hand-Jj6Jj6Jj6");
    assert_eq!(given.status.code(), Some(1), "a person has to revoke the old one");
    assert_eq!(call(&["get", "openai/main"], b"").stdout, b"sk-by-hand-Jj6Jj6Jj6");
}

#[test]
fn afterwards_fresh_keys_are_brought_and_programs_hear_of_both() {
    let vendor = Vendor::start(Duration::ZERO);
    let (home, values) = world(&vendor, 2, "");
    let (script, heard) = (home.dir.path().join("run.sh"), home.dir.path().join("heard"));
    let text = format!(
        "trap 'echo told >> {0}' USR1\necho ready > {0}\nwhile kill -0 $PPID; do sleep 0.05; done\n",
        heard.display()
    );
    std::fs::write(&script, text).unwrap();
    let mut command = home.command(&["run", "--only", "openai/k0", "--on-rotate", "signal:USR1"]);
    command.args(["--", "sh"]).arg(&script).env("PATH", std::env::var_os("PATH").unwrap());
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let _program = Daemon(child.unwrap());
    let lines = || std::fs::read_to_string(&heard).unwrap_or_default().lines().count();
    until("the program runs", || lines() == 1);
    let (code, report) = revoke_all(&home, &[]);
    assert_eq!((code, left_at(&vendor)), (Some(0), 0), "{report}");
    until("the program hears of the cut", || lines() >= 2);

    let before = lines();
    let fresh = home.call(&["rotate", "--all"], b"");
    assert_eq!(fresh.status.code(), Some(0), "{}", String::from_utf8_lossy(&fresh.stderr));
    assert_eq!(left_at(&vendor), 2);
    for name in ["openai/k0", "openai/k1"] {
        let value = home.get(name);
        let known = vendor.state.lock().unwrap().keys.values().any(|(known, _)| *known == value);
        assert!(known && !values.contains(&value), "{name} has no fresh key");
        let run = home.call(&["run", "--only", name, "--", "/bin/true"], b"");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }
    until("the program hears of the new key", || lines() > before);
}
