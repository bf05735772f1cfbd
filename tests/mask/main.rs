//! `run --mask`: no value leaves in stdout or stderr, in any of its usual forms and however it is
//! cut; everything else leaves as it was written; and the program lives as it would without us, on
//! pipes and on a terminal (tmux).

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

mod life;
mod output;
#[path = "../support/random.rs"]
mod random;
#[path = "../support/sandbox.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod sandbox;
mod screen;
mod terminal;

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use sandbox::{Said, Sandbox};

/// A key as vendors make them.
const KEY: &str = "sk-proj-Ab9Zx27-kkQQ_wW3e4R5t6Y7u8I9o0P";
const KEY_MARK: &str = "[masked:env/key]";
/// A value that every encoder changes.
const ODD: &str = "p w/\"x\"&y\\z\nline+\u{e9}\u{1f511}~";
const ODD_MARK: &str = "[masked:env/odd]";

/// A vault with both, under `KEY` and `ODD`, and nothing else.
fn vault() -> Sandbox {
    let sandbox = Sandbox::with_vault();
    sandbox.run(&["set", "env/key", "--env", "KEY"], KEY.as_bytes()).sound("set");
    sandbox.run(&["set", "env/odd", "--env", "ODD"], ODD.as_bytes()).sound("set");
    sandbox
}

/// `run --mask` of a program.
fn masked(sandbox: &Sandbox, program: &[&str]) -> Command {
    sandbox.command(&[&["run", "--mask", "--"], program].concat())
}

/// `run --mask` of a shell script, to its end.
fn script(sandbox: &Sandbox, script: &str) -> Said {
    sandbox::run(&mut masked(sandbox, &["sh", "-c", script]), b"")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A masked program whose stdin and stdout the test holds.
struct Piped {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Piped {
    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output }
    }

    fn give(&mut self, bytes: &[u8]) {
        self.input.write_all(bytes).unwrap();
    }

    /// Reads exactly so many bytes; a stream that holds them back makes the test wait for ever, and
    /// fail by its runner's limit.
    fn take(&mut self, count: usize) -> String {
        let mut bytes = vec![0; count];
        self.output.read_exact(&mut bytes).unwrap();
        text(&bytes)
    }

    /// Closes its stdin; what it still says, and its exit code.
    fn end(mut self) -> (String, Option<i32>) {
        drop(self.input);
        let mut rest = Vec::new();
        self.output.read_to_end(&mut rest).unwrap();
        (text(&rest), self.child.wait().unwrap().code())
    }
}
