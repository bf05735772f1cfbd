//! The forms of a report, and what an audit costs.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{audit, unpack::unpack};

#[test]
fn every_form_tells_the_same_findings() {
    let root = tempfile::tempdir().unwrap();
    unpack("ubuntu-24.04-careless", root.path());
    // A name of a file steers neither a terminal nor a page.
    fs::write(root.path().join("usr/local/bin/<script>\u{1b}[2J"), "").unwrap();
    let odd = root.path().join("usr/local/bin/<script>\u{1b}[2J");
    fs::set_permissions(odd, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let say = |form: &str| {
        let output = audit(&["--root", root.path().to_str().unwrap(), "--format", form]);
        assert_eq!(output.status.code(), Some(1), "{form}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains('\u{1b}'), "{form}");
        text
    };
    let json: Value = serde_json::from_str(&say("json")).unwrap();
    let checks = json["checks"].as_array().unwrap();
    let names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["checks", "host", "version"]);
    let fields: Vec<&str> = checks[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        fields,
        ["area", "evidence", "fix", "id", "reference", "severity", "status", "title"]
    );
    assert!(checks.len() >= 60, "{}", checks.len());
    let is_bad = |check: &&Value| check["status"] == "fail" || check["status"] == "warn";
    let bad: Vec<&str> =
        checks.iter().filter(is_bad).map(|check| check["id"].as_str().unwrap()).collect();

    let text = say("text");
    let told =
        text.lines().filter(|line| line.starts_with("FAIL") || line.starts_with("warn")).count();
    assert_eq!(told, bad.len());
    assert!(text.lines().nth(6).unwrap().starts_with("FAIL    critical"), "worst first:\n{text}");
    // What is wider has a command, a path or an address that is not to be broken.
    let wide = text.lines().filter(|line| line.chars().count() > 100);
    let could_be_broken =
        |line: &&str| !line.trim_start().starts_with("fix:") && line.matches(' ').count() > 40;
    assert_eq!(wide.clone().find(could_be_broken), None);
    assert!(wide.count() * 5 < text.lines().count(), "{text}");

    let sarif: Value = serde_json::from_str(&say("sarif")).unwrap();
    let run = &sarif["runs"][0];
    let results: Vec<&str> = run["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["ruleId"].as_str().unwrap())
        .collect();
    assert_eq!(results, bad);
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    }

    let page = say("html");
    assert_eq!(page.matches("<article").count(), bad.len());
    assert!(page.contains("<summary>") && !page.contains("<table>\n</table>"));
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"));
}

/// On a host with 50,000 files below the OpenClaw home.
#[test]
fn a_full_audit_is_quick_and_small() {
    let root = tempfile::tempdir().unwrap();
    unpack("debian-12", root.path());
    let home = root.path().join("home/claw/.openclaw");
    for folder in 0..500 {
        let folder = home.join(format!("workspace/notes/{folder}"));
        fs::create_dir_all(&folder).unwrap();
        for file in 0..100 {
            fs::write(folder.join(format!("{file}.txt")), "a note of no interest\n").unwrap();
        }
    }
    let measured = "import resource,subprocess,sys; \
        code=subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL); \
        print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let start = Instant::now();
    let output = Command::new("python3")
        .args(["-c", measured, env!("CARGO_BIN_EXE_clawvault"), "audit", "--json", "--root"])
        .arg(root.path())
        .env("CLAWVAULT_HOME", root.path().join("vault"))
        .output()
        .unwrap();
    let took = start.elapsed();
    let kib: u64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    println!("a full audit with 50,000 files: {took:?}, {kib} KiB");
    assert!(kib < super::MOST_KIB, "{kib} KiB");
    // Unoptimised code says nothing of a release.
    let most =
        if cfg!(debug_assertions) { Duration::from_secs(60) } else { Duration::from_secs(2) };
    assert!(took < most, "{took:?}");
}
