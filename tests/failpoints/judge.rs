//! One trial: a session in which one point acts, and what has to hold afterwards.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::sandbox::{Said, Sandbox, run};
use super::scenes::Stage;

/// One point, one action, one session.
#[derive(Clone, Copy)]
pub(crate) struct Trial<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) point: &'a str,
    pub(crate) action: &'a str,
    /// Which of the times that the session passes the point; every one where none is named.
    pub(crate) nth: Option<usize>,
}

/// All that a person can have stored: values and policy; `None` where there is no vault.
pub(crate) type State = Option<[String; 2]>;

/// Reads everything with the plain program.
pub(crate) fn state(sandbox: &Sandbox) -> State {
    let read = |words: &[&str]| {
        let said = sandbox.run(words, b"");
        let code = said.code();
        (code, String::from_utf8(said.out).expect("text"), said.err)
    };
    let export = ["export", "--format", "json"];
    let (mut code, mut values, mut err) = read(&export);
    if code == Some(3) {
        // A home that is open to others: the doctor closes it.
        sandbox.run(&["doctor", "--repair"], b"");
        (code, values, err) = read(&export);
    }
    if code == Some(4) {
        return None;
    }
    assert_eq!(code, Some(0), "{err}");
    let (code, policy, err) = read(&["policy", "show"]);
    assert_eq!(code, Some(0), "{err}");
    Some([values, policy])
}

impl Trial<'_> {
    /// Plays and judges it.
    pub(crate) fn run(&self, program: &Path) {
        let (scene, name) = (self.stage.scene, self.name());
        let sandbox = self.stage.sandbox(program);
        let count = self.nth.map_or(String::new(), |nth| format!(":{nth}"));
        let armed = format!("{}:{}{count}", self.point, self.action);
        let delays = self.action == "delay";
        let (said, passed) = thread::scope(|scope| {
            let other = delays.then(|| scope.spawn(|| self.meanwhile(&sandbox)));
            let played = self.stage.play(&sandbox, program, &armed);
            other.map(|other| other.join().expect("the other command is judged"));
            played
        });
        assert!(passed.contains(&format!("{}!", self.point)), "{name}: it did not act");
        if delays {
            assert_eq!(said.code(), Some(scene.code), "{name}: {}", said.err);
        }
        self.judge_words(&said);
        let whole = said.err.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let told = whole.lines().any(|line| line.starts_with(scene.line));
        let acknowledged = told || said.code() == Some(0);

        let mut found = state(&sandbox);
        if found.is_none() {
            assert!(!acknowledged, "{name}: the vault is lost");
            assert!(self.stage.before.is_none(), "{name}: there is no vault any more");
            sandbox.run(&["init"], b"").sound(&name);
            found = state(&sandbox);
        }
        // What `init` makes is empty whether it is its first or second.
        let is_after = found == self.stage.after;
        assert!(is_after || found == self.stage.before, "{name}: neither old nor new: {found:?}");
        assert!(is_after || !acknowledged, "{name}: acknowledged and lost");
        self.examine(&sandbox);
    }

    /// While one command waits in the middle, another comes: it waits, too, and then all is well.
    fn meanwhile(&self, sandbox: &Sandbox) {
        let acts = format!("{}!", self.point);
        let end = Instant::now() + Duration::from_secs(5);
        let passed = || std::fs::read_to_string(sandbox.path("points")).unwrap_or_default();
        while !passed().contains(&acts) {
            assert!(Instant::now() < end, "{}: it is never reached", self.name());
            thread::sleep(Duration::from_millis(1));
        }
        let said = sandbox.run(&["list"], b"");
        // Before the vault is there, or its home is closed to others, it says so.
        let is_sound = matches!(said.code(), Some(0 | 3 | 4));
        assert!(is_sound, "{}: beside it: {}", self.name(), said.err);
    }

    /// It was killed, or it did what it should, or it said in two lines why not.
    fn judge_words(&self, said: &Said) {
        let (name, code) = (self.name(), said.code());
        assert_eq!(code.is_none(), self.action == "kill", "{name}: {:?} {}", said.status, said.err);
        let lines: Vec<&str> = said.err.lines().collect();
        match code {
            None | Some(0) => {}
            // A report that says no.
            Some(1) if said.err.is_empty() && !said.out.is_empty() => {}
            Some(3 | 5 | 7 | 125) => {
                let told = matches!(lines[..], [.., what, advice]
                    if what.starts_with("clawvault: ") && advice.starts_with("hint: "));
                assert!(told || said.err.is_empty(), "{name}: {}", said.err);
            }
            _ => panic!("{name}: ended with {code:?}: {}", said.err),
        }
        for word in ["value-", "panicked", "invariant"] {
            assert!(!said.err.contains(word), "{name}: says {word}: {}", said.err);
        }
    }

    /// Everything is in order, a change goes through, and nothing half made is left.
    fn examine(&self, sandbox: &Sandbox) {
        let name = self.name();
        sandbox.run(&["log", "--verify"], b"").sound(&name);
        sandbox.run(&["doctor", "--repair"], b"").sound(&name);
        let checks = sandbox.run(&["doctor", "--json"], b"").sound(&name);
        let checks: Vec<serde_json::Value> = serde_json::from_str(&checks).expect("JSON");
        let spared = ["identity", "PATH", "leftovers", "backup"];
        for check in &checks {
            let subject = check["subject"].as_str().expect("a subject");
            let good = check["diagnosis"] == "good" || spared.contains(&subject);
            assert!(good, "{name}: the doctor finds {check}");
        }
        let mut set = sandbox.command(&["set", "kept/after"]);
        run(&mut set, b"value-after").sound(&name);
        assert_eq!(sandbox.run(&["get", "kept/after"], b"").sound(&name), "value-after");
        let left = left_over(&sandbox.home());
        assert_eq!(left, Vec::<String>::new(), "{name}: left over");
    }

    fn name(&self) -> String {
        let nth = self.nth.map_or(String::new(), |nth| format!(" (time {nth})"));
        format!("{}: {} at {}{nth}", self.stage.scene.name, self.action, self.point)
    }
}

/// Files that only an unfinished step has.
fn left_over(directory: &Path) -> Vec<String> {
    let mut left = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory is read") {
        let path = entry.expect("an entry is read").path();
        if path.is_dir() {
            left.extend(left_over(&path));
        } else if path.extension().is_some_and(|end| end == "new") || path.ends_with(".unfinished")
        {
            left.push(path.display().to_string());
        }
    }
    left
}
