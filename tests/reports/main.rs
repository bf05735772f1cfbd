//! Reports of a hostile tree: each form is read as its readers do, SARIF against its schema; none
//! shows a value, none steers a terminal, and the order is always the same.
//!
//! What the forms are read with is pinned and fetched by `tests/reports/install`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Every form.
const FORMS: &[&str] = &["text", "json", "jsonl", "sarif", "junit", "csv", "html"];

/// Tokens in the forms of their vendors; none was ever issued.
const GITHUB: &str = "ghp_R8sKq2LwZx7VtB4nMd9PfGh3JcYu6E0aT5iX";
const SLACK: &str = "xoxb-284619375046-2846193750461-Qm7TzXc9LbWd2KfYv5RnHs3J";
const STRIPE: &str = "sk_live_Wq7ZtRm3LxVb9KdPc5HnYs2J";

/// Names and contents that mean something to a terminal, a spreadsheet, XML or HTML.
fn hostile_tree(root: &Path) -> usize {
    let files: &[(&[u8], String)] = &[
        (b"plain.env", format!("A=1\nexport GITHUB_TOKEN={GITHUB}\n")),
        (b"two on a line", format!("a = '{GITHUB}', b = '{SLACK}' \x1b[2J\x07\r\n")),
        (
            b"=cmd|' C calc'!A0.csv",
            format!("@SUM(1), {STRIPE} </script><script>alert(1)</script>\n"),
        ),
        (b"<img src=x onerror=alert(1)>&amp;.html", format!("<a b=\"{SLACK}\"> ]]> &lt;\n")),
        (b"esc\x1b]0;title\x07\n.txt", format!("\u{202e}{GITHUB}\u{202c}\0\n")),
        (b"bytes\xff\xfe.txt", format!("\u{feff}\u{1d11e} {STRIPE} \u{fffe}\n")),
    ];
    for (name, text) in files {
        fs::write(root.join(OsStr::from_bytes(name)), text).unwrap();
    }
    files.len() + 1
}

#[test]
fn every_form_holds_every_finding_and_no_value() {
    let (tree, reports) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let count = hostile_tree(tree.path());
    let mut arguments = vec!["scan".to_owned(), tree.path().display().to_string()];
    for form in FORMS {
        arguments.push("--report".to_owned());
        arguments.push(format!("{form}:{}", reports.path().join(form).display()));
    }
    let Output { status, stdout, stderr } = clawvault(&arguments);
    assert_eq!(status.code(), Some(1), "{}", String::from_utf8_lossy(&stderr));
    let mut outputs: Vec<(PathBuf, Vec<u8>)> =
        vec![("stdout".into(), stdout.clone()), ("stderr".into(), stderr)];
    for form in FORMS {
        let file = reports.path().join(form);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        outputs.push((file.clone(), fs::read(&file).unwrap()));
        // On stdout it is the same, but for the time that it took.
        let again =
            clawvault(&["scan".into(), arguments[1].clone(), "--format".into(), (*form).into()]);
        outputs.push((format!("stdout, {form}").into(), again.stdout));
    }
    assert_eq!(fs::read_dir(reports.path()).unwrap().count(), FORMS.len(), "something was left");
    for (name, bytes) in &outputs {
        assert_shows_nothing(name, bytes);
    }
    assert_eq!(stdout, fs::read(reports.path().join("text")).unwrap());
    let found = read_as_readers_do(reports.path());
    assert_eq!(found, count, "findings");
}

/// No value, and nothing that a terminal acts on.
fn assert_shows_nothing(name: &Path, bytes: &[u8]) {
    let text =
        std::str::from_utf8(bytes).unwrap_or_else(|_| panic!("{}: not UTF-8", name.display()));
    for value in [GITHUB, SLACK, STRIPE] {
        for window in value.as_bytes().windows(8) {
            let window = std::str::from_utf8(window).unwrap();
            assert!(!text.contains(window), "{} shows a part of a value", name.display());
        }
    }
    let steers = |c: &char| {
        (c.is_control() && !"\n\r".contains(*c)) || "\u{202e}\u{202c}\u{feff}".contains(*c)
    };
    assert_eq!(text.chars().find(steers), None, "{}", name.display());
}

/// What code scanning is handed of an audit, of a tree and of this machine with a finding that is kept.
#[test]
fn the_audit_in_sarif_is_what_its_schema_says() {
    let home = TempDir::new().unwrap();
    let tree = home.path().join("tree");
    fs::create_dir_all(tree.join("usr/local/bin")).unwrap();
    let odd = tree.join("usr/local/bin/<b>\u{1b}[2J\n.txt");
    fs::write(&odd, "").unwrap();
    fs::set_permissions(&odd, fs::Permissions::from_mode(0o666)).unwrap();
    let kept = "operations.anomaly.files";
    let policy = home.path().join("policy.toml");
    let rule =
        format!("[audit.suppress.\"{kept}\"]\nreason = \"a test\"\nuntil = \"2099-12-31\"\n");
    fs::write(&policy, rule).unwrap();
    let run = |arguments: &[&str]| {
        let vault = home.path().join("vault");
        let mut command = Command::new(env!("CARGO_BIN_EXE_clawvault"));
        let Output { status, stdout, stderr } =
            command.args(arguments).env("CLAWVAULT_HOME", vault).output().unwrap();
        assert!(matches!(status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&stderr));
        stdout
    };
    run(&["init"]);
    run(&["policy", "apply", policy.to_str().unwrap(), "--yes"]);
    let of_tree = run(&["audit", "--format", "sarif", "--root", tree.to_str().unwrap()]);
    let of_host = run(&["audit", "--format", "sarif", "--no-openclaw", "--no-probes"]);
    fs::write(home.path().join("tree.sarif"), &of_tree).unwrap();
    fs::write(home.path().join("host.sarif"), &of_host).unwrap();
    let rules: Vec<Vec<String>> =
        serde_json::from_slice(&check(home.path(), &["tree.sarif", "host.sarif"])).unwrap();
    let [of_tree, of_host] = rules.as_slice() else { panic!("{rules:?}") };
    assert!(of_tree.iter().any(|rule| rule == "server.files.world-writable"), "{of_tree:?}");
    assert!(of_host.iter().any(|rule| rule == kept), "{of_host:?}");
}

/// How many findings each form has, by readers of its own.
fn read_as_readers_do(reports: &Path) -> usize {
    let found: Vec<(usize, String)> = serde_json::from_slice(&check(reports, &[])).unwrap();
    found.len()
}

/// What `check.py` prints of reports.
fn check(reports: &Path, files: &[&str]) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports");
    let installed = Command::new(folder.join("install")).output().unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let tools = String::from_utf8(installed.stdout).unwrap();
    let mut check = Command::new("python3");
    check.arg(folder.join("check.py")).arg(tools.trim_end()).arg(reports).args(files);
    let Output { status, stdout, stderr } = check.output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    stdout
}

fn clawvault(arguments: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_clawvault")).args(arguments).output().unwrap()
}
