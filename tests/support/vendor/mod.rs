//! A vendor on loopback, for tests: a file of `fixtures/vendors` says which calls it takes and what
//! it answers. It keeps the keys that live at it, checks credentials, query, headers and body to the
//! letter, records every request in order, and misbehaves when told to.
//!
//! ```ignore
//! let vendor = Vendor::start("openai");            // fixtures/vendors/openai.toml
//! let id = vendor.add_key("sk-value", "old key");  // a key that lives already
//! vendor.fault("create", Fault::Lost);             // the next `create` is done, its answer lost
//! assert!(vendor.is_live("sk-value"));
//! assert_eq!(vendor.problems(), [""; 0]);          // requests that no exchange takes
//! ```

#![allow(dead_code, reason = "each test uses a part of it")]

mod exchange;
mod fault;
mod wire;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use exchange::Book;
pub(crate) use fault::Fault;

/// The admin credential that every fixture vendor takes.
pub(crate) const ADMIN: &str = "needle-admin-5f0e1d2c3b4a59687766554433221100";

/// A key that the vendor knows.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) value: String,
    pub(crate) name: String,
    pub(crate) live: bool,
}

/// A request as the vendor saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The name of the exchange that took it; none where none did.
    pub(crate) exchange: Option<String>,
    pub(crate) method: String,
    /// Path and query as they were sent.
    pub(crate) target: String,
    /// In lower case, in order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// The status that was answered.
    pub(crate) status: u16,
}

/// A running vendor; stops and joins on drop.
pub(crate) struct Vendor {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    tls: bool,
}

pub(super) struct Shared {
    pub(super) book: Book,
    pub(super) state: Mutex<State>,
    pub(super) stopping: AtomicBool,
    pub(super) latency_ms: AtomicU64,
    pub(super) open: AtomicU64,
    pub(super) most_open: AtomicU64,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) keys: Vec<Key>,
    pub(super) seen: Vec<Seen>,
    pub(super) problems: Vec<String>,
    pub(super) faults: Vec<(String, Fault)>,
    pub(super) made: u64,
}

impl Vendor {
    /// Starts the vendor of a fixture on a free port.
    pub(crate) fn start(fixture: &str) -> Self {
        Self::launch(fixture, None)
    }

    /// The same over TLS, with a certificate that nobody trusts.
    pub(crate) fn start_untrusted(fixture: &str) -> Self {
        Self::launch(fixture, Some(wire::tls()))
    }

    fn launch(fixture: &str, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = if root.ends_with("providers") { root.parent().unwrap_or(root) } else { root };
        let path = root.join("fixtures/vendors").join(format!("{fixture}.toml"));
        let text = std::fs::read_to_string(&path).expect("the fixture is there");
        let book: Book = toml::from_str(&text).unwrap_or_else(|why| panic!("{fixture}: {why}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let address = listener.local_addr().expect("the listener's address");
        let shared = Arc::new(Shared {
            book,
            state: Mutex::default(),
            stopping: AtomicBool::new(false),
            latency_ms: AtomicU64::new(0),
            open: AtomicU64::new(0),
            most_open: AtomicU64::new(0),
        });
        let is_tls = tls.is_some();
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || wire::serve(&listener, &shared, tls.as_ref())
        });
        Self { address, shared, thread: Some(thread), tls: is_tls }
    }

    /// What replaces every host of the vendor.
    pub(crate) fn base_url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Adds a live key; its id at the vendor.
    pub(crate) fn add_key(&self, value: &str, name: &str) -> String {
        self.state(|state| {
            let id = format!("{}{}", self.shared.book.id_prefix, state.keys.len() + 1);
            state.keys.push(Key {
                id: id.clone(),
                value: value.to_owned(),
                name: name.to_owned(),
                live: true,
            });
            id
        })
    }

    /// Makes a key dead, as its owner might at the console.
    pub(crate) fn kill(&self, value: &str) {
        self.state(|state| {
            state.keys.iter_mut().filter(|key| key.value == value).for_each(|key| key.live = false);
        });
    }

    /// Whether the vendor accepts a value.
    pub(crate) fn is_live(&self, value: &str) -> bool {
        self.state(|state| state.keys.iter().any(|key| key.value == value && key.live))
    }

    /// All keys that it knows, dead ones too.
    pub(crate) fn keys(&self) -> Vec<Key> {
        self.state(|state| state.keys.clone())
    }

    /// All requests so far, oldest first.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state(|state| state.seen.clone())
    }

    /// Names of the exchanges so far, in order.
    pub(crate) fn order(&self) -> Vec<String> {
        self.seen().into_iter().filter_map(|seen| seen.exchange).collect()
    }

    /// Why requests were taken by no exchange: what differed from the one that came nearest.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.state(|state| state.problems.clone())
    }

    /// What happens to the next request of an exchange (`*`: of any); several line up.
    pub(crate) fn fault(&self, exchange: &str, fault: Fault) {
        self.state(|state| state.faults.push((exchange.to_owned(), fault)));
    }

    /// How long it takes to answer, from now on.
    pub(crate) fn set_latency(&self, latency: Duration) {
        let ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.shared.latency_ms.store(ms, Ordering::SeqCst);
    }

    /// Most requests that were open at once.
    pub(crate) fn most_open(&self) -> u64 {
        self.shared.most_open.load(Ordering::SeqCst)
    }

    fn state<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.shared.state.lock().expect("no holder panicked"))
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // The thread sleeps in accept(): one more connection wakes it.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

/// What was captured of a request, and what an answer is made with.
pub(super) type Words = BTreeMap<String, String>;
