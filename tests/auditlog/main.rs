//! The audit log as an operator has it: what it sends to logs of the system, how it counts refusals
//! across processes, how it turns over and is retained, and that it is read in bounded memory.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

mod long;
mod system;

#[path = "../support/random.rs"]
mod random;
#[path = "../support/sandbox.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod sandbox;

use sandbox::Sandbox;

/// The lines of `log --json`.
fn lines(sandbox: &Sandbox, words: &[&str]) -> Vec<serde_json::Value> {
    let words = [&["log", "--json"], words].concat();
    let text = sandbox.run(&words, b"").sound("log --json");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[test]
fn a_loop_of_refusals_leaves_few_entries_and_none_is_forgotten() {
    let sandbox = Sandbox::in_memory();
    sandbox.run(&["init"], b"").sound("init");
    sandbox.run(&["set", "some/key", "--env", "SOME"], b"value").sound("set");
    const LOOPS: u64 = 60;
    for _ in 0..LOOPS {
        assert_eq!(sandbox.run(&["get", "none/such"], b"").code(), Some(4));
        assert_eq!(sandbox.run(&["run", "--as", "nobody", "--", "true"], b"").code(), Some(125));
        let other = sandbox.run(&["--identity", "/dev/null", "list"], b"");
        assert_eq!(other.code(), Some(3));
    }
    let count = |event: &str| {
        let all = lines(&sandbox, &["--event", event]);
        let denied = all.iter().filter(|line| line["outcome"] != "ok");
        let (entries, more) = denied.fold((0, 0), |(entries, more), line| {
            let own = line["more"].as_u64().expect("a number");
            (entries + 1, more + if own == 0 { 1 } else { own })
        });
        assert!(entries <= 8, "{event}: {entries} entries");
        more
    };
    // What belongs to the minute that is not over is still only counted.
    for event in ["get", "run"] {
        let told = count(event);
        assert!((1..=LOOPS).contains(&told), "{event}: {told}");
    }
}

#[test]
fn what_was_refused_names_who_asked_and_for_what() {
    let sandbox = Sandbox::in_memory();
    sandbox.run(&["init"], b"").sound("init");
    sandbox.run(&["set", "some/key", "--env", "SOME"], b"value").sound("set");
    let policy = "[agents.a]\nsecrets = []\n[secrets.\"some/*\"]\nadmin = \"some/admin\"\n";
    std::fs::write(sandbox.path("p.toml"), policy).expect("a policy is written");
    sandbox.run(&["set", "some/admin", "--env", "ADMIN"], b"value").sound("set");
    let path = sandbox.path("p.toml");
    let path = path.to_str().expect("a temporary path is text");
    sandbox.run(&["policy", "apply", path, "--yes"], b"").sound("policy apply");
    let cases: [(&[&str], &str, &str); 3] = [
        (&["run", "--as", "a", "--only", "some/key", "--", "true"], "refused", "some/key"),
        (&["run", "--only", "some/admin", "--", "true"], "refused", "some/admin"),
        (&["run", "--only", "none/such", "--", "true"], "failed", "none/such"),
    ];
    for (words, outcome, secret) in cases {
        let sandbox = sandbox.copy();
        assert_eq!(sandbox.run(words, b"").code(), Some(125));
        let all = lines(&sandbox, &["--secret", secret, "--outcome", outcome]);
        assert_eq!(all.len(), 1, "{words:?}");
        let (line, actor) = (&all[0], &all[0]["actor"]);
        assert_eq!((&line["event"], &line["late"]), (&"run".into(), &false.into()));
        assert!(line["program"]["path"].as_str().is_some_and(|path| path.ends_with("/true")));
        assert_eq!(actor["parent_pid"], std::process::id());
        let own = std::env::current_exe().expect("this test has a path");
        assert_eq!(actor["parent_executable"].as_str(), own.to_str());
        let digest = actor["executable_sha256"].as_str().expect("the program is still there");
        assert_eq!(digest, sha256(sandbox::PROGRAM));
    }
}

fn sha256(path: &str) -> String {
    let said = std::process::Command::new("sha256sum").arg(path).output().expect("sha256sum runs");
    let text = String::from_utf8(said.stdout).expect("it prints text");
    text.split(' ').next().expect("a digest").to_owned()
}
