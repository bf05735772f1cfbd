//! The table: what is refused, by which means, and what reading and writing then answer.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::time::Instant;

use super::bench::{Bench, NAME, NEW, OLD, assert_discreet, assert_refused, chmod, for_anyone};
use super::sandbox::run;

/// What a command answers during the outage.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Done,
    Refused(i32),
    /// Ended by this signal: as good as a kill.
    Signal(i32),
}

use Answer::{Done, Refused, Signal};

/// One outage.
struct Case {
    name: &'static str,
    /// Shell text before the program starts.
    shell: &'static str,
    begin: fn(&Bench),
    end: fn(&Bench),
    set: Answer,
    get: Answer,
    list: Answer,
}

const NOBODY: u32 = 65534;
const AS_NOBODY: &str = "exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$@\"";
const NO_LOCKED_MEMORY: &str =
    "ulimit -l 0; exec setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock \"$@\"";

const CASES: &[Case] = &[
    // The log is written before any value leaves: with no room for it, reading stops too.
    Case { begin: exhaust, end: Bench::empty_out, get: Refused(7), ..case("no space") },
    Case {
        begin: |b| b.remount("ro"),
        end: |b| b.remount("rw"),
        get: Refused(7),
        list: Refused(7),
        ..case("file system read-only")
    },
    // Files are written in place, and none is made for a change.
    Case {
        begin: |b| b.take_inodes(),
        end: |b| b.remount("nr_inodes=0"),
        set: Done,
        ..case("no inodes")
    },
    Case {
        shell: "ulimit -f 0",
        set: Signal(25),
        get: Signal(25),
        list: Signal(25),
        ..case("file size 0")
    },
    Case { shell: "trap '' XFSZ; ulimit -f 0", get: Refused(7), ..case("file size 0, told so") },
    Case { shell: "trap '' XFSZ; ulimit -f 8", get: Done, ..case("file size 8 blocks") },
    Case { shell: "ulimit -n 4", get: Refused(7), list: Refused(7), ..case("4 descriptors") },
    Case { shell: "ulimit -n 5", get: Refused(7), list: Refused(7), ..case("5 descriptors") },
    Case { shell: "ulimit -n 6", get: Refused(7), list: Refused(7), ..case("6 descriptors") },
    Case { shell: "ulimit -n 7", get: Refused(7), list: Refused(7), ..case("7 descriptors") },
    Case { shell: "ulimit -n 8", get: Refused(7), list: Refused(7), ..case("8 descriptors") },
    Case { shell: "ulimit -n 9", get: Refused(7), list: Refused(7), ..case("9 descriptors") },
    Case { shell: "exec </dev/null", set: Refused(2), ..case("nothing on stdin") },
    Case { shell: "exec <&-", set: Refused(2), ..case("stdin closed") },
    Case { shell: "exec 2>&-", set: Done, ..case("stderr closed") },
    Case { shell: "ulimit -v 42000", set: Done, ..case("42 MB of address space") },
    Case { shell: "ulimit -s 256", set: Done, ..case("256 KB of stack") },
    Case { shell: "ulimit -u 1", set: Done, ..case("no further process") },
    Case { shell: NO_LOCKED_MEMORY, set: Done, ..case("no locked memory") },
    Case { shell: "exec 2>/dev/full", set: Done, ..case("stderr full") },
    Case { shell: "export XDG_RUNTIME_DIR=/proc/none", set: Done, ..case("no runtime directory") },
    nobody("log read-only", |b| chmod(&b.home().join("log/00000001.log"), 0o400), Refused(7), Done),
    nobody(
        "store read-only",
        |b| chmod(&b.home().join("store.redb"), 0o400),
        Refused(7),
        Refused(7),
    ),
    nobody("lock read-only", |b| chmod(&b.home().join("lock"), 0o400), Refused(7), Refused(7)),
    nobody("anchor read-only", |b| chmod(&b.anchor(), 0o400), Refused(7), Refused(7)),
    nobody("state without rights", |b| chmod(&b.home().join("state"), 0), Refused(7), Refused(7)),
    nobody("home without rights", |b| chmod(&b.home(), 0), Refused(7), Refused(7)),
    // All files are there already and are written in place.
    Case { set: Done, ..nobody("home read-only", |b| chmod(&b.home(), 0o500), Done, Done) },
    Case {
        set: Done,
        ..nobody("snapshots read-only", |b| chmod(&b.home().join("snapshots"), 0o500), Done, Done)
    },
];

/// A case in which only writing is impossible; what differs is set in the table.
const fn case(name: &'static str) -> Case {
    let begin: fn(&Bench) = |_| {};
    let end: fn(&Bench) = |_| {};
    Case { name, shell: ":", begin, end, set: Refused(7), get: Done, list: Done }
}

/// A case of rights, which root does not know: the vault belongs to nobody, who runs the program.
const fn nobody(name: &'static str, begin: fn(&Bench), get: Answer, list: Answer) -> Case {
    let end = |b: &Bench| make_private(&b.home());
    Case { shell: AS_NOBODY, begin, end, get, list, ..case(name) }
}

#[test]
fn every_outage_is_told_and_ends() {
    let start = Instant::now();
    for case in CASES {
        let Some(bench) = Bench::with_vault("every_outage_is_told_and_ends") else { return };
        check(case, &bench);
    }
    println!("{} outages in {:.1} s", CASES.len(), start.elapsed().as_secs_f64());
}

fn check(case: &Case, bench: &Bench) {
    let as_nobody = case.shell == AS_NOBODY;
    let program = for_anyone(&bench.beside("clawvault"));
    if as_nobody {
        give(&bench.home(), NOBODY);
    }
    (case.begin)(bench);
    let script = format!("{}\nexec \"$@\"", case.shell);
    let program = program.to_str().expect("a temporary path is text");
    let ask = |arguments: &[&str], input: &str, answer: Answer| {
        let words = [&["sh", "-c", &script, "sh", program], arguments].concat();
        let said = run(&mut bench.command(&words), input.as_bytes());
        let name = format!("{}: {}", case.name, arguments[0]);
        match answer {
            Done => assert_eq!(said.code(), Some(0), "{name}: {}", said.err),
            Refused(code) => assert_refused(&name, &said, code),
            Signal(number) => {
                let signal = std::os::unix::process::ExitStatusExt::signal(&said.status);
                assert_eq!(signal, Some(number), "{name}: {}", said.err);
            }
        }
        assert_discreet(&name, &said);
        said
    };
    ask(&["list"], "", case.list);
    let got = ask(&["get", NAME], "", case.get);
    if matches!(case.get, Done) {
        assert_eq!(got.out, OLD.as_bytes(), "{}", case.name);
    }
    ask(&["set", NAME], NEW, case.set);
    (case.end)(bench);
    if as_nobody {
        give(&bench.home(), 0);
    }
    bench.recovers(
        case.name,
        match case.set {
            Done => &[NEW],
            Refused(_) => &[OLD],
            Signal(_) => &[OLD, NEW],
        },
    );
}

fn exhaust(bench: &Bench) {
    bench.crowd_log();
    bench.fill(0);
}

/// Gives a tree to a user.
fn give(path: &Path, user: u32) {
    chown(path, Some(user), Some(user)).expect("the owner is changed");
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a directory is listed") {
            give(&entry.expect("an entry").path(), user);
        }
    }
}

fn make_private(path: &Path) {
    chmod(path, if path.is_dir() { 0o700 } else { 0o600 });
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a directory is listed") {
            make_private(&entry.expect("an entry").path());
        }
    }
}
