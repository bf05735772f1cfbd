//! A terminal for a test: tmux without a person, its screen read back as text.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::sandbox::{self, Sandbox};

const LIMIT: Duration = Duration::from_secs(30);

/// A shell in a terminal of 100 columns and 30 lines.
pub(crate) struct Screen {
    socket: PathBuf,
}

impl Screen {
    /// In the sandbox's directory `work`; `$V` is the masked call. None where there is no tmux.
    pub(crate) fn new(sandbox: &Sandbox, test: &str) -> Option<Self> {
        let tools = ["tmux", "less", "vim"];
        let there = |tool: &&&str| {
            let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output();
            found.unwrap().status.success()
        };
        if let Some(missing) = tools.iter().find(|tool| !there(tool)) {
            println!("SKIP {test}: there is no {missing}");
            return None;
        }
        std::fs::create_dir_all(sandbox.path("work")).unwrap();
        let screen = Self { socket: sandbox.path("tmux") };
        let mut start = screen.tmux(&["-f", "/dev/null", "new-session", "-d"]);
        start.args(["-x", "100", "-y", "30", "-c"]).arg(sandbox.path("work"));
        start.arg("PS1='$ ' exec sh -i").env_clear();
        start.env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").env("SHELL", "/bin/sh");
        start.env("CLAWVAULT_HOME", sandbox.home());
        start.env("V", format!("{} run --mask --", sandbox::PROGRAM));
        assert!(start.status().unwrap().success());
        screen.prompt();
        Some(screen)
    }

    fn tmux(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&self.socket).args(arguments).env_remove("TMUX");
        command
    }

    fn call(&self, arguments: &[&str]) -> String {
        let output = self.tmux(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Types a line.
    pub(crate) fn line(&self, text: &str) {
        self.call(&["send-keys", "-l", text]);
        self.key("Enter");
    }

    /// Types these characters.
    pub(crate) fn keys(&self, text: &str) {
        self.call(&["send-keys", "-l", text]);
    }

    /// Presses a key by tmux's name of it.
    pub(crate) fn key(&self, name: &str) {
        self.call(&["send-keys", name]);
    }

    pub(crate) fn resize(&self, columns: &str, lines: &str) {
        self.call(&["resize-window", "-x", columns, "-y", lines]);
    }

    /// What is on the screen, with colours as escape sequences.
    pub(crate) fn coloured(&self) -> String {
        self.call(&["capture-pane", "-p", "-e"])
    }

    /// What is on the screen, without the blanks at its end.
    pub(crate) fn shows(&self) -> String {
        self.call(&["capture-pane", "-p"]).trim_end().to_owned()
    }

    /// Waits until the last line begins so; gives the screen.
    pub(crate) fn until(&self, last: &str) -> String {
        self.when(|screen| {
            screen.lines().next_back().is_some_and(|line| line.starts_with(last.trim_end()))
        })
    }

    /// Waits until the shell asks for the next line.
    pub(crate) fn prompt(&self) {
        self.when(|screen| screen.ends_with('$'));
    }

    /// Waits until a line of the screen is this; gives the screen.
    pub(crate) fn until_line(&self, line: &str) -> String {
        self.when(|screen| screen.lines().any(|shown| shown.trim_end() == line))
    }

    pub(crate) fn when(&self, holds: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        loop {
            let screen = self.shows();
            if holds(&screen) {
                return screen;
            }
            assert!(began.elapsed() < LIMIT, "the screen stays:\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]).status().ok();
    }
}
