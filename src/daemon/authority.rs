//! Who may have what. Authority is positive: what is not proven is refused.
//!
//! A process is the operator's if its chain of parents, each of which the kernel still names at the
//! moment it is read, leads to the leader of the login session that unlocked, and through no run.
//! One whose parents are gone (forked twice, started by another service, in another session) has no
//! such chain. A process whose chain leads through a run has what that run was given.

use clawvault_core::platform::Dir;
use clawvault_core::platform::process::{Kinship, ProcessId, chain};
use clawvault_core::platform::socket::Peer;

use crate::app::session::{AgentGrant, RunGrant};
use crate::launch::{RunRecord, Runs};

/// What somebody is.
#[derive(Clone, Debug)]
pub(super) enum Standing {
    /// May have everything, and why.
    Operator(&'static str),
    /// May have what its run was given.
    Run(RunGrant),
    /// May have what the policy grants its user.
    Agent(AgentGrant),
    /// May ask how things stand, and why no more.
    Bystander(&'static str),
}

impl Standing {
    /// One word for it, and why.
    pub(super) fn in_words(&self) -> (&'static str, String) {
        match self {
            Self::Operator(why) => ("operator", (*why).to_owned()),
            Self::Run(grant) => ("run", format!("it is inside run {}", grant.run)),
            Self::Agent(agent) => ("agent", format!("its user is agent {}", agent.name)),
            Self::Bystander(why) => ("status", (*why).to_owned()),
        }
    }
}

/// A login session that unlocked. What began in it before that, beside what unlocked, is not the
/// operator's by that: a program of an earlier launch may be among it, its record removed.
#[derive(Clone, Debug)]
pub(super) struct Login {
    /// Its leader, which is that very process.
    pub(super) leader: ProcessId,
    /// The way from the one that unlocked to the leader.
    way: Vec<ProcessId>,
    /// When the one that unlocked began, in clock ticks since boot.
    since: u64,
}

impl Login {
    /// The session that one who unlocked is in, if the chain of its parents leads to its leader.
    pub(super) fn of(chain: &[Kinship]) -> Option<Self> {
        let leader = leader_of(chain)?;
        let since = chain.first()?.process.started;
        Some(Self { leader, way: up_to(chain, leader).collect(), since })
    }

    /// Takes in another way by which the same session unlocked.
    pub(super) fn widen(&mut self, other: Self) {
        self.way.retain(|known| known.is_alive() && !other.way.contains(known));
        self.way.extend(other.way);
        self.since = self.since.min(other.since);
    }

    /// True where all that lies between a process and the leader began with the unlocking or after it.
    fn has(&self, chain: &[Kinship]) -> bool {
        let knows = |at: ProcessId| at.started >= self.since || self.way.contains(&at);
        up_to(chain, self.leader).all(knows)
    }
}

/// The processes of a chain up to this one, which is the last.
fn up_to(chain: &[Kinship], last: ProcessId) -> impl Iterator<Item = ProcessId> {
    let length = chain.iter().position(|kin| kin.process == last).map_or(chain.len(), |at| at + 1);
    chain.iter().take(length).map(|kin| kin.process)
}

/// A launched program and what it was given.
#[derive(Clone, Debug)]
pub(super) struct KnownRun {
    pub(super) process: ProcessId,
    pub(super) grant: RunGrant,
}

/// The leader of the session that a process is in, if the chain of its parents leads there.
fn leader_of(chain: &[Kinship]) -> Option<ProcessId> {
    let session = chain.first()?.session;
    let leader = chain.iter().find(|kin| kin.process.pid == session)?;
    (session > 0 && leader.session == session).then_some(leader.process)
}

/// Judges a peer of this very user by what the kernel says of it now. `runs` are those that were
/// launched through us; `claimed` those that left a record, which this user can write: they take away
/// and give nothing.
pub(super) fn judge(
    peer: &Peer,
    logins: &[Login],
    runs: &[KnownRun],
    claimed: &[KnownRun],
) -> Standing {
    let chain = chain(peer.process);
    let any_run = !runs.is_empty() || !claimed.is_empty();
    let by_session = || session_of(&chain, logins, any_run);
    let standing = run_around(&chain, runs).map_or_else(by_session, Standing::Run);
    let standing = match (standing, run_around(&chain, claimed)) {
        (Standing::Operator(_), Some(claim)) => Standing::Run(claim),
        (Standing::Run(run), Some(claim)) => Standing::Run(within(run, &claim)),
        (standing, _) => standing,
    };
    // What was read belongs to the one that connected only if that one still lives.
    if peer.is_there() { standing } else { Standing::Bystander("it is over") }
}

fn session_of(chain: &[Kinship], logins: &[Login], any_run: bool) -> Standing {
    let leader = leader_of(chain);
    let login = logins.iter().find(|login| Some(login.leader) == leader);
    match leader {
        None => Standing::Bystander("its parents do not lead to the leader of its login session"),
        // Orphans of its whole session fall to it: being its child proves nothing once a program runs.
        Some(leader) if leader.pid == 1 && any_run => Standing::Bystander(
            "its session is led by process 1, which takes in orphans of programs",
        ),
        Some(_) if login.is_some_and(|login| login.has(chain)) => {
            Standing::Operator("it is in a login session that unlocked")
        }
        Some(_) if login.is_some() => Standing::Bystander(
            "it, or what started it, began before the vault was unlocked: nobody knows what it was",
        ),
        Some(_) => Standing::Bystander("its login session did not unlock"),
    }
}

/// True for one whose chain of living parents leads to a session that unlocked, though through
/// sessions of its own: OpenClaw's commands and its resolver each get one, to be ended with all that
/// they start.
pub(super) fn is_resolver_of_operator(peer: &Peer, logins: &[Login], runs: &[KnownRun]) -> bool {
    let chain = chain(peer.process);
    let leads = |kin: &Kinship, login: &Login| kin.process.pid != 1 && kin.process == login.leader;
    let unlocked = |kin: &Kinship| logins.iter().any(|one| leads(kin, one) && one.has(&chain));
    chain.iter().any(unlocked) && run_around(&chain, runs).is_none() && peer.is_there()
}

/// The innermost run that a chain leads through, with no more than those around it have.
pub(super) fn run_around(chain: &[Kinship], runs: &[KnownRun]) -> Option<RunGrant> {
    let on_the_way = chain.iter().flat_map(|kin| runs.iter().filter(|r| r.process == kin.process));
    on_the_way.map(|run| run.grant.clone()).reduce(|inner, outer| within(inner, &outer))
}

fn within(mut inner: RunGrant, outer: &RunGrant) -> RunGrant {
    inner.holds.retain(|id| outer.holds.contains(id));
    inner
}

/// The runs that left a record and live: those that were launched without this daemon.
pub(super) fn recorded(runtime: &Dir) -> Vec<KnownRun> {
    records(runtime).into_iter().map(KnownRun::from).collect()
}

/// Those among them whose record proves by the vault's key what they were given.
pub(super) fn proven(runtime: &Dir, is_proof: &dyn Fn(&[u8], &str) -> bool) -> Vec<KnownRun> {
    let holds = |record: &RunRecord| {
        !record.proof.is_empty() && record.said().is_some_and(|said| is_proof(&said, &record.proof))
    };
    records(runtime).into_iter().filter(holds).map(KnownRun::from).collect()
}

fn records(runtime: &Dir) -> Vec<RunRecord> {
    Runs::open(runtime).and_then(|runs| runs.living()).unwrap_or_default()
}

impl From<RunRecord> for KnownRun {
    fn from(record: RunRecord) -> Self {
        Self {
            process: ProcessId { pid: record.pid, started: record.started },
            grant: RunGrant {
                run: record.run,
                agent: record.agent,
                holds: record.holds.into_iter().map(|(id, _)| id).collect(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kin(pid: u32, parent: u32, session: u32) -> Kinship {
        Kinship { process: ProcessId { pid, started: u64::from(pid) }, parent, session }
    }

    #[test]
    fn a_session_is_proven_by_the_way_to_its_leader() {
        let leader = ProcessId { pid: 10, started: 10 };
        let straight = [kin(30, 20, 10), kin(20, 10, 10), kin(10, 5, 10), kin(5, 1, 5)];
        assert_eq!(leader_of(&straight), Some(leader));
        // Forked twice: its parent is process 1 now, though the session is still named.
        assert_eq!(leader_of(&[kin(30, 1, 10), kin(1, 0, 1)]), None);
        // A session of its own, led by itself, which nobody unlocked from.
        assert_eq!(leader_of(&[kin(30, 10, 30), kin(10, 5, 10)]).map(|l| l.pid), Some(30));
        assert_eq!(leader_of(&[kin(30, 0, 0)]), None);
        assert_eq!(leader_of(&[]), None);
    }

    #[test]
    fn what_began_before_the_unlocking_is_not_the_operators() {
        // The leader, 10; a shell in it, 20, that unlocks by 40; an older program beside that, 30.
        let login = Login::of(&[kin(40, 20, 10), kin(20, 10, 10), kin(10, 5, 10)]).unwrap();
        let is = |chain: &[Kinship]| {
            matches!(session_of(chain, std::slice::from_ref(&login), true), Standing::Operator(_))
        };
        assert!(is(&[kin(50, 20, 10), kin(20, 10, 10), kin(10, 5, 10)]));
        assert!(is(&[kin(50, 45, 10), kin(45, 10, 10), kin(10, 5, 10)]));
        assert!(is(&[kin(10, 5, 10)]));
        assert!(!is(&[kin(30, 10, 10), kin(10, 5, 10)]));
        assert!(!is(&[kin(50, 30, 10), kin(30, 20, 10), kin(20, 10, 10), kin(10, 5, 10)]));
        // The older one unlocks as well, and is known from then on.
        let mut both = login.clone();
        both.widen(Login::of(&[kin(60, 30, 10), kin(30, 10, 10), kin(10, 5, 10)]).unwrap());
        assert!(both.has(&[kin(70, 30, 10), kin(30, 10, 10), kin(10, 5, 10)]));
        assert_eq!(both.since, 40);
    }

    #[test]
    fn the_innermost_run_counts() {
        let run = |pid: u32| KnownRun {
            process: ProcessId { pid, started: u64::from(pid) },
            grant: RunGrant { run: pid.to_string(), agent: None, holds: Vec::new() },
        };
        let all = [kin(30, 20, 10), kin(20, 15, 10), kin(15, 10, 10)];
        let around = |runs: &[KnownRun]| run_around(&all, runs).map(|grant| grant.run);
        assert_eq!(around(&[run(15), run(20)]), Some("20".to_owned()));
        // A record that claims more for one inside gives it nothing.
        let grant = |pid: u32, holds: &[&str]| {
            let holds = holds.iter().map(|id| (*id).to_owned()).collect();
            KnownRun { grant: RunGrant { holds, ..run(pid).grant }, ..run(pid) }
        };
        let narrowed = run_around(&all, &[grant(15, &["a"]), grant(20, &["a", "b"])]).unwrap();
        assert_eq!((narrowed.run.as_str(), narrowed.holds), ("20", vec!["a".to_owned()]));
        let reused = KnownRun { process: ProcessId { pid: 15, started: 3 }, ..run(15) };
        assert_eq!(around(&[reused]), None);
    }

    #[test]
    fn this_process_has_a_chain() {
        let all = chain(ProcessId::own());
        assert!(all.len() > 1 && all[0].process == ProcessId::own());
        assert!(chain(ProcessId { started: 1, ..ProcessId::own() }).is_empty());
    }
}
