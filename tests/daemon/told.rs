//! T15 over the wire: a value in every text of every request, and nothing of it in any answer, nor in what
//! the daemon writes; from the operator, from a launched program, and while it is locked.

use clawvault_core::domain::Value;
use clawvault_proto::Outgoing;
use clawvault_proto::client::{Client, is_last};
use clawvault_proto::messages::{self as m, Empty, Name, Place, request::What};

use super::canary::{Canary, seeds};
use super::served::Served;

/// Every request that has a text, with `v` in one of them after the other, beside texts in order. Not the
/// directory of a backup, which a person names as a path, nor the name of a record, by which it is told.
fn requests(v: &str) -> Vec<(What, Vec<Value>)> {
    let v = || v.to_owned();
    let names = || {
        let name = |profile: String, secret: String| Some(Name { profile, secret });
        let (profile, secret) = ("default".to_owned(), "env/one".to_owned());
        [name(v(), secret), name(profile, v()), name(v(), v())]
    };
    let place =
        |secret: String, field: Option<String>, variable: String| Place { secret, field, variable };
    let places = || {
        [
            place(v(), None, "X".to_owned()),
            place("env/one".to_owned(), Some(v()), "X".to_owned()),
            place("env/one".to_owned(), None, v()),
        ]
    };
    let body = || vec![Value::copy_of(v().as_bytes()).unwrap()];
    let text = |before: &str, after: &str| {
        vec![Value::copy_of(format!("{before}{}{after}", v()).as_bytes()).unwrap()]
    };
    let run = || m::Run {
        run: "00000000000000ff".to_owned(),
        program: "/bin/true".to_owned(),
        only: vec!["env/one".to_owned()],
        room: Some(m::Room { max: 1 << 20, ..m::Room::default() }),
        ..m::Run::default()
    };
    let query = m::Query::default;
    let mut all = vec![
        (What::List(m::List { profile: Some(v()), removed: false }), vec![]),
        (What::PolicyApply(Empty {}), body()),
        (What::PolicyApply(Empty {}), text("[agents.a]\nsecrets = \"", "\"")),
        (What::PolicyApply(Empty {}), text("[\"", "\"")),
        (What::PolicyApply(Empty {}), text("x = ", "\n")),
        (What::Attest(Empty {}), body()),
        (What::Prove(Empty {}), body()),
        (What::Borrow(Empty {}), body()),
        (What::Unlock(m::Unlock { opened_by: v() }), body()),
        (What::Export(m::Export { profile: v(), ..m::Export::default() }), vec![]),
        (What::Verify(m::Verify { profile: v(), ..m::Verify::default() }), vec![]),
        (What::Health(m::HealthQuery { ids: vec![v()] }), vec![]),
        (What::Log(m::Query { secret: Some(v()), ..query() }), vec![]),
        (What::Log(m::Query { agent: Some(v()), ..query() }), vec![]),
        (What::Log(m::Query { outcome: Some(v()), ..query() }), vec![]),
        (What::Resolve(m::Resolve { profile: v(), ids: vec![] }), vec![]),
        (What::GatewayStart(m::GatewayStart { gateway: v(), run: run().run }), vec![]),
        (What::GatewayStart(m::GatewayStart { gateway: "a".to_owned(), run: v() }), vec![]),
        (
            What::GatewayWindow(m::GatewayWindow { gateway: v(), pid: 1, started: 1, seconds: 9 }),
            vec![],
        ),
        (What::Run(m::Run { run: v(), ..run() }), vec![]),
        (What::Run(m::Run { profile: Some(v()), ..run() }), vec![]),
        (What::Run(m::Run { agent: Some(v()), ..run() }), vec![]),
        (What::Run(m::Run { only: vec![v()], ..run() }), vec![]),
        (
            What::Backup(m::Backup {
                directory: "/".into(),
                name: format!("/{}", v()),
                replace: false,
            }),
            vec![],
        ),
        (
            What::Keep(m::Keep {
                records: vec![m::Kept { name: v(), was: vec![0; 32], bytes: vec![] }],
                more: false,
            }),
            vec![],
        ),
    ];
    for name in names() {
        all.push((What::Get(m::Get { name: name.clone(), version: 0, one_field: true }), vec![]));
        all.push((What::Get(m::Get { name: name.clone(), version: 7, one_field: false }), vec![]));
        all.push((What::Show(m::Show { name: name.clone(), history: true }), vec![]));
        all.push((What::Remove(m::Remove { name: name.clone(), purge: true }), vec![]));
        all.push((What::RollBack(m::RollBack { name: name.clone(), version: 9 }), vec![]));
        all.push((What::Lives(m::LifeQuery { name: name.clone() }), vec![]));
        let wants = vec![m::VersionOf { name: name.clone(), version: 0 }];
        all.push((What::Keys(m::Keys { revoke: false, wants }), vec![]));
    }
    let good = || Some(Name { profile: "default".to_owned(), secret: "env/put".to_owned() });
    let all_names = names().into_iter().chain([good()]);
    for (name, field) in
        all_names.flat_map(|name| [(name.clone(), "value".to_owned()), (name, v())])
    {
        let fields = vec![m::Field { name: field, bytes: v().len() as u32 }];
        let set = m::Set { name, vendor: Some(v()), fields, ..m::Set::default() };
        all.push((What::Set(set), body()));
    }
    for place in places() {
        let resolve = m::Resolve { profile: "default".to_owned(), ids: vec![place.clone()] };
        all.push((What::Resolve(resolve), vec![]));
        all.push((What::Run(m::Run { env: vec![place.clone()], ..run() }), vec![]));
        all.push((What::Run(m::Run { files: vec![place.clone()], ..run() }), vec![]));
        // A place in a template has no variable: the last of them would be a launch.
        if place.variable == "X" {
            all.push((What::Run(m::Run { places: vec![place], ..run() }), vec![]));
        }
    }
    all
}

/// All bytes that one request is answered with, on a connection of its own.
fn answered(served: &Served, (what, body): (What, Vec<Value>)) -> Vec<u8> {
    let uid = rustix::process::geteuid().as_raw();
    let mut client = Client::connect(&served.socket(), uid, "test").unwrap();
    client.send(what, body).unwrap();
    let mut all = Vec::new();
    // One that was malformed is answered, and then there is nobody more.
    while let Ok((reply, frame)) = client.receive() {
        all.extend(Outgoing::new(&reply, vec![]).unwrap().head);
        all.extend_from_slice(&frame.body);
        if is_last(&reply) {
            break;
        }
    }
    all
}

#[test]
fn no_answer_repeats_what_was_sent() {
    let served = Served::unlocked();
    let seed = seeds().next().unwrap();
    println!("CLAWVAULT_TEST_SEED={seed}");
    let canary = Canary::new(seed);
    // The control: where it is asked for, it is found.
    served.set("env/control", canary.text());
    let control = || {
        let name = Some(Name { profile: "default".to_owned(), secret: "env/control".to_owned() });
        What::Get(m::Get { name, version: 0, one_field: true })
    };
    assert!(
        !canary.find(&answered(&served, (control(), vec![]))).is_empty(),
        "the search is blind"
    );
    let pass = |whose: &str| {
        let (mut count, mut leaks) = (0, Vec::new());
        for request in requests(canary.text()) {
            let shown = format!("{:?}", request.0).replace(canary.text(), "VALUE");
            let said = answered(&served, request);
            count += usize::from(!said.is_empty());
            leaks.extend(canary.find(&said).into_iter().map(|form| format!("{form}: {shown}")));
        }
        println!("{whose}: {count} answers");
        assert!(count > 40 && leaks.is_empty(), "{whose}: {}", leaks.join("\n"));
    };
    pass("operator");
    served.call("lock").ok();
    pass("locked");
    served.call("unlock").ok();
    // From here on this process is inside a run.
    let room = Some(m::Room { max: 1 << 20, ..m::Room::default() });
    let (run, only) = ("00000000000000aa".to_owned(), vec!["env/one".to_owned()]);
    let run = m::Run { run, program: "/bin/true".to_owned(), only, room, ..m::Run::default() };
    assert!(!answered(&served, (What::Run(run), vec![])).is_empty());
    let refused = answered(&served, (control(), vec![]));
    assert!(canary.find(&refused).is_empty() && !refused.is_empty(), "it is in no run");
    pass("inside a run");
    // Nothing of it lies in clear in what the daemon writes.
    let mut directories = vec![served.path("home"), served.path("run")];
    let mut files = 0;
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap().flatten() {
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => directories.push(entry.path()),
                kind if kind.is_file() => {
                    files += 1;
                    let found = canary.find(&std::fs::read(entry.path()).unwrap());
                    assert!(found.is_empty(), "{found:?} in {}", entry.path().display());
                }
                _ => {}
            }
        }
    }
    assert!(files > 3);
}
