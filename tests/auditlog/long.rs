//! A log of very many entries, in segments: read in bounded memory, shortened as the policy says.

use std::io::Read;
use std::process::Stdio;
use std::time::Instant;

use clawvault_core::crypto::slot::Identity;
use clawvault_core::domain::{Event, hex};
use clawvault_core::platform::{Clock, SystemClock};
use clawvault_core::vault::{NewSlot, Opener, Place, SlotKind, Vault, Who};

use super::lines;
use super::random::trials;
use super::sandbox::Sandbox;

const ENTRIES: usize = 50_000;
/// What showing the log may take, in KiB.
const MEMORY: u64 = 64 * 1024;
const DAY_MS: i64 = 86_400_000;

/// A clock that goes a step with each look at it.
struct Steps(std::cell::Cell<i64>, i64);

impl Clock for Steps {
    fn now_ms(&self) -> i64 {
        self.0.set(self.0.get() + self.1);
        self.0.get()
    }
}

/// Opens a sandbox's vault past the program, at a time of our own.
fn open(sandbox: &Sandbox, clock: Box<dyn Clock>) -> Vault {
    let identity = std::fs::read(sandbox.home().join("identity.txt")).expect("an identity");
    let opener = Opener {
        key: None,
        identities: Identity::parse_file(&identity).expect("it is one"),
        passphrase: &|| None,
        who: &Who::default(),
        clock,
        write: true,
        accept_rollback: false,
    };
    Vault::open(&place(sandbox), opener).expect("the vault opens")
}

fn place(sandbox: &Sandbox) -> Place {
    Place { home: sandbox.home(), state: sandbox.home().join("state") }
}

#[test]
fn a_long_log_is_shown_in_bounded_memory() {
    let count = trials(ENTRIES);
    let sandbox = Sandbox::in_memory();
    sandbox.run(&["init"], b"").sound("init");
    let start = Instant::now();
    let mut vault = open(&sandbox, Box::new(SystemClock));
    for _ in 0..count {
        vault.witness(&Who::default(), Event::List, Vec::new());
    }
    let turns = u64::from(vault.log_point().segment) - 1;
    let expected = count as u64 + 1 + turns;
    assert_eq!(vault.log_point().count, expected);
    drop(vault);
    println!("{count} entries in {turns} closed segments: {:.1} s", start.elapsed().as_secs_f64());

    for words in [&["log", "--json"][..], &["log"]] {
        let start = Instant::now();
        let mut child = sandbox.command(words).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut out = child.stdout.take().expect("stdout is a pipe");
        let status = format!("/proc/{}/status", child.id());
        let (mut shown, mut peak) = (0, 0);
        let mut piece = vec![0; 1 << 16];
        loop {
            // Before the last piece is taken the program cannot have ended.
            peak = peak_of(&status).unwrap_or(peak);
            let length = out.read(&mut piece).expect("the pipe is read");
            shown += piece[..length].iter().filter(|byte| **byte == b'\n').count() as u64;
            if length == 0 {
                break;
            }
        }
        assert!(child.wait().expect("it ends").success());
        assert_eq!(shown, expected);
        println!("{words:?}: {peak} KiB at most, {:.1} s", start.elapsed().as_secs_f64());
        assert!((1..=MEMORY).contains(&peak), "{words:?} took {peak} KiB");
    }
    let start = Instant::now();
    sandbox.run(&["list"], b"").sound("list");
    println!("a command opens it in {:.1} ms", start.elapsed().as_secs_f64() * 1000.0);
}

/// Peak of resident memory, in KiB.
fn peak_of(status: &str) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[test]
fn old_segments_go_as_the_policy_says_and_the_rest_verifies() {
    let sandbox = Sandbox::in_memory();
    let now = SystemClock.now_ms();
    // Forty entries a day or so, for nearly a hundred days before today.
    let clock = || Box::new(Steps((now - 100 * DAY_MS).into(), DAY_MS / 42));
    let identity = Identity::generate();
    let slots = [NewSlot::Recipient(SlotKind::Identity, identity.recipient())];
    let who = Who::default();
    Vault::create(&place(&sandbox), &slots, &who, clock()).expect("a vault is made");
    std::fs::write(sandbox.home().join("identity.txt"), identity.to_text().as_bytes()).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(sandbox.home().join("identity.txt"), private).unwrap();
    let mut vault = open(&sandbox, clock());
    vault.apply_policy(&who, "[log]\nsegment = \"64KiB\"\n").expect("it is applied");
    let (head, count) = (vault.log_point(), 4000);
    for _ in 0..count {
        vault.witness(&who, Event::List, Vec::new());
    }
    let segments = vault.log_point().segment;
    drop(vault);
    assert!(segments >= 5, "only {segments} segments");
    let since = |days: i64| {
        let moment = clawvault_core::domain::moment(now - days * DAY_MS);
        lines(&sandbox, &["--since", &moment, "--event", "list"]).len()
    };
    let all = lines(&sandbox, &["--event", "list"]);
    for days in [200, 90, 50, 20] {
        let from = clawvault_core::domain::moment(now - days * DAY_MS);
        let expected = all.iter().filter(|line| line["time"].as_str() >= Some(from.as_str()));
        assert_eq!(since(days), expected.count(), "since {days} days");
    }
    let head = format!("{} {}", head.count, hex(&head.head.0));
    sandbox.run(&["log", "--verify", "--against", &head], b"").sound("log --verify");

    std::fs::write(sandbox.path("p.toml"), "[log]\nkeep = \"60d\"\nsegment = \"64KiB\"\n").unwrap();
    let path = sandbox.path("p.toml");
    let path = path.to_str().expect("a temporary path is text");
    sandbox.run(&["policy", "apply", path, "--yes"], b"").sound("policy apply");
    let before = lines(&sandbox, &["--event", "retention"]);
    assert!(!before.is_empty(), "nothing was removed");
    let verified = sandbox.run(&["log", "--verify"], b"");
    assert_eq!(verified.code(), Some(0), "{}", verified.err);
    assert!(verified.err.contains("were removed by retention"), "{}", verified.err);
    let against = sandbox.run(&["log", "--verify", "--against", &head], b"");
    assert!(against.err.contains("entries that retention removed"), "{}", against.err);
    let cutoff = clawvault_core::domain::moment(now - 60 * DAY_MS);
    let kept_list = |line: &&serde_json::Value| line["time"].as_str() >= Some(cutoff.as_str());
    let young = all.iter().filter(kept_list).count();
    let left = lines(&sandbox, &["--event", "list"]);
    assert_eq!(left.iter().filter(kept_list).count(), young, "a young entry is gone");
    assert!(left.len() < all.len());

    // One segment more, and it is noticed.
    let log = sandbox.home().join("log");
    let mut files: Vec<_> = std::fs::read_dir(&log)
        .expect("the log is listed")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "log"))
        .collect();
    files.sort();
    std::fs::remove_file(&files[0]).expect("a segment is removed");
    assert_eq!(sandbox.run(&["log", "--verify"], b"").code(), Some(1));
}
