//! A value goes through every command and every way to fail, and is found nowhere but where it was
//! asked for: not in what is printed, not in a file, not in the process table, not in a core.
//!
//! The value is random (`CLAWVAULT_TEST_SEED`), sought in every form that text is likely to take.
//! What it is pasted as includes names, options, passphrases and identities. Not counted: paths and
//! programs that a person names as such, and the text of a policy, which `policy` shows.
//! As root the product runs as nobody: root may read any process, so nothing could be refused.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

#[path = "../support/canary.rs"]
mod canary;
mod cases;
mod custody;
mod debug;
mod process;
#[path = "../support/scratch.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod scratch;
mod scrub;
mod search;

use std::time::SystemTime;

use canary::Canary;
use scratch::{Said, Scratch};

#[test]
fn no_command_shows_a_value_that_was_not_asked_for() {
    no_command_shows_a_value(false);
}

#[test]
fn nor_does_one_where_a_daemon_has_the_vault() {
    // Who unlocks is the session that we lead from then on.
    rustix::process::setsid().ok();
    no_command_shows_a_value(true);
}

/// A daemon for the vault, unlocked; what it says is a file that is searched, too.
struct Daemon(std::process::Child);

impl Daemon {
    fn start(scratch: &Scratch) -> Self {
        let said = std::fs::File::create(scratch.path("tmp/daemon.log")).unwrap();
        let mut command = scratch.command();
        command.args(["daemon", "--allow-swap"]).stdin(std::process::Stdio::null());
        let command = command.stdout(said.try_clone().unwrap()).stderr(said);
        let daemon = Self(command.spawn().unwrap());
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while scratch.call(&["unlock"], b"").code != Some(0) {
            assert!(std::time::Instant::now() < end, "the daemon does not listen");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn no_command_shows_a_value(served: bool) {
    for seed in canary::seeds() {
        let (scratch, start) = (Scratch::new(), SystemTime::now());
        scratch.call(&["init"], b"").succeeded();
        let daemon = served.then(|| Daemon::start(&scratch));
        let canary = Canary::new(seed);
        let all = cases::all(canary.text());
        let mut leaks = Vec::new();
        let mut failed = 0;
        for case in &all {
            search::empty_work(&scratch);
            for (name, text) in &case.files {
                scratch.write(name, text.as_bytes());
            }
            let before = search::work_files(&scratch);
            let said = scratch.call_with(&case.arguments, case.stdin.as_bytes(), &case.environment);
            failed += usize::from(said.code != Some(0));
            let told = [("stdout", &said.stdout), ("stderr", &said.stderr)];
            let mut found: Vec<String> = told
                .iter()
                .flat_map(|(name, bytes)| {
                    canary.find(bytes).into_iter().map(move |form| format!("{form} in {name}"))
                })
                .collect();
            found.extend(search::everywhere(&scratch, &canary, start));
            found.extend(
                (search::work_files(&scratch) != before).then(|| "a file was left".to_owned()),
            );
            if !found.is_empty() {
                leaks.push(format!("{:?}: {}", case.shown(canary.text()), found.join(", ")));
            }
            if let Err(what) = said.is_in_order() {
                leaks.push(format!("{:?}: {what}", case.shown(canary.text())));
            }
        }
        println!("seed {seed}: {} commands, {failed} of them refused, 0 hits wanted", all.len());
        assert!(failed * 2 > all.len(), "most cases are ways to fail");
        assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
        shown_where_asked(&scratch, &canary, start);
        kept_from_what_describes(&scratch, &canary);
        if let Some(mut daemon) = daemon {
            assert!(daemon.0.try_wait().unwrap().is_none(), "the daemon has ended");
            let status = scratch.call(&["status", "--json"], b"");
            let status = String::from_utf8_lossy(&status.stdout).into_owned();
            assert!(status.contains("\"locked\":false"), "{status}");
        }
    }
}

/// The positive control: the search finds the value wherever it is meant to be.
fn shown_where_asked(scratch: &Scratch, canary: &Canary, start: SystemTime) {
    search::empty_work(scratch);
    scratch
        .call(&["set", "control/main", "--env", "CONTROL"], canary.text().as_bytes())
        .succeeded();
    let shows: [&[&str]; 9] = [
        &["get", "control/main"],
        &["get", "control/main", "--json"],
        &["export", "--format", "json"],
        &["export", "--format", "dotenv"],
        &["export", "--format", "docker-env", "--only", "control/main"],
        &["export", "--format", "k8s-secret"],
        &["export", "--format", "json", "--only", "control/main"],
        &["run", "--only", "control/main", "--", "printenv", "CONTROL"],
        &[
            "run",
            "--only",
            "control/main",
            "--file",
            "F=control/main",
            "--",
            "sh",
            "-c",
            "cat $F; rm $F",
        ],
    ];
    for arguments in shows {
        let said = scratch.call(arguments, b"");
        assert_eq!(said.code, Some(0), "{arguments:?}");
        assert!(!canary.find(&said.stdout).is_empty(), "{arguments:?} does not show it");
        assert!(canary.find(&said.stderr).is_empty(), "{arguments:?} talks of it");
        assert_eq!(
            search::everywhere(scratch, canary, start),
            Vec::<String>::new(),
            "{arguments:?}"
        );
    }
    let core = scratch.path("work/core");
    std::fs::write(&core, canary.text()).unwrap();
    assert_eq!(search::work_files(scratch), [core], "the search is blind to cores");
    search::empty_work(scratch);
    let (tmp, shared) = (scratch.path("tmp"), std::path::Path::new("/dev/shm"));
    let named = canary.text().to_lowercase().replace(['/', '+', '='], "-");
    let places = [
        scratch.home().join("log/00000001.log.old"),
        scratch.home().join("backup.age"),
        scratch.path("all/stray"),
        scratch.path("user/.bash_history"),
        scratch.path("user/.local/crash-report"),
        scratch.runtime().join("planted"),
        shared.join(format!("clawvault-planted-{}", std::process::id())),
        tmp.join("planted"),
        tmp.join(named),
    ];
    for planted in places {
        std::fs::create_dir_all(planted.parent().unwrap()).unwrap();
        std::fs::write(&planted, canary.text()).unwrap();
        let found = search::everywhere(scratch, canary, start);
        assert!(!found.is_empty(), "the search is blind to {}", planted.display());
        std::fs::remove_file(planted).unwrap();
    }
    assert_eq!(search::everywhere(scratch, canary, start), Vec::<String>::new());
}

/// Everything that describes the vault, after all that happened to it.
fn kept_from_what_describes(scratch: &Scratch, canary: &Canary) {
    let describes: [&[&str]; 12] = [
        &["list"],
        &["list", "--json"],
        &["list", "--removed", "--json"],
        &["show", "control/main"],
        &["show", "control/main", "--json"],
        &["history", "control/main"],
        &["history", "control/main", "--json"],
        &["status", "--json"],
        &["doctor", "--json"],
        &["doctor", "--repair"],
        &["log"],
        &["log", "--json"],
    ];
    for arguments in describes {
        let said: Said = scratch.call(arguments, b"");
        assert!(!said.stdout.is_empty() || arguments.contains(&"--removed"), "{arguments:?}");
        for text in [&said.stdout, &said.stderr] {
            assert_eq!(canary.find(text), Vec::<String>::new(), "{arguments:?}");
        }
    }
    let log = scratch.call(&["log", "--json"], b"");
    assert!(log.stdout.iter().filter(|byte| **byte == b'\n').count() > 20, "the log is read");
}
