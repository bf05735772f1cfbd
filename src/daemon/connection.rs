//! One peer after the other: bounded in number, size and time; what is malformed ends its connection
//! and nothing else.

mod gateway;
mod reading;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clawvault_core::domain::{
    Event,
    limits::{MAX_IMPORT, MAX_KEPT_AT_ONCE},
};
use clawvault_core::platform::process::{self, kinship};
use clawvault_core::platform::socket::Peer;
use clawvault_core::vault::{Keep, Put, Vault, Who};
use clawvault_proto::hello;
use clawvault_proto::messages::{End, Failure, Hello, Reply, Status, reply::Last};
use clawvault_proto::{Bounds, FrameError, Outgoing, Receiver};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::authority::Standing;
use super::race::{First, first};
use super::shared::{Shared, locked};
use crate::app::session::{
    Authority, Inbound, Request, decode_request, event_of, failure, frames, items_of,
};
use crate::app::{AppError, Code};
use reading::Over;

/// How long a peer may take to say hello.
const HELLO: Duration = Duration::from_secs(5);
/// How long a peer may take to read an answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a peer counts as what it was judged to be.
const FRESH: Duration = Duration::from_secs(1);
/// Bytes of a key.
const KEY: usize = 32;
/// Most bytes of values that one import may gather here.
const MAX_GATHERED: usize = 64 * 1024 * 1024;

/// What one of another user is.
const OTHER: Standing = Standing::Bystander("it is of another user");

/// Takes connections until it is ended.
pub(super) async fn accept(listener: UnixListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let count = shared.connections.fetch_add(1, Ordering::Relaxed);
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    let mut line = Line::new(stream, &shared);
                    if count >= shared.most {
                        line.turn_away().await.ok();
                    } else if let Some(peer) = Peer::of(&line.stream) {
                        // Why it ended is the peer's matter.
                        match shared.enter(peer.uid) {
                            true => line.serve(&peer).await.ok(),
                            false => line.turn_away().await.ok(),
                        };
                        shared.leave(peer.uid);
                        if let Some((loan, _)) = line.loan {
                            shared.take_back(loan).await;
                        }
                    }
                    shared.connections.fetch_sub(1, Ordering::Relaxed);
                });
            }
            // No descriptors: those that are there will end.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// One connection.
struct Line<'a> {
    stream: UnixStream,
    receiver: Receiver,
    shared: &'a Shared,
    changes: watch::Receiver<u64>,
    /// While the peer works on the store itself: the number of its loan, and when that began.
    loan: Option<(u64, Instant)>,
}

/// Who is at the other end, as far as is known.
struct Caller<'p> {
    peer: &'p Peer,
    /// What it is, how the log names it, and when that was judged.
    standing: Option<(Standing, Who, Instant)>,
    /// True once it has proven that it has the key; holds for this connection and this unlocking.
    has_proven: bool,
}

impl<'a> Line<'a> {
    fn new(stream: UnixStream, shared: &'a Shared) -> Self {
        let (receiver, changes) = (Receiver::default(), shared.changes());
        Self { stream, receiver, shared, changes, loan: None }
    }

    /// There are too many: says so and ends.
    async fn turn_away(&mut self) -> Result<(), Over> {
        self.say_hello().await?;
        let what = "the daemon serves as many as it can";
        self.fail(&AppError::new(Code::Failed, what, "Try again in a moment."), false).await
    }

    async fn serve(&mut self, peer: &Peer) -> Result<(), Over> {
        let greeting = timeout(HELLO, self.next(Bounds { message: 4096, body: 0 })).await;
        let Ok(greeting) = greeting else { return Err(Over::Gone) };
        let greeting: Result<Hello, Over> = greeting.and_then(|frame| Ok(frame.decode()?));
        self.say_hello().await?;
        let greeting = match greeting {
            Ok(greeting) => greeting,
            Err(over) => return self.end(over).await,
        };
        if let Err(error) = hello::check(&greeting) {
            let advice = match error {
                hello::Mismatch::Older(_) => "Use the clawvault that the daemon was started from.",
                hello::Mismatch::Newer(_) => "Restart the daemon.",
            };
            let what = format!("{error}, seen from the daemon");
            return self.fail(&AppError::new(Code::Failed, what, advice), false).await;
        }
        if !self.shared.is_of_system && peer.uid != process::effective_uid() {
            self.shared.refused(who(peer, &OTHER), Event::Unlock, Vec::new());
            let what = format!("this daemon serves user {} only", process::effective_uid());
            let advice = "Use a vault of your own.";
            return self.fail(&AppError::new(Code::Denied, what, advice), false).await;
        }
        let mut caller = Caller { peer, standing: None, has_proven: false };
        let mut gathered = Gathered::default();
        loop {
            let frame = match self.request(&mut caller).await {
                Ok(frame) => frame,
                Err(over) => return self.end(over).await,
            };
            match decode_request(&frame) {
                Ok(Inbound::More(puts)) => {
                    gathered.add(puts, frame.body.len())?;
                    self.gather_only_for_operators(&mut caller)?;
                }
                Ok(Inbound::MoreToKeep(records)) => {
                    gathered.add_records(records, frame.len())?;
                    self.gather_only_for_operators(&mut caller)?;
                }
                Ok(Inbound::Use(Request::Keep(records))) => {
                    gathered.add_records(records, frame.len())?;
                    let records = std::mem::take(&mut gathered).records;
                    self.answer(&mut caller, Inbound::Use(Request::Keep(records))).await?;
                }
                Ok(Inbound::Use(Request::Import(puts, commit))) => {
                    gathered.add(puts, frame.body.len())?;
                    let puts = std::mem::take(&mut gathered).puts;
                    drop(frame);
                    self.answer(&mut caller, Inbound::Use(Request::Import(puts, commit))).await?;
                }
                Ok(inbound) => {
                    drop(frame);
                    self.answer(&mut caller, inbound).await?;
                }
                Err(error) => return self.end(Over::Malformed(error)).await,
            }
        }
    }

    /// What the peer may have, judged anew after every change and for every request that comes a while
    /// after the last judgement: programs and sessions end without a word.
    fn standing(&mut self, caller: &mut Caller<'_>) -> (Standing, Who) {
        if !caller.peer.is_there() {
            let over = Standing::Bystander("it is over");
            return (over.clone(), who(caller.peer, &over));
        }
        caller.standing.take_if(|(.., judged)| judged.elapsed() > FRESH);
        if self.changes.has_changed().unwrap_or(true) {
            self.changes.mark_unchanged();
            caller.standing = None;
            caller.has_proven &= self.shared.is_unlocked() && !self.shared.is_locking();
        }
        let judge = || {
            let standing = self.shared.judge(caller.peer);
            let who = who(caller.peer, &standing);
            (standing, who, Instant::now())
        };
        let (standing, who, _) = caller.standing.get_or_insert_with(judge).clone();
        match standing {
            Standing::Bystander(_) if caller.has_proven => {
                (Standing::Operator("it has the key of the vault"), who)
            }
            other => (other, who),
        }
    }

    fn gather_only_for_operators(&mut self, caller: &mut Caller<'_>) -> Result<(), Over> {
        match self.standing(caller).0 {
            Standing::Operator(_) => Ok(()),
            _ => Err(Over::Malformed(FrameError::TooLarge)),
        }
    }

    async fn answer(&mut self, caller: &mut Caller<'_>, inbound: Inbound) -> Result<(), Over> {
        let (standing, who) = self.standing(caller);
        match inbound {
            Inbound::Status => {
                let status = self.shared.status(&standing);
                self.say(ended(Some(status))).await
            }
            Inbound::Lock if self.is_beneath(&standing) => {
                self.refuse(who, Event::Lock, "lock the vault").await
            }
            Inbound::Lock => {
                self.shared.lock("`clawvault lock` was called", Some(who)).await;
                let (standing, _) = self.standing(caller);
                let status = self.shared.status(&standing);
                self.say(ended(Some(status))).await
            }
            Inbound::Unlock(..) | Inbound::Prove(_) | Inbound::Borrow(_) | Inbound::Header
                if self.is_beneath(&standing) =>
            {
                self.refuse(who, Event::Unlock, "have to do with the vault's key").await
            }
            Inbound::Unlock(..) | Inbound::Prove(_) | Inbound::Borrow(_) | Inbound::Header
                if is_inside(&standing) =>
            {
                self.shared.refused(who, Event::Unlock, Vec::new());
                let what = "a program that clawvault launched cannot unlock the vault";
                let advice = "Unlock it from a terminal that no such program was started in.";
                self.fail(&AppError::new(Code::Denied, what, advice), false).await
            }
            Inbound::Unlock(key, opened_by) => {
                match self.shared.unlock(key, opened_by, who).await {
                    Ok(()) => {
                        caller.has_proven = true;
                        if !self.shared.is_of_system {
                            self.shared.admit(caller.peer);
                        }
                        let (standing, _) = self.standing(caller);
                        let status = self.shared.status(&standing);
                        self.say(ended(Some(status))).await
                    }
                    Err(error) => self.fail(&error, false).await,
                }
            }
            Inbound::Prove(key) => {
                caller.has_proven = self.shared.proves(key).await;
                if caller.has_proven {
                    return self.say(ended(None)).await;
                }
                self.shared.refused(who, Event::Unlock, Vec::new());
                let what = "the key is not that of the vault that is open";
                self.fail(&AppError::new(Code::Denied, what, "Name another key."), false).await
            }
            Inbound::Header => {
                let text = Vault::header_text(&self.shared.place).map_err(AppError::from);
                let reply =
                    text.map(|text| crate::app::session::Reply { text, ..Default::default() });
                match reply.map(|reply| frames(reply, Vec::new(), Vec::new())) {
                    Ok(Ok(frames)) => self.send(frames).await,
                    Ok(Err(error)) => Err(error.into()),
                    Err(error) => self.fail(&error, false).await,
                }
            }
            Inbound::Borrow(key) => {
                let held = self.loan.map(|(number, _)| number);
                match self.shared.lend(held, caller.peer.process.pid, (key, who)).await {
                    Ok(number) => {
                        let known = self.loan.filter(|(held, _)| *held == number);
                        self.loan = Some(known.unwrap_or_else(|| (number, Instant::now())));
                        self.say(ended(None)).await
                    }
                    Err(error) => self.fail(&error, false).await,
                }
            }
            Inbound::GiveBack => {
                if let Some((loan, _)) = self.loan.take() {
                    self.shared.take_back(loan).await;
                }
                let status = self.shared.status(&standing);
                self.say(ended(Some(status))).await
            }
            Inbound::Use(request) => self.perform(caller, standing, who, request).await,
            Inbound::More(_) | Inbound::MoreToKeep(_) => Ok(()),
        }
    }

    /// True for one who is no operator where users are told apart: it may have what it is granted,
    /// and turns no key.
    fn is_beneath(&self, standing: &Standing) -> bool {
        self.shared.is_of_system && !matches!(standing, Standing::Operator(_))
    }

    async fn refuse(&mut self, who: Who, event: Event, what: &str) -> Result<(), Over> {
        self.shared.refused(who, event, Vec::new());
        let what = format!("this user may not {what}");
        let advice = "Ask an operator of the policy, or root.";
        self.fail(&AppError::new(Code::Denied, what, advice), false).await
    }

    async fn perform(
        &mut self,
        caller: &Caller<'_>,
        standing: Standing,
        who: Who,
        request: Request,
    ) -> Result<(), Over> {
        if let Request::Gateway(ask) = request {
            return self.gateway(caller, standing, who, ask).await;
        }
        let is_resolver = matches!(request, Request::Resolve(..)) && self.shared.is_unlocked();
        let admitted = match standing {
            Standing::Operator(_) => None,
            _ if is_resolver => self.shared.gateways(|all| all.admit(caller.peer)),
            _ => None,
        };
        let authority = match standing {
            _ if let Some(agent) = admitted => Authority::Gateway(agent),
            Standing::Bystander(_)
                if is_resolver && self.shared.is_resolver_of_operator(caller.peer) =>
            {
                Authority::Operator
            }
            Standing::Operator(_) => Authority::Operator,
            Standing::Run(grant) => Authority::Run(grant),
            Standing::Agent(agent) => Authority::Agent(agent),
            Standing::Bystander(_) if !self.shared.is_unlocked() => {
                let status = self.shared.status(&standing);
                return self.fail(&locked(&status.why_locked), false).await;
            }
            Standing::Bystander(why) => {
                self.shared.refused(who, event_of(&request), items_of(&request));
                let what = format!("the daemon gives this process nothing: {why}");
                let is_of_system = self.shared.is_of_system;
                let advice = match is_of_system {
                    true => "Name its user in the policy: [daemon] operators, or uid of an agent.",
                    false => {
                        "Ask where the vault was unlocked, or call `clawvault unlock` here, or \
                         name the key with --identity FILE or --passphrase-file FILE."
                    }
                };
                return self.fail(&AppError::new(Code::Denied, what, advice), !is_of_system).await;
            }
        };
        let run = match &request {
            Request::Run(ask) => {
                let own = match &authority {
                    Authority::Agent(agent) => Some(agent.name.clone()),
                    _ => None,
                };
                Some((ask.run.clone(), ask.agent.as_ref().map(ToString::to_string).or(own)))
            }
            _ => None,
        };
        if run.is_some() && !self.shared.can_launch(caller.peer.process) {
            let what = "the daemon cannot remember one more running program";
            return self.fail(&AppError::new(Code::Failed, what, "End some."), false).await;
        }
        // From here on the answer may hold values: `lock` waits for it to be gone.
        let _under_way = Arc::clone(&self.shared.under_way);
        let mut answer = self.shared.perform(who, authority, request).await;
        if let (Some((run, agent)), Some(holds)) = (run, answer.holds.take()) {
            // Before a value leaves: what is launched now is inside this run for good.
            self.shared.launched(caller.peer.process, (run, agent), holds);
        }
        match answer.outcome {
            Ok(frames) => self.send(frames).await,
            Err(error) => self.fail(&error, false).await,
        }
    }

    /// Writes an answer, unless the vault is locked meanwhile or the peer does not read.
    async fn send(&mut self, frames: Vec<Outgoing>) -> Result<(), Over> {
        let shared = self.shared;
        let deadline = Instant::now() + ANSWER;
        for frame in frames {
            let mut at = 0;
            while at < frame.len() {
                if shared.is_locking() {
                    return Err(Over::Gone);
                }
                let mut rest = frame.rest(at);
                rest.truncate(512);
                match self.stream.try_write_vectored(&rest) {
                    Ok(0) => return Err(Over::Gone),
                    Ok(count) => at += count,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        let mut changes = shared.changes();
                        let turn = first(self.stream.writable(), changes.changed());
                        match timeout_at(deadline, turn).await {
                            Ok(First::One(ready)) => ready?,
                            // Only a lock matters here, and the loop sees it.
                            Ok(First::Other(_)) => {}
                            Err(_) => return Err(Over::Gone),
                        }
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    async fn say_hello(&mut self) -> Result<(), Over> {
        let hello = hello::own(env!("CARGO_PKG_VERSION"));
        self.put(Outgoing::new(&hello, Vec::new())?).await
    }

    async fn say(&mut self, reply: Reply) -> Result<(), Over> {
        self.put(Outgoing::new(&reply, Vec::new())?).await
    }

    async fn fail(&mut self, error: &AppError, prove: bool) -> Result<(), Over> {
        self.say(failed(failure(error, prove))).await
    }

    /// Writes what holds no value.
    async fn put(&mut self, frame: Outgoing) -> Result<(), Over> {
        let deadline = Instant::now() + ANSWER;
        let mut at = 0;
        while at < frame.len() {
            match self.stream.try_write_vectored(&frame.rest(at)) {
                Ok(0) => return Err(Over::Gone),
                Ok(count) => at += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let ready = timeout_at(deadline, self.stream.writable()).await;
                    ready.map_err(|_| Over::Gone)??;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Says what was wrong with a message; nothing that follows it could be understood.
    async fn end(&mut self, over: Over) -> Result<(), Over> {
        let Over::Malformed(error) = over else { return Err(over) };
        let advice = "Restart the daemon; it may be of another version.";
        self.fail(&AppError::new(Code::Usage, error.to_string(), advice), false).await
    }
}

/// Values of an import that come in several messages.
#[derive(Default)]
struct Gathered {
    puts: Vec<Put>,
    records: Vec<Keep>,
    bytes: usize,
}

impl Gathered {
    fn add_records(&mut self, records: Vec<Keep>, bytes: usize) -> Result<(), Over> {
        self.records.extend(records);
        self.bytes += bytes;
        if self.records.len() > MAX_KEPT_AT_ONCE || self.bytes > MAX_GATHERED {
            return Err(Over::Malformed(FrameError::TooLarge));
        }
        Ok(())
    }

    fn add(&mut self, puts: Vec<Put>, bytes: usize) -> Result<(), Over> {
        self.puts.extend(puts);
        self.bytes += bytes;
        if self.puts.len() > MAX_IMPORT || self.bytes > MAX_GATHERED {
            return Err(Over::Malformed(FrameError::TooLarge));
        }
        Ok(())
    }
}

fn is_inside(standing: &Standing) -> bool {
    matches!(standing, Standing::Run(_))
}

/// The peer, for the log: what the kernel says of it, never what it says of itself.
fn who(peer: &Peer, standing: &Standing) -> Who {
    let parent = kinship(peer.process.pid).map_or(0, |kin| kin.parent);
    let actor = process::actor_of(peer.process.pid, peer.uid, parent);
    let (run, agent) = match standing {
        Standing::Run(grant) => (Some(grant.run.clone()), grant.agent.clone()),
        Standing::Agent(agent) => (None, Some(agent.name.clone())),
        _ => (None, None),
    };
    Who { actor, run, agent, program: None }
}

fn ended(status: Option<Status>) -> Reply {
    Reply { last: Some(Last::End(End { status, ..End::default() })), ..Reply::default() }
}

fn failed(failure: Failure) -> Reply {
    Reply { last: Some(Last::Failure(failure)), ..Reply::default() }
}
