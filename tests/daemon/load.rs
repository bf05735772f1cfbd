//! Many at once (T10), and `lock` in the middle of them.

use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use clawvault_proto::client::{Client, is_last};
use clawvault_proto::messages::{Empty, Get, Name, reply::Last, request::What};

use super::served::Served;

fn get(secret: &str) -> What {
    let name = Name { profile: "default".to_owned(), secret: secret.to_owned() };
    What::Get(Get { name: Some(name), version: 0, one_field: true })
}

fn client(served: &std::path::Path) -> Client {
    Client::connect(served, rustix::process::geteuid().as_raw(), "test").unwrap()
}

/// One that has said hello: who does not within five seconds is let go.
fn greeted(socket: &std::path::Path) -> Client {
    let mut client = client(socket);
    client.send(What::Status(Empty {}), vec![]).unwrap();
    client
}

/// How many ask at once; the descriptors for them are had.
fn crowd() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let most = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, most).unwrap();
    let asked = std::env::var("CLAWVAULT_LOAD").ok().and_then(|count| count.parse().ok());
    asked.unwrap_or(2000)
}

fn descriptors(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

fn resident_kib(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Asks and gives the value, or what was said instead.
fn ask(client: &mut Client, secret: &str) -> Result<Vec<u8>, String> {
    client.send(get(secret), vec![]).map_err(|error| error.to_string())?;
    let mut value = Vec::new();
    loop {
        let (reply, frame) = client.receive().map_err(|error| error.to_string())?;
        value.extend_from_slice(&frame.body);
        match &reply.last {
            Some(Last::Failure(failure)) => return Err(failure.what.clone()),
            _ if is_last(&reply) => return Ok(value),
            _ => {}
        }
    }
}

#[test]
fn two_thousand_at_once_each_get_their_own() {
    // `CLAWVAULT_LOAD=10000` for the figures.
    let each = crowd() / 8;
    let served = Served::unlocked();
    for n in 0..50 {
        served.set(&format!("env/key-{n}"), &format!("value of {n}"));
    }
    let (pid, socket) = (served.pid(), served.socket());
    let before = descriptors(pid);
    // Eight threads: all of their connections are open, and all have asked, before one reads.
    let barrier = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let (socket, barrier) = (socket.clone(), Arc::clone(&barrier));
            std::thread::spawn(move || {
                let mut all: Vec<(Client, usize, Instant)> = (0..each)
                    .map(|n| (greeted(&socket), (thread * each + n) % 50, Instant::now()))
                    .collect();
                barrier.wait();
                for (client, n, start) in &mut all {
                    *start = Instant::now();
                    client.send(get(&format!("env/key-{n}")), vec![]).unwrap();
                }
                let mut times = Vec::new();
                for (client, n, start) in &mut all {
                    client.receive().unwrap();
                    let (_, frame) = client.receive().unwrap();
                    assert_eq!(frame.body.as_slice(), format!("value of {n}").as_bytes());
                    times.push(start.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times: Vec<Duration> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
    times.sort();
    println!(
        "{} at once: median {:?}, p99 {:?}, last {:?}; resident {} KiB",
        times.len(),
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        times[times.len() - 1],
        resident_kib(pid)
    );
    assert_eq!(times.len(), each * 8);
    assert!(resident_kib(pid) < 200 * 1024);
    super::served::until("its descriptors are given back", || descriptors(pid) <= before + 2);
    let log = served.call("log --event get --json").ok();
    assert_eq!(log.lines().count(), each * 8);
}

/// The bounds for a release build are 10 and 40 ms (`benches/README.md`); here they only keep out what
/// grows with the square of the number.
#[test]
fn a_resolver_is_answered_soon() {
    let served = Served::unlocked();
    let all: String = (0..512).map(|n| format!("KEY_{n}=value-{n}\n")).collect();
    std::fs::write(served.path("all.env"), all).unwrap();
    served.call("import all.env").ok();
    let socket = served.socket();
    for (count, most) in [(50, Duration::from_secs(1)), (512, Duration::from_secs(4))] {
        let ids: Vec<String> = (0..count).map(|n| format!("\"env/key-{n}\"")).collect();
        let ask = format!("{{\"protocolVersion\":1,\"ids\":[{}]}}", ids.join(","));
        let mut times = Vec::new();
        for _ in 0..11 {
            let words = ["--socket", socket.to_str().unwrap()];
            let resolver = env!("CARGO_BIN_EXE_clawvault-resolver");
            let start = Instant::now();
            let said = super::served::finish(served.command_of(resolver, &words), ask.as_bytes());
            times.push(start.elapsed());
            let answer: serde_json::Value = serde_json::from_str(&said.ok()).unwrap();
            assert_eq!(answer["values"].as_object().unwrap().len(), count);
        }
        times.sort();
        println!("resolve of {count}: median {:?}, worst {:?}", times[5], times[10]);
        assert!(times[5] < most, "{times:?}");
    }
}

/// A thousand connections stand open; a thousand requests come in each second, one on each.
#[test]
fn open_connections_cost_the_others_nothing() {
    let served = Served::unlocked();
    let (socket, rounds) = (served.socket(), 2);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let socket = socket.clone();
            std::thread::spawn(move || {
                let mut all: Vec<Client> = (0..250).map(|_| client(&socket)).collect();
                let (mut times, start) = (Vec::new(), Instant::now());
                for n in 0..rounds * 250 {
                    let due = start + Duration::from_millis(4) * n;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    ask(&mut all[n as usize % 250], "env/one").unwrap();
                    // From when it was due: one that waits for others counts as late.
                    times.push(due.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times: Vec<Duration> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
    times.sort();
    let at = |percent: usize| times[times.len() * percent / 100];
    println!("1,000 connections, 1,000 requests/s: median {:?}, p99 {:?}", at(50), at(99));
    assert_eq!(times.len(), rounds as usize * 1000);
}

#[test]
fn lock_takes_effect_within_a_tenth_of_a_second_under_load() {
    let served = Served::unlocked();
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let late = Arc::new(AtomicUsize::new(0));
    let locked = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (stop, count, late) = (Arc::clone(&stop), Arc::clone(&count), Arc::clone(&late));
            let (locked, socket) = (Arc::clone(&locked), served.socket());
            std::thread::spawn(move || {
                let mut all: Vec<Client> = (0..50).map(|_| client(&socket)).collect();
                while !stop.load(Ordering::SeqCst) {
                    for one in &mut all {
                        let was_locked = locked.load(Ordering::SeqCst);
                        match ask(one, "env/one") {
                            Ok(_) if was_locked => drop(late.fetch_add(1, Ordering::SeqCst)),
                            Ok(_) => drop(count.fetch_add(1, Ordering::SeqCst)),
                            // Cut off in the middle: as good as refused.
                            Err(_) => *one = client(&socket),
                        }
                    }
                }
            })
        })
        .collect();
    let mut worst = Duration::ZERO;
    for _ in 0..5 {
        let from = count.load(Ordering::SeqCst);
        super::served::until("values flow", || count.load(Ordering::SeqCst) > from + 200);
        let mut peer = client(&served.socket());
        let start = Instant::now();
        peer.send(What::Lock(Empty {}), vec![]).unwrap();
        peer.receive().unwrap();
        worst = worst.max(start.elapsed());
        locked.store(true, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(30));
        locked.store(false, Ordering::SeqCst);
        served.call("unlock").ok();
    }
    stop.store(true, Ordering::SeqCst);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let answered = count.load(Ordering::SeqCst);
    println!("lock under load: at most {worst:?}; {answered} values before and between");
    assert_eq!(late.load(Ordering::SeqCst), 0, "values after the lock was acknowledged");
    assert!(worst < Duration::from_millis(100), "{worst:?}");
}

#[test]
fn writers_side_by_side_lose_nothing() {
    let served = Arc::new(Served::unlocked());
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let served = Arc::clone(&served);
            std::thread::spawn(move || {
                for n in 0..10 {
                    served.set("env/shared", &format!("{thread} {n}"));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    // Every write was acknowledged, so each is a version; the last twenty are kept.
    let history = served.call("history env/shared").ok();
    assert_eq!(history.lines().next().unwrap().split(' ').next(), Some("80"), "{history}");
    assert_eq!(served.call("log --event set").ok().matches("env/shared").count(), 80);
    let half_open: Vec<_> =
        (0..300).map(|_| UnixStream::connect(served.socket()).unwrap()).collect();
    assert_eq!(served.call("get env/one").ok(), "the-first-value");
    drop(half_open);
}
