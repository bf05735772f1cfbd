//! What history holds, and which commits brought it.

use clawvault_scan::finding::{Commit, History};
use clawvault_scan::source::git::Repository;

use crate::fixture::{Fixture, history, leak, numbers, places, token, told};

fn id(commit: &Option<Commit>) -> &str {
    commit.as_ref().map_or("", |commit| &commit.id)
}

fn paths(history: &History) -> Vec<&str> {
    history.paths.iter().map(|path| std::str::from_utf8(path).unwrap()).collect()
}

#[test]
fn a_leak_is_told_with_its_commits_and_paths() {
    let fixture = Fixture::new();
    let before = fixture.write("readme", "x\n").commit("zero");
    let one = fixture.write("src/key.env", leak(1)).commit("one");
    fixture.write("src/key.env", format!("# more\n{}", leak(1))).commit("two");
    fixture.git(&["mv", "src", "lib"]);
    let three = fixture.commit("three");
    let four = fixture.write("lib/key.env", "gone\n").write("still.env", leak(2)).commit("four");
    fixture.git(&["branch", "old", &before]);
    let outcome = fixture.history();
    assert_eq!(
        places(&outcome),
        [("lib/key.env".into(), 2), ("src/key.env".into(), 1), ("still.env".into(), 1)]
    );
    assert_eq!(outcome.summary.commits, 5);
    let renamed = outcome.findings.iter().find(|f| f.place.path == b"lib/key.env").unwrap();
    let gone = renamed.history.as_ref().unwrap();
    assert_eq!((id(&gone.last), gone.in_head), (&*three, false));
    assert_eq!(paths(gone), ["lib/key.env", "src/key.env"]);
    let first = outcome.findings.iter().find(|f| f.place.path == b"src/key.env").unwrap();
    assert_eq!(id(&first.history.as_ref().unwrap().first), one);
    let still = told(&outcome, 2);
    assert_eq!((id(&still.first), id(&still.last), still.in_head), (&*four, &*four, true));
    let author = still.first.as_ref().unwrap();
    assert_eq!((&*author.author, author.time > 1_700_000_000), ("Ada <ada@example.org>", true));
    assert_eq!(still.blob, fixture.git(&["rev-parse", "HEAD:still.env"]));
}

#[test]
fn all_that_keeps_objects_is_walked() {
    let fixture = Fixture::new();
    fixture.write("a", "x\n").commit("zero");
    // A side branch that is deleted: the reflog of HEAD holds it. A stash, and one before it.
    fixture.git(&["checkout", "-q", "-b", "side"]);
    fixture.write("side.env", leak(1)).commit("side");
    fixture.git(&["checkout", "-q", "main"]);
    fixture.git(&["branch", "-q", "-D", "side"]);
    for number in [2, 3] {
        fixture.write("a", leak(number)).git(&["stash", "-q"]);
    }
    fixture.git(&["notes", "add", "-m", &leak(4), "HEAD"]);
    fixture.write("blob", leak(5));
    let blob = fixture.git(&["hash-object", "-w", "blob"]);
    std::fs::remove_file(fixture.path().join("blob")).unwrap();
    fixture.git(&["tag", "to-a-blob", &blob]);
    fixture.git(&["tag", "-a", "-m", &leak(6), "annotated"]);
    fixture.git(&["commit", "-q", "--allow-empty", "-m", &leak(7)]);
    fixture.write("staged.env", leak(8)).git(&["add", "staged.env"]);
    // Only in a merge, in neither parent.
    fixture.git(&["reset", "-q", "--", "staged.env"]);
    fixture.git(&["checkout", "-q", "-b", "other", "HEAD~"]);
    fixture.write("b", "y\n").git(&["add", "b"]);
    fixture.git(&["commit", "-q", "-m", "b"]);
    fixture.git(&["checkout", "-q", "main"]);
    fixture.git(&["merge", "-q", "--no-commit", "--no-ff", "other"]);
    fixture.write("merge.env", leak(9)).git(&["add", "merge.env"]);
    fixture.git(&["commit", "-q", "-m", "merge"]);
    fixture.git(&["add", "staged.env"]);
    fixture.git(&["worktree", "add", "-q", "--detach", "../linked"]);
    let linked = fixture.root().join("linked");
    std::fs::write(linked.join("linked.env"), leak(10)).unwrap();
    fixture.git_in(&linked, &["add", "-A"]);
    fixture.git_in(&linked, &["commit", "-q", "-m", "linked"]);
    for packed in [false, true] {
        let outcome = fixture.history();
        assert_eq!(numbers(&outcome), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "packed: {packed}");
        assert_eq!((outcome.summary.missing, outcome.summary.unreadable), (0, vec![]));
        let keep = ["-c", "gc.reflogExpire=never", "-c", "gc.reflogExpireUnreachable=never"];
        fixture.git(&[&keep[..], &["gc", "-q"]].concat());
    }
    // From the linked work tree it is the same history.
    assert_eq!(
        numbers(&history(&Repository::discover(&linked).unwrap(), false).unwrap()).len(),
        10
    );
    let outcome = fixture.history();
    assert!(told(&outcome, 7).in_head && told(&outcome, 9).in_head && !told(&outcome, 1).in_head);
    assert_eq!(paths(told(&outcome, 5)), ["refs/tags/to-a-blob"]);
    assert_eq!(id(&told(&outcome, 8).first), "");
}

#[test]
fn what_nothing_leads_to_is_told_when_asked_for() {
    let fixture = Fixture::new();
    fixture.write("a", "x\n").commit("zero");
    fixture.write("gone.env", leak(1)).commit("amended");
    fixture.git(&["reset", "-q", "--hard", "HEAD~"]);
    fixture.write("loose", leak(2)).git(&["hash-object", "-w", "loose"]);
    std::fs::remove_file(fixture.path().join("loose")).unwrap();
    fixture.git(&["update-ref", "-d", "ORIG_HEAD"]);
    fixture.git(&["reflog", "expire", "--expire=now", "--all"]);
    assert_eq!(numbers(&fixture.history()), [] as [u32; 0]);
    let outcome = history(&fixture.open().unwrap(), true).unwrap();
    assert_eq!(numbers(&outcome), [1, 2]);
    assert_eq!(paths(told(&outcome, 1)), ["gone.env"]);
    assert_eq!((told(&outcome, 1).in_head, id(&told(&outcome, 2).first)), (false, ""));
}

#[test]
fn other_kinds_of_repositories() {
    let origin = Fixture::new();
    for number in 1..4 {
        origin.write("key.env", leak(number)).commit("more");
    }
    let url = format!("file://{}", origin.path().display());
    let clone = |name: &str, arguments: &[&str]| {
        let path = origin.root().join(name);
        let all = [&["clone", "-q"], arguments, &[&url, path.to_str().unwrap()]].concat();
        origin.git_in(origin.root(), &all);
        let outcome = history(&Repository::discover(&path).unwrap(), false).unwrap();
        let told = (numbers(&outcome), outcome.summary.missing, outcome.summary.unreadable.len());
        (told, outcome.summary.skipped.len())
    };
    assert_eq!(clone("bare", &["--bare"]), ((vec![1, 2, 3], 0, 0), 0));
    assert_eq!(clone("shallow", &["--depth=2"]), ((vec![2, 3], 0, 0), 0));
    origin.git(&["config", "uploadpack.allowFilter", "true"]);
    assert_eq!(clone("partial", &["--filter=blob:none"]), ((vec![3], 0, 0), 1));
    assert_eq!(clone("treeless", &["--filter=tree:0"]), ((vec![3], 0, 0), 1));
    let shared = origin.root().join("shared");
    let path = origin.path();
    origin.git_in(origin.root(), &["clone", "-q", "--shared", path.to_str().unwrap(), "shared"]);
    let outcome = history(&Repository::discover(&shared).unwrap(), false).unwrap();
    assert_eq!((numbers(&outcome), outcome.summary.missing), (vec![1, 2, 3], 0));

    let wide = Fixture::with(&["--object-format=sha256"]);
    let one = wide.write("a/key.env", leak(1)).commit("one");
    wide.write("a/key.env", "x\n").write("b.env", leak(2)).git(&["add", "b.env"]);
    let outcome = wide.history();
    assert_eq!((numbers(&outcome), id(&told(&outcome, 1).first)), (vec![1, 2], &*one));
    assert_eq!((one.len(), places(&wide.staged())), (64, vec![("b.env".into(), 1)]));
}

#[test]
fn replaced_and_grafted_commits_hide_nothing() {
    let fixture = Fixture::new();
    let one = fixture.write("key.env", leak(1)).commit("one");
    let two = fixture.write("key.env", "x\n").commit("two");
    fixture.git(&["replace", "--graft", &two]);
    fixture.git(&["reflog", "expire", "--expire=now", "--all"]);
    let outcome = fixture.history();
    assert_eq!((numbers(&outcome), id(&told(&outcome, 1).last)), (vec![1], &*one));
}

#[test]
fn submodules_are_repositories_of_their_own() {
    let module = Fixture::new();
    module.write("key.env", leak(1)).commit("one");
    let fixture = Fixture::new();
    fixture.write("own.env", leak(2)).commit("one");
    let url = module.path();
    for name in ["libs/in", "out"] {
        let add = ["-c", "protocol.file.allow=always", "submodule", "-q", "add"];
        fixture.git(&[&add[..], &[url.to_str().unwrap(), name]].concat());
    }
    fixture.commit("modules");
    fixture.git(&["submodule", "-q", "deinit", "-f", "out"]);
    // One whose place is a link out of the work tree.
    std::os::unix::fs::symlink(module.path(), fixture.path().join("link")).unwrap();
    let entry = format!("160000,{},link", module.git(&["rev-parse", "HEAD"]));
    fixture.git(&["update-index", "--add", "--cacheinfo", &entry]);
    let outcome = fixture.history();
    assert_eq!(places(&outcome), [("libs/in/key.env".into(), 1), ("own.env".into(), 1)]);
    assert_eq!(paths(told(&outcome, 1)), ["libs/in/key.env"]);
    assert_eq!(outcome.summary.skipped.len(), 2, "{:?}", outcome.summary.skipped);
    assert_eq!(numbers(&outcome), [1, 2]);
    assert_ne!(token(1), token(2));
}
