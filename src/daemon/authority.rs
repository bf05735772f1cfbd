//! Who may have what. Authority is positive: what is not proven is refused.
//!
//! A process is the operator's if its chain of parents, each of which the kernel still names at the
//! moment it is read, leads to the leader of the login session that unlocked, and through no run.
//! One whose parents are gone (forked twice, started by another service, in another session) has no
//! such chain. A process whose chain leads through a run has what that run was given.

use clawvault_core::platform::Dir;
use clawvault_core::platform::process::{Kinship, ProcessId, kinship};
use clawvault_core::platform::socket::Peer;

use crate::app::session::RunGrant;
use crate::launch::Runs;

/// Longest chain of parents that is followed.
const DEEPEST: usize = 256;

/// What somebody is.
#[derive(Clone, Debug)]
pub(super) enum Standing {
    /// May have everything, and why.
    Operator(&'static str),
    /// May have what its run was given.
    Run(RunGrant),
    /// May ask how things stand, and why no more.
    Bystander(&'static str),
}

impl Standing {
    /// One word for it, and why.
    pub(super) fn in_words(&self) -> (&'static str, String) {
        match self {
            Self::Operator(why) => ("operator", (*why).to_owned()),
            Self::Run(grant) => ("run", format!("it is inside run {}", grant.run)),
            Self::Bystander(why) => ("status", (*why).to_owned()),
        }
    }
}

/// A login session that unlocked: its leader, which is that very process.
pub(super) type Leader = ProcessId;

/// A launched program and what it was given.
#[derive(Clone, Debug)]
pub(super) struct KnownRun {
    pub(super) process: ProcessId,
    pub(super) grant: RunGrant,
}

/// The chain of parents of a process, itself first, as far as it can be seen; each was the parent of
/// the one before when it was read.
pub(super) fn chain(process: ProcessId) -> Vec<Kinship> {
    let Some(mut at) = kinship(process.pid).filter(|found| found.process == process) else {
        return Vec::new();
    };
    let mut all = vec![at];
    while at.parent > 0 && all.len() < DEEPEST {
        let Some(parent) = kinship(at.parent) else { break };
        // A number that was given anew since belongs to a later process, or is no parent any more.
        let still = kinship(at.process.pid).is_some_and(|now| now == at);
        if parent.process.started > at.process.started || !still {
            break;
        }
        all.push(parent);
        at = parent;
    }
    all
}

/// The leader of the session that a process is in, if the chain of its parents leads there.
pub(super) fn leader_of(chain: &[Kinship]) -> Option<Leader> {
    let session = chain.first()?.session;
    let leader = chain.iter().find(|kin| kin.process.pid == session)?;
    (session > 0 && leader.session == session).then_some(leader.process)
}

/// Judges a peer of this very user by what the kernel says of it now.
pub(super) fn judge(peer: &Peer, leaders: &[Leader], runs: &[KnownRun]) -> Standing {
    let chain = chain(peer.process);
    if let Some(run) = run_around(&chain, runs) {
        return Standing::Run(run);
    }
    let standing = match leader_of(&chain) {
        None => Standing::Bystander("its parents do not lead to the leader of its login session"),
        // Orphans of its whole session fall to it: being its child proves nothing once a program runs.
        Some(leader) if leader.pid == 1 && !runs.is_empty() => Standing::Bystander(
            "its session is led by process 1, which takes in orphans of programs",
        ),
        Some(leader) if leaders.contains(&leader) => {
            Standing::Operator("it is in a login session that unlocked")
        }
        Some(_) => Standing::Bystander("its login session did not unlock"),
    };
    // What was read belongs to the one that connected only if that one still lives.
    if peer.is_there() { standing } else { Standing::Bystander("it is over") }
}

/// True for one whose chain of living parents leads to a session that unlocked, though through
/// sessions of its own: OpenClaw's commands and its resolver each get one, to be ended with all that
/// they start.
pub(super) fn is_resolver_of_operator(peer: &Peer, leaders: &[Leader], runs: &[KnownRun]) -> bool {
    let chain = chain(peer.process);
    let unlocked = |kin: &Kinship| kin.process.pid != 1 && leaders.contains(&kin.process);
    chain.iter().any(unlocked) && run_around(&chain, runs).is_none() && peer.is_there()
}

/// The innermost run that a chain leads through.
pub(super) fn run_around(chain: &[Kinship], runs: &[KnownRun]) -> Option<RunGrant> {
    let found = chain.iter().find_map(|kin| runs.iter().find(|run| run.process == kin.process));
    found.map(|run| run.grant.clone())
}

/// The runs that left a record and live: those that were launched without this daemon.
pub(super) fn recorded(runtime: &Dir) -> Vec<KnownRun> {
    let living = Runs::open(runtime).and_then(|runs| runs.living()).unwrap_or_default();
    let known = living.into_iter().map(|record| KnownRun {
        process: ProcessId { pid: record.pid, started: record.started },
        grant: RunGrant {
            run: record.run,
            agent: record.agent,
            holds: record.holds.into_iter().map(|(id, _)| id).collect(),
        },
    });
    known.collect()
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
    fn the_innermost_run_counts() {
        let run = |pid: u32| KnownRun {
            process: ProcessId { pid, started: u64::from(pid) },
            grant: RunGrant { run: pid.to_string(), agent: None, holds: Vec::new() },
        };
        let all = [kin(30, 20, 10), kin(20, 15, 10), kin(15, 10, 10)];
        let around = |runs: &[KnownRun]| run_around(&all, runs).map(|grant| grant.run);
        assert_eq!(around(&[run(15), run(20)]), Some("20".to_owned()));
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
