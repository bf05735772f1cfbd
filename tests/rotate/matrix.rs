//! T9: every fault at every request, a kill after every request, walks at random; by a clock that
//! does not wait.

use std::future::Future;
use std::task::Poll;

use clawvault::rotate::{Books, Engine, Look, Outcome, abort, begin, confirm, give};
use clawvault_core::domain::{Aim, Life, State};

use crate::world::{
    Bench, FAULTS, FakeTimer, FakeVendors, Fault, MANNERS, Manner, Shared, VaultBooks,
};

/// A time longer than any pause and any overlap.
const LONG_MS: i64 = 40 * 86_400_000;

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// Works until it is over, has to wait for a person, or the process is killed.
async fn work(world: &Shared, books: &VaultBooks, look: Look) -> Option<(Life, Outcome)> {
    let engine = Engine::new(books.clone(), FakeVendors(world.clone()), FakeTimer(world.clone()));
    let mut work = Box::pin(engine.advance(look, LONG_MS));
    std::future::poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done.unwrap())),
        Poll::Pending if world.get().killed => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

struct Case {
    manner: Manner,
    faults: Vec<(u32, Fault)>,
    kill_after: Option<u32>,
    aim: Aim,
}

/// Plays a case to its end; gives how often the vendor was asked, or what was broken.
async fn play(bench: &mut Bench, case: &Case) -> Result<u32, String> {
    let (world, mut books, key) = bench.secret(case.manner);
    {
        let mut world = world.get();
        world.faults = case.faults.iter().copied().collect();
        world.kill_after = case.kill_after;
    }
    let look = books.look(&key).unwrap().unwrap();
    let now = world.get().now_ms;
    let step = begin(&look, case.aim, "0badcafe".to_owned(), None, now).unwrap();
    let event = clawvault_core::domain::Event::Rotate;
    books.step(event, vec![step]).unwrap().unwrap();
    let mut outcome = None;
    for _ in 0..6 {
        let look = books.look(&key).unwrap().unwrap();
        outcome = work(&world, &books, look).await;
        world.get().killed = false;
        let look = books.look(&key).unwrap().unwrap();
        match &outcome {
            // The next process goes on where this one was killed.
            None => {}
            Some((_, Outcome::Over)) => break,
            // A person looks, and says that it may go on: or makes a key where all are lost.
            Some((life, Outcome::Person)) => {
                let state = life.open.as_ref().map(|open| open.state);
                let step = match state {
                    Some(State::Lost | State::Awaiting) => {
                        let value = world.get().make_by_hand();
                        let field = clawvault_core::domain::FieldName::parse("value").unwrap();
                        let now = world.get().now_ms;
                        give(&look.life, vec![(field, value)], now).unwrap()
                    }
                    Some(State::Revoking) => {
                        let targets = life.open.as_ref().map(|open| open.targets.clone());
                        world.get().remove_by_hand(&targets.unwrap_or_default());
                        confirm(&look.life)
                    }
                    _ => confirm(&look.life),
                };
                books.step(event, vec![step]).unwrap().unwrap();
            }
            Some((_, other)) => return Err(format!("it does not go on: {other:?}")),
        }
    }
    let look = books.look(&key).unwrap().unwrap();
    let world = world.get();
    let current = look.info.current().map(|v| v.number).unwrap_or_default();
    let mut broken = world.broken.clone();
    if case.aim == Aim::Revoke {
        // That no key works is what was wanted.
        broken.retain(|what| !what.contains("no working key"));
        // A vendor that says 401 of a key that it accepts is believed.
        let lied = case.faults.iter().any(|(_, fault)| fault.name == "401");
        if world.live() > 0 && look.life.open.is_none() && !lied {
            broken.push("a revoked secret has a living key".to_owned());
        }
    } else if !world.works(current) {
        broken.push(format!("the current version {current} does not work at the end"));
    }
    if !world.strays().is_empty() {
        broken.push(format!("at the end nobody knows of {:?}", world.strays()));
    }
    let over = matches!(&outcome, Some((_, Outcome::Over)));
    if !over {
        broken.push(format!("it did not come to an end: {:?}", look.life.open));
    }
    // A key whose making was cut off, at a vendor that lists none, is a person's to find.
    let lost = case.kill_after == Some(0) && !case.manner.list;
    let replaced = case.faults.is_empty() && case.aim == Aim::Replace;
    if replaced && !lost && (current < 2 || world.live() != 1) {
        broken.push(format!("current is {current}, {} keys live", world.live()));
    }
    match broken.first() {
        None => Ok(world.requests),
        Some(first) => Err(format!("{first} (calls {:?})", world.calls)),
    }
}

fn name(case: &Case) -> String {
    let faults: Vec<_> = case.faults.iter().map(|(at, fault)| (at, fault.name)).collect();
    format!("{} {:?} {faults:?} kill {:?}", case.manner.name, case.aim, case.kill_after)
}

fn all(cases: impl IntoIterator<Item = Case>) {
    let (mut bench, mut broken, mut count) = (Bench::new(), Vec::new(), 0);
    for case in cases {
        count += 1;
        if let Err(error) = run(play(&mut bench, &case)) {
            broken.push(format!("{}: {error}", name(&case)));
        }
    }
    println!("{count} cases");
    assert!(
        broken.is_empty(),
        "{} of {count} broken:\n{}",
        broken.len(),
        broken[..broken.len().min(20)].join("\n")
    );
    assert!(count > 0);
}

/// Requests that a rotation without faults makes, and some more for those that repeat.
const REQUESTS: u32 = 9;

fn plain(manner: Manner, aim: Aim) -> Case {
    Case { manner, faults: Vec::new(), kill_after: None, aim }
}

#[test]
fn a_key_is_replaced_and_the_old_one_refused() {
    all(MANNERS
        .iter()
        .flat_map(|manner| [Aim::Replace, Aim::Revoke].map(|aim| plain(*manner, aim))));
}

#[test]
fn a_kill_after_any_request_loses_nothing() {
    all(MANNERS.iter().flat_map(|manner| {
        (0..REQUESTS).flat_map(move |at| {
            [Aim::Replace, Aim::Revoke]
                .map(|aim| Case { kill_after: Some(at), ..plain(*manner, aim) })
        })
    }));
}

#[test]
fn every_fault_at_every_request() {
    // All of them with the first manner; of the others every seventh, or all where that is asked for.
    let every = trials(7);
    let case = |manner: &Manner, at: u32, fault: &Fault, times: u32| Case {
        faults: (at..at + times).map(|at| (at, *fault)).collect(),
        ..plain(*manner, Aim::Replace)
    };
    let mut cases = Vec::new();
    for (place, manner) in MANNERS.iter().enumerate() {
        for at in 0..REQUESTS {
            for (number, fault) in FAULTS.iter().enumerate() {
                // Once, and for a while.
                for times in [1, 4] {
                    let number = number + at as usize * 2 + times as usize;
                    if place == 0 && times == 1 || every > 1000 || number % every == place % every {
                        cases.push(case(manner, at, fault, times));
                    }
                }
            }
        }
    }
    all(cases);
}

/// How much is tried: `CLAWVAULT_TEST_TRIALS` where it is set.
fn trials(usual: usize) -> usize {
    let asked = std::env::var("CLAWVAULT_TEST_TRIALS").ok();
    asked.and_then(|trials| trials.parse().ok()).unwrap_or(usual)
}

#[test]
fn walks_at_random() {
    let seed: u64 = std::env::var("CLAWVAULT_TEST_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or_else(|| {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            since.subsec_nanos().into()
        });
    let trials = trials(60);
    println!("seed {seed}, {trials} trials");
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 11).unwrap() % below
    };
    all((0..trials).map(|_| {
        let manner = MANNERS[random(MANNERS.len())];
        let count = random(5);
        let faults: std::collections::BTreeMap<u32, Fault> = (0..count)
            .map(|_| (u32::try_from(random(14)).unwrap(), FAULTS[random(FAULTS.len())]))
            .collect();
        let kill_after = (random(2) == 0).then(|| u32::try_from(random(12)).unwrap());
        let aim = if random(4) == 0 { Aim::Revoke } else { Aim::Replace };
        Case { faults: faults.into_iter().collect(), kill_after, ..plain(manner, aim) }
    }));
}

#[test]
fn a_sink_that_fails_brings_the_old_key_back() {
    run(async {
        let mut bench = Bench::new();
        let (world, mut books, key) = bench.secret(MANNERS[0]);
        world.get().sink_fails = 3;
        let look = books.look(&key).unwrap().unwrap();
        let step = begin(&look, Aim::Replace, "0badcafe".into(), None, 0).unwrap();
        let event = clawvault_core::domain::Event::Rotate;
        books.step(event, vec![step]).unwrap().unwrap();
        let look = books.look(&key).unwrap().unwrap();
        let (life, outcome) = work(&world, &books, look).await.unwrap();
        assert_eq!(outcome, Outcome::Person);
        let open = life.open.clone().unwrap();
        assert_eq!(open.state, State::Proven);
        assert!(open.trouble.unwrap().contains("does not want it"));
        let look = books.look(&key).unwrap().unwrap();
        assert_eq!(look.info.current().unwrap().number, 1);
        assert!(world.get().works(1) && world.get().works(2));
        // Given up: the new key is revoked, the old one stays.
        let step = abort(&look.life, 0).unwrap();
        books.step(event, vec![step]).unwrap().unwrap();
        let look = books.look(&key).unwrap().unwrap();
        let (life, outcome) = work(&world, &books, look).await.unwrap();
        assert_eq!(outcome, Outcome::Over);
        assert!(world.get().works(1) && !world.get().works(2));
        assert!(life.failed_ms.is_some() && world.get().broken.is_empty());
    });
}

#[test]
fn a_version_that_a_run_holds_waits() {
    run(async {
        let mut bench = Bench::new();
        let (world, mut books, key) = bench.secret(MANNERS[0]);
        world.get().held = vec![4711];
        let look = books.look(&key).unwrap().unwrap();
        let step = begin(&look, Aim::Replace, "0badcafe".into(), None, 0).unwrap();
        let event = clawvault_core::domain::Event::Rotate;
        books.step(event, vec![step]).unwrap().unwrap();
        let look = books.look(&key).unwrap().unwrap();
        let start = world.get().now_ms;
        let engine =
            Engine::new(books.clone(), FakeVendors(world.clone()), FakeTimer(world.clone()));
        // The overlap of an hour, and no longer.
        let (life, outcome) = engine.advance(look, 3_601_000).await.unwrap();
        assert!(
            matches!(outcome, Outcome::Waits(until) if until > start + 3_600_000),
            "{outcome:?}"
        );
        let open = life.open.unwrap();
        assert_eq!((open.state, open.holder), (State::Deployed, None));
        assert!(open.trouble.unwrap().contains("pid 4711"));
        assert!(world.get().works(1));
        let look = books.look(&key).unwrap().unwrap();
        let (_, outcome) = engine.advance(look, LONG_MS).await.unwrap();
        assert_eq!(outcome, Outcome::Over);
        assert!(!world.get().works(1) && world.get().works(2));
    });
}

#[test]
fn two_processes_never_rotate_one_secret_at_once() {
    run(async {
        let mut bench = Bench::new();
        let (world, mut books, key) = bench.secret(MANNERS[0]);
        let look = books.look(&key).unwrap().unwrap();
        let event = clawvault_core::domain::Event::Rotate;
        let step = |id: &str| begin(&look, Aim::Replace, id.into(), None, 0).unwrap();
        assert!(books.step(event, vec![step("a")]).unwrap().is_some());
        // Both had read the same life.
        assert!(books.step(event, vec![step("b")]).unwrap().is_none());
        // A living process has it: this very one's parent stands for it.
        let look = books.look(&key).unwrap().unwrap();
        let mut life = look.life.clone();
        let parent = std::os::unix::process::parent_id();
        let other = clawvault_core::platform::process::ProcessId::of(parent);
        life.open.as_mut().unwrap().holder =
            Some(clawvault_core::domain::Holder { pid: other.pid, started: other.started });
        let step = clawvault_core::vault::Step { life, change: Default::default() };
        books.step(event, vec![step]).unwrap().unwrap();
        let look = books.look(&key).unwrap().unwrap();
        let (_, outcome) = work(&world, &books, look).await.unwrap();
        assert_eq!((outcome, world.get().requests), (Outcome::Busy(parent), 0));
    });
}

#[test]
fn a_vendor_that_names_a_pause_is_not_asked_before() {
    run(async {
        let mut bench = Bench::new();
        let (world, mut books, key) = bench.secret(MANNERS[0]);
        let limited = FAULTS.iter().find(|fault| fault.retry_after_s == Some(30)).unwrap();
        world.get().faults.insert(0, *limited);
        let look = books.look(&key).unwrap().unwrap();
        let start = world.get().now_ms;
        let step = begin(&look, Aim::Replace, "0badcafe".into(), None, start).unwrap();
        books.step(clawvault_core::domain::Event::Rotate, vec![step]).unwrap().unwrap();
        let engine =
            Engine::new(books.clone(), FakeVendors(world.clone()), FakeTimer(world.clone()));
        // Our own first pause is two seconds; the vendor's word counts.
        let look = books.look(&key).unwrap().unwrap();
        let (_, outcome) = engine.advance(look, 20_000).await.unwrap();
        assert!(matches!(outcome, Outcome::Waits(until) if until >= start + 30_000), "{outcome:?}");
        assert_eq!(world.get().requests, 1);
        let look = books.look(&key).unwrap().unwrap();
        let (_, outcome) = engine.advance(look, LONG_MS).await.unwrap();
        assert_eq!(outcome, Outcome::Over);
        assert!(world.get().now_ms >= start + 30_000);
    });
}
