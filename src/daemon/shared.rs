//! What all connections know together, and the two acts that change it for all: unlock and lock.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clawvault_core::crypto::VaultKey;
use clawvault_core::domain::Event;
use clawvault_core::platform::process::ProcessId;
use clawvault_core::platform::socket::Peer;
use clawvault_core::platform::{Clock, Dir, SystemClock, slept_ms};
use clawvault_core::vault::{Place, Who, note_closed};
use clawvault_proto::messages as m;
use tokio::sync::{Semaphore, oneshot, watch};

use super::Options;
use super::authority::{self, KnownRun, Leader, Standing};
use super::gateways::Gateways;
use super::keeper::{Answer, Job};
use super::timers::{Limits, Times};
use crate::app::session::{Authority, Request, RunGrant};
use crate::app::{AppError, Code};

/// Bytes of large messages that may be on their way in at once, in KiB.
const BUDGET: usize = 64 * 1024;
/// Most connections at once.
const MOST: usize = 8192;
/// Descriptors that are kept for files.
const KEPT: u64 = 64;
/// Most runs that are remembered; the dead among them go first.
const MAX_RUNS: usize = 65_536;

/// What all connections share.
pub(super) struct Shared {
    pub(super) place: Place,
    pub(super) swappable: bool,
    runtime: Option<Dir>,
    limits: Limits,
    started_ms: i64,
    state: Mutex<State>,
    jobs: Mutex<Option<Sender<Job>>>,
    /// True while the vault is being closed: whatever comes up is refused.
    locking: AtomicBool,
    /// One unlocks or locks at a time.
    acts: tokio::sync::Mutex<()>,
    /// Counts what changes anybody's standing.
    changes: watch::Sender<u64>,
    /// Room for what comes in.
    pub(super) budget: Semaphore,
    pub(super) connections: AtomicUsize,
    pub(super) most: usize,
    /// True once somebody was told that keys or values may be swapped out.
    pub(super) told_of_memory: AtomicBool,
    /// One holder for each answer with values that is on its way out.
    pub(super) under_way: Arc<()>,
}

#[derive(Default)]
struct State {
    times: Option<Times>,
    unlocked_ms: Option<i64>,
    why_locked: String,
    leaders: Vec<Leader>,
    runs: Vec<KnownRun>,
    gateways: Gateways,
}

impl Shared {
    pub(super) fn new(options: Options, descriptors: u64) -> Self {
        let room = usize::try_from(descriptors.saturating_sub(KEPT)).unwrap_or(MOST);
        Self {
            place: options.place,
            swappable: options.swappable,
            runtime: Dir::create(&options.runtime).ok(),
            limits: Limits {
                idle: options.idle,
                longest: options.longest,
                on_suspend: options.on_suspend,
            },
            started_ms: SystemClock.now_ms(),
            state: Mutex::new(State {
                why_locked: "nobody has unlocked it yet".to_owned(),
                ..State::default()
            }),
            jobs: Mutex::new(None),
            locking: AtomicBool::new(false),
            acts: tokio::sync::Mutex::new(()),
            changes: watch::Sender::new(0),
            budget: Semaphore::new(BUDGET),
            connections: AtomicUsize::new(0),
            // Each connection has a descriptor, and the handle of its peer.
            most: MOST.min(room / 2).max(1),
            told_of_memory: AtomicBool::new(false),
            under_way: Arc::new(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take_jobs(&self, sender: Sender<Job>) {
        *self.jobs.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
    }

    /// No job is taken any more.
    pub(super) fn stop(&self) {
        *self.jobs.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn is_locking(&self) -> bool {
        self.locking.load(Ordering::SeqCst)
    }

    /// Tells of every change of anybody's standing.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn send(&self, job: Job) -> Result<(), AppError> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        sent.then_some(()).ok_or_else(stopping)
    }

    /// Why it has to lock now, if it has to.
    pub(super) fn due(&self, now: Instant, slept_ms: i64) -> Option<&'static str> {
        self.limits.due(self.state().times.as_ref()?, now, slept_ms)
    }

    pub(super) fn is_unlocked(&self) -> bool {
        self.state().times.is_some()
    }

    /// One line for the service manager.
    pub(super) fn in_words(&self) -> String {
        let state = self.state();
        match state.times {
            Some(_) => format!("unlocked, {} login sessions", state.leaders.len()),
            None => format!("locked: {}", state.why_locked),
        }
    }

    /// Judges a peer.
    pub(super) fn judge(&self, peer: &Peer) -> Standing {
        let (leaders, mut runs) = {
            let state = self.state();
            (state.leaders.clone(), state.runs.clone())
        };
        // Those of runs that were launched before us, or beside us while we were locked.
        runs.extend(self.runtime.as_ref().map(authority::recorded).unwrap_or_default());
        authority::judge(peer, &leaders, &runs)
    }

    /// Opens the vault, or, where it is open, takes the key for what it is.
    pub(super) async fn unlock(
        &self,
        key: VaultKey,
        opened_by: String,
        who: Who,
    ) -> Result<(), AppError> {
        let _one = self.acts.lock().await;
        let (done, outcome) = oneshot::channel();
        self.send(Job::Unlock { key, opened_by, who, done })?;
        outcome.await.unwrap_or_else(|_| Err(stopping()))?;
        let now = Instant::now();
        let mut state = self.state();
        if state.times.is_none() {
            state.times = Some(Times { unlocked: now, used: now, slept_ms: slept_ms() });
            state.unlocked_ms = Some(SystemClock.now_ms());
            state.why_locked.clear();
        }
        Ok(())
    }

    /// Makes the peer's login session the operator's.
    pub(super) fn admit(&self, peer: &Peer) -> bool {
        let chain = authority::chain(peer.process);
        let leader = authority::leader_of(&chain).filter(|_| peer.is_there());
        let Some(leader) = leader else { return false };
        let mut state = self.state();
        state.leaders.retain(|known| known.is_alive() && *known != leader);
        state.leaders.push(leader);
        drop(state);
        self.changed();
        true
    }

    /// Closes the vault: nothing new is begun, what is on its way out is given up, keys are wiped.
    pub(super) async fn lock(&self, why: &str, who: Option<Who>) {
        // Whatever waits for its turn is refused from now on.
        self.locking.store(true, Ordering::SeqCst);
        let _one = self.acts.lock().await;
        self.locking.store(true, Ordering::SeqCst);
        self.changed();
        let (done, outcome) = oneshot::channel();
        if self.send(Job::Lock { who, done }).is_ok() {
            outcome.await.ok();
        }
        {
            let mut state = self.state();
            if state.times.take().is_some() || !why.is_empty() && state.why_locked.is_empty() {
                why.clone_into(&mut state.why_locked);
            }
            state.unlocked_ms = None;
            state.leaders.clear();
        }
        self.changed();
        // Each connection sees the change at its next turn, and lets its values go.
        let deadline = Instant::now() + Duration::from_millis(50);
        while Arc::strong_count(&self.under_way) > 1 && Instant::now() < deadline {
            tokio::task::yield_now().await;
        }
        self.locking.store(false, Ordering::SeqCst);
    }

    /// Does something on the vault for somebody.
    pub(super) async fn perform(&self, who: Who, authority: Authority, request: Request) -> Answer {
        let (done, outcome) = oneshot::channel();
        {
            let mut state = self.state();
            let Some(times) = &mut state.times else {
                return Answer::refused(locked(&state.why_locked));
            };
            // To look how things stand keeps nothing awake.
            if !matches!(request, Request::Health(_)) {
                times.used = Instant::now();
            }
        }
        if let Err(error) = self.send(Job::Use { who, authority, request: Box::new(request), done })
        {
            return Answer::refused(error);
        }
        outcome.await.unwrap_or_else(|_| Answer::refused(stopping()))
    }

    /// True for the key of the open vault.
    pub(super) async fn proves(&self, key: VaultKey) -> bool {
        let (done, outcome) = oneshot::channel();
        self.send(Job::Prove { key, done }).is_ok() && outcome.await.unwrap_or(false)
    }

    /// Logs a refusal.
    pub(super) fn refused(
        &self,
        who: Who,
        event: Event,
        items: Vec<clawvault_core::auditlog::Item>,
    ) {
        if self.is_unlocked() {
            self.send(Job::Note { who, event, items }).ok();
        } else {
            note_closed(&self.place, &who, event, SystemClock.now_ms());
        }
    }

    /// Remembers a launched program before anything is handed to it.
    pub(super) fn launched(&self, process: ProcessId, grant: RunGrant) {
        let mut state = self.state();
        if state.runs.len() >= 64 && state.runs.len().is_power_of_two() {
            state.runs.retain(|run| run.process.is_alive());
        }
        if state.runs.len() < MAX_RUNS {
            state.runs.push(KnownRun { process, grant });
        }
        drop(state);
        self.changed();
    }

    /// What is known of gateways, to be asked and changed at once.
    pub(super) fn gateways<T>(&self, act: impl FnOnce(&mut Gateways) -> T) -> T {
        act(&mut self.state().gateways)
    }

    /// True where one more program can be remembered: one that is not must not be launched.
    pub(super) fn can_launch(&self) -> bool {
        self.state().runs.len() < MAX_RUNS
    }

    /// How things stand, for one of this standing.
    pub(super) fn status(&self, standing: &Standing) -> m::Status {
        let state = self.state();
        let (authority, because) = standing.in_words();
        let from_now = |then: Instant, limit: Option<Duration>| {
            let left = (then + limit?).saturating_duration_since(Instant::now());
            Some(SystemClock.now_ms() + i64::try_from(left.as_millis()).unwrap_or(i64::MAX / 2))
        };
        let times = state.times;
        m::Status {
            pid: std::process::id(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            started_ms: self.started_ms,
            unlocked: times.is_some(),
            unlocked_ms: state.unlocked_ms,
            why_locked: state.why_locked.clone(),
            locks_idle_ms: times.and_then(|times| from_now(times.used, self.limits.idle)),
            locks_ms: times.and_then(|times| from_now(times.unlocked, self.limits.longest)),
            connections: u32::try_from(self.connections.load(Ordering::Relaxed))
                .unwrap_or(u32::MAX),
            authority: authority.to_owned(),
            because,
            sessions: u32::try_from(state.leaders.len()).unwrap_or(u32::MAX),
        }
    }
}

fn stopping() -> AppError {
    AppError::new(Code::Failed, "the daemon is stopping", "Try again once it runs.")
}

/// The vault is closed, and why.
pub(super) fn locked(why: &str) -> AppError {
    let why = if why.is_empty() { "it is being closed" } else { why };
    AppError::new(
        Code::Denied,
        format!("the daemon has the vault locked: {why}"),
        "Unlock it with `clawvault unlock`.",
    )
}
