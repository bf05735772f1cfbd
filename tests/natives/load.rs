//! Clients that use a key all the time while it is rotated, and count what fails.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use clawvault_providers::adapter::Fields;

/// A client connects anew after so many operations.
const STAY: usize = 20;
/// Between two operations of one client.
const PAUSE: Duration = Duration::from_millis(2);
const DRAINED: Duration = Duration::from_secs(60);

/// What one client does over a connection; an error is one line.
pub(crate) type Worker = Box<dyn FnMut() -> Result<(), String>>;
/// Connects with a key.
pub(crate) type Connect = Arc<dyn Fn(&Fields) -> Result<Worker, String> + Send + Sync>;

/// The clients.
pub(crate) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    key: Mutex<(u64, Fields)>,
    /// The version that each client works with.
    used: Vec<AtomicU64>,
    done: AtomicU64,
    failures: Mutex<Vec<String>>,
    stop: AtomicBool,
}

impl Load {
    /// Starts `clients`, which work with `key`.
    pub(crate) fn start(clients: usize, key: &Fields, connect: &Connect) -> Self {
        let shared = Arc::new(Shared {
            key: Mutex::new((1, key.clone())),
            used: (0..clients).map(|_| AtomicU64::new(0)).collect(),
            done: AtomicU64::new(0),
            failures: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let client = |at| {
            let (shared, connect) = (Arc::clone(&shared), Arc::clone(connect));
            spawn(move || shared.work(at, &connect))
        };
        let threads = (0..clients).map(client).collect();
        let load = Self { shared, threads };
        load.drain(1);
        load
    }

    /// Tells the clients of a new key, and waits until none works with an older one.
    pub(crate) fn switch(&self, key: &Fields) {
        let version = {
            let mut held = self.shared.key.lock().unwrap();
            *held = (held.0 + 1, key.clone());
            held.0
        };
        self.drain(version);
    }

    fn drain(&self, version: u64) {
        let end = Instant::now() + DRAINED;
        while self.shared.used.iter().any(|used| used.load(SeqCst) < version) {
            assert!(Instant::now() < end, "a client keeps the old key; {}", self.told());
            sleep(Duration::from_millis(1));
        }
    }

    /// The first failures.
    pub(crate) fn told(&self) -> String {
        let failures = self.shared.failures.lock().unwrap();
        let first: Vec<&String> = failures.iter().take(3).collect();
        format!("{} operations failed: {first:?}", failures.len())
    }

    /// Ends the clients: how many operations were done, how many failed.
    pub(crate) fn stop(mut self) -> (u64, usize) {
        self.shared.stop.store(true, SeqCst);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
        let shared = &self.shared;
        let failures = shared.failures.lock().unwrap();
        failures.iter().take(5).for_each(|failure| println!("failed: {failure}"));
        (shared.done.load(SeqCst), failures.len())
    }
}

impl Drop for Load {
    /// A test that fails ends its clients, too.
    fn drop(&mut self) {
        self.shared.stop.store(true, SeqCst);
    }
}

impl Shared {
    fn work(&self, at: usize, connect: &Connect) {
        while !self.stop.load(SeqCst) {
            let (version, key) = self.key.lock().unwrap().clone();
            match connect(&key) {
                Ok(worker) => self.stay(at, version, worker),
                Err(error) => self.failures.lock().unwrap().push(error),
            }
        }
    }

    /// Works until the key is another one, or for a while.
    fn stay(&self, at: usize, version: u64, mut worker: Worker) {
        self.used[at].store(version, SeqCst);
        for _ in 0..STAY {
            match worker() {
                Ok(()) => self.done.fetch_add(1, SeqCst),
                Err(error) => return self.failures.lock().unwrap().push(error),
            };
            if self.stop.load(SeqCst) || self.key.lock().unwrap().0 != version {
                return;
            }
            sleep(PAUSE);
        }
    }
}
