//! Many writers at once, each operation opening the vault anew, and the judge of their history: it
//! has to look as if the operations had happened one after the other (linearizable).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use clawvault_core::crypto::slot::Identity;
use clawvault_core::domain::{Actor, Event, FieldName, ProfileName, SecretName, Value};
use clawvault_core::platform::{PlatformError, SystemClock};
use clawvault_core::vault::{Opener, Place, Purpose, Put, Vault, VaultError, Want, Who};

use super::campaign::examine;
use super::random::{Random, trials};
use super::sandbox::Sandbox;

const WRITERS: u64 = 64;
/// Operations of each writer; the full campaign has 1,000.
const OPERATIONS: usize = 400;
const NAMES: u64 = 50;

/// One operation: what it stored, or found, as which version.
#[derive(Clone, Debug)]
struct Done {
    start: Instant,
    end: Instant,
    name: u64,
    version: u32,
    value: String,
    is_write: bool,
}

#[test]
fn many_writers_make_one_history() {
    let mut random = Random::of_test("many writers");
    let (operations, start) = (trials(OPERATIONS), Instant::now());
    let bench = Bench::new();
    // Every name has a version to be read.
    let mut history: Vec<Done> =
        (0..NAMES).map(|name| bench.write(name, format!("first {name}"))).collect();
    let write = |writer: u64, mut random: Random| {
        let one = |number| {
            let name = random.below(NAMES);
            if random.below(4) == 0 {
                bench.read(name)
            } else {
                bench.write(name, format!("{writer} {number}"))
            }
        };
        (0..operations).map(one).collect::<Vec<Done>>()
    };
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let random = Random::of_seed(random.next());
                scope.spawn(move || write(writer, random))
            })
            .collect();
        for writer in writers {
            history.extend(writer.join().expect("a writer ends well"));
        }
    });
    let took = start.elapsed().as_secs_f64();
    check(&history).unwrap();
    examine(&bench.sandbox);
    let mut vault = bench.open(false);
    for done in last_writes(&history).values() {
        assert_eq!(bench.reveal(&mut vault, done.name), (done.version, done.value.clone()));
    }
    println!(
        "{WRITERS} writers of {operations} operations each on {NAMES} names: {took:.1} s, the \
         history is linearizable; {} were told after five seconds that others hold the vault",
        bench.refused.load(Ordering::Relaxed)
    );
}

/// Checks a history of versioned values: every version is written once and none is left out, order
/// in time is order of versions, and a read sees the last acknowledged write or a later one.
fn check(history: &[Done]) -> Result<(), String> {
    for name in 0..NAMES {
        let of_name = || history.iter().filter(|done| done.name == name);
        let mut writes: Vec<&Done> = of_name().filter(|done| done.is_write).collect();
        writes.sort_by_key(|done| done.version);
        for (number, write) in (1..).zip(&writes) {
            if write.version != number {
                return Err(format!("{name}: version {number} is missing or there twice"));
            }
        }
        // The latest start among the versions up to each: none later in number ended before it.
        let mut latest = None;
        for write in &writes {
            if latest.is_some_and(|start| write.end < start) {
                return Err(format!(
                    "{name}: version {} ended before an earlier one",
                    write.version
                ));
            }
            latest = latest.max(Some(write.start));
        }
        let mut ends: Vec<(Instant, u32)> = writes.iter().map(|w| (w.end, w.version)).collect();
        ends.sort_unstable();
        for read in of_name().filter(|done| !done.is_write) {
            let known = ends.partition_point(|(end, _)| *end < read.start);
            let oldest = ends[..known].iter().map(|(_, version)| *version).max().unwrap_or(0);
            let write = writes.get(read.version as usize - 1);
            let is_true = write.is_some_and(|w| w.value == read.value && w.start < read.end);
            if read.version < oldest || !is_true {
                let seen = read.version;
                return Err(format!("{name}: a read saw version {seen} after {oldest}"));
            }
        }
    }
    Ok(())
}

fn last_writes(history: &[Done]) -> BTreeMap<u64, &Done> {
    let mut last: BTreeMap<u64, &Done> = BTreeMap::new();
    for done in history.iter().filter(|done| done.is_write) {
        let known = last.entry(done.name).or_insert(done);
        if known.version < done.version {
            *known = done;
        }
    }
    last
}

/// A vault in memory, opened by each operation as a process of its own would.
struct Bench {
    place: Place,
    identity: Vec<u8>,
    who: Who,
    refused: AtomicUsize,
    sandbox: Sandbox,
}

impl Bench {
    fn new() -> Self {
        let sandbox = Sandbox::in_memory();
        sandbox.run(&["init"], b"").sound("init");
        let home = sandbox.home();
        let identity = std::fs::read(home.join("identity.txt")).expect("an identity");
        let place = Place { state: home.join("state"), home };
        let who = Who { actor: Actor::default(), run: None, agent: None, program: None };
        Self { place, identity, who, refused: AtomicUsize::new(0), sandbox }
    }

    /// Whoever waited too long is told so (`together.rs` has the words) and comes again.
    fn open(&self, write: bool) -> Vault {
        loop {
            match self.try_open(write) {
                Ok(vault) => return vault,
                Err(VaultError::Platform(PlatformError::Busy { .. })) => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => panic!("the vault does not open: {error}"),
            }
        }
    }

    fn try_open(&self, write: bool) -> Result<Vault, VaultError> {
        let opener = Opener {
            key: None,
            identities: Identity::parse_file(&self.identity).unwrap(),
            passphrase: &|| None,
            who: &self.who,
            clock: Box::new(SystemClock),
            write,
            accept_rollback: false,
        };
        Vault::open(&self.place, opener)
    }

    fn write(&self, name: u64, value: String) -> Done {
        let start = Instant::now();
        let mut vault = self.open(true);
        let field = Value::new(value.clone().into_bytes()).unwrap();
        let put = Put {
            profile: ProfileName::default(),
            name: secret(name),
            vendor: None,
            injections: None,
            add: false,
            admin: false,
            fields: vec![(FieldName::default(), field)],
        };
        let version = vault.put(&self.who, Event::Set, &[put]).unwrap()[0].version;
        let end = Instant::now();
        vault.close().unwrap();
        Done { start, end, name, version, value, is_write: true }
    }

    fn read(&self, name: u64) -> Done {
        let start = Instant::now();
        let (version, value) = self.reveal(&mut self.open(false), name);
        Done { start, end: Instant::now(), name, version, value, is_write: false }
    }

    fn reveal(&self, vault: &mut Vault, name: u64) -> (u32, String) {
        let want = Want { profile: ProfileName::default(), name: secret(name), version: None };
        let found = vault.reveal(&self.who, Purpose::Get, &[want]).unwrap().remove(0);
        let value = found.fields[0].1.expose().to_vec();
        (found.version, String::from_utf8(value).unwrap())
    }
}

fn secret(name: u64) -> SecretName {
    SecretName::parse(&format!("many/{name}")).unwrap()
}

/// The control: histories that no order of operations explains.
#[test]
fn a_history_that_cannot_be_is_found() {
    let zero = Instant::now();
    let at = |start: u64, end: u64, version, is_write| Done {
        start: zero + std::time::Duration::from_millis(start),
        end: zero + std::time::Duration::from_millis(end),
        name: 0,
        version,
        value: format!("value {version}"),
        is_write,
    };
    let sound = [at(0, 1, 1, true), at(2, 4, 2, true), at(3, 5, 1, false), at(5, 6, 2, false)];
    assert_eq!(check(&sound), Ok(()));
    let other = |done| Done { value: "another".to_owned(), ..done };
    for (case, wrong) in [
        ("a lost update", at(7, 8, 2, true)),
        ("a version left out", at(7, 8, 4, true)),
        ("a stale read", at(7, 8, 1, false)),
        ("a read of the future", at(7, 8, 3, false)),
        ("a read of another value", other(at(7, 8, 2, false))),
        ("versions against time", at(0, 1, 3, true)),
    ] {
        let history: Vec<Done> = sound.iter().cloned().chain([wrong]).collect();
        assert!(check(&history).is_err(), "{case}");
    }
}
