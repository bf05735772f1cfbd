//! Repositories that git itself makes, the same each time.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clawvault_scan::engine::Scanner;
use clawvault_scan::finding::{Finding, History};
use clawvault_scan::rule::RuleSet;
use clawvault_scan::source::git::{GitError, HistoryOptions, Repository};
use clawvault_scan::source::{Outcome, Silent};

/// A directory with a repository in it, which goes with the value.
pub(crate) struct Fixture {
    root: tempfile::TempDir,
    /// The time of the next command, in seconds; a commit after another is newer.
    time: Cell<u64>,
}

/// A token that each fixture leaks, another for each number; random, and nobody's.
pub(crate) fn token(number: u32) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ (u64::from(number) << 32 | 0x5851_f42d);
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        char::from(letters[(state >> 20) as usize % letters.len()])
    };
    let secret: String = (0..93).map(|_| letter()).collect();
    format!("sk-ant-api03-{secret}AA")
}

/// A line that leaks it.
pub(crate) fn leak(number: u32) -> String {
    format!("ANTHROPIC_API_KEY={}\n", token(number))
}

impl Fixture {
    /// A repository in `repo`, with nothing in it.
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// The same, with more arguments to `git init`.
    pub(crate) fn with(init: &[&str]) -> Self {
        let fixture = Self { root: tempfile::tempdir().unwrap(), time: Cell::new(1_700_000_000) };
        std::fs::create_dir(fixture.path()).unwrap();
        fixture.git(&[&["init", "-q", "-b", "main"], init].concat());
        fixture
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.root().join("repo")
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// What git says, in the repository; it must not fail.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_in(&self.path(), arguments)
    }

    pub(crate) fn git_in(&self, directory: &Path, arguments: &[&str]) -> String {
        let output = self.try_git_in(directory, arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "git {arguments:?}: {told}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    pub(crate) fn try_git_in(&self, directory: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(directory).env_clear();
        for name in ["PATH", "LD_LIBRARY_PATH"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        self.time.set(self.time.get() + 60);
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Ada");
            command.env(format!("GIT_{who}_EMAIL"), "ada@example.org");
            command.env(format!("GIT_{who}_DATE"), format!("{} +0000", self.time.get()));
        }
        command.envs([("HOME", self.root()), ("GIT_CONFIG_NOSYSTEM", Path::new("1"))]);
        command.envs([("GIT_ALLOW_PROTOCOL", "file"), ("LC_ALL", "C")]);
        command.output().unwrap()
    }

    /// Commits all there is.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn open(&self) -> Result<Repository, GitError> {
        Repository::discover(&self.path())
    }

    pub(crate) fn history(&self) -> Outcome {
        history(&self.open().unwrap(), false).unwrap()
    }

    pub(crate) fn staged(&self) -> Outcome {
        staged(&self.open().unwrap()).unwrap()
    }
}

/// Scans what is staged in a repository.
pub(crate) fn staged(repository: &Repository) -> Result<Outcome, GitError> {
    let rules = RuleSet::built_in();
    repository.staged(&Scanner { rules: &rules, known: None }, &Silent)
}

/// Scans the history of a repository.
pub(crate) fn history(repository: &Repository, unreachable: bool) -> Result<Outcome, GitError> {
    let rules = RuleSet::built_in();
    let options = HistoryOptions { unreachable, ..HistoryOptions::default() };
    repository.history(&Scanner { rules: &rules, known: None }, &options, &Silent)
}

/// Numbers of the tokens, below a hundred, that were found.
pub(crate) fn numbers(outcome: &Outcome) -> Vec<u32> {
    let is = |number: &u32| {
        let token = token(*number);
        outcome.findings.iter().any(|finding| *finding.value == token.as_bytes())
    };
    (0..100).filter(is).collect()
}

/// What is told of the history of a token.
pub(crate) fn told(outcome: &Outcome, number: u32) -> &History {
    let token = token(number);
    let found = |finding: &&Finding| *finding.value == token.as_bytes();
    outcome.findings.iter().find(found).and_then(|found| found.history.as_ref()).unwrap()
}

/// Where findings lie, and in which line.
pub(crate) fn places(outcome: &Outcome) -> Vec<(String, usize)> {
    let place = |finding: &Finding| {
        (String::from_utf8_lossy(&finding.place.path).into_owned(), finding.place.line)
    };
    let mut all: Vec<_> = outcome.findings.iter().map(place).collect();
    all.sort();
    all
}
