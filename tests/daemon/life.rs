//! Its beginning and its end: one instance, stale sockets, the service manager, kill, time-outs.

use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::Stdio;
use std::time::Duration;

use clawvault_core::crypto::slot::Identity;
use clawvault_core::platform::SystemClock;
use clawvault_core::vault::{Opener, Place, Vault, Who};
use clawvault_proto::client::Client;
use clawvault_proto::messages::{Empty, Room, Run, reply::Last, request::What};
use rustix::process::Signal;

use super::served::{Served, until};

#[test]
fn there_is_one_and_nobody_else_opens_the_store() {
    let mut served = Served::unlocked();
    let second = served.call("daemon");
    second.refused(7);
    assert!(second.err.contains("another daemon runs"), "{}", second.err);
    // What works on the store itself gets it lent by whoever has it, and gives it back.
    for words in ["doctor", "recipient add --recovery", "recipient list", "backup b.age", "rekey"] {
        served.call(words).ok();
        assert_eq!(served.call("get env/one").ok(), "the-first-value", "after {words}");
    }
    served.set("env/one", "another-value");
    let restored = served.call("restore b.age --older");
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert_eq!(served.call("get env/one").ok(), "the-first-value");
    served.signal(Signal::TERM);
    assert_eq!(served.ended(), Some(0));
    assert!(!served.socket().exists());
    assert_eq!(served.call("get env/one").ok(), "the-first-value");
    let log = served.call("log --verify");
    assert_eq!(log.code, Some(0), "{}", log.err);
}

#[test]
fn the_store_is_lent_to_one_who_has_its_key_and_may_ask() {
    let served = Served::unlocked();
    // Not to a program that it launched, not to another session without the key.
    served.run_sh(&[], "cv rekey").refused(3);
    let elsewhere = served.sh("p=$(command -v clawvault); setsid -w $p recipient list");
    assert_eq!(elsewhere.code, Some(0), "it found the key in the home: {elsewhere:?}");
    let other = Served::vault();
    let named = format!("rekey --identity {}", other.path("home/identity.txt").display());
    served.call(&named).refused(3);
    // One that dies with it has it taken back; who asks meanwhile waits.
    served.call("backup b.age").ok();
    let mut holder = served.command(&["restore", "--older", "b.age"]);
    holder.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut holder = holder.stderr(Stdio::null()).spawn().unwrap();
    let waited = served.call("get env/one");
    holder.kill().ok();
    holder.wait().unwrap();
    assert!(matches!(waited.code, Some(0 | 7)), "{waited:?}");
    assert_eq!(served.call("get env/one").ok(), "the-first-value");
    // Locking while it is lent leaves it locked.
    served.call("lock").ok();
    served.call("get env/one").refused(3);
}

/// The key of a vault, as a message carries it.
fn key_of(served: &Served) -> clawvault_core::domain::Value {
    let place = Place { home: served.path("home"), state: served.path("home/state") };
    let text = std::fs::read(served.path("home/identity.txt")).unwrap();
    let who = Who::default();
    let opener = Opener {
        identities: Identity::parse_file(&text).unwrap(),
        passphrase: &|| None,
        key: None,
        who: &who,
        clock: Box::new(SystemClock),
        write: false,
        accept_rollback: false,
    };
    let (key, _) = Vault::unlock(&place, &opener).unwrap();
    clawvault_core::domain::Value::of_key(key.to_locked())
}

fn client(served: &Served) -> Client {
    Client::connect(&served.socket(), rustix::process::geteuid().as_raw(), "test").unwrap()
}

/// What is answered: nothing, or what went wrong.
fn ask(
    client: &mut Client,
    what: What,
    body: Vec<clawvault_core::domain::Value>,
) -> Option<String> {
    client.send(what, body).unwrap();
    match client.receive().unwrap().0.last {
        Some(Last::Failure(failure)) => Some(failure.what),
        _ => None,
    }
}

#[test]
fn a_loan_is_its_holders_alone_and_ends_by_itself_or_by_a_lock() {
    let served = Served::unlocked();
    let (mut one, mut other) = (client(&served), client(&served));
    let borrow = |client: &mut Client, key| ask(client, What::Borrow(Empty {}), vec![key]);
    assert_eq!(borrow(&mut one, key_of(&served)), None);
    // It may name its new key; another connection of the same process may not.
    assert_eq!(borrow(&mut one, key_of(&served)), None);
    let foreign = key_of(&Served::vault());
    let refused = borrow(&mut other, foreign).unwrap();
    assert!(refused.contains("another command works on the vault"), "{refused}");
    // A lock ends it for good: what becomes of its holder then says nothing of the next loan.
    served.call("lock").ok();
    served.call("unlock").ok();
    assert_eq!(borrow(&mut other, key_of(&served)), None);
    assert_eq!(ask(&mut one, What::GiveBack(Empty {}), vec![]), None);
    drop(one);
    let busy = served.call("get env/one");
    assert!(busy.err.contains("another command works on the vault"), "{busy:?}");
    drop(other);
    assert_eq!(served.call("get env/one").ok(), "the-first-value");
}

#[test]
fn one_process_takes_no_more_than_its_share_of_launches() {
    let served = Served::unlocked();
    let run = |n: u64| {
        let room = Some(Room { max: 1 << 20, ..Room::default() });
        What::Run(Run {
            run: format!("{n:016x}"),
            program: "/x".to_owned(),
            room,
            ..Run::default()
        })
    };
    let mut one = client(&served);
    let refused = (0..64).find_map(|n| {
        one.send(run(n), vec![]).unwrap();
        loop {
            match one.receive().unwrap().0.last {
                Some(Last::Failure(failure)) => return Some((n, failure.what)),
                Some(Last::End(_)) => return None,
                None => {}
            }
        }
    });
    let (count, what) = refused.expect("it goes on for ever");
    assert!(count < 16 && what.contains("cannot remember"), "{count}: {what}");
}

#[test]
fn a_killed_one_is_replaced_and_nothing_is_lost() {
    let mut served = Served::unlocked();
    served.set("env/two", "acknowledged");
    served.signal(Signal::KILL);
    served.ended();
    // The socket that it left is stale: whoever comes opens the vault itself, at once.
    assert!(served.socket().exists());
    assert_eq!(served.call("get env/two").ok(), "acknowledged");
    served.serve(&[]);
    served.call("get env/two").refused(3);
    served.call("unlock").ok();
    assert_eq!(served.call("get env/two").ok(), "acknowledged");
    assert_eq!(served.call("log --verify").code, Some(0));
    // What stands in the socket's place and is none stays.
    served.signal(Signal::INT);
    assert_eq!(served.ended(), Some(0));
    let place = served.path("run/clawvault/daemon-00000000.sock");
    std::fs::write(place, b"x").unwrap();
}

#[test]
fn the_service_manager_hands_a_socket_over_and_is_told() {
    let mut served = Served::vault();
    served.serve(&[]);
    let path = served.socket();
    served.signal(Signal::TERM);
    served.ended();
    let listener = UnixListener::bind(&path).unwrap();
    let manager = UnixDatagram::bind(served.path("notify")).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // The shell keeps its number when it becomes the daemon.
    let script = "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec clawvault daemon";
    let mut command = served.command_of("/bin/sh", &["-c", script]);
    command.env("NOTIFY_SOCKET", served.path("notify"));
    command.stdin(Stdio::from(OwnedFd::from(listener))).stdout(Stdio::null()).stderr(Stdio::null());
    served.daemon = Some(command.spawn().unwrap());
    let told = || {
        let mut bytes = [0; 512];
        let count = manager.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    };
    let ready = told();
    assert!(ready.starts_with("READY=1\nSTATUS=locked"), "{ready}");
    served.call("unlock").ok();
    assert_eq!(served.call("get env/one").ok(), "the-first-value");
    assert!(told().starts_with("STATUS=unlocked"));
    served.signal(Signal::TERM);
    assert_eq!(told(), "STOPPING=1");
    assert_eq!(served.ended(), Some(0));
    // The socket is the manager's: it stays.
    assert!(path.exists());
    // One that was meant for another process is none of ours.
    let script = "exec 3<&0 </dev/null; LISTEN_PID=1 LISTEN_FDS=1 clawvault daemon";
    std::fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(served.path("other")).unwrap();
    let mut command = served.command_of("/bin/sh", &["-c", script]);
    command.stdin(Stdio::from(OwnedFd::from(other))).stderr(Stdio::null());
    served.daemon = Some(command.spawn().unwrap());
    until("it listens at its own socket", || path.exists());
    served.call("status").ok();
    drop(served.daemon.take().map(|mut shell| {
        let children = format!("/proc/{0}/task/{0}/children", shell.id());
        let child = std::fs::read_to_string(children).unwrap();
        let child = rustix::process::Pid::from_raw(child.trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(child, Signal::TERM).unwrap();
        shell.wait()
    }));
}

#[test]
fn it_locks_by_itself_and_a_key_of_its_own_unlocks_it() {
    let mut served = Served::vault();
    served.serve(&["--idle", "1s"]);
    served.call("unlock").ok();
    assert_eq!(served.call("get env/one").ok(), "the-first-value");
    let status = || served.call("status --json").ok();
    assert!(status().contains("\"locked\":false"));
    // What is refused to a program keeps nothing awake.
    let asks = served.script("while :; do cv get env/two; done");
    let mut asking = served.command(&["run", "--", "/bin/sh", "-c", &asks]);
    let mut asking = asking.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("it has locked itself", || status().contains("nothing was asked for a while"));
    asking.kill().unwrap();
    asking.wait().unwrap();
    served.call("get env/one").refused(3);
    served.signal(Signal::TERM);
    served.ended();
    // A key of its own: unlocked from the start, for nobody yet but who has the key, too.
    let key = served.path("home/identity.txt");
    served.serve(&["--identity", key.to_str().unwrap(), "--longest", "1s"]);
    served.call("get env/one").refused(3);
    let named = format!("get env/one --identity {}", key.display());
    assert_eq!(served.call(&named).ok(), "the-first-value");
    until("it has locked itself", || served.call("status").ok().contains("as long as it may be"));
}

#[test]
fn status_tells_of_runs_and_what_they_hold() {
    let served = Served::unlocked();
    let mut command = served.command(&["run", "--", "sleep", "60"]);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let status = || -> serde_json::Value {
        serde_json::from_str(&served.call("status --json").ok()).unwrap()
    };
    until("the run is there", || status()["runs"][0]["pid"] == child.id());
    let status = status();
    assert_eq!(status["runs"][0]["grant"], serde_json::json!(["env/one"]));
    assert!(status["runs"][0]["age_seconds"].as_i64().unwrap() < 60);
    assert_eq!(status["daemon"]["authority"], "operator");
    assert_eq!((&status["state"], &status["due"]), (&"open".into(), &serde_json::json!([])));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn what_was_acknowledged_outlives_a_kill_at_any_moment() {
    for trial in 0..6_u64 {
        let mut served = Served::unlocked();
        let (pid, mut acknowledged) = (served.pid(), Vec::new());
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20 + trial * 37));
            let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
            rustix::process::kill_process(pid, Signal::KILL).unwrap();
        });
        for n in 0..400 {
            let value = format!("value {n}");
            let words = format!("set env/k-{n}");
            // Once it is dead the next one opens the vault itself, so this ends with the killer.
            if served.call_with(&words, value.as_bytes()).code == Some(0) {
                acknowledged.push(n);
            }
            if killer.is_finished() {
                break;
            }
        }
        killer.join().unwrap();
        served.ended();
        for n in acknowledged {
            assert_eq!(served.call(&format!("get env/k-{n}")).ok(), format!("value {n}"));
        }
        assert_eq!(served.call("log --verify").code, Some(0));
    }
}

#[test]
fn one_that_stands_still_is_told_of_and_hangs_nobody() {
    let served = Served::unlocked();
    served.signal(Signal::STOP);
    let start = std::time::Instant::now();
    let said = served.call("get env/one");
    served.signal(Signal::CONT);
    said.refused(7);
    assert!(said.err.contains("does not answer"), "{}", said.err);
    assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
    assert_eq!(served.call("get env/one").ok(), "the-first-value");
}
