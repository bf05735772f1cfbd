//! The place of an outage: a small file system of its own, a vault in it, and what has to hold
//! of every answer.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::sandbox::{PROGRAM, Said, run};

/// The value that is there before the outage.
pub(crate) const OLD: &str = "value-before-the-outage";
/// The value that is stored during the outage.
pub(crate) const NEW: &str = "value-during-the-outage";
/// The secret of both.
pub(crate) const NAME: &str = "outage/one";
const PAGE: usize = 4096;
const SIZE: u64 = 32 * 1024 * 1024;

/// A vault on a tmpfs of its own, with one secret in it.
pub(crate) struct Bench {
    // Unmounted before its mount point is removed.
    _mount: Mount,
    directory: TempDir,
}

struct Mount(PathBuf);

impl Drop for Mount {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(&self.0).status().ok();
    }
}

impl Bench {
    /// An empty file system, or `None`, said in a line, where nothing can be mounted.
    pub(crate) fn empty(test: &str) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a temporary directory is made");
        let disk = directory.path().join("disk");
        fs::create_dir(&disk).expect("a mount point is made");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={SIZE},mode=755"), "tmpfs"]).arg(&disk);
        if !mount.status().is_ok_and(|status| status.success()) {
            println!("SKIP {test}: mounting a tmpfs needs root");
            return None;
        }
        // Other users have to reach the program, too.
        let rights = fs::Permissions::from_mode(0o755);
        fs::set_permissions(directory.path(), rights).expect("the directory is opened");
        Some(Self { _mount: Mount(disk), directory })
    }

    /// One with a vault that holds the old value.
    pub(crate) fn with_vault(test: &str) -> Option<Self> {
        let bench = Self::empty(test)?;
        bench.run(&["init"], "").sound("init");
        bench.run(&["set", NAME, "--env", "OUTAGE"], OLD).sound("set");
        Some(bench)
    }

    /// A path on the small file system.
    pub(crate) fn disk(&self, name: &str) -> PathBuf {
        self.directory.path().join("disk").join(name)
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.disk("home")
    }

    /// A path beside the small file system.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The anchor's file.
    pub(crate) fn anchor(&self) -> PathBuf {
        let state = fs::read_dir(self.home().join("state")).expect("there is a state directory");
        let vault = state.map(|entry| entry.expect("an entry").path()).next().expect("one vault");
        vault.join("anchor")
    }

    /// These words as a command, with nothing of our environment.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
        command.env("CLAWVAULT_HOME", self.home());
        command
    }

    /// Runs the program without any outage around it.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Said {
        run(&mut self.command(&[&[PROGRAM], arguments].concat()), input.as_bytes())
    }

    /// Reads until the log's last page is full, so that its next entry needs another one.
    pub(crate) fn crowd_log(&self) {
        let log = self.home().join("log/00000001.log");
        let length = || fs::metadata(&log).expect("the log is there").len() as usize;
        // Entries differ a little, by process number and the program's path.
        const MARGIN: usize = 80;
        let mut entry = 0;
        while length() % PAGE + entry <= PAGE + MARGIN {
            let before = length();
            self.run(&["get", NAME], "").sound("get");
            entry = length() - before;
        }
    }

    /// Fills the file system up to `free` pages of 4 KiB.
    pub(crate) fn fill(&self, free: usize) {
        let mut file = File::create(self.disk("filler")).expect("the filler is made");
        while file.write(&[1; PAGE]).is_ok_and(|length| length > 0) {}
        let length = file.metadata().expect("the filler has a length").len();
        file.set_len(length - (PAGE * free) as u64).expect("the filler shrinks");
    }

    /// Leaves room for bytes but for no further file.
    pub(crate) fn take_inodes(&self) {
        let all = rustix::fs::statvfs(self.disk("")).expect("the file system is asked");
        self.remount(&format!("nr_inodes={}", all.f_files - all.f_ffree));
    }

    /// Gives the space back.
    pub(crate) fn empty_out(&self) {
        fs::remove_file(self.disk("filler")).expect("the filler is removed");
    }

    /// Remounts the file system read-only ("ro") or writable ("rw").
    pub(crate) fn remount(&self, how: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,{how}")]).arg(self.disk(""));
        assert!(mount.status().is_ok_and(|status| status.success()), "remount {how}");
    }

    /// After the outage everything is there and works; `expected` are the values that may be
    /// current.
    pub(crate) fn recovers(&self, case: &str, expected: &[&str]) {
        let found = self.run(&["get", NAME], "").sound(case);
        assert!(expected.contains(&found.as_str()), "{case}: another value is current");
        self.run(&["set", NAME], "value-after").sound(case);
        assert_eq!(self.run(&["get", NAME], "").sound(case), "value-after");
        self.run(&["log", "--verify"], "").sound(case);
        let doctor = self.run(&["doctor"], "").sound(case);
        assert!(!doctor.contains("BAD"), "{case}: {doctor}");
    }
}

/// A refusal is two lines with a documented code, and shows nothing of a value.
pub(crate) fn assert_refused(case: &str, said: &Said, code: i32) {
    assert_eq!(said.code(), Some(code), "{case}: {}", said.err);
    let lines: Vec<&str> = said.err.lines().collect();
    assert_eq!(lines.len(), 2, "{case}: {}", said.err);
    assert!(lines[0].starts_with("clawvault: ") && lines[1].starts_with("hint: "), "{}", said.err);
    assert!(said.out.is_empty(), "{case}: a refusal hands something out");
    assert_discreet(case, said);
}

/// Nothing that a command says besides its data is a value, or the word of a panic.
pub(crate) fn assert_discreet(case: &str, said: &Said) {
    for word in [OLD, NEW, "panicked", "invariant", "RUST_BACKTRACE", "bytes failed"] {
        assert!(!said.err.contains(word), "{case}: says {word}: {}", said.err);
    }
}

/// Sets the rights of a file or directory.
pub(crate) fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the rights are set");
}

/// Copies the program to where anyone may run it. Not by our own hand: a process that another test
/// starts meanwhile would inherit the open copy, and the kernel runs no file that is being written.
pub(crate) fn for_anyone(to: &Path) -> PathBuf {
    let copied = Command::new("cp").arg(PROGRAM).arg(to).status();
    assert!(copied.is_ok_and(|status| status.success()), "the program is copied");
    to.to_owned()
}
