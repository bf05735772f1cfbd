//! Directories for one vault and its surroundings, and calls of the product in them.
//!
//! As root everything belongs to nobody and the product runs as that user, so that the rules of
//! the system about users are in force.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

pub(crate) const NOBODY: u32 = 65534;

/// What a command printed and how it ended.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// The directories; they vanish with it.
pub(crate) struct Scratch {
    root: TempDir,
    // In memory, as the runtime directory of a session is.
    runtime: TempDir,
    program: PathBuf,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    /// With its root in `parent`.
    pub(crate) fn below(parent: &Path) -> Self {
        let (root, runtime) =
            (TempDir::new_in(parent).unwrap(), TempDir::new_in("/dev/shm").unwrap());
        // Nobody may not reach a build directory that lies in root's home.
        let program = root.path().join("clawvault");
        // By another process: a descriptor of ours, open for writing, could be inherited by what
        // a test beside this one just starts, and the program could not be run.
        let mut copy = Command::new("/bin/cp");
        assert!(
            copy.arg(env!("CARGO_BIN_EXE_clawvault")).arg(&program).status().unwrap().success()
        );
        let scratch = Self { root, runtime, program };
        fs::set_permissions(scratch.root.path(), PermissionsExt::from_mode(0o711)).unwrap();
        for name in ["work", "user", "tmp"] {
            let path = scratch.path(name);
            fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
            give(&path);
        }
        let all = scratch.path("all");
        fs::DirBuilder::new().mode(0o700).create(&all).unwrap();
        give(&all);
        give(scratch.runtime.path());
        scratch
    }

    /// A path below the root.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The vault's home.
    pub(crate) fn home(&self) -> PathBuf {
        self.path("all/home")
    }

    /// The product, where its user can reach it.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) fn runtime(&self) -> &Path {
        self.runtime.path()
    }

    /// A call of the product in a clean environment.
    pub(crate) fn command(&self) -> Command {
        self.command_of(&self.program)
    }

    /// A call of any program as the product's user.
    pub(crate) fn command_of(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.root.path().display());
        command
            .current_dir(self.path("work"))
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path("user"))
            .env("TMPDIR", self.path("tmp"))
            .env("CLAWVAULT_HOME", self.home())
            .env("XDG_RUNTIME_DIR", self.runtime.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    pub(crate) fn call(&self, arguments: &[&str], stdin: &[u8]) -> Said {
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        self.call_with(&arguments, stdin, &[])
    }

    pub(crate) fn call_with(
        &self,
        arguments: &[String],
        stdin: &[u8],
        environment: &[(String, String)],
    ) -> Said {
        let mut command = self.command();
        command.args(arguments).envs(environment.iter().map(|(name, value)| (name, value)));
        finish(command, stdin)
    }

    /// Writes a file of the working directory, for its user alone.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path("work").join(name);
        let parent = path.parent().unwrap();
        fs::create_dir_all(parent).unwrap();
        give(parent);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        give(&path);
    }
}

impl Said {
    pub(crate) fn succeeded(&self) {
        assert_eq!(self.code, Some(0), "{}", String::from_utf8_lossy(&self.stderr));
    }

    pub(crate) fn failed(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}", String::from_utf8_lossy(&self.stderr));
        self.is_in_order().unwrap();
    }

    /// A failure ends with one line that says what, and one that says what to do.
    pub(crate) fn is_in_order(&self) -> Result<(), String> {
        let text = String::from_utf8_lossy(&self.stderr);
        let lines: Vec<&str> = text.lines().collect();
        let told = match lines.as_slice() {
            [.., what, advice] => what.starts_with("clawvault: ") && advice.starts_with("hint: "),
            _ => false,
        };
        let once = lines.iter().filter(|line| line.starts_with("hint: ")).count() <= 1;
        let ended = matches!(self.code, Some(0..=7 | 125..=127)) && !text.contains("invariant");
        // A report that says no speaks for itself.
        let reported = text.is_empty() && !self.stdout.is_empty();
        let in_order = ended && once && (self.code == Some(0) || told || reported);
        if in_order { Ok(()) } else { Err(format!("ended with {:?} and said {text}", self.code)) }
    }
}

/// Runs a command to its end.
pub(crate) fn finish(mut command: Command, stdin: &[u8]) -> Said {
    let mut child = command.spawn().unwrap();
    // Who refuses early does not read to the end.
    child.stdin.take().unwrap().write_all(stdin).ok();
    let output = child.wait_with_output().unwrap();
    Said { code: output.status.code(), stdout: output.stdout, stderr: output.stderr }
}

/// Gives a file or directory to the user that the product runs as.
pub(crate) fn give(path: &Path) {
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
