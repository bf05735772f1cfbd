//! OpenClaw's gateways: which processes they are, and when their resolver is answered.
//!
//! An agent can run the resolver as well, so it is answered only for a direct child of the gateway,
//! or of the worker that starts its children, only in a window that was opened for it, and only once
//! in each.

use std::time::{Duration, Instant};

use clawvault_core::domain::ProfileName;
use clawvault_core::platform::process::{ProcessId, command_line, kinship};
use clawvault_core::platform::socket::Peer;

/// How long after its launch a gateway may ask: its start takes 20 to 100 s.
pub(super) const START: Duration = Duration::from_secs(300);
/// Longest window.
pub(super) const LONGEST: Duration = Duration::from_secs(600);
/// The program that starts children for the gateway.
const WORKER: &[u8] = b"spawn-broker/worker.js";
/// Most gateways that are remembered.
const MOST: usize = 256;

/// All gateways that are known.
#[derive(Debug, Default)]
pub(super) struct Gateways(Vec<Known>);

#[derive(Debug)]
struct Known {
    process: ProcessId,
    agent: ProfileName,
    open_until: Option<Instant>,
    answered: bool,
}

impl Gateways {
    /// Opens a window for a gateway; the one that was open counts no more.
    pub(super) fn open(&mut self, process: ProcessId, agent: ProfileName, length: Duration) {
        let open_until = Instant::now().checked_add(length.min(LONGEST));
        self.0.retain(|known| known.process.is_alive() && known.process != process);
        if self.0.len() < MOST {
            self.0.push(Known { process, agent, open_until, answered: false });
        }
    }

    /// Closes the window of a gateway; true where it was answered in it.
    pub(super) fn close(&mut self, process: ProcessId) -> bool {
        let known = self.0.iter_mut().find(|known| known.process == process);
        known.is_some_and(|known| {
            known.open_until = None;
            known.answered
        })
    }

    /// The agent in whose place this process may ask now, which uses the window up.
    pub(super) fn admit(&mut self, peer: &Peer) -> Option<ProfileName> {
        let now = Instant::now();
        let parents = parents(peer.process);
        let asks = |known: &&mut Known| {
            parents.contains(&known.process)
                && known.open_until.is_some_and(|until| now < until)
                && known.process.is_alive()
        };
        let known = self.0.iter_mut().find(asks).filter(|_| peer.is_there())?;
        known.open_until = None;
        known.answered = true;
        Some(known.agent.clone())
    }
}

/// The parent of a process; where that is the gateway's worker, the worker's parent, too.
fn parents(process: ProcessId) -> Vec<ProcessId> {
    let parent = |of: ProcessId| {
        let kin = kinship(of.pid).filter(|kin| kin.process == of)?;
        let found = ProcessId::of(kin.parent);
        // A number that was given anew since belongs to a later process.
        (kin.parent > 0 && found.started <= of.started).then_some(found)
    };
    let Some(direct) = parent(process) else { return Vec::new() };
    let is_worker = command_line(direct.pid).windows(WORKER.len()).any(|part| part == WORKER);
    let above = if is_worker { parent(direct) } else { None };
    [direct].into_iter().chain(above).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    fn own_parent() -> ProcessId {
        ProcessId::of(std::os::unix::process::parent_id())
    }

    #[test]
    fn a_child_is_answered_once_in_each_window() {
        let (one, _other) = UnixStream::pair().unwrap();
        let peer = Peer::of(&one).unwrap();
        let agent = ProfileName::parse("claw").unwrap();
        let mut gateways = Gateways::default();
        assert_eq!(gateways.admit(&peer), None);
        gateways.open(own_parent(), agent.clone(), START);
        assert_eq!(gateways.admit(&peer), Some(agent.clone()));
        assert_eq!(gateways.admit(&peer), None);
        assert!(gateways.close(own_parent()));
        gateways.open(own_parent(), agent.clone(), Duration::ZERO);
        assert_eq!(gateways.admit(&peer), None);
        assert!(!gateways.close(own_parent()));
        // Another process with the same number, and a gateway that is no parent of the asking one.
        for process in [ProcessId { started: 1, ..own_parent() }, ProcessId::own()] {
            gateways.open(process, agent.clone(), START);
            assert_eq!(gateways.admit(&peer), None);
        }
    }
}
