//! Money end to end: the real program, vendors and receivers on the loopback.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

mod alerts;
mod counted;
mod figures;
mod http;
mod limits;
mod own;
mod year;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// A vault of its own, and the program in it.
pub(crate) struct World {
    root: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self { root: TempDir::new().unwrap() };
        std::fs::create_dir(world.path("run")).unwrap();
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(world.path("run"), mode).unwrap();
        world.good(&["init"]);
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_clawvault")));
        command.args(arguments).env_clear().current_dir(self.root.path());
        command.env("CLAWVAULT_HOME", self.path("home")).env("HOME", self.root.path());
        command.env("XDG_RUNTIME_DIR", self.path("run")).env("PATH", "/usr/bin:/bin");
        let identity = self.path("home").join("identity.txt");
        if identity.exists() {
            command.env("CLAWVAULT_IDENTITY", identity);
        }
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn say(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// stdout of a command that has to succeed.
    pub(crate) fn good(&self, arguments: &[&str]) -> String {
        let output = self.say(arguments);
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {:?} {err}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    /// The exit code, and stderr.
    pub(crate) fn code(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.say(arguments);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap_or(-1), err)
    }

    pub(crate) fn set(&self, name: &str, value: &str) {
        self.give(&["set", name], value);
    }

    /// A command that has to succeed, with something on its stdin.
    pub(crate) fn give(&self, arguments: &[&str], input: &str) {
        let mut child = self.command(arguments);
        let mut child = child.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{arguments:?}");
    }

    pub(crate) fn policy(&self, text: &str) {
        std::fs::write(self.path("policy.toml"), text).unwrap();
        self.good(&["policy", "apply", "policy.toml", "--yes"]);
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.say(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {text} {err}"))
    }

    /// A daemon that is unlocked; ends with what it gives.
    pub(crate) fn daemon(&self) -> Daemon {
        self.daemon_with(&[])
    }

    /// The same, with options of its own.
    pub(crate) fn daemon_with(&self, options: &[&str]) -> Daemon {
        let identity = self.path("home").join("identity.txt");
        let mut command =
            self.command(&["--identity", identity.to_str().unwrap(), "daemon", "--allow-swap"]);
        command.args(options);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let daemon = Daemon(child);
        // A login session of our own, which unlocks: what we start is in it.
        rustix::process::setsid().ok();
        for _ in 0..200 {
            if String::from_utf8_lossy(&self.say(&["status"]).stdout).contains("unlocked") {
                self.good(&["unlock"]);
                return daemon;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("the daemon does not unlock");
    }
}

/// A daemon; ended on drop.
pub(crate) struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
        self.0.wait().ok();
    }
}
