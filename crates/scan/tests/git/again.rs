//! Second scans: what was kept of earlier ones changes nothing of what is told.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use clawvault_scan::engine::{Known, KnownSecret, OnKnown, Scanner};
use clawvault_scan::finding::{Finding, History};
use clawvault_scan::rule::RuleSet;
use clawvault_scan::rule::grammar::RuleFile;
use clawvault_scan::source::git::{HistoryOptions, Keeper};
use clawvault_scan::source::{Outcome, Silent};

use crate::attribution::{history, import};
use crate::fixture::{Fixture, leak, numbers};

/// Keeps in memory.
#[derive(Default)]
struct Memory(RefCell<HashMap<[u8; 32], Vec<u8>>>);

impl Keeper for Memory {
    fn get(&self, key: &[u8; 32]) -> Option<Vec<u8>> {
        self.0.borrow().get(key).cloned()
    }

    fn put(&self, key: &[u8; 32], value: &[u8]) {
        self.0.borrow_mut().insert(*key, value.to_vec());
    }
}

/// Somebody who knows one word.
struct Word(&'static [u8], Option<[u8; 32]>);

impl Known for Word {
    fn digest(&self) -> Option<[u8; 32]> {
        self.1
    }

    fn find(&self, text: &[u8], each: &mut OnKnown<'_>) {
        let at = text.windows(self.0.len()).position(|window| window == self.0);
        let name = String::from("word");
        let secret = KnownSecret { name, profile: "default".into(), version: 1, current: true };
        if let Some(at) = at {
            let span: Range<usize> = at..at + self.0.len();
            each(span, &secret, self.0);
        }
    }
}

/// Scans with that memory.
fn again(fixture: &Fixture, scanner: &Scanner<'_>, memory: Option<&Memory>) -> Outcome {
    let keeper = memory.map(|memory| memory as &dyn Keeper);
    let options = HistoryOptions { unreachable: false, keeper };
    fixture.open().unwrap().history(scanner, &options, &Silent).unwrap()
}

/// All that is told of findings.
fn told(outcome: &Outcome) -> BTreeSet<String> {
    let told = |finding: &Finding| {
        let Finding { rule, place, value, history, .. } = finding;
        let History { blob, first, last, paths, in_head } = history.clone().unwrap();
        let paths: Vec<_> = paths.iter().map(|path| String::from_utf8_lossy(path)).collect();
        format!(
            "{rule} {}:{}:{} {} {blob} {first:?} {last:?} {paths:?} {in_head}",
            String::from_utf8_lossy(&place.path),
            place.line,
            place.column,
            String::from_utf8_lossy(value),
        )
    };
    let all: BTreeSet<String> = outcome.findings.iter().map(told).collect();
    assert_eq!(all.len(), outcome.findings.len(), "nothing is told twice");
    all
}

/// Scans with the memory and without one; both tell the same. What the one with it says.
fn same(fixture: &Fixture, scanner: &Scanner<'_>, memory: &Memory, what: &str) -> Outcome {
    let (fresh, kept) = (again(fixture, scanner, None), again(fixture, scanner, Some(memory)));
    assert_eq!(told(&kept), told(&fresh), "{what}");
    let (fresh, known) = (&fresh.summary, &kept.summary);
    assert_eq!(known.commits, fresh.commits, "{what}");
    assert_eq!(known.missing, fresh.missing, "{what}");
    assert_eq!(known.unreadable, fresh.unreadable, "{what}");
    assert_eq!(known.skipped, fresh.skipped, "{what}");
    kept
}

#[test]
fn each_change_is_told_as_by_a_first_scan() {
    let rules = RuleSet::built_in();
    let scanner = Scanner { rules: &rules, known: None };
    let (fixture, memory) = (Fixture::new(), Memory::default());
    for number in 0..70 {
        fixture.write(&format!("many/{number}"), format!("{number}\n"));
    }
    fixture.write("src/key.env", leak(1)).write("a/b/c", "x\n").commit("one");
    fixture.git(&["tag", "-a", "-m", &leak(2), "v1"]);
    fixture.write("other", leak(3)).commit(&leak(4));
    let first = same(&fixture, &scanner, &memory, "the first scan");
    assert_eq!((numbers(&first), first.summary.remembered), (vec![1, 2, 3, 4], 0));
    let check = |what: &str, expected: &[u32]| {
        let outcome = same(&fixture, &scanner, &memory, what);
        assert_eq!(numbers(&outcome), expected, "{what}");
        outcome.summary
    };
    let summary = check("nothing new", &[1, 2, 3, 4]);
    assert_eq!((summary.texts, summary.remembered), (0, 73));
    fixture.write("a/b/d", "clean\n").commit("clean");
    assert_eq!(check("a clean commit", &[1, 2, 3, 4]).texts, 1);
    fixture.write("copy/x", leak(1)).git(&["mv", "src", "lib"]);
    fixture.commit("a directory moves, a leak is copied");
    check("a directory moves, a leak is copied", &[1, 2, 3, 4]);
    fixture.write("a/b/c", leak(5)).commit(&leak(6));
    check("new leaks", &[1, 2, 3, 4, 5, 6]);
    // What is found in an archive has no place of its own in the blob.
    fixture.git(&["archive", "-o", "packed.tar", "HEAD", "lib"]);
    fixture.commit("an archive");
    check("an archive", &[1, 2, 3, 4, 5, 6]);
    let outcome = same(&fixture, &scanner, &memory, "an archive, again");
    let inside = outcome.findings.iter().filter(|f| f.place.path.starts_with(b"packed.tar!"));
    assert_eq!((inside.count(), outcome.summary.texts), (1, 0));
    fixture.git(&["rm", "-q", "-r", "lib", "other"]);
    fixture.commit("files are removed");
    check("files are removed", &[1, 2, 3, 4, 5, 6]);
    fixture.write("staged", leak(7)).git(&["add", "staged"]);
    check("a leak is staged", &[1, 2, 3, 4, 5, 6, 7]);
    fixture.commit("it is committed");
    check("it is committed", &[1, 2, 3, 4, 5, 6, 7]);
    fixture.git(&["checkout", "-q", "-b", "side", "v1"]);
    fixture.write("side", leak(8)).commit("side");
    check("a branch from an old commit", &[1, 2, 3, 4, 5, 6, 7, 8]);
    fixture.git(&["checkout", "-q", "main"]);
    fixture.git(&["merge", "-q", "-m", "merge", "side"]);
    check("a merge", &[1, 2, 3, 4, 5, 6, 7, 8]);
    fixture.git(&["reset", "-q", "--hard", "HEAD^"]);
    fixture.git(&["branch", "-q", "-D", "side"]);
    fixture.git(&["update-ref", "-d", "ORIG_HEAD"]);
    fixture.git(&["reflog", "expire", "--expire=now", "--all"]);
    check("a branch is deleted", &[1, 2, 3, 4, 5, 6, 7]);
    fixture.git(&["repack", "-adq"]);
    fixture.git(&["prune", "--expire=now"]);
    assert_eq!(check("repacked", &[1, 2, 3, 4, 5, 6, 7]).texts, 0);
    assert_eq!(check("after that", &[1, 2, 3, 4, 5, 6, 7]).texts, 0);
    fixture.git(&["update-ref", "-d", "refs/tags/v1"]);
    check("a tag is deleted", &[1, 3, 4, 5, 6, 7]);
    let tree = fixture.git(&["rev-parse", "HEAD:a"]);
    fixture.git(&["update-ref", "refs/tree", &tree]);
    check("a ref to a tree", &[1, 3, 4, 5, 6, 7]);
    fixture.write("loose", "nowhere else\n").commit("loose");
    let summary = check("loose objects", &[1, 3, 4, 5, 6, 7]);
    assert!(summary.remembered > 0);
    let blob = fixture.git(&["rev-parse", "HEAD:loose"]);
    let file = fixture.path().join(".git/objects").join(&blob[..2]).join(&blob[2..]);
    std::fs::remove_file(file).unwrap();
    assert_eq!(check("an object is lost", &[1, 3, 4, 5, 6, 7]).missing, 1);
}

#[test]
fn what_was_left_out_is_told_again_and_nothing_is_read_for_it() {
    let rules = RuleSet::built_in();
    let scanner = Scanner { rules: &rules, known: None };
    let (fixture, memory) = (Fixture::new(), Memory::default());
    let line = |at: u64| {
        let digit = |place: u64| (at * 31 + place + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let digits = (0..28).map(|place| digit(place) as usize % 32);
        let digits = digits.map(|digit| &"q7Xn2vLb9TzK4mWc8RfY1hJd6PsG3eUa"[digit..=digit]);
        format!("row{at} = '{}'\n", digits.collect::<String>())
    };
    let vectors: String = (0..60).map(line).collect();
    fixture.write("vectors", &vectors).write("src/key.env", leak(1));
    fixture.write("cut.gz", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b]).commit("one");
    fixture.write("vectors", vectors + "more\n").commit("two");
    let first = same(&fixture, &scanner, &memory, "the first scan").summary;
    let unsure = first.skipped.count("unsure findings, in texts with dozens of them");
    assert!(unsure > 80, "{:?}", first.skipped);
    assert_eq!(first.skipped.count("archives that are damaged"), 1);
    let second = same(&fixture, &scanner, &memory, "nothing new").summary;
    assert_eq!((second.texts, second.remembered), (0, 4));
    // Where blobs are packed as what differs from others, some are read again.
    fixture.git(&["repack", "-adfq"]);
    same(&fixture, &scanner, &memory, "repacked");
    fixture.write("src/other.env", leak(2)).commit("three");
    same(&fixture, &scanner, &memory, "a new leak, so that all that leaks is read again");
}

#[test]
fn nothing_is_taken_from_other_rules_other_values_or_garbage() {
    let rules = RuleSet::built_in();
    let scanner = Scanner { rules: &rules, known: None };
    let (fixture, memory) = (Fixture::new(), Memory::default());
    fixture.write("a", leak(1)).write("b", "wombat-1234567890\n").commit("one");
    same(&fixture, &scanner, &memory, "built-in rules");
    let text = r#"
        [[rule]]
        id = "wombat"
        name = "wombat"
        description = "It is one."
        severity = "high"
        advice = "Feed it."
        pattern = 'wombat-[0-9]{10}'
        keywords = ["wombat-"]
        confidence = "high"
        examples = ["wombat-1234567890", "a wombat-0987654321"]
        counter_examples = ["wombat-1", "wombat"]
    "#;
    let more = RuleSet::with_extra(RuleFile::parse(text).unwrap().rules).unwrap();
    let scanner = Scanner { rules: &more, known: None };
    for _ in 0..2 {
        assert_eq!(same(&fixture, &scanner, &memory, "one more rule").findings.len(), 2);
    }
    for (word, digest, kept) in [
        (&b"bat-123"[..], Some([1; 32]), true),
        (b"ombat", Some([2; 32]), true),
        (b"no such word", Some([3; 32]), true),
        (b"bat-123456", None, false),
    ] {
        let known = Word(word, digest);
        let scanner = Scanner { rules: &rules, known: Some(&known) };
        same(&fixture, &scanner, &memory, "a known value");
        let outcome = same(&fixture, &scanner, &memory, "a known value, again");
        assert_eq!(outcome.findings.len(), 1 + usize::from(word != b"no such word"));
        assert_eq!(outcome.summary.texts == 0, kept);
    }
    // Garbage that passed the keeper's own check: cut, and with other bytes, it breaks nothing.
    let scanner = Scanner { rules: &rules, known: None };
    let kept = memory.0.borrow().clone();
    for (key, value) in &kept {
        for cut in 0..value.len() {
            memory.0.borrow_mut().insert(*key, value[..cut].to_vec());
            again(&fixture, &scanner, Some(&memory));
            let mut other = value.clone();
            other[cut] ^= 0x55;
            memory.0.borrow_mut().insert(*key, other);
            again(&fixture, &scanner, Some(&memory));
        }
    }
}

#[test]
fn random_histories_that_grow_and_shrink_are_told_as_by_a_first_scan() {
    let rules = RuleSet::built_in();
    let scanner = Scanner { rules: &rules, known: None };
    for seed in 1..=4_usize {
        let (fixture, memory) = (Fixture::with(&["--bare"]), Memory::default());
        let all = history(seed as u64);
        let commits: Vec<&str> = all.split("commit refs/heads/").skip(1).collect();
        let mut found = 0;
        for (turn, commits) in commits.chunks(8).enumerate() {
            let mut seen = BTreeSet::new();
            let mut stream = String::new();
            for (at, commit) in commits.iter().enumerate() {
                stream.push_str("commit refs/heads/");
                // A branch that is there already goes on; half of the histories have odd times.
                let branch = commit.lines().next().unwrap();
                let exists = fixture.try_git_in(
                    &fixture.path(),
                    &["rev-parse", "-q", "--verify", &format!("refs/heads/{branch}")],
                );
                for line in commit.split_inclusive('\n') {
                    if line.starts_with("committer") && seed % 2 == 0 {
                        let time = 1_600_000_000 + (turn * 7 + at * 5) % 11 * 600;
                        stream.push_str(&format!("committer A <a@b> {time} +0000\n"));
                        continue;
                    }
                    stream.push_str(line);
                    let goes_on = exists.status.success() && !commit.contains("\nm\nfrom ");
                    if line == "m\n" && goes_on && seen.insert(branch) {
                        stream.push_str(&format!("from refs/heads/{branch}^0\n"));
                    }
                }
                seen.insert(branch);
            }
            let limit = if turn % 2 == 0 { "1" } else { "1000" };
            import(&fixture, &stream, &["-c", &format!("fastimport.unpackLimit={limit}")]);
            let what = format!("seed {seed}, turn {turn}");
            found = same(&fixture, &scanner, &memory, &what).findings.len();
            match (seed + turn) % 5 {
                0 => drop(fixture.git(&["repack", "-adq"])),
                1 => drop(fixture.git(&["branch", "-f", "b1", "b0"])),
                2 => drop(fixture.git(&["gc", "-q", "--prune=now"])),
                _ => continue,
            }
            same(&fixture, &scanner, &memory, &format!("{what}, changed"));
        }
        assert!(found > 3, "{found}");
    }
}
