//! What a peer may send: another version, rubbish, too much, too slowly. It ends that connection.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use clawvault_proto::client::{Client, ClientError};
use clawvault_proto::frame::{MAX_BODY, MAX_MESSAGE};
use clawvault_proto::hello::{OLDEST, VERSION};
use clawvault_proto::messages::{Empty, Hello, Reply, Request, reply::Last, request::What};
use clawvault_proto::{Bounds, Outgoing, Receiver};

use super::served::Served;

fn connect(served: &Served) -> UnixStream {
    let stream = UnixStream::connect(served.socket()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

fn hello(version: u32, oldest: u32) -> Vec<u8> {
    Outgoing::new(&Hello { version, oldest, program: "test".to_owned() }, vec![]).unwrap().head
}

/// Everything that comes until the daemon closes.
fn frames(mut stream: UnixStream) -> Vec<clawvault_proto::Frame> {
    let (mut receiver, mut all) = (Receiver::default(), Vec::new());
    loop {
        let count = stream.read(receiver.room()).unwrap_or(0);
        receiver.filled(count);
        while let Some(frame) = receiver.next(Bounds::FULL).unwrap() {
            all.push(frame);
        }
        if count == 0 {
            return all;
        }
    }
}

fn last_failure(stream: UnixStream) -> (String, String) {
    let all = frames(stream);
    let first: Hello = all[0].decode().unwrap();
    assert_eq!(first.version, VERSION);
    let reply: Reply = all.last().unwrap().decode().unwrap();
    match reply.last {
        Some(Last::Failure(failure)) => (failure.what, failure.advice),
        other => panic!("no failure: {other:?}"),
    }
}

#[test]
fn another_version_gets_a_clear_word() {
    let served = Served::unlocked();
    for (version, oldest, word, advice) in [
        (VERSION + 1, VERSION + 1, "newer", "Restart the daemon"),
        (OLDEST - 1, 0, "older", "Use the clawvault that the daemon was started from"),
    ] {
        let mut stream = connect(&served);
        stream.write_all(&hello(version, oldest)).unwrap();
        let (what, said) = last_failure(stream);
        assert!(what.contains(word) && said.contains(advice), "{what}: {said}");
    }
    // A daemon of another version, seen by this program.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let uid = rustix::process::geteuid().as_raw();
    for (version, oldest, word) in [(0, 0, "older"), (9, 9, "newer")] {
        let mut client = Client::connect(&path, uid, "test").unwrap();
        client.send(What::Status(Empty {}), vec![]).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&hello(version, oldest)).unwrap();
        match client.receive() {
            Err(error @ ClientError::Version { .. }) => assert!(error.to_string().contains(word)),
            other => panic!("{:?}", other.err()),
        }
    }
}

#[test]
fn rubbish_ends_its_connection_and_nothing_else() {
    let served = Served::unlocked();
    let status = Outgoing::new(&Request { what: Some(What::Status(Empty {})) }, vec![]).unwrap();
    let lengths = |message: usize, body: usize| {
        [(message as u32).to_le_bytes(), (body as u32).to_le_bytes()].concat()
    };
    let mut random = 0x9e37_79b9_u64;
    let mut noise = |length: usize| -> Vec<u8> {
        (0..length)
            .map(|_| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (random >> 33) as u8
            })
            .collect()
    };
    let greeting = hello(VERSION, OLDEST);
    let mut cases: Vec<Vec<u8>> = vec![
        vec![0xff; 64],
        lengths(MAX_MESSAGE + 1, 0),
        [greeting.clone(), lengths(MAX_MESSAGE + 1, 0)].concat(),
        [greeting.clone(), lengths(0, MAX_BODY + 1)].concat(),
        [greeting.clone(), lengths(u32::MAX as usize, u32::MAX as usize)].concat(),
        // A message that does not decode; one without a request; a body that nobody announced.
        [greeting.clone(), lengths(3, 0), vec![0xff, 0xff, 0xff]].concat(),
        [greeting.clone(), lengths(0, 0)].concat(),
        [
            greeting.clone(),
            lengths(status.head.len() - 8, 5),
            status.head[8..].to_vec(),
            vec![1; 5],
        ]
        .concat(),
        // A hello where a request has to be.
        [greeting.clone(), greeting.clone()].concat(),
    ];
    cases.extend((0..40).map(|n| [greeting.clone(), noise(8 + n * 7)].concat()));
    for (at, case) in cases.iter().enumerate() {
        let mut stream = connect(&served);
        // It may have closed before all of it was taken.
        stream.write_all(case).ok();
        stream.shutdown(std::net::Shutdown::Write).ok();
        let all = frames(stream);
        assert!(all.len() <= 4, "case {at}: {} frames", all.len());
    }
    // Who names a body that it may not send has no room made for it.
    let mut stream = connect(&served);
    stream.write_all(&[greeting.clone(), lengths(4, MAX_BODY)].concat()).unwrap();
    let elsewhere = served.sh("setsid -w clawvault status >/dev/null; exit 0");
    elsewhere.ok();
    drop(stream);
    assert_eq!(served.call("get env/one").ok(), "the-first-value");
}

#[test]
fn who_is_slow_is_waited_for_a_while_and_holds_nobody_up() {
    let served = Served::unlocked();
    let began = Instant::now();
    let mut silent = connect(&served);
    let mut slow = connect(&served);
    slow.write_all(&hello(VERSION, OLDEST)[..5]).unwrap();
    // Asks for much and never reads.
    let values: String = (0..200).map(|n| format!("V{n}={}\n", "x".repeat(20_000))).collect();
    std::fs::write(served.path("many.env"), values).unwrap();
    served.call("import many.env").ok();
    let mut deaf = connect(&served);
    let ask = Request { what: Some(What::Values(Empty {})) };
    let ask = Outgoing::new(&ask, vec![]).unwrap().head;
    deaf.write_all(&[hello(VERSION, OLDEST), ask].concat()).unwrap();
    let start = Instant::now();
    for _ in 0..20 {
        assert_eq!(served.call("get env/one").ok(), "the-first-value");
    }
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    // Neither hello came: both are over after five seconds.
    for stream in [&mut silent, &mut slow] {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
    }
    assert!(began.elapsed().as_secs() >= 4, "{:?}", began.elapsed());
    assert!(start.elapsed().as_secs() < 9, "{:?}", start.elapsed());
}
