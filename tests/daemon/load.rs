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
    let served = Served::unlocked();
    for n in 0..50 {
        served.set(&format!("env/key-{n}"), &format!("value of {n}"));
    }
    let (pid, socket) = (served.pid(), served.socket());
    let before = descriptors(pid);
    // Eight threads with 250 connections each: all are open, and all have asked, before one reads.
    let barrier = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let (socket, barrier) = (socket.clone(), Arc::clone(&barrier));
            std::thread::spawn(move || {
                let mut all: Vec<(Client, usize, Instant)> = (0..250)
                    .map(|n| (client(&socket), (thread * 250 + n) % 50, Instant::now()))
                    .collect();
                barrier.wait();
                for (client, n, start) in &mut all {
                    *start = Instant::now();
                    client.send(get(&format!("env/key-{n}")), vec![]).unwrap();
                }
                let mut times = Vec::new();
                for (client, n, start) in &mut all {
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
        "2,000 at once: median {:?}, p99 {:?}, last {:?}; resident {} KiB",
        times[1000],
        times[1980],
        times[1999],
        resident_kib(pid)
    );
    assert_eq!(times.len(), 2000);
    assert!(resident_kib(pid) < 200 * 1024);
    super::served::until("its descriptors are given back", || descriptors(pid) <= before + 2);
    let log = served.call("log --event get --json").ok();
    assert_eq!(log.lines().count(), 2000);
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
