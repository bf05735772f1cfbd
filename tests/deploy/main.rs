//! What is in `deploy/`: each snippet is read as its reader does, and its commands are executed; the
//! hooks are called by the real pre-commit framework, which `tests/deploy/install` fetches.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

mod units;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// In the form of its vendor; it was never issued.
const LEAK: &str = "GITHUB_TOKEN=ghp_VZ6wQ2kXr9Lm4TnB8yHc3JdF7sGp1A4WeYPc\n";

/// A place with a repository in `work`.
struct Place {
    root: TempDir,
    /// What Python is to find the framework by.
    python: PathBuf,
}

impl Place {
    fn new() -> Self {
        let place = Self { root: TempDir::new().unwrap(), python: PathBuf::new() };
        fs::create_dir(place.work()).unwrap();
        place.sh("git init -q -b main && echo one > a && git add a && git commit -q -m one");
        place.sh("echo two > a && git commit -q -a -m two");
        place
    }

    fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// What a shell says that finds clawvault; whether it went well.
    fn try_sh(&self, script: &str, variables: &[(&str, &str)]) -> (bool, String) {
        let program = Path::new(env!("CARGO_BIN_EXE_clawvault"));
        let path =
            format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command.args(["-e", "-c", script]).current_dir(self.work()).env_clear();
        command.env("PATH", path).env("HOME", self.root.path()).env("PYTHONPATH", &self.python);
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Ada").env(format!("GIT_{who}_EMAIL"), "a@b.c");
        }
        for name in ["PYENV_ROOT", "PYENV_VERSION"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.envs(variables.iter().copied());
        let Output { status, stdout, stderr } = command.output().unwrap();
        let told = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (status.success(), told.concat())
    }

    fn sh(&self, script: &str) -> String {
        let (well, told) = self.try_sh(script, &[]);
        assert!(well, "{script}: {told}");
        told
    }
}

fn document(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name);
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// All texts in a document that call the scan.
fn scripts(document: &Value) -> Vec<String> {
    match document {
        Value::String(text) if text.contains("clawvault scan") => vec![text.clone()],
        Value::Array(all) => all.iter().flat_map(scripts).collect(),
        Value::Object(all) => all.values().flat_map(scripts).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_commands_of_the_snippets_find_leaks() {
    for (name, report) in
        [("github-actions.yml", "clawvault.sarif"), ("gitlab-ci.yml", "clawvault.xml")]
    {
        let scripts = scripts(&document(name));
        assert_eq!(scripts.len(), 2, "{name}: {scripts:?}");
        for script in scripts {
            let place = Place::new();
            let run = |from: &str| {
                fs::remove_file(place.work().join(report)).ok();
                let (well, told) = place.try_sh(&script, &[("FROM", from)]);
                assert!(place.work().join(report).exists(), "{name}: {told}");
                (well, told)
            };
            for from in ["HEAD~", "", "0000000000000000000000000000000000000000"] {
                let (well, told) = run(from);
                assert!(well, "{name}: {told}");
            }
            fs::write(place.work().join("leak.env"), LEAK).unwrap();
            place.sh("git add leak.env && git commit -q -m leak && git rm -q leak.env && git commit -q -m gone");
            for (from, clean) in [("HEAD~2", false), ("", false), ("HEAD", true)] {
                let (well, told) = run(from);
                assert_eq!(well, clean && script.contains("FROM"), "{name}: {from}: {told}");
                assert!(well != told.contains("1 secret found"), "{name}: {told}");
            }
        }
    }
}

#[test]
fn the_framework_calls_the_hooks() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tools = Command::new(root.join("tests/deploy/install")).output().unwrap();
    let told = String::from_utf8_lossy(&tools.stderr).into_owned();
    assert!(tools.status.success(), "{told}");
    let tools = PathBuf::from(String::from_utf8(tools.stdout).unwrap().trim());
    let place = Place { python: tools.join("python"), ..Place::new() };

    // As in this project: the framework looks in the root, and finds what is in `deploy/`.
    let linked = fs::read_link(root.join(".pre-commit-hooks.yaml")).unwrap();
    assert_eq!(linked, Path::new("deploy/pre-commit-hooks.yaml"));
    let hooks = place.root.path().join("hooks");
    fs::create_dir_all(hooks.join("deploy")).unwrap();
    fs::copy(root.join("deploy/pre-commit-hooks.yaml"), hooks.join(&linked)).unwrap();
    std::os::unix::fs::symlink(&linked, hooks.join(".pre-commit-hooks.yaml")).unwrap();
    place.sh("cd ../hooks && git init -q && git add -A && git commit -q -m hooks");
    let revision = place.sh("git -C ../hooks rev-parse HEAD");
    let config = format!(
        "repos:\n- repo: {}\n  rev: {}\n  hooks:\n  - id: clawvault\n  - id: clawvault-push\n",
        hooks.display(),
        revision.trim()
    );
    fs::write(place.work().join(".pre-commit-config.yaml"), config).unwrap();
    place.sh("python3 -m pre_commit install --hook-type pre-commit --hook-type pre-push");
    place.sh("git add -A && git commit -q -m config");

    fs::write(place.work().join("leak.env"), LEAK).unwrap();
    place.sh("git add leak.env");
    let refused = |script: &str| {
        let (well, told) = place.try_sh(script, &[]);
        assert!(!well && told.contains("1 secret found"), "{script}: {told}");
        assert!(!told.contains("ghp_VZ6wQ2kX"), "{told}");
    };
    refused("git commit -q -m leak");
    place.sh("git rm -q --cached leak.env && git commit -q --allow-empty -m 'not staged'");
    refused("cat leak.env >> a && git commit -q -a -m all");
    place.sh("git checkout -q a");

    place.sh("git init -q --bare ../remote && git remote add origin ../remote");
    place.sh("git push -q origin main");
    place.sh("git add leak.env && git commit -q --no-verify -m leak");
    place.sh("git rm -q leak.env && git commit -q --no-verify -m 'gone again'");
    refused("git push -q origin main");
    refused("git push -q origin main:other");
    place.sh("git push -q --no-verify origin main");
    place.sh("git commit -q --allow-empty -m more && git push -q origin main");
}
