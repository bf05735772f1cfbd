//! The one thread that has the vault: it does one job after the other, and forgets all of it on `lock`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use clawvault_core::auditlog::Item;
use clawvault_core::crypto::VaultKey;
use clawvault_core::domain::{Event, Outcome, ProfileName};
use clawvault_core::memory;
use clawvault_core::platform::{SystemClock, process};
use clawvault_core::vault::{Opener, Vault, Want, Who, memory_warning};
use clawvault_proto::Outgoing;
use clawvault_proto::messages as m;
use tokio::sync::oneshot;

use super::shared::{Shared, locked};
use crate::app::session::{Authority, Reply, Request, frames, perform, perform_gets};
use crate::app::{AppError, Code};

/// After as long without a job, what can wait is done: a snapshot.
const QUIET: Duration = Duration::from_millis(400);
/// Most gets that share one sync.
const MOST_AT_ONCE: usize = 256;
/// Most bytes of an answer out of the log.
const MAX_LOG: usize = 64 * 1024 * 1024;

/// What the keeper is asked to do.
pub(super) enum Job {
    /// Opens the vault, or compares the key with that of the open one.
    Unlock {
        key: VaultKey,
        opened_by: String,
        who: Who,
        done: oneshot::Sender<Result<(), AppError>>,
    },
    /// Closes it.
    Lock { who: Option<Who>, done: oneshot::Sender<()> },
    /// Closes it for one who works on it, has its key, and gives it back under this one.
    Lend { key: VaultKey, who: Who, done: oneshot::Sender<Result<(), AppError>> },
    /// Opens it again; tells whether the key that it was left with still opens it.
    TakeBack { done: oneshot::Sender<bool> },
    /// Compares a key.
    Prove { key: VaultKey, done: oneshot::Sender<bool> },
    /// A refusal for the log.
    Note { who: Who, event: Event, items: Vec<Item> },
    /// Something that the daemon itself wants, by the schedule.
    Own { request: Box<Request>, done: mpsc::Sender<Result<Reply, AppError>> },
    /// Something of the vault.
    Use { who: Who, authority: Authority, request: Box<Request>, done: oneshot::Sender<Answer> },
}

/// One secret that somebody wants.
struct OneGet {
    ask: (Who, Authority, Want, bool),
    done: oneshot::Sender<Answer>,
}

impl Job {
    #[allow(clippy::result_large_err, reason = "the job itself, given back")]
    fn into_get(self) -> Result<OneGet, Self> {
        match self {
            Self::Use { who, authority, request, done } => match *request {
                Request::Get(want, one_field) => {
                    Ok(OneGet { ask: (who, authority, want, one_field), done })
                }
                request => Err(Self::Use { who, authority, request: Box::new(request), done }),
            },
            other => Err(other),
        }
    }
}

/// What came of a request: frames, or a failure.
pub(super) struct Answer {
    pub(super) outcome: Result<Vec<Outgoing>, AppError>,
    /// For a launch: blinded id and version of what it holds.
    pub(super) holds: Option<Vec<(String, u32)>>,
    /// For a gateway: its agent.
    pub(super) agent: Option<ProfileName>,
}

impl Answer {
    pub(super) fn refused(error: AppError) -> Self {
        Self { outcome: Err(error), holds: None, agent: None }
    }
}

/// The thread.
pub(super) struct Keeper(JoinHandle<()>);

impl Keeper {
    pub(super) fn start(shared: &Arc<Shared>) -> std::io::Result<Self> {
        let (sender, jobs) = mpsc::channel();
        shared.take_jobs(sender);
        let shared = Arc::clone(shared);
        let thread = std::thread::Builder::new().name("keeper".to_owned());
        thread.spawn(move || keep(&jobs, &shared)).map(Self)
    }

    /// True where it has ended, though nobody told it to.
    pub(super) fn is_over(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits until it is done; nobody sends it anything any more.
    pub(super) fn end(self) {
        self.0.join().ok();
    }
}

fn keep(jobs: &Receiver<Job>, shared: &Shared) {
    let mut vault = Kept::Nothing;
    let mut is_quiet = true;
    loop {
        match jobs.recv_timeout(if is_quiet { Duration::from_secs(3600) } else { QUIET }) {
            Ok(job) => {
                is_quiet = false;
                let mut gets = Vec::new();
                let mut next = Some(job);
                // What many ask for at the same time shares one sync of the log.
                while let Some(job) = next.take() {
                    match job.into_get() {
                        Ok(get) => gets.push(get),
                        Err(other) => {
                            act_on_gets(std::mem::take(&mut gets), &mut vault, shared);
                            act(other, &mut vault, shared);
                            break;
                        }
                    }
                    if gets.len() < MOST_AT_ONCE {
                        next = jobs.try_recv().ok();
                    }
                }
                act_on_gets(gets, &mut vault, shared);
            }
            Err(RecvTimeoutError::Timeout) => {
                is_quiet = true;
                // Nobody waits: what a burst of changes left due.
                if let Some(vault) = vault.open() {
                    vault.snapshot_if_due_unless(&|| shared.is_locking()).ok();
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    close(&mut vault, None);
    memory::wipe_stack::<{ memory::DEEPEST }>();
}

/// What the keeper has.
#[allow(clippy::large_enum_variant, reason = "there is one of them")]
enum Kept {
    Nothing,
    Open(Vault),
    /// Somebody else works on it.
    Lent(VaultKey, Who),
}

impl Kept {
    fn open(&mut self) -> Option<&mut Vault> {
        match self {
            Self::Open(vault) => Some(vault),
            Self::Nothing | Self::Lent(..) => None,
        }
    }
}

/// Does one thing. Whatever touches a key has a frame of its own: only what lies below can be
/// overwritten, and pieces of a key were left in the frame of the loop where all was one.
#[inline(never)]
fn act(job: Job, vault: &mut Kept, shared: &Shared) {
    match job {
        Job::Unlock { key, opened_by, who, done } => {
            let outcome = unlock(vault, shared, (key, opened_by), &who);
            memory::wipe_stack::<{ memory::DEEPEST }>();
            done.send(outcome).ok();
        }
        Job::Lend { key, who, done } => {
            let outcome = lend(vault, key, who);
            memory::wipe_stack::<{ memory::DEEPEST }>();
            done.send(outcome).ok();
        }
        Job::TakeBack { done } => {
            let back = match std::mem::replace(vault, Kept::Nothing) {
                Kept::Lent(key, who) => {
                    let opened_by = "after a command that worked on it".to_owned();
                    let outcome = unlock(vault, shared, (key, opened_by), &who);
                    memory::wipe_stack::<{ memory::DEEPEST }>();
                    outcome.is_ok()
                }
                other => {
                    *vault = other;
                    true
                }
            };
            done.send(back).ok();
        }
        Job::Lock { who, done } => {
            close(vault, who);
            // What keys and values left in frames of calls that are over.
            memory::wipe_stack::<{ memory::DEEPEST }>();
            done.send(()).ok();
        }
        Job::Prove { key, done } => {
            let is_key = proves(vault, &key);
            memory::wipe_stack::<{ memory::DEEPEST }>();
            done.send(is_key).ok();
        }
        Job::Note { who, event, items } => {
            if let Some(vault) = vault.open() {
                vault.note(&who, event, Outcome::Refused, items);
            }
        }
        Job::Own { request, done } => {
            let who = Who { actor: process::actor(), ..Who::default() };
            let reply = match vault.open() {
                Some(vault) if !shared.is_locking() => {
                    perform(vault, &who, &Authority::Operator, *request, &mut |_, _| true)
                }
                _ => Err(locked("")),
            };
            if let Ok(reply) = &reply {
                shared.ring(&reply.changed);
            }
            done.send(reply).ok();
        }
        Job::Use { who, authority, request, done } => {
            let may_be_due = matches!(
                &*request,
                Request::PolicyApply(_)
                    | Request::Keep(_)
                    | Request::Steps(..)
                    | Request::Set(..)
                    | Request::Import(..)
            );
            if may_be_due {
                shared.wake();
            }
            let answer = match vault.open() {
                // Whoever has gone away needs no answer, and nothing is opened for them.
                _ if done.is_closed() => return,
                Some(vault) if !shared.is_locking() => {
                    answer(vault, shared, (&who, &authority), *request)
                }
                _ => Answer::refused(locked("")),
            };
            done.send(answer).ok();
        }
    }
}

#[inline(never)]
fn close(kept: &mut Kept, who: Option<Who>) {
    if let Kept::Open(mut vault) = std::mem::replace(kept, Kept::Nothing) {
        if let Some(who) = who {
            vault.witness(&who, Event::Lock, Vec::new());
        }
        vault.close_at_once().ok();
    }
}

#[inline(never)]
fn proves(kept: &mut Kept, key: &VaultKey) -> bool {
    kept.open().is_some_and(|vault| vault.is_key(key))
}

#[inline(never)]
fn lend(kept: &mut Kept, key: VaultKey, who: Who) -> Result<(), AppError> {
    match std::mem::replace(kept, Kept::Nothing) {
        Kept::Open(mut vault) => {
            if !vault.is_key(&key) {
                vault.note(&who, Event::Unlock, Outcome::Refused, Vec::new());
                *kept = Kept::Open(vault);
                return Err(not_the_key());
            }
            let closed = vault.close_at_once();
            *kept = Kept::Lent(key, who);
            closed?;
        }
        Kept::Lent(..) => *kept = Kept::Lent(key, who),
        Kept::Nothing => return Err(locked("")),
    }
    Ok(())
}

fn not_the_key() -> AppError {
    AppError::new(
        Code::Denied,
        "the key is not that of the vault that is open",
        "Name the key of this vault with --identity FILE or --passphrase-file FILE.",
    )
}

fn act_on_gets(mut gets: Vec<OneGet>, vault: &mut Kept, shared: &Shared) {
    // Whoever has gone away needs no answer, and nothing is opened for them.
    gets.retain(|get| !get.done.is_closed());
    let vault = match vault.open() {
        Some(vault) if !shared.is_locking() && !gets.is_empty() => vault,
        _ => {
            for get in gets {
                get.done.send(Answer::refused(locked(""))).ok();
            }
            return;
        }
    };
    let (asks, doors): (Vec<_>, Vec<_>) = gets.into_iter().map(|get| (get.ask, get.done)).unzip();
    let replies = perform_gets(vault, &asks);
    for (reply, done) in replies.into_iter().zip(doors) {
        let warnings = warnings(vault, shared);
        done.send(in_frames(reply, warnings, Vec::new())).ok();
    }
}

#[inline(never)]
fn unlock(
    kept: &mut Kept,
    shared: &Shared,
    (key, opened_by): (VaultKey, String),
    who: &Who,
) -> Result<(), AppError> {
    if let Some(vault) = kept.open() {
        if !vault.is_key(&key) {
            vault.note(who, Event::Unlock, Outcome::Refused, Vec::new());
            return Err(not_the_key());
        }
        vault.witness(who, Event::Unlock, Vec::new());
        return Ok(());
    }
    let opener = Opener {
        identities: Vec::new(),
        passphrase: &|| None,
        key: Some((key, opened_by)),
        who,
        clock: Box::new(SystemClock),
        write: true,
        accept_rollback: false,
    };
    let mut opened = Vault::open(&shared.place, opener)?;
    if !opened.keys_are_locked() && !shared.swappable {
        return Err(AppError::new(
            Code::Failed,
            "the system refuses to keep keys out of swap (RLIMIT_MEMLOCK)",
            "Raise the limit, or start the daemon with --allow-swap.",
        ));
    }
    opened.witness(who, Event::Unlock, Vec::new());
    if let Ok(policy) = opened.policy() {
        shared.know(&policy);
    }
    shared.recognize(&opened);
    *kept = Kept::Open(opened);
    Ok(())
}

/// What a person should know: each once, told to the first who asks.
fn warnings(vault: &mut Vault, shared: &Shared) -> Vec<String> {
    let mut all = vault.take_warnings();
    if let Some(memory) = memory_warning()
        && shared.told_of_memory.swap(true, Ordering::Relaxed)
    {
        all.retain(|one| *one != memory);
    }
    all
}

fn answer(
    vault: &mut Vault,
    shared: &Shared,
    (who, authority): (&Who, &Authority),
    request: Request,
) -> Answer {
    let (mut entries, mut bytes) = (Vec::new(), 0);
    let new_policy = matches!(request, Request::PolicyApply(_));
    let with_digests = matches!(request, Request::Log(_, true));
    let done = perform(vault, who, authority, request, &mut |read, digests| {
        let Some(mut entry) = m::Entry::of(&read) else { return true };
        if with_digests {
            tell_digests(&mut entry, digests);
        }
        bytes += clawvault_proto::client::length(&entry);
        entries.push(entry);
        bytes < MAX_LOG
    });
    if new_policy
        && done.is_ok()
        && let Ok(policy) = vault.policy()
    {
        shared.know(&policy);
    }
    if done.is_ok() && bytes >= MAX_LOG {
        return Answer::refused(AppError::new(
            Code::Failed,
            "the log is longer than the daemon tells at once",
            "Ask for a part of it with --since, or lock the daemon first.",
        ));
    }
    if let Ok(reply) = &done {
        shared.ring(&reply.changed);
    }
    let warnings = warnings(vault, shared);
    in_frames(done, warnings, entries)
}

fn in_frames(
    done: Result<Reply, AppError>,
    warnings: Vec<String>,
    entries: Vec<m::Entry>,
) -> Answer {
    let mut reply = match done {
        Ok(reply) => reply,
        Err(error) => return Answer::refused(error),
    };
    let holds = reply.launched.as_ref().map(|launched| launched.holds.clone());
    let too_large = |_| {
        AppError::new(Code::Failed, "an answer is larger than the daemon gives", "Ask for less.")
    };
    let agent = reply.agent.take();
    Answer { outcome: frames(reply, warnings, entries).map_err(too_large), holds, agent }
}

fn tell_digests(entry: &mut m::Entry, digests: &mut clawvault_core::auditlog::Digests) {
    let mut tell = |path: &str, file: &mut Option<m::FileIdentity>| {
        if let Some(file) = file
            && let Some(digest) = digests.of(path, &(&*file).into())
        {
            file.digest = digest.to_vec();
        }
    };
    if let Some(actor) = &mut entry.actor {
        tell(&actor.executable, &mut actor.file);
        tell(&actor.parent_executable, &mut actor.parent_file);
    }
    if let Some(program) = &mut entry.program {
        tell(&program.path, &mut program.file);
    }
}
