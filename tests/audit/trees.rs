//! Every check on every tree ends as `fixtures/hosts/expected/AREA.toml` says.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use super::{checks, fixture, unpack::unpack};

/// The trees, in the order of the columns of the tables.
const TREES: &[&str] = &[
    "debian-12",
    "debian-12-hardened",
    "debian-12-careless",
    "ubuntu-24.04",
    "ubuntu-24.04-hardened",
    "ubuntu-24.04-careless",
    "rhel-9",
    "rhel-9-hardened",
    "rhel-9-careless",
];

/// Statuses by id, a column for each tree.
type Table = BTreeMap<String, Vec<String>>;

fn expected() -> Table {
    let mut all = Table::new();
    for entry in fs::read_dir(fixture("expected")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let rows: BTreeMap<String, String> = toml::from_str(&text).unwrap();
        for (id, row) in rows {
            let area = id.split('.').next().unwrap();
            assert_eq!(path.file_stem().unwrap().to_str(), Some(area), "{id} stands elsewhere");
            let row: Vec<String> = row.split_whitespace().map(str::to_owned).collect();
            assert_eq!(row.len(), TREES.len(), "{id}: a word for each tree");
            assert!(all.insert(id, row).is_none());
        }
    }
    all
}

#[test]
fn every_check_ends_as_the_tables_say_on_every_tree() {
    let expected = expected();
    let (mut seen, mut wrong) = (Table::new(), String::new());
    for (column, name) in TREES.iter().enumerate() {
        let root = tempfile::tempdir().unwrap();
        unpack(name, root.path());
        for check in checks(&["--root", root.path().to_str().unwrap()]) {
            let text = |field: &str| check[field].as_str().unwrap().to_owned();
            let (id, status) = (text("id"), text("status"));
            // OpenClaw itself runs on a living machine alone.
            if id.starts_with("application.openclaw.") {
                assert_eq!(status, "unknown", "{id}");
                continue;
            }
            // What no tree can tell says so: it is there, and cannot be seen from here.
            let row = expected.get(&id);
            if row.is_some_and(|row| row.iter().all(|status| status == "unknown"))
                && !text("evidence").ends_with("can be seen on the running machine only")
            {
                writeln!(wrong, "{name} {id}: another reason: {}", text("evidence")).unwrap();
            }
            let wanted = expected.get(&id).map(|row| row[column].as_str());
            if wanted != Some(&status) {
                let evidence = text("evidence");
                writeln!(wrong, "{name} {id}: {status}, not {wanted:?}: {evidence}").unwrap();
            }
            // Whatever is wrong comes with a way out of it.
            if ["warn", "fail"].contains(&status.as_str()) && text("fix").is_empty() {
                writeln!(wrong, "{name} {id}: no fix").unwrap();
            }
            seen.entry(id).or_default().push(status);
        }
    }
    for id in expected.keys().filter(|id| !seen.contains_key(*id)) {
        writeln!(wrong, "{id}: no such check").unwrap();
    }
    if !wrong.is_empty() {
        for (id, row) in &seen {
            println!("\"{id}\" = \"{}\"", row.join(" "));
        }
        panic!("not as expected:\n{wrong}");
    }
}

/// What must hold of the tables themselves: the hardened hosts raise no alarm, and every check that a
/// tree can answer fails somewhere.
#[test]
fn the_hardened_trees_are_quiet_and_every_fault_is_found() {
    for (id, row) in expected() {
        for (status, tree) in row.iter().zip(TREES) {
            if tree.ends_with("hardened") {
                assert!(!["warn", "fail"].contains(&status.as_str()), "{id} on {tree}");
            }
        }
        let found = row.iter().any(|status| ["warn", "fail"].contains(&status.as_str()));
        let unseen = row.iter().all(|status| ["unknown", "na"].contains(&status.as_str()));
        assert!(found || unseen, "{id} fails nowhere");
    }
}

/// Other ways to write the same settings, legitimate and careless, in `fixtures/hosts/odd`: the hardened
/// raise no alarm, and of the careless each check that is named finds something.
#[test]
fn other_spellings_are_judged_alike() {
    let mut wrong = String::new();
    for entry in fs::read_dir(fixture("odd")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let root = tempfile::tempdir().unwrap();
        let finds = unpack(&format!("odd/{name}"), root.path());
        assert_eq!(finds.is_empty(), name.starts_with("hardened-"), "{name}: what is found");
        let checks = checks(&["--root", root.path().to_str().unwrap()]);
        for id in &finds {
            assert!(
                checks.iter().any(|check| check["id"] == id.as_str()),
                "{name} {id}: no such check"
            );
        }
        for check in checks {
            let (id, status) = (check["id"].as_str().unwrap(), check["status"].as_str().unwrap());
            let is_bad = ["warn", "fail"].contains(&status);
            let should = finds.iter().any(|one| one == id);
            if should && !is_bad || finds.is_empty() && is_bad {
                writeln!(wrong, "{name} {id}: {status}: {}", check["evidence"]).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "not as expected:\n{wrong}");
}
