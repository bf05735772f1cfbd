//! Several commands at once on one vault: they wait for each other, and say for whom they waited.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use super::campaign::examine;
use super::sandbox::{Said, Sandbox};

const WRITERS: u32 = 8;
const SETS: u32 = 25;
const PATIENCE: Duration = Duration::from_secs(5);

#[test]
fn eight_writers_wait_for_each_other() {
    let start = Instant::now();
    let sandbox = Sandbox::with_vault();
    let write = |writer: u32| {
        let set = |number: u32| {
            // Every second one is for the name that all of them write.
            let own = format!("own/{writer}");
            let name = if number.is_multiple_of(2) { "shared/one" } else { &own };
            let value = format!("value-{writer}-{number}");
            let said = sandbox.run(&["set", name], value.as_bytes());
            let (err, code) = (said.err.clone(), said.code());
            assert_eq!(code, Some(0), "{name}: {err}");
            said.sound("set");
            let line = err.lines().find_map(|line| line.strip_prefix("stored ")).expect("an ack");
            let (stored, version) = line.split_once(" version ").expect("a version");
            assert_eq!(stored, name);
            (name.to_owned(), version.parse::<u32>().expect("a number"), value)
        };
        (0..SETS).map(set).collect::<Vec<_>>()
    };
    let mut all: BTreeMap<String, BTreeMap<u32, String>> = BTreeMap::new();
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|w| scope.spawn(move || write(w))).collect();
        for writer in writers {
            for (name, version, value) in writer.join().expect("a writer ends well") {
                let twice = all.entry(name.clone()).or_default().insert(version, value);
                assert_eq!(twice, None, "{name} has version {version} twice");
            }
        }
    });
    assert_eq!(all.len(), WRITERS as usize + 1);
    for (name, versions) in &all {
        let numbers: Vec<u32> = versions.keys().copied().collect();
        let count = u32::try_from(numbers.len()).expect("a small number");
        assert_eq!(numbers, (1..=count).collect::<Vec<_>>(), "versions of {name}");
        let last = versions.last_key_value().expect("at least one").1;
        assert_eq!(sandbox.run(&["get", name], b"").sound("get"), *last);
    }
    examine(&sandbox);
    let took = start.elapsed().as_secs_f64();
    println!("{WRITERS} writers of {SETS} sets each: {took:.1} s");
}

#[test]
fn whoever_waits_too_long_learns_who_holds_the_vault() {
    let sandbox = Sandbox::with_vault();
    // A pipe that is full stops a command at its acknowledgement, with the vault still open.
    let (mut reader, mut full) = std::io::pipe().expect("a pipe is made");
    full.write_all(&[b'x'; 65536]).expect("a pipe of Linux holds 64 KiB (pipe(7))");
    let mut holder = sandbox.command(&["set", "holder/value"]);
    holder.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(full);
    let mut child = holder.spawn().expect("the holder starts");
    drop(holder);
    child.stdin.take().expect("a pipe").write_all(b"value-of-holder").expect("it is read");
    let pid = child.id().to_string();
    let named = || std::fs::read_to_string(sandbox.home().join("lock")).unwrap_or_default();
    while named().trim() != pid {
        thread::sleep(Duration::from_millis(5));
        assert_eq!(child.try_wait().expect("the holder is asked"), None, "it did not block");
    }
    assert_waits_and_names(&sandbox, &format!("pid {pid} (clawvault)"));

    let mut said = Vec::new();
    reader.read_to_end(&mut said).expect("the pipe is read");
    assert!(said.ends_with(b"stored holder/value version 1\n"), "the holder goes on");
    assert!(child.wait().expect("the holder ends").success());
    assert_eq!(sandbox.run(&["get", "holder/value"], b"").sound("get"), "value-of-holder");
    examine(&sandbox);
}

#[test]
fn a_lock_of_another_program_is_waited_for_too() {
    let sandbox = Sandbox::with_vault();
    let lock = std::fs::File::open(sandbox.home().join("lock")).expect("the lock is a file");
    lock.lock().expect("nobody else holds it");
    assert_waits_and_names(&sandbox, "is in use by ");
    lock.unlock().expect("it is ours");
    sandbox.run(&["set", "other/value"], b"value-after").sound("set");
}

fn assert_waits_and_names(sandbox: &Sandbox, holder: &str) {
    let start = Instant::now();
    let both = ["set other/value", "list"].map(|line| {
        let arguments: Vec<&str> = line.split(' ').collect();
        let mut command = sandbox.command(&arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("a second command starts");
        child.stdin.take().expect("a pipe").write_all(b"value-of-other").ok();
        child
    });
    for child in both {
        let said = Said::of(child.wait_with_output().expect("it ends"));
        let waited = start.elapsed();
        assert!(waited >= PATIENCE && waited < PATIENCE * 2, "waited {waited:?}");
        assert_eq!(said.code(), Some(7), "{}", said.err);
        let lines: Vec<&str> = said.err.lines().collect();
        assert_eq!(lines.len(), 2, "{}", said.err);
        assert!(lines[0].starts_with("clawvault: ") && lines[0].contains(holder), "{}", lines[0]);
        assert_eq!(lines[1], "hint: Wait until it is done, then try again.");
    }
}
