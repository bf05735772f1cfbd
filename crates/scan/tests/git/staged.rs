//! What the index brings, and only that.

use std::path::Path;

use clawvault_scan::source::git::Repository;

use crate::fixture::{Fixture, leak, places, staged, token};

fn told(path: &str, line: usize) -> (String, usize) {
    (path.to_owned(), line)
}

#[test]
fn the_index_is_scanned_and_not_the_work_tree() {
    let fixture = Fixture::new();
    fixture.write("clean.txt", "nothing\n").write("dir/deep/key.env", format!("x=1\n{}", leak(1)));
    fixture.git(&["add", "-A"]);
    // Unborn branch; then cleaned up in the work tree alone; then a leak that is not staged.
    assert_eq!(places(&fixture.staged()), [told("dir/deep/key.env", 2)]);
    fixture.write("dir/deep/key.env", "x=1\n").write("clean.txt", leak(2));
    let outcome = fixture.staged();
    assert_eq!(places(&outcome), [told("dir/deep/key.env", 2)]);
    assert_eq!(*outcome.findings[0].value, token(1).as_bytes());
    assert_eq!(outcome.summary.texts, 2);
}

#[test]
fn what_head_holds_at_that_path_is_not_new() {
    let fixture = Fixture::new();
    fixture.write("a/key.env", leak(1)).write("b/other", "x\n").commit("one");
    let outcome = fixture.staged();
    assert_eq!((places(&outcome), outcome.summary.texts), (vec![], 0));
    fixture.write("a/key.env", format!("more\n{}{}", leak(1), leak(2))).git(&["add", "-A"]);
    let outcome = fixture.staged();
    assert_eq!((places(&outcome), outcome.summary.texts), (vec![told("a/key.env", 3)], 1));
    // Another path is another leak, even of the same bytes.
    fixture.git(&["reset", "-q", "--hard"]);
    fixture.write("b/copy.env", leak(1)).git(&["add", "-A"]);
    assert_eq!(places(&fixture.staged()), [told("b/copy.env", 1)]);
    // And what only goes brings nothing.
    fixture.git(&["reset", "-q", "--hard"]);
    fixture.git(&["rm", "-q", "a/key.env"]);
    assert_eq!(places(&fixture.staged()), []);
}

#[test]
fn entries_that_are_no_files_are_said() {
    let fixture = Fixture::new();
    fixture.write("file", "x\n").commit("one");
    std::os::unix::fs::symlink(token(1), fixture.path().join("link")).unwrap();
    fixture.git(&["add", "link"]);
    fixture.write("later.env", leak(2)).git(&["add", "--intent-to-add", "later.env"]);
    let id = fixture.git(&["rev-parse", "HEAD"]);
    let entry = format!("160000,{id},module");
    fixture.git(&["update-index", "--add", "--cacheinfo", &entry]);
    let outcome = fixture.staged();
    assert_eq!(places(&outcome), []);
    assert_eq!(outcome.summary.skipped.len(), 3, "{:?}", outcome.summary.skipped);
}

#[test]
fn odd_indexes_are_read() {
    let fixture = Fixture::new();
    for number in 0..40 {
        fixture.write(&format!("d{}/f{number}", number % 4), format!("{number}\n"));
    }
    fixture.commit("one");
    fixture.write("d1/f1", leak(1)).git(&["add", "-A"]);
    let expected = [told("d1/f1", 1)];
    for how in [
        &["update-index", "--index-version", "4"][..],
        &["update-index", "--split-index"],
        &["update-index", "--no-split-index"],
        &["sparse-checkout", "set", "--cone", "--sparse-index", "d1"],
        &["update-index", "--skip-worktree", "d1/f1"],
    ] {
        fixture.git(how);
        assert_eq!(places(&fixture.staged()), expected, "{how:?}");
    }
    // A directory that a sparse index holds as one entry, and which HEAD has otherwise.
    let fixture = Fixture::new();
    fixture.write("in/a", "x\n").write("out/deep/b", "y\n").commit("one");
    fixture.write("out/deep/b", leak(1)).commit("two");
    fixture.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "in"]);
    fixture.git(&["reset", "-q", "--soft", "HEAD~"]);
    assert_eq!(places(&fixture.staged()), [told("out/deep/b", 1)]);
}

#[test]
fn both_sides_of_a_conflict_are_scanned() {
    let fixture = Fixture::new();
    fixture.write("key", "base\n").commit("base");
    fixture.git(&["checkout", "-q", "-b", "side"]);
    fixture.write("key", leak(1)).commit("theirs");
    fixture.git(&["checkout", "-q", "main"]);
    fixture.write("key", "ours\n").commit("ours");
    assert!(!fixture.try_git_in(&fixture.path(), &["merge", "side"]).status.success());
    assert_eq!(places(&fixture.staged()), [told("key", 1)]);
}

#[test]
fn another_index_and_a_linked_work_tree() {
    let fixture = Fixture::new();
    fixture.write("a", "x\n").commit("one");
    fixture.git(&["worktree", "add", "-q", "../linked", "-b", "other"]);
    let linked = fixture.root().join("linked");
    std::fs::write(linked.join("b.env"), leak(1)).unwrap();
    fixture.git_in(&linked, &["add", "b.env"]);
    assert_eq!(places(&fixture.staged()), []);
    let deep = linked.join("sub/dir");
    std::fs::create_dir_all(&deep).unwrap();
    let found = staged(&Repository::discover(&deep).unwrap()).unwrap();
    assert_eq!(places(&found), [told("b.env", 1)]);
    let index = fixture.path().join(".git/worktrees/linked/index");
    let repository = Repository::open(Path::new(&fixture.path().join(".git"))).unwrap();
    assert_eq!(places(&staged(&repository.with_index(index)).unwrap()), [told("b.env", 1)]);
}
