//! A person at the terminal makes the key that no call makes, errs, leaves, and goes on later.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::real::{Home, policy};
use crate::server::Vendor;

const BEFORE: &str = "sk-before-Hh8Hh8Hh8";
const WRONG: &str = "sk-mistyped-Kk2Kk2Kk2";
const GOOD: &str = "sk-by-hand-Jj6Jj6Jj6";

/// The program on a terminal that `script` gives it.
struct Terminal {
    child: Child,
    shown: Arc<Mutex<String>>,
}

impl Terminal {
    fn start(home: &Home, arguments: &str) -> Self {
        let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_clawvault"));
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).env_clear();
        command.env("CLAWVAULT_HOME", home.home()).env("HOME", home.dir.path());
        command.env("PATH", "/usr/bin:/bin").env("TERM", "xterm");
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (shown, mut out) = (Arc::new(Mutex::new(String::new())), child.stdout.take().unwrap());
        let kept = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut piece) {
                kept.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..count]));
            }
        });
        Self { child, shown }
    }

    fn shown(&self) -> String {
        self.shown.lock().unwrap().clone()
    }

    /// Types once the question was asked so many times.
    fn answers(&mut self, question: &str, times: usize, with: &str) {
        let start = Instant::now();
        while self.shown().matches(question).count() < times {
            assert!(start.elapsed() < Duration::from_secs(60), "not asked: {}", self.shown());
            std::thread::sleep(Duration::from_millis(30));
        }
        // The echo is off before the question stands there; what is typed is never shown.
        self.child.stdin.as_mut().unwrap().write_all(format!("{with}\n").as_bytes()).unwrap();
    }

    fn ends(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        // What was printed last may not have been read yet.
        std::thread::sleep(Duration::from_millis(100));
        (code, self.shown())
    }
}

fn state(home: &Home) -> Value {
    home.json(&["rotations", "--json"])["open"][0].clone()
}

#[test]
fn a_key_that_the_vendor_refuses_is_asked_for_again_now_or_later() {
    let vendor = Vendor::start(Duration::ZERO);
    vendor.add("made", GOOD);
    vendor.add("before", BEFORE);
    let home = Home::new(&policy(vendor.port).replace("admin = \"openai/admin\"\n", ""));
    home.call(&["set", "openai/main"], BEFORE.as_bytes());
    let question = "New key of openai/main";

    let mut terminal = Terminal::start(&home, "rotate openai/main");
    terminal.answers(question, 1, WRONG);
    // Asked once more; nothing typed leaves it for later.
    terminal.answers(question, 2, "");
    let (code, shown) = terminal.ends();
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("does not accept version 2"), "{shown}");
    assert!(!shown.contains(WRONG), "what was typed is not shown");
    let open = state(&home);
    assert_eq!((&open["state"], &open["new"]), (&"awaiting".into(), &Value::Null), "{open}");
    assert_eq!(home.get("openai/main"), BEFORE, "the old key stays what it is");
    let id = open["rotation"].as_str().unwrap().to_owned();

    // Days later, by a pipe: refused again, it waits on; the right one is taken.
    let given = home.call(&["rotations", "resume", &id], WRONG.as_bytes());
    assert_eq!(given.status.code(), Some(1));
    assert_eq!(state(&home)["state"], "awaiting");
    let fields = home.call(&["rotations", "resume", &id, "--fields"], b"{\"value\": \"\"}");
    assert_eq!(fields.status.code(), Some(2), "an empty key is none");

    let mut terminal = Terminal::start(&home, "rotate openai/main");
    terminal.answers(question, 1, GOOD);
    let (code, shown) = terminal.ends();
    assert_eq!(home.get("openai/main"), GOOD, "{shown}");
    // The old one has to be revoked by a person, too: the policy names no admin credential.
    assert_eq!(code, Some(1), "{shown}");
    assert_eq!(state(&home)["state"], "revoking");
    home.told_nothing_of(&[BEFORE, WRONG, GOOD].map(str::to_owned));
}

#[test]
fn a_key_of_several_fields_is_taken_as_such_alone() {
    let home = Home::new("");
    let before = br#"{"user": "ann", "token": "Ww7Ww7Ww7Ww7"}"#;
    home.call(&["set", "acme/main", "--fields"], before);
    assert_eq!(home.call(&["rotate", "acme/main"], b"").status.code(), Some(1));
    let id = state(&home)["rotation"].as_str().unwrap().to_owned();
    let one = home.call(&["rotations", "resume", &id], b"Qq9Qq9Qq9Qq9");
    assert_eq!(one.status.code(), Some(2), "one value is no such key");
    assert_eq!(state(&home)["state"], "awaiting");
    let both = br#"{"user": "ann", "token": "Qq9Qq9Qq9Qq9"}"#;
    home.call(&["rotations", "resume", &id, "--fields"], both);
    assert_eq!(
        String::from_utf8_lossy(&home.call(&["get", "acme/main#token"], b"").stdout),
        "Qq9Qq9Qq9Qq9"
    );
}
