//! What lies in memory: dumps of commands that stand still in the middle and at their very end, and
//! of the program that `run` becomes, searched for values, keys, identity and passphrase in every
//! form that text is likely to take.
//!
//! The dumps are read as root, from whom nothing can be kept; without root these tests are skipped.
//! One round with 20 secrets, or as many with 200 as `CLAWVAULT_TEST_TRIALS` says. Every dump must show a control: a
//! variable of the process, and where a value is in use, the value. Registers are not read.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

#[path = "../support/canary.rs"]
mod canary;
mod dump;
mod needles;
#[path = "../support/scratch.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod scratch;
mod world;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;

use dump::{At, status};
use needles::Found;
use world::{World, full_pipe};

/// A seed for each round, and how many secrets its vault has.
fn rounds() -> impl Iterator<Item = (u64, usize)> {
    let seeds: Vec<u64> = canary::seeds().collect();
    let secrets = if seeds.len() > 1 { 200 } else { 20 };
    seeds.into_iter().map(move |seed| (seed, secrets))
}

/// Looks in each round; only root reads the memory of a process that has made itself undumpable.
fn look(mut each: impl FnMut(u64, usize)) {
    if scratch::is_root() && Path::new("/usr/bin/strace").exists() {
        rounds().for_each(|(seed, secrets)| each(seed, secrets));
    } else {
        println!("SKIP: memory is read as root, with strace at hand");
    }
}

#[test]
fn at_the_end_of_a_command_nothing_of_it_is_left() {
    look(|seed, secrets| end_of_commands(&mut World::filled(seed, secrets)));
}

fn end_of_commands(world: &mut World) {
    world.scratch.write("broken", b"#!/no/such/interpreter\n");
    let broken = world.scratch.path("work/broken");
    fs::set_permissions(&broken, PermissionsExt::from_mode(0o700)).unwrap();
    world.scratch.write("p.toml", b"[agents.a]\nsecrets = [\"env/*\"]\n");
    let one = world.values[0].text().to_owned();
    let another = format!("{{\"a\": \"{}\", \"b\": \"{}\"}}", one, world.values[1].text());
    let vault = format!("{{\"data\": {{\"data\": {{\"token\": \"{one}\"}}}}}}");
    let lines: String =
        (0..world.values.len()).map(|n| format!("KEY_{n}={}\n", world.values[n].text())).collect();
    world.scratch.write("s.env", lines.as_bytes());
    world.scratch.write("t", b"key = {{ clawvault://env/key-0 }}\n");
    let ends: &[(&[&str], &str)] = &[
        (&["import", "a.env", "--update"], ""),
        (&["import", "a.env", "--dry-run", "--profile", "other"], ""),
        (&["import", "a.env", "--profile", "prod"], ""),
        (&["set", "a/main"], &one),
        (&["set", "a/fields", "--fields"], &another),
        (&["set", "a/fields", "--fields"], &one),
        (&["set", "Bad/name"], &one),
        (&["get", "env/key-0"], ""),
        (&["get", "a/fields", "--json"], ""),
        (&["get", "a/fields#none"], ""),
        (&["export", "--format", "json"], ""),
        (&["export", "--format", "dotenv"], ""),
        (&["export", "--format", "docker-env"], ""),
        (&["export", "--format", "k8s-secret"], ""),
        (&["backup", "b.age"], ""),
        (&["restore", "b.age", "--check"], ""),
        (&["recipient", "add", "--recovery"], ""),
        (&["rekey"], ""),
        (&["restore", "b.age", "--older"], ""),
        (&["import", "--from", "vault"], &vault),
        (&["import", "s.env", "--update", "--scrub", "--yes"], ""),
        (&["import", "--undo"], ""),
        (&["run", "--mask", "--", "/usr/bin/env"], ""),
        (&["run", "--", "./none"], ""),
        (&["run", "--template", "t=/none/such/t", "--", "true"], ""),
        (&["run", "--", "./broken"], ""),
        (&["run", "--env", "A=a/fields#none", "--", "true"], ""),
        (&["list"], ""),
        (&["show", "env/key-0"], ""),
        (&["history", "env/key-0"], ""),
        (&["rm", "env/key-1"], ""),
        (&["rollback", "env/key-1"], ""),
        (&["policy", "apply", "p.toml", "--yes"], ""),
        (&["log", "--verify"], ""),
        (&["log"], ""),
        (&["status"], ""),
        (&["doctor"], ""),
        (&["doctor", "--repair"], ""),
    ];
    let mut left = Vec::new();
    for (arguments, stdin) in ends {
        let stopped = world.stop_at_end(arguments, stdin.as_bytes());
        let found = world.search(&stopped);
        if !found.is_empty() {
            left.push(format!("{arguments:?}: {found:?}"));
        }
    }
    println!("{} commands at their end, {} of them left something", ends.len(), left.len());
    assert!(left.is_empty(), "{}", left.join("\n"));
}

#[test]
fn a_passphrase_right_or_wrong_leaves_nothing() {
    look(|seed, _| passphrases(&mut World::by_passphrase(seed)));
}

fn passphrases(world: &mut World) {
    world.scratch.write("wrong", world.values[0].text().as_bytes());
    for (file, arguments) in [("pass", &["list"][..]), ("wrong", &["list"]), ("wrong", &["status"])]
    {
        let named = [arguments, &["--passphrase-file", file]].concat();
        let stopped = world.stop_at_end(&named, b"");
        assert_eq!(world.search(&stopped), Found::new(), "{named:?}");
    }
    let held = world.hold();
    let waiting = world.command(&["list", "--passphrase-file", "pass"]);
    let stopped = world.stop(waiting, b"", At::Sleep);
    told(
        "unlocked by a passphrase, waiting for the lock",
        &world.search(&stopped),
        &[("vault key", 1), ("passphrase", 1)],
    );
    drop(held);
}

/// In use each value lies in as few places as its use needs.
#[test]
fn in_use_a_value_lies_where_it_is_needed_only() {
    look(|seed, secrets| {
        let mut world = World::filled(seed, secrets);
        writing(&mut world);
        waiting(&mut world);
    });
}

fn writing(world: &mut World) {
    let values: Vec<String> = (0..world.values.len()).map(|n| format!("value {n}")).collect();

    let (_reader, writer) = full_pipe();
    let mut get = world.command(&["get", "env/key-0"]);
    get.stdout(writer);
    let stopped = world.stop(get, b"", At::Write(1));
    told("get, writing", &world.search(&stopped), &[("value 0", 1)]);

    let (_reader, writer) = full_pipe();
    let mut export = world.command(&["export", "--format", "dotenv"]);
    export.stdout(writer);
    let stopped = world.stop(export, b"", At::Write(1));
    let once: Vec<(&str, usize)> = values.iter().map(|name| (name.as_str(), 1)).collect();
    told("export, writing", &world.search(&stopped), &once);
}

fn waiting(world: &mut World) {
    let one = world.values[0].text().to_owned();
    let set = || ["set", "a/main"];
    let stopped = world.stop(world.command(&set()), one.as_bytes(), At::Read(0));
    told("set, reading", &world.search(&stopped), &[("value 0", 1)]);
    assert!(status(stopped.pid, "VmLck") > 0, "nothing is locked");
    drop(stopped);

    let held = world.hold();
    let open = [("vault key", 1), ("identity", 1)];
    let with_value = [&open[..], &[("value 0", 1)]].concat();
    let stopped = world.stop(world.command(&set()), one.as_bytes(), At::Sleep);
    told("set, waiting for the lock", &world.search(&stopped), &with_value);
    assert!(status(stopped.pid, "VmLck") > 0, "nothing is locked");
    drop(stopped);

    let stopped = world.stop_typed(&set(), &one);
    told("set, typed, waiting for the lock", &world.search(&stopped), &with_value);
    drop(stopped);

    let stopped = world.stop(world.command(&["import", "a.env"]), b"", At::Sleep);
    let names: Vec<String> = (0..world.values.len()).map(|n| format!("value {n}")).collect();
    let all = names.iter().map(|name| (name.as_str(), 1)).chain(open).collect::<Vec<_>>();
    told("import, waiting for the lock", &world.search(&stopped), &all);
    assert!(status(stopped.pid, "VmLck") > 0, "nothing is locked");
    drop(held);
}

/// Says what was found; fails where something is missing, or lies in more places than allowed.
fn told(what: &str, found: &Found, allowed: &[(&str, usize)]) {
    let most = found.values().max().copied().unwrap_or(0);
    println!("{what}: {} things, each at most {most} times", found.len());
    for (name, most) in allowed {
        let count = found.get(*name).copied().unwrap_or(0);
        assert!((1..=*most).contains(&count), "{what}: {name} is found {count} times");
    }
    let names: Vec<&str> = allowed.iter().map(|(name, _)| *name).collect();
    let others: Vec<_> = found.iter().filter(|(name, _)| !names.contains(&name.as_str())).collect();
    assert!(others.is_empty(), "{what}: {others:?}");
}

/// The program that `run` becomes has its variables and nothing else of ours.
#[test]
fn a_launched_program_has_its_values_once_and_nothing_else() {
    look(|seed, secrets| launched(&mut World::filled(seed, secrets)));
}

fn launched(world: &mut World) {
    let all: Vec<String> = (0..world.values.len()).map(|n| format!("value {n}")).collect();
    let own_limits = fs::read_to_string("/proc/self/limits").unwrap();
    for (options, names) in [(&["--only", "env/key-3"][..], &all[3..4]), (&[], &all[..])] {
        let arguments = [&["run"], options, &["--", "/bin/sleep", "600"]].concat();
        let mut command = world.command(&arguments);
        command.stdin(Stdio::null());
        let stopped = world.stop(command, b"", At::Sleep);
        let comm = fs::read_to_string(format!("/proc/{}/comm", stopped.pid)).unwrap();
        assert_eq!(comm, "sleep\n");
        let once: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        told(&format!("run {options:?}"), &world.search(&stopped), &once);

        let proc = format!("/proc/{}", stopped.pid);
        let fds = fs::read_dir(format!("{proc}/fd")).unwrap();
        let fds: Vec<_> = fds.map(|fd| fs::read_link(fd.unwrap().path()).unwrap()).collect();
        let scratch = world.scratch.path("").canonicalize().unwrap();
        assert!(!fds.iter().any(|path| path.starts_with(&scratch)), "{fds:?}");
        let limits = fs::read_to_string(format!("{proc}/limits")).unwrap();
        let core = |text: &str| text.lines().find(|l| l.contains("core file")).unwrap().to_owned();
        assert_eq!(core(&limits), core(&own_limits));
        // What belongs to its user there is dumpable again; otherwise it would belong to root.
        assert_eq!(fs::metadata(&proc).unwrap().uid(), scratch::NOBODY);
        assert_eq!(status(stopped.pid, "VmLck"), 0);
    }
}
