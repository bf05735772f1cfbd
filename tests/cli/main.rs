//! Whole sessions as data: every `tests/cli/*.toml` is a story of commands, each with what it
//! prints and how it ends.
//!
//! A story has a home, a runtime directory and a working directory of its own; its commands see
//! only the variables that it names. `args` (one text is split at blanks) calls clawvault itself,
//! `sh` a shell that finds it in PATH. stdout and stderr are compared exactly: nothing is printed
//! where a step names nothing, `…` stands for any characters of a line, and alone on a line for
//! any lines. Of `$WORK`, `$HOME_DIR`, `$RUNTIME`, `$FIXTURES` each stands for that directory.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tempfile::TempDir;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    /// What the story shows.
    about: String,
    #[serde(default)]
    env: BTreeMap<String, String>,
    step: Vec<Step>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    args: Option<Arguments>,
    sh: Option<String>,
    stdin: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Files of the working directory that are written before.
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    status: i32,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Arguments {
    Words(String),
    List(Vec<String>),
}

/// Stories that are not told a second time with a daemon, and why; all others say, print and store
/// the same with it.
const UNSERVED: &[(&str, &str)] = &[
    ("backup", "doctor and restore need the store itself"),
    ("broken", "the vault is damaged behind the daemon's back"),
    ("credential", "the unit's key is taken away again"),
    ("doctor", "doctor needs the store itself"),
    ("init", "status tells of the daemon"),
    ("log", "the log has the unlocking, too"),
    ("recipients", "recipients need the store itself"),
    ("run-refused", "whoever unlocked needs no key on the command line"),
    ("scan-cache", "uninstall wants the daemon ended"),
    ("status-doctor", "status tells of the daemon"),
    ("surroundings", "uninstall wants the daemon ended"),
];

#[test]
fn every_story_holds() {
    tell(|_| true, false);
}

#[test]
fn stories_hold_with_a_daemon() {
    // A login session of our own: what we start is in it, and so may use what it unlocks.
    rustix::process::setsid().ok();
    tell(|name| UNSERVED.iter().all(|(story, _)| *name != format!("{story}.toml")), true);
}

fn tell(which: impl Fn(&str) -> bool, served: bool) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let files = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|f| f.extension() == Some("toml".as_ref())).collect();
    files.sort();
    assert!(!files.is_empty(), "no story was found");
    let (mut steps, mut wrong) = (0, Vec::new());
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if !which(&name) {
            continue;
        }
        let story: Story = toml::from_str(&fs::read_to_string(&file).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!story.about.is_empty(), "{name}: says nothing about itself");
        let mut stage = Stage::new(served);
        for (at, step) in story.step.iter().enumerate() {
            steps += 1;
            if let Some(what) = stage.play(&story, step) {
                wrong.push(format!("{name}, step {}: {what}", at + 1));
                // What follows stands on this step.
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    println!("{steps} steps");
}

/// Where a story plays.
struct Stage {
    /// True where a daemon is to serve the vault once there is one.
    served: bool,
    daemon: Option<Child>,
    root: TempDir,
    // In memory, as the runtime directory of a session is: secret files lie nowhere else.
    runtime: TempDir,
}

impl Stage {
    fn new(served: bool) -> Self {
        let root = TempDir::new().unwrap();
        for name in ["work", "user"] {
            fs::DirBuilder::new().mode(0o700).create(root.path().join(name)).unwrap();
        }
        let runtime = TempDir::new_in("/dev/shm").unwrap();
        fs::set_permissions(runtime.path(), PermissionsExt::from_mode(0o700)).unwrap();
        Self { served, daemon: None, root, runtime }
    }

    /// Starts a daemon as soon as there is a vault, and unlocks it.
    fn serve(&mut self, story: &Story) -> Option<String> {
        let is_due = self.served && self.daemon.is_none();
        if !is_due || !self.root.path().join("home/vault.toml").exists() {
            return None;
        }
        let call = |arguments: &str| {
            let words = Arguments::Words(arguments.to_owned());
            let step = Step { args: Some(words), ..Step::default() };
            let mut command = self.command(&step).0;
            command.envs(story.env.iter().map(|(name, value)| (name, self.filled(value))));
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let daemon = call("daemon").spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(10);
        let serves = loop {
            let unlocked = call("unlock").status().unwrap().success();
            if unlocked || Instant::now() > end {
                break unlocked;
            }
        };
        self.daemon = Some(daemon);
        (!serves).then(|| "the daemon does not serve".to_owned())
    }

    /// Takes one step; says what is wrong with it.
    fn play(&mut self, story: &Story, step: &Step) -> Option<String> {
        for (name, text) in &step.files {
            let file = self.root.path().join("work").join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, self.filled(text)).unwrap();
        }
        if let Some(wrong) = self.serve(story) {
            return Some(wrong);
        }
        let (mut command, shown) = self.command(step);
        let variables = story.env.iter().chain(&step.env);
        command.envs(variables.map(|(name, value)| (name, self.filled(value))));
        let output = run(command, step.stdin.as_ref().map(|text| self.filled(text)));
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let status = output.status.code();
        let checks = [
            (status != Some(step.status)).then(|| format!("not status {}", step.status)),
            (!agrees(&self.filled(&step.stdout), &stdout)).then(|| "another stdout".to_owned()),
            (!agrees(&self.filled(&step.stderr), &stderr)).then(|| "another stderr".to_owned()),
            (step.args.is_some() && step.status != 0 && !is_error(&stdout, &stderr))
                .then(|| "an error is one line, then one that says what to do".to_owned()),
        ];
        let wrong: Vec<String> = checks.into_iter().flatten().collect();
        (!wrong.is_empty()).then(|| {
            let what = wrong.join(", ");
            format!("{shown}\n{what}; status {status:?}\nstdout: {stdout}\nstderr: {stderr}")
        })
    }

    fn command(&self, step: &Step) -> (Command, String) {
        let program = Path::new(env!("CARGO_BIN_EXE_clawvault"));
        let words: Vec<String> = match (&step.args, &step.sh) {
            (Some(Arguments::Words(text)), None) => text.split(' ').map(str::to_owned).collect(),
            (Some(Arguments::List(list)), None) => list.clone(),
            (None, Some(script)) => vec!["-c".to_owned(), script.clone()],
            _ => panic!("a step has either `args` or `sh`"),
        };
        let mut command =
            Command::new(if step.sh.is_some() { Path::new("/bin/sh") } else { program });
        let bin = program.parent().unwrap().display();
        command
            .args(words.iter().map(|word| self.filled(word)))
            .current_dir(self.root.path().join("work"))
            .env_clear()
            .env("PATH", format!("{bin}:/usr/local/bin:/usr/bin:/bin"))
            .env("HOME", self.root.path().join("user"))
            .env("CLAWVAULT_HOME", self.root.path().join("home"))
            .env("XDG_RUNTIME_DIR", self.runtime.path());
        (command, words.join(" "))
    }

    /// The text with the directories of this stage in it.
    fn filled(&self, text: &str) -> String {
        let root = self.root.path().display().to_string();
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
        text.replace("$WORK", &format!("{root}/work"))
            .replace("$HOME_DIR", &format!("{root}/home"))
            .replace("$RUNTIME", &self.runtime.path().display().to_string())
            .replace("$USER_DIR", &format!("{root}/user"))
            .replace("$FIXTURES", fixtures)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().ok();
            daemon.wait().ok();
        }
    }
}

fn run(mut command: Command, stdin: Option<String>) -> Output {
    let input = if stdin.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut child =
        command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    if let Some(text) = stdin {
        // Who refuses early does not read to the end.
        child.stdin.take().unwrap().write_all(text.as_bytes()).ok();
    }
    child.wait_with_output().unwrap()
}

fn is_error(stdout: &str, stderr: &str) -> bool {
    // A report that says no speaks for itself.
    if stderr.is_empty() && !stdout.is_empty() {
        return true;
    }
    let lines: Vec<&str> = stderr.lines().collect();
    let hints = lines.iter().filter(|line| line.starts_with("hint: ")).count();
    let [.., what, advice] = lines.as_slice() else { return false };
    hints == 1 && what.starts_with("clawvault: ") && advice.starts_with("hint: ")
}

fn agrees(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<&str>, Vec<&str>) =
        (pattern.split('\n').collect(), text.split('\n').collect());
    lines_agree(&pattern, &text)
}

fn lines_agree(pattern: &[&str], text: &[&str]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (["…", rest @ ..], _) => (0..=text.len()).any(|at| lines_agree(rest, &text[at..])),
        ([first, rest @ ..], [line, others @ ..]) => {
            line_agrees(first, line) && lines_agree(rest, others)
        }
        _ => false,
    }
}

fn line_agrees(pattern: &str, line: &str) -> bool {
    match pattern.split_once('…') {
        None => pattern == line,
        Some((before, after)) => line.strip_prefix(before).is_some_and(|rest| {
            let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.into_iter().any(|at| line_agrees(after, &rest[at..]))
        }),
    }
}

#[test]
fn a_pattern_takes_what_it_says_and_no_more() {
    for (pattern, text, same) in [
        ("a\n", "a\n", true),
        ("a\n", "a", false),
        ("a…c\n", "abbc\n", true),
        ("a…c\n", "abb\n", false),
        ("…\nb\n", "a\na\nb\n", true),
        ("…\nb\n", "b\nc\n", false),
        ("", "", true),
        ("", "x", false),
    ] {
        assert_eq!(agrees(pattern, text), same, "{pattern:?} {text:?}");
    }
}
