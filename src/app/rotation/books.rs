//! The vault, as the engine sees it; and the system's time.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use clawvault_core::domain::{Event, Life};
use clawvault_core::platform::{Clock, Dir, SystemClock};
use clawvault_core::vault::{Step, Want};
use clawvault_providers::adapter::Fields;

use super::{Asker, Overview};
use crate::app::AppError;
use crate::app::naming::full_name;
use crate::app::session::Request;
use crate::launch::Runs;
use crate::rotate::{Books, Key, Look, Timer};

/// The vault behind a session.
pub(super) struct SessionBooks<'a> {
    ask: Asker<'a>,
    runtime: PathBuf,
}

impl<'a> SessionBooks<'a> {
    pub(super) fn new(ask: Asker<'a>, runtime: PathBuf) -> Self {
        Self { ask, runtime }
    }

    /// Asks for anything.
    pub(super) fn ask(&mut self, request: Request) -> Result<crate::app::session::Reply, AppError> {
        (self.ask)(request)
    }
}

impl Books for SessionBooks<'_> {
    type Error = AppError;

    fn look(&mut self, key: &Key) -> Result<Option<Look>, AppError> {
        let reply = (self.ask)(Request::Lives(Some(key.clone())))?;
        Ok(Overview::of(reply)?.looks.pop())
    }

    fn step(&mut self, event: Event, steps: Vec<Step>) -> Result<Option<Vec<Life>>, AppError> {
        match (self.ask)(Request::Steps(event == Event::Revoke, steps)) {
            Ok(reply) => Ok(Some(reply.lives)),
            Err(error) if error.is_stale() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn fields(&mut self, event: Event, wants: &[(Key, u32)]) -> Result<Vec<Fields>, AppError> {
        let want = |((profile, name), version): &(Key, u32)| Want {
            profile: profile.clone(),
            name: name.clone(),
            version: Some(*version).filter(|version| *version > 0),
        };
        let wants = wants.iter().map(want).collect();
        let reply = (self.ask)(Request::Keys(event == Event::Revoke, wants))?;
        Ok(reply.revealed.into_iter().map(|one| one.fields).collect())
    }

    fn held(&mut self, key: &Key, version: u32) -> Vec<u32> {
        let living = Dir::create(&self.runtime).and_then(|dir| Runs::open(&dir)?.living());
        let living = living.unwrap_or_default();
        let holds =
            |of: u32| living.iter().flat_map(|run| &run.holds).filter(move |(_, v)| *v == of);
        let mut ids: Vec<String> = holds(version).map(|(id, _)| id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Vec::new();
        }
        let name = full_name(key.0.as_str(), key.1.as_str());
        let told = (self.ask)(Request::Health(ids)).ok().and_then(|reply| reply.health);
        let own: Vec<String> = told
            .map(|health| health.names)
            .unwrap_or_default()
            .into_iter()
            .filter(|(_, of)| *of == name)
            .map(|(id, _)| id)
            .collect();
        let has = |holds: &[(String, u32)]| {
            holds.iter().any(|(id, held)| *held == version && own.contains(id))
        };
        living.iter().filter(|run| has(&run.holds)).map(|run| run.pid).collect()
    }
}

/// The system's clock.
pub(super) struct SystemTimer;

impl Timer for SystemTimer {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms()
    }

    fn sleep(&self, ms: i64) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(tokio::time::sleep(Duration::from_millis(ms.max(0).unsigned_abs())))
    }
}
