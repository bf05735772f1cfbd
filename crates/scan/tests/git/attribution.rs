//! Random histories: what is told of each secret is what git says when it is asked commit by commit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use clawvault_scan::finding::Finding;

use crate::fixture::{Fixture, leak, token};

/// Commits in a history, and secrets that may be in it.
const COMMITS: usize = 60;
const SECRETS: u32 = 5;

/// Numbers that look random, the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % end
    }
}

/// A history for `git fast-import`: three branches that are written to and merged, in which files
/// change, move, and are copied with their directories.
pub(crate) fn history(seed: u64) -> String {
    let mut dice = Dice(seed * 0x9e37_79b9 + 77);
    let mut out = String::new();
    let mut branches: [Option<BTreeMap<String, String>>; 3] = [const { None }; 3];
    for commit in 0..COMMITS {
        let (branch, other) = if commit == 0 { (0, 0) } else { (dice.below(3), dice.below(3)) };
        writeln!(out, "commit refs/heads/b{branch}").unwrap();
        writeln!(out, "committer A <a@b> {} +0000\ndata 1\nm", 1_600_000_000 + commit * 60)
            .unwrap();
        let theirs = branches[other].clone().filter(|_| other != branch);
        let mut files = match (branches[branch].take(), theirs) {
            (Some(ours), Some(theirs)) if dice.below(3) == 0 => {
                writeln!(out, "merge refs/heads/b{other}").unwrap();
                theirs.into_iter().chain(ours).collect()
            }
            (Some(ours), _) => ours,
            (None, Some(theirs)) => {
                writeln!(out, "from refs/heads/b{other}").unwrap();
                theirs
            }
            (None, None) => BTreeMap::new(),
        };
        for _ in 0..=dice.below(3) {
            change(&mut files, &mut dice);
        }
        writeln!(out, "deleteall").unwrap();
        for (path, text) in &files {
            writeln!(out, "M 644 inline {path}\ndata {}\n{text}", text.len()).unwrap();
        }
        branches[branch] = Some(files);
    }
    out
}

fn change(files: &mut BTreeMap<String, String>, dice: &mut Dice) {
    let what = dice.below(10);
    if what > 2 {
        let mut text = format!("{}\n", dice.below(4));
        let held = (0..SECRETS).filter(|_| dice.below(7) == 0);
        held.for_each(|number| text.push_str(&leak(number)));
        let path = format!("d{}/e{}/f{}", dice.below(3), dice.below(2), dice.below(3));
        files.insert(path, text);
        return;
    }
    // Of a directory: goes, moves, or has a copy.
    let (from, to) = (format!("d{}/", dice.below(3)), format!("d{}/", dice.below(4)));
    let below = |(path, text): (&String, &String)| {
        Some((path.strip_prefix(&from)?.to_owned(), text.clone()))
    };
    let inside: Vec<(String, String)> = files.iter().filter_map(below).collect();
    if what < 2 {
        files.retain(|path, _| !path.starts_with(&from));
    }
    if what > 0 {
        files.extend(inside.into_iter().map(|(path, text)| (format!("{to}{path}"), text)));
    }
}

/// What is known of a secret: its first and its last commit, whether a branch has it, its paths.
type Told = (String, String, bool, BTreeSet<String>);

/// What git says.
fn asked(fixture: &Fixture) -> BTreeMap<u32, Told> {
    let mut all: BTreeMap<u32, Told> = BTreeMap::new();
    let mut blobs: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    let heads = fixture.git(&["for-each-ref", "--format=%(objectname)"]);
    let commits = fixture.git(&["rev-list", "--all", "--date-order", "--reverse"]);
    for commit in commits.lines() {
        for line in fixture.git(&["ls-tree", "-r", commit]).lines() {
            let (entry, path) = line.split_once('\t').unwrap();
            let blob = entry.split(' ').nth(2).unwrap();
            let held = blobs.entry(blob.to_owned()).or_insert_with(|| {
                let text = fixture.git(&["cat-file", "blob", blob]);
                (0..SECRETS).filter(|number| text.contains(&token(*number))).collect()
            });
            for number in held {
                let told = all.entry(*number).or_default();
                if told.0.is_empty() {
                    told.0 = commit.to_owned();
                }
                told.1 = commit.to_owned();
                told.2 |= heads.contains(commit);
                told.3.insert(path.to_owned());
            }
        }
    }
    all
}

/// What the scan says, all findings of a secret together.
fn scanned(fixture: &Fixture) -> BTreeMap<u32, Told> {
    let order = fixture.git(&["rev-list", "--all", "--date-order", "--reverse"]);
    let age = |id: &String| order.lines().position(|line| line == id).unwrap();
    let outcome = fixture.history();
    assert_eq!((outcome.summary.missing, &*outcome.summary.unreadable), (0, &[][..]));
    let mut all: BTreeMap<u32, Told> = BTreeMap::new();
    for Finding { value, history, .. } in outcome.findings {
        let number = (0..SECRETS).find(|number| *value == token(*number).as_bytes()).unwrap();
        let history = history.unwrap();
        let (first, last) = (history.first.unwrap().id, history.last.unwrap().id);
        let told = all.entry(number).or_default();
        if told.0.is_empty() || age(&first) < age(&told.0) {
            told.0 = first;
        }
        if told.1.is_empty() || age(&last) > age(&told.1) {
            told.1 = last;
        }
        told.2 |= history.in_head;
        told.3.extend(history.paths.into_iter().map(|path| String::from_utf8(path).unwrap()));
    }
    all
}

/// Feeds a stream to `git fast-import`.
pub(crate) fn import(fixture: &Fixture, stream: &str, config: &[&str]) {
    let mut import = Command::new("git")
        .args(config)
        .args(["fast-import", "--quiet", "--force"])
        .current_dir(fixture.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    import.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(import.wait().unwrap().success());
}

#[test]
fn what_is_told_is_what_git_says() {
    let mut secrets = 0;
    for seed in 1..=6 {
        let fixture = Fixture::new();
        import(&fixture, &history(seed), &["-c", "fastimport.unpackLimit=0"]);
        let told = asked(&fixture);
        secrets += told.len();
        // Deltas against older trees first, then against newer ones.
        assert_eq!(scanned(&fixture), told, "seed {seed}");
        fixture.git(&["repack", "-q", "-a", "-d", "-f"]);
        assert_eq!(scanned(&fixture), told, "seed {seed}, repacked");
    }
    assert!(secrets > 20, "{secrets}");
}
