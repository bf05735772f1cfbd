//! What a push brings.

use clawvault_scan::engine::Scanner;
use clawvault_scan::rule::RuleSet;
use clawvault_scan::source::Silent;
use clawvault_scan::source::git::{GitError, Range, Repository};

use crate::fixture::{Fixture, leak, numbers, told};

fn scan(repository: &Repository, range: &Range) -> Vec<u32> {
    let rules = RuleSet::built_in();
    let scanner = Scanner { rules: &rules, known: None };
    numbers(&repository.scan_range(&scanner, range, &Silent).unwrap())
}

#[test]
fn only_what_the_commits_bring_is_told() {
    let fixture = Fixture::new();
    fixture.write("old.env", leak(1)).commit("one");
    fixture.git(&["branch", "base"]);
    fixture.write("new.env", leak(2)).commit("two");
    fixture.write("new.env", "x\n").commit("three");
    fixture.git(&["checkout", "-q", "base"]);
    fixture.write("base.env", leak(3)).commit("base");
    fixture.git(&["checkout", "-q", "main"]);
    fixture.git(&["merge", "-q", "--no-commit", "base"]);
    let id = fixture.write("merge.env", leak(4)).commit("merge");
    fixture.git(&["commit", "-q", "--allow-empty", "-m", &leak(5)]);
    let repository = fixture.open().unwrap();
    let range = |text: &str| repository.range(text).unwrap();
    // Gone again is pushed all the same; what the other side of a merge has, is not new.
    assert_eq!(scan(&repository, &range("base..main")), [2, 4, 5]);
    assert_eq!(scan(&repository, &range("HEAD~..")), [5]);
    assert_eq!(scan(&repository, &range("HEAD")), [1, 2, 3, 4, 5]);
    assert_eq!(scan(&repository, &range("HEAD..HEAD")), [] as [u32; 0]);
    let rules = RuleSet::built_in();
    let scanner = Scanner { rules: &rules, known: None };
    let outcome = repository.scan_range(&scanner, &range("base..main"), &Silent).unwrap();
    assert_eq!(told(&outcome, 4).first.as_ref().unwrap().id, id);
    assert_eq!(outcome.summary.commits, 4);
    for (text, error) in [("nowhere..", "nowhere"), ("a...b", "a...b")] {
        assert!(repository.range(text).unwrap_err().to_string().contains(error));
    }
}

#[test]
fn the_lines_of_a_push_are_understood() {
    let fixture = Fixture::new();
    let one = fixture.write("old.env", leak(1)).commit("one");
    let two = fixture.write("new.env", leak(2)).commit("two");
    fixture.git(&["tag", "-a", "-m", "t", "v1"]);
    let tag = fixture.git(&["rev-parse", "v1"]);
    let zero = "0".repeat(40);
    let other = "1".repeat(40);
    let repository = fixture.open().unwrap();
    let pushed = |lines: String| scan(&repository, &repository.pushed("origin", &lines).unwrap());
    assert_eq!(pushed(format!("refs/heads/main {two} refs/heads/main {one}\n")), [2]);
    assert_eq!(pushed(format!("refs/heads/main {two} refs/heads/main {zero}\n")), [1, 2]);
    assert_eq!(pushed(format!("(delete) {zero} refs/heads/main {two}\n")), [] as [u32; 0]);
    assert_eq!(pushed(format!("refs/tags/v1 {tag} refs/tags/v1 {one}\n")), [2]);
    // What the remote has is not here: all of ours may be new to it.
    assert_eq!(pushed(format!("refs/heads/main {two} refs/heads/main {other}\n")), [1, 2]);
    // A new branch of a remote whose other branches are known.
    fixture.git(&["update-ref", "refs/remotes/origin/main", &one]);
    assert_eq!(pushed(format!("refs/heads/x {two} refs/heads/x {zero}\n")), [2]);
    assert_eq!(pushed(String::new()), [] as [u32; 0]);
    assert!(matches!(repository.pushed("origin", "what is this"), Err(GitError::NoRange(_))));
}
