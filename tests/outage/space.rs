//! A disk with room for so many pages and no more: whatever file the room ends in, the answer is
//! a refusal or the truth.

use std::fs;
use std::time::Instant;

use super::bench::{Bench, NAME, NEW, OLD, assert_discreet, assert_refused};
use super::sandbox::{PROGRAM, run};

/// Large enough for the store to grow, so that it needs room.
const LARGE: usize = 200_000;
/// Pages of 4 KiB in which such a value is stored for certain, snapshot included.
const PLENTY: usize = 400;

#[test]
fn a_change_is_stored_or_refused_at_every_size() {
    let test = "a_change_is_stored_or_refused_at_every_size";
    let start = Instant::now();
    // Each with the place where the room ended, by its words.
    let mut seen = [("log", 0), ("store", 0), ("no snapshot", 0), ("stored", 0)];
    let mut free = 0;
    while free <= PLENTY {
        let Some(bench) = Bench::with_vault(test) else { return };
        // The last snapshot is a moment old; without it the next change takes one.
        fs::remove_dir_all(bench.home().join("snapshots")).expect("it is there");
        bench.crowd_log();
        bench.fill(free);
        let case = format!("{free} pages free");
        let value = NEW.repeat(LARGE / NEW.len());
        let said = bench.run(&["set", NAME], &value);
        assert_discreet(&case, &said);
        let acknowledged = said.err.contains("stored ");
        let place = match &said.err {
            err if err.contains("the audit log cannot be written") => 0,
            err if err.contains("not put in order for the next command") => 2,
            _ if acknowledged => 3,
            _ => 1,
        };
        seen[place].1 += 1;
        if acknowledged {
            assert_eq!(said.code(), Some(0), "{case}: {}", said.err);
        } else {
            assert_refused(&case, &said, 7);
        }
        bench.empty_out();
        bench.recovers(&case, &[if acknowledged { &value } else { OLD }]);
        free += 1 + free / 4;
    }
    println!("a change of {LARGE} bytes: {seen:?}, {:.1} s", start.elapsed().as_secs_f64());
    assert!(seen.iter().all(|(_, count)| *count > 0), "the room never ended there: {seen:?}");
}

#[test]
fn an_init_without_room_can_be_run_again() {
    let mut refused = 0;
    for free in [0, 1, 2, 3, 4, 6, 8, 12, 20, 40, 80, 120] {
        let Some(bench) = Bench::empty("an_init_without_room_can_be_run_again") else { return };
        bench.fill(free);
        let case = format!("init with {free} pages free");
        let said = bench.run(&["init"], "");
        if said.code() != Some(0) {
            assert_refused(&case, &said, 7);
            refused += 1;
        }
        bench.empty_out();
        if said.code() != Some(0) {
            bench.run(&["init"], "").sound(&case);
        }
        bench.run(&["set", NAME], OLD).sound(&case);
        bench.recovers(&case, &[OLD]);
    }
    assert!(refused >= 4, "there was room for nearly every one");
}

#[test]
fn without_space_every_command_refuses_or_only_reads() {
    let test = "without_space_every_command_refuses_or_only_reads";
    let Some(bench) = Bench::with_vault(test) else { return };
    let keys = bench.beside("keys.env");
    fs::write(&keys, format!("OTHER={NEW}\n")).expect("a file to import is written");
    let keys = keys.to_str().expect("a temporary path is text");
    bench.crowd_log();
    bench.fill(0);
    let refused: [(&[&str], i32); 5] = [
        (&["set", NAME], 7),
        (&["get", NAME], 7),
        (&["export", "--format", "json"], 7),
        (&["import", keys], 7),
        (&["run", "--only", NAME, "--", "true"], 125),
    ];
    for (words, code) in refused {
        assert_refused(&words.join(" "), &bench.run(words, NEW), code);
    }
    // What reads names is told to be missing from the log; what reads none is not.
    let done: [(&[&str], bool); 6] = [
        (&["list"], true),
        (&["show", NAME], true),
        (&["history", NAME], true),
        (&["policy", "show"], true),
        (&["status"], false),
        (&["log", "--verify"], false),
    ];
    for (words, unlogged) in done {
        let said = bench.run(words, "");
        assert_eq!(said.code(), Some(0), "{}: {}", words.join(" "), said.err);
        assert_eq!(said.err.contains("does not tell of this reading"), unlogged, "{}", said.err);
        assert_discreet(&words.join(" "), &said);
    }
    bench.empty_out();
    assert_eq!(bench.run(&["get", "env/other"], "").code(), Some(4), "half an import is there");
    bench.recovers(test, &[OLD]);
}

/// A full disk must not keep a key alive: the reserve makes room for the entry and for the change.
#[test]
fn a_removal_goes_through_a_full_disk_and_is_logged() {
    let test = "a_removal_goes_through_a_full_disk_and_is_logged";
    for (words, free) in [
        (&["rm", NAME, "--yes"][..], 0),
        (&["rm", NAME, "--purge", "--yes"], 0),
        (&["rm", NAME, "--purge", "--yes"], 1),
        (&["rm", NAME, "--purge", "--yes"], 3),
        (&["rm", NAME, "--yes"], 7),
    ] {
        for crowded in [true, false] {
            let Some(bench) = Bench::with_vault(test) else { return };
            if crowded {
                bench.crowd_log();
            }
            bench.fill(free);
            let case = format!("{} with {free} pages free", words.join(" "));
            let said = bench.run(words, "");
            assert_eq!(said.code(), Some(0), "{case}: {}", said.err);
            assert_discreet(&case, &said);
            assert_eq!(bench.run(&["get", NAME], "").code(), Some(4), "{case}: it is still there");
            bench.empty_out();
            // The reserve comes back with the room for it.
            bench.run(&["list"], "").sound(&case);
            let reserve = fs::metadata(bench.home().join("log/reserve")).expect("it is back");
            assert_eq!(reserve.len(), 1 << 20);
            let log = bench.run(&["log"], "").sound(&case);
            let event = if words.contains(&"--purge") { " purge ok " } else { " remove ok " };
            assert!(log.contains(event), "{case}: {log}");
            bench.run(&["log", "--verify"], "").sound(&case);
        }
    }
}

/// How much a removal needs on a disk without a reserve, against what is reserved.
#[test]
fn the_reserve_is_twice_what_a_removal_needs() {
    let mut most = 0;
    for words in [&["rm", NAME, "--yes"][..], &["rm", NAME, "--purge", "--yes"]] {
        let mut free = 0;
        loop {
            let test = "the_reserve_is_twice_what_a_removal_needs";
            let Some(bench) = Bench::with_vault(test) else { return };
            let value = NEW.repeat(LARGE / NEW.len());
            for _ in 0..3 {
                bench.run(&["set", NAME], &value).sound("set");
            }
            bench.crowd_log();
            fs::remove_file(bench.home().join("log/reserve")).expect("there is a reserve");
            bench.fill(free);
            let said = bench.run(words, "");
            assert_discreet(test, &said);
            bench.empty_out();
            if said.code() == Some(0) {
                bench.run(&["log", "--verify"], "").sound(test);
                break;
            }
            // Nothing was removed, and what was tried stands in the log now or comes in later.
            assert_eq!(bench.run(&["get", NAME], "").code(), Some(0));
            free += 1 + free / 8;
        }
        most = most.max(free);
    }
    println!("a removal needs {most} pages; 256 are reserved");
    assert!((1..=128).contains(&most), "it needs {most} pages");
}

/// The anchor is written last, in place: only a failing device makes that fail, so the call is
/// made to fail.
#[test]
fn a_change_whose_anchor_fails_is_told_as_stored() {
    let Some(bench) = Bench::with_vault("a_change_whose_anchor_fails_is_told_as_stored") else {
        return;
    };
    let anchor = bench.anchor();
    let anchor = anchor.to_str().expect("a temporary path is text");
    let words = ["strace", "-f", "-o", "/dev/null", "-P", anchor];
    let fault = ["-e", "inject=pwrite64:error=ENOSPC", PROGRAM, "set", NAME];
    let said = run(&mut bench.command(&[&words[..], &fault].concat()), NEW.as_bytes());
    assert_refused("the anchor fails", &said, 7);
    assert!(said.err.contains("is stored") && !said.err.contains("nothing was"), "{}", said.err);
    bench.recovers("the anchor fails", &[NEW]);
}

#[test]
fn the_first_anchor_needs_room_of_its_own() {
    let Some(bench) = Bench::empty("the_first_anchor_needs_room_of_its_own") else { return };
    let data = bench.beside("data");
    let split = |words: &[&str], input: &str| {
        let mut command = bench.command(&[&[PROGRAM], words].concat());
        command.env_remove("CLAWVAULT_HOME").env("XDG_DATA_HOME", &data);
        command.env("XDG_STATE_HOME", bench.disk("state"));
        run(&mut command, input.as_bytes())
    };
    bench.fill(0);
    assert_refused("init without an anchor", &split(&["init"], ""), 7);
    bench.empty_out();
    split(&["init"], "").sound("init");
    split(&["set", NAME], OLD).sound("set");
    fs::remove_dir_all(bench.disk("state")).expect("the state is there");
    bench.fill(0);
    for words in [&["get", NAME][..], &["set", NAME]] {
        assert_refused("no room for a new anchor", &split(words, NEW), 7);
    }
    bench.empty_out();
    let found = split(&["get", NAME], "");
    assert_eq!((found.code(), &found.out[..]), (Some(0), OLD.as_bytes()), "{}", found.err);
    split(&["doctor"], "").sound("doctor");
}
