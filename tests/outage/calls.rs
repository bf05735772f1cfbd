//! One kind of system call fails for good, each time that it is made: a quota that is used up, a
//! device that gives errors, a table of descriptors that is full. Whatever the command answers
//! then is the truth or a refusal.

use std::time::Instant;

use super::bench::{Bench, NAME, NEW, OLD, assert_discreet, assert_refused};
use super::sandbox::{PROGRAM, run};

const CALLS: &[&str] = &[
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "rename,renameat,renameat2",
    "unlink,unlinkat",
    "mkdir,mkdirat",
    "flock",
];
const ERRORS: &[&str] = &["EDQUOT", "EIO", "ENOSPC", "EROFS"];

#[test]
fn calls_that_always_fail_end_in_the_truth_or_a_refusal() {
    let (start, mut tried, mut refused) = (Instant::now(), 0, 0);
    for call in CALLS {
        for error in ERRORS {
            let test = "calls_that_always_fail_end_in_the_truth_or_a_refusal";
            let Some(bench) = Bench::with_vault(test) else { return };
            let inject = format!("inject={call}:error={error}");
            let ask = |arguments: &[&str], input: &str| {
                // What it says goes through `write`, too: the failing call is named by its file.
                let home = bench.home();
                let home = home.to_str().expect("a temporary path is text");
                let store = format!("{home}/store.redb");
                let log = format!("{home}/log/00000001.log");
                let strace = ["strace", "-f", "-o", "/dev/null", "-P", &store, "-P", &log];
                let only = if *call == "write" { &strace[..] } else { &strace[..4] };
                let words = [only, &["-e", &inject, PROGRAM], arguments].concat();
                let said = run(&mut bench.command(&words), input.as_bytes());
                let case = format!("{call} gives {error}: {}", arguments[0]);
                assert_discreet(&case, &said);
                if said.code() != Some(0) {
                    assert_refused(&case, &said, said.code().unwrap_or(-1));
                    assert!(matches!(said.code(), Some(3 | 5 | 7)), "{case}: {}", said.err);
                }
                said
            };
            let got = ask(&["get", NAME], "");
            let set = ask(&["set", NAME], NEW);
            assert!(got.code() != Some(0) || got.out == OLD.as_bytes(), "{call} {error}");
            let stored = set.code() == Some(0) || set.err.contains("is stored");
            bench.recovers(&format!("{call} gives {error}"), if stored { &[NEW] } else { &[OLD] });
            tried += 2;
            refused += usize::from(got.code() != Some(0)) + usize::from(set.code() != Some(0));
        }
    }
    println!(
        "{tried} commands under {} failing calls, {refused} refused, {:.1} s",
        CALLS.len() * ERRORS.len(),
        start.elapsed().as_secs_f64()
    );
    assert!(refused > tried / 4, "too few of the calls were made at all");
}
