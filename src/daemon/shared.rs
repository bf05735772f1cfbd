//! What all connections know together, and the two acts that change it for all: unlock and lock.

mod crowd;
mod known;
mod loan;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clawvault_core::crypto::VaultKey;
use clawvault_core::domain::{Event, Policy};
use clawvault_core::memory;
use clawvault_core::platform::bell;
use clawvault_core::platform::process::{ProcessId, chain, kinship};
use clawvault_core::platform::socket::Peer;
use clawvault_core::platform::{Clock, Dir, SystemClock, slept_ms};
use clawvault_core::vault::{Place, Who, note_closed};
use clawvault_proto::messages as m;
use tokio::sync::{Semaphore, oneshot, watch};

use super::Options;
use super::authority::{self, KnownRun, Login, Standing};
use super::gateways::Gateways;
use super::keeper::{Answer, Job};
use super::timers::{Limits, Times};
use super::users::Users;
use crate::app::session::{Authority, Reply, Request, RunGrant};
use crate::app::{AppError, Code};
use crate::launch::{RunRecord, Runs};

/// Bytes of large messages that may be on their way in at once, in KiB.
const BUDGET: usize = 64 * 1024;
/// The same for those who are no operators: they take no room from those who are.
const LESS: usize = 8 * 1024;
/// Most connections at once.
const MOST: usize = 16_384;
/// Most running programs that one answer tells of.
const MAX_TOLD: usize = 1024;
/// Descriptors that are kept for files.
const KEPT: u64 = 64;
/// Most runs that are remembered; the dead among them go first.
const MAX_RUNS: usize = 65_536;
/// Most of them that one process may begin.
const MAX_RUNS_OF_ONE: usize = 8;

/// What all connections share.
pub(super) struct Shared {
    pub(super) place: Place,
    pub(super) swappable: bool,
    /// True where it serves several users.
    pub(super) is_of_system: bool,
    runtime: Option<Dir>,
    bells: PathBuf,
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
    /// Room for what comes in from those who are no operators.
    pub(super) less: Semaphore,
    pub(super) connections: AtomicUsize,
    pub(super) most: usize,
    /// True once somebody was told that keys or values may be swapped out.
    pub(super) told_of_memory: AtomicBool,
    /// One holder for each answer with values that is on its way out.
    pub(super) under_way: Arc<()>,
    /// Counts what may bring the next rotation forward.
    woken: Mutex<u64>,
    waker: Condvar,
}

#[derive(Default)]
struct State {
    times: Option<Times>,
    unlocked_ms: Option<i64>,
    why_locked: String,
    logins: Vec<Login>,
    runs: Vec<KnownRun>,
    users: Users,
    /// Connections of users who are no operators, in a daemon of the whole system.
    crowd: HashMap<u32, usize>,
    /// Who works on the store meanwhile.
    lent: Option<loan::Lent>,
    /// How often it was lent.
    loans: u64,
    gateways: Gateways,
}

impl Shared {
    pub(super) fn new(options: Options, descriptors: u64) -> Self {
        let room = usize::try_from(descriptors.saturating_sub(KEPT)).unwrap_or(MOST);
        Self {
            place: options.place,
            swappable: options.swappable,
            is_of_system: options.shared.is_some(),
            bells: options.shared.as_deref().unwrap_or(&options.runtime).join("bells"),
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
            less: Semaphore::new(LESS),
            connections: AtomicUsize::new(0),
            // Each connection has a descriptor, and the handle of its peer.
            most: MOST.min(room / 2).max(1),
            told_of_memory: AtomicBool::new(false),
            under_way: Arc::new(()),
            woken: Mutex::new(0),
            waker: Condvar::new(),
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

    /// Something may be due earlier than it was.
    pub(super) fn wake(&self) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.waker.notify_all();
    }

    /// Sleeps until then, or until something changes after `seen`; gives the count of changes.
    pub(super) fn sleep(&self, most: Duration, seen: u64) -> u64 {
        let woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |count: &mut u64| *count == seen;
        let slept = self.waker.wait_timeout_while(woken, most, same);
        *slept.unwrap_or_else(PoisonError::into_inner).0
    }

    /// True where no job is taken any more.
    pub(super) fn is_stopped(&self) -> bool {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Asks the keeper for something that the daemon itself wants.
    pub(super) fn own(&self, request: Request) -> Result<Reply, AppError> {
        let (done, outcome) = std::sync::mpsc::channel();
        self.send(Job::Own { request: Box::new(request), done })?;
        outcome.recv().unwrap_or_else(|_| Err(stopping()))
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
            Some(_) => format!("unlocked, {} login sessions", state.logins.len()),
            None => format!("locked: {}", state.why_locked),
        }
    }

    /// Judges a peer.
    pub(super) fn judge(&self, peer: &Peer) -> Standing {
        if peer.process == ProcessId::own() {
            return Standing::Operator("it is the daemon itself");
        }
        let (logins, mut runs, claimed) = self.logins_and_runs();
        if self.is_of_system {
            // Nobody else writes where ours are.
            runs.extend(claimed);
            return self.state().users.judge(peer, &runs);
        }
        authority::judge(peer, &logins, &runs, &claimed)
    }

    /// True for a resolver that an operator's own OpenClaw started.
    pub(super) fn is_resolver_of_operator(&self, peer: &Peer) -> bool {
        let (logins, mut runs, claimed) = self.logins_and_runs();
        runs.extend(claimed);
        authority::is_resolver_of_operator(peer, &logins, &runs)
    }

    /// Who unlocked, what was launched, and, while it is locked, what left a record. A record that
    /// proves something is known since the unlocking; one that does not could be anybody's, and would take
    /// the operator's authority away by naming the operator's own shell.
    fn logins_and_runs(&self) -> (Vec<Login>, Vec<KnownRun>, Vec<KnownRun>) {
        let counts = self.is_of_system || !self.is_unlocked();
        let claimed = self.runtime.as_ref().filter(|_| counts).map(authority::recorded);
        let claimed = claimed.unwrap_or_default();
        let state = self.state();
        (state.logins.clone(), state.runs.clone(), claimed)
    }

    /// Learns from the policy who is who.
    pub(super) fn know(&self, policy: &Policy) {
        if self.is_of_system {
            self.state().users = Users::of(policy);
            self.changed();
        }
    }

    /// Opens the vault, or, where it is open, takes the key for what it is.
    pub(super) async fn unlock(
        &self,
        key: VaultKey,
        opened_by: String,
        who: Who,
    ) -> Result<(), AppError> {
        let _one = self.turn().await?;
        let (done, outcome) = oneshot::channel();
        self.send(Job::Unlock { key, opened_by, who, done })?;
        outcome.await.unwrap_or_else(|_| Err(stopping()))?;
        let now = Instant::now();
        let mut state = self.state();
        if state.times.is_none() {
            state.times = Some(Times { unlocked: now, used: now, slept_ms: slept_ms() });
            state.unlocked_ms = Some(SystemClock.now_ms());
            state.why_locked.clear();
            self.wake();
        }
        Ok(())
    }

    /// Makes the peer's login session the operator's.
    pub(super) fn admit(&self, peer: &Peer) -> bool {
        let chain = chain(peer.process);
        let login = Login::of(&chain).filter(|_| peer.is_there());
        let Some(login) = login else { return false };
        let mut state = self.state();
        state.logins.retain(|known| known.leader.is_alive());
        match state.logins.iter_mut().find(|known| known.leader == login.leader) {
            Some(known) => known.widen(login),
            None => state.logins.push(login),
        }
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
        // The keeper does so in its own thread; this one has read keys from peers.
        memory::wipe_stack::<{ memory::DEEPEST }>();
        {
            let mut state = self.state();
            if state.times.take().is_some() || !why.is_empty() && state.why_locked.is_empty() {
                why.clone_into(&mut state.why_locked);
            }
            state.unlocked_ms = None;
            state.lent = None;
            state.logins.clear();
        }
        self.changed();
        // What the daemon does by itself ends with it, and counts from now.
        self.wake();
        // Each connection sees the change at its next turn, and lets its values go.
        let deadline = Instant::now() + Duration::from_millis(50);
        while Arc::strong_count(&self.under_way) > 1 && Instant::now() < deadline {
            tokio::task::yield_now().await;
        }
        self.locking.store(false, Ordering::SeqCst);
    }

    /// Does something on the vault for somebody.
    pub(super) async fn perform(&self, who: Who, authority: Authority, request: Request) -> Answer {
        if let Err(error) = self.settled().await {
            return Answer::refused(error);
        }
        let (done, outcome) = oneshot::channel();
        {
            let state = self.state();
            if state.times.is_none() {
                return Answer::refused(locked(&state.why_locked));
            }
        }
        // To look how things stand keeps nothing awake.
        let own = who.actor.pid == std::process::id();
        let is_use = !own && !matches!(request, Request::Health(_) | Request::Lives(_));
        if let Err(error) = self.send(Job::Use { who, authority, request: Box::new(request), done })
        {
            return Answer::refused(error);
        }
        let answer = outcome.await.unwrap_or_else(|_| Answer::refused(stopping()));
        // Nor does one who asks for what it may not have.
        if is_use
            && answer.outcome.is_ok()
            && let Some(times) = &mut self.state().times
        {
            times.used = Instant::now();
        }
        answer
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
    pub(super) fn launched(
        &self,
        process: ProcessId,
        (run, agent): (String, Option<String>),
        holds: Vec<(String, u32)>,
    ) {
        let ids = holds.iter().map(|(id, _)| id.clone()).collect();
        let grant = RunGrant { run: run.clone(), agent: agent.clone(), holds: ids };
        // Whoever starts it anew was known before it, and listens.
        let parent = kinship(process.pid).map(|kin| ProcessId::of(kin.parent));
        let beside = parent.filter(|p| self.state().runs.iter().any(|run| run.process == *p));
        let record = RunRecord {
            run,
            vault: String::new(),
            pid: process.pid,
            started: process.started,
            launched_ms: SystemClock.now_ms(),
            agent,
            holds,
            bell: beside.map(bell::name_of),
            files: Vec::new(),
            rendered: Vec::new(),
            proof: String::new(),
        };
        // What its own user recorded lies where we do not look: who serves several keeps records.
        if self.is_of_system
            && let Some(runs) = self.runtime.as_ref().and_then(|runtime| Runs::open(runtime).ok())
        {
            runs.sweep_if_due().and_then(|()| runs.write(&record)).ok();
        }
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

    /// True where one more program can be remembered: one that is not must not be launched. A process
    /// becomes one program; one that asks on and on takes no room from others.
    pub(super) fn can_launch(&self, process: ProcessId) -> bool {
        let state = self.state();
        let own = state.runs.iter().filter(|run| run.process == process).count();
        state.runs.len() < MAX_RUNS && own < MAX_RUNS_OF_ONE
    }

    /// Tells those who stand beside programs that secrets of these have another version; whatever
    /// changes a current version says so here.
    pub(super) fn ring(&self, ids: &[String]) {
        if let Some(runtime) = &self.runtime {
            crate::app::ring(runtime, &self.bells, ids);
        }
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
            sessions: u32::try_from(state.logins.len()).unwrap_or(u32::MAX),
            system: self.is_of_system,
            runs: self.running(standing),
        }
    }
}

impl Shared {
    /// The programs that it recorded itself and that live, for an operator.
    fn running(&self, standing: &Standing) -> Vec<m::Running> {
        if !self.is_of_system || !matches!(standing, Standing::Operator(_)) {
            return Vec::new();
        }
        let runs = self.runtime.as_ref().and_then(|runtime| Runs::open(runtime).ok());
        let living = runs.and_then(|runs| runs.living().ok()).unwrap_or_default();
        let told = |record: RunRecord| m::Running {
            run: record.run,
            pid: record.pid,
            agent: record.agent,
            launched_ms: record.launched_ms,
            holds: record.holds.into_iter().map(|(id, _)| id).collect(),
        };
        living.into_iter().take(MAX_TOLD).map(told).collect()
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
