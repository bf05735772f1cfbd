//! The native adapters against servers that we did not write: PostgreSQL, Redis, OpenSSH, moto's AWS.
//! Each server is a process of its own on the loopback, in a directory that vanishes with it. Clients
//! work while their key is rotated a hundred times, and none of their operations fails.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

mod aws;
mod engine;
mod load;
mod postgres;
#[allow(dead_code, reason = "this test asks no server over HTTP")]
#[path = "../support/process.rs"]
mod process;
mod redis;
mod script;
mod server;
mod ssh;
mod tls;

use clawvault_core::domain::{FieldName, Value};
use clawvault_providers::adapter::{Adapter, Ask, Fields, Revoked, Validity};

use load::Load;

/// How often a key is rotated under load.
const ROTATIONS: usize = 100;

fn fields(texts: &[(&str, &str)]) -> Fields {
    let field = |(name, text): &(&str, &str)| {
        (FieldName::parse(name).unwrap(), Value::copy_of(text.as_bytes()).unwrap())
    };
    texts.iter().map(field).collect()
}

fn field<'a>(fields: &'a Fields, name: &str) -> &'a str {
    let (_, value) = fields.iter().find(|(at, _)| at.as_str() == name).unwrap();
    std::str::from_utf8(value.expose()).unwrap()
}

fn ask(key: Fields, params: &[(&str, &str)]) -> Ask {
    let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    Ask { key, params: params.iter().map(own).collect(), ..Ask::default() }
}

/// What the engine asks with about a key of which only the id is known.
fn orphaned(beside: &Ask, id: &str) -> Ask {
    let (key_id, beside_it) = (Some(id.to_owned()), beside.key.clone());
    Ask { key: Fields::new(), beside: beside_it, key_id, ..beside.clone() }
}

/// Runs what is asynchronous, as a command does.
fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work)
}

fn is_live(validity: &Validity) -> bool {
    matches!(validity, Validity::Live(_))
}

fn is_dead(validity: &Validity) -> bool {
    matches!(validity, Validity::Dead(_))
}

/// The steps of one rotation, as the engine takes them: made, proven, told to the clients, drained,
/// revoked, and the revocation proven. Gives the key that is current afterwards.
async fn rotate(adapter: &dyn Adapter, old: &Ask, label: &str, load: &Load) -> Ask {
    rotate_and_look(adapter, old, label, load, true).await
}

/// With a look at what is beside the steps, too: the overlap, the list, a second revocation.
async fn rotate_and_look(
    adapter: &dyn Adapter,
    old: &Ask,
    label: &str,
    load: &Load,
    look: bool,
) -> Ask {
    let made = adapter.create(&Ask { label: label.to_owned(), ..old.clone() }).await;
    let made = made.unwrap_or_else(|error| panic!("{label}: {error}; {}", load.told()));
    let new = Ask { key: made.fields, key_id: made.key_id, ..old.clone() };
    let found = adapter.validate(&new).await.unwrap();
    assert!(is_live(&found), "{label}: {found:?}");
    if look {
        let found = adapter.validate(old).await.unwrap();
        assert!(is_live(&found), "{label}: {found:?}");
        let listed = adapter.list(&new).await.unwrap();
        let mut active = listed.iter().filter(|key| key.active).map(|key| &key.key_id);
        assert!(active.any(|id| Some(id) == new.key_id.as_ref()), "{label}: {listed:?}");
    }
    load.switch(&new.key);
    // A key that is gone is no error.
    for _ in 0..1 + usize::from(look) {
        assert_eq!(adapter.revoke(old).await.unwrap(), Revoked::Done, "{label}");
    }
    let found = adapter.validate(old).await.unwrap();
    assert!(is_dead(&found), "{label}: {found:?}");
    new
}

/// A hundred rotations in a row, and what the clients had to say about them.
fn rotate_under_load(adapter: &dyn Adapter, first: Ask, load: Load) -> Ask {
    let started = std::time::Instant::now();
    let last = run(async {
        let mut key = first;
        for nth in 1..=ROTATIONS {
            let label = format!("clawvault-rotation-{nth}");
            key = rotate_and_look(adapter, &key, &label, &load, nth % 10 == 0).await;
        }
        key
    });
    let (done, failed) = load.stop();
    println!(
        "{ROTATIONS} rotations in {:.1?}: {done} operations done, {failed} failed",
        started.elapsed()
    );
    assert_eq!(failed, 0);
    assert!(done > ROTATIONS as u64, "the clients hardly worked: {done}");
    last
}
