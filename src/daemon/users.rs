//! Who is who to a daemon of the whole system: by user, as the kernel names it, and nothing else.

use std::collections::BTreeMap;

use clawvault_core::domain::{Agent, Policy, ProfileName};
use clawvault_core::platform::process::{chain, effective_uid, uid_of};
use clawvault_core::platform::socket::Peer;

use super::authority::{KnownRun, Standing, run_around};
use crate::app::session::AgentGrant;

/// Users whom the policy names, by number; outlives a lock, for the policy cannot be read then.
#[derive(Debug, Default)]
pub(super) struct Users {
    operators: Vec<u32>,
    agents: BTreeMap<u32, Vec<(ProfileName, Agent)>>,
}

impl Users {
    /// Reads the policy; a name that the system does not know is nobody.
    pub(super) fn of(policy: &Policy) -> Self {
        let operators = policy.daemon.operators.iter().filter_map(uid_of).collect();
        let mut agents: BTreeMap<u32, Vec<(ProfileName, Agent)>> = BTreeMap::new();
        for (name, agent) in &policy.agents {
            if let Some(uid) = agent.uid.as_ref().and_then(uid_of) {
                agents.entry(uid).or_default().push((name.clone(), agent.clone()));
            }
        }
        Self { operators, agents }
    }

    /// What a user is, outside of every run.
    pub(super) fn standing_of(&self, uid: u32) -> Standing {
        match (self.agents.get(&uid).map(Vec::as_slice), self.operators.contains(&uid)) {
            // What is named twice is not sure of anything.
            (Some(_), true) | (Some([_, _, ..]), _) => {
                Standing::Bystander("the policy names its user more than once")
            }
            (Some([(name, grant)]), false) => {
                let (name, grant) = (name.to_string(), grant.clone());
                Standing::Agent(AgentGrant { name, grant })
            }
            (_, true) => Standing::Operator("its user is an operator of the policy"),
            _ if uid == 0 => Standing::Operator("it is root"),
            _ if uid == effective_uid() => Standing::Operator("it is the vault's own user"),
            _ => Standing::Bystander("the policy gives its user nothing"),
        }
    }

    /// Judges a peer: what runs inside a launched program has that program's keys, at most.
    pub(super) fn judge(&self, peer: &Peer, runs: &[KnownRun]) -> Standing {
        let run = run_around(&chain(peer.process), runs);
        let standing = match (self.standing_of(peer.uid), run) {
            (Standing::Operator(_), Some(run)) => Standing::Run(run),
            // Its own runs narrow an agent; those of others give it nothing of theirs.
            (Standing::Agent(agent), Some(run)) if run.agent.as_deref() == Some(&*agent.name) => {
                Standing::Run(run)
            }
            (standing, _) => standing,
        };
        // What was read belongs to the one that connected only if that one still lives.
        if peer.is_there() { standing } else { Standing::Bystander("it is over") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_what_the_policy_says_and_no_more() {
        let policy = Policy::parse(
            "[daemon]\noperators = [\"70001\", \"70003\", \"no-such-user-x\"]\n\
             [agents.a]\nsecrets = [\"a/*\"]\nuid = \"70002\"\n\
             [agents.b]\nsecrets = [\"b/*\"]\nuid = \"70003\"\n\
             [agents.c]\nsecrets = [\"c/*\"]\nuid = \"70004\"\n\
             [agents.d]\nsecrets = [\"d/*\"]\nuid = \"70004\"\n",
        );
        let users = Users::of(&policy.unwrap());
        let of = |uid| users.standing_of(uid);
        assert!(matches!(of(70001), Standing::Operator(_)));
        assert!(matches!(of(0), Standing::Operator(_)));
        assert!(matches!(of(70002), Standing::Agent(agent) if agent.name == "a"));
        for unsure in [70003, 70004, 70005] {
            assert!(matches!(of(unsure), Standing::Bystander(_)), "{unsure}");
        }
    }
}
