//! The new key becomes current, every place that uses it is told, and the old one lives on until
//! nothing needs it.

use clawvault_core::domain::{Stage, State};
use clawvault_core::vault::VersionChange;
use clawvault_providers::adapter::Level;

use super::engine::{Flow, Work, abilities};
use super::sink::{Notice, Sink, SinkError};
use super::{Books, Engine, Timer, Vendors};

/// Times that a sink is told before the old key is current again.
const SINK_TRIES: u32 = 3;
/// How often it is looked whether a run still holds the old key, in milliseconds.
const HELD_MS: i64 = 60_000;
/// How soon it is looked for the first time again, in milliseconds.
const SOON_MS: i64 = 2_000;

impl<B: Books, V: Vendors, T: Timer> Engine<B, V, T> {
    /// Proven: current from now on.
    pub(super) async fn switch(&self, work: &mut Work) -> Result<Flow, B::Error> {
        let Some(open) = work.open() else { return Ok(Flow::Again) };
        let (old, new) = (open.old, open.new.unwrap_or_default());
        if work.look.info.current().is_some_and(|current| current.number != old) {
            let why = "another value was stored meanwhile; it stays current";
            return self.discard(work, why).await;
        }
        let stage = |number, stage| match stage {
            _ if number == new => Stage::Current,
            _ if number == old => Stage::Previous,
            Stage::Previous => Stage::Retired,
            other => other,
        };
        let versions = &work.look.info.versions;
        let stages = versions.iter().map(|v| (v.number, stage(v.number, v.stage))).collect();
        let now = self.timer.now_ms();
        self.try_write(work, VersionChange::Stages(stages), |life| {
            if let Some(open) = &mut life.open {
                super::begin::advance(open, State::Switched, now);
            }
        })
        .await?;
        Ok(Flow::Again)
    }

    /// Switched: tells every sink; where one fails for good, the old key is current again.
    pub(super) async fn deploy(&self, work: &mut Work) -> Result<Flow, B::Error> {
        let Some(open) = work.open() else { return Ok(Flow::Again) };
        let (old, new, tries) = (open.old, open.new.unwrap_or_default(), open.attempts);
        let Err(error) = self.tell(work, new, old).await? else {
            let (now, overlap) = (self.timer.now_ms(), work.look.rule.overlap_ms);
            return self
                .write(work, |life| {
                    if let Some(open) = &mut life.open {
                        super::begin::advance(open, State::Deployed, now);
                        open.next_ms = now.saturating_add(overlap);
                    }
                })
                .await;
        };
        if tries + 1 < SINK_TRIES {
            return self.pause(work, &error.to_string(), None).await;
        }
        if self.is_in_place(work).await? {
            return self.ask_person(work, &error.to_string()).await;
        }
        self.turn_back(work, &error).await
    }

    /// Makes the old key current again, and tells those that know the new one.
    async fn turn_back(&self, work: &mut Work, error: &SinkError) -> Result<Flow, B::Error> {
        let Some(open) = work.open() else { return Ok(Flow::Again) };
        let (old, new) = (open.old, open.new.unwrap_or_default());
        let now = self.timer.now_ms();
        let back = VersionChange::Stages(vec![(new, Stage::Pending), (old, Stage::Current)]);
        let why = format!("{error}; the old key is current again");
        self.try_write(work, back, |life| {
            if let Some(open) = &mut life.open {
                super::begin::advance(open, State::Proven, now);
                (open.needs_person, open.trouble) = (true, Some(why));
            }
        })
        .await?;
        // Whoever cannot be told was named already.
        let _ = self.tell(work, old, new).await?;
        Ok(Flow::Parked)
    }

    async fn tell(
        &self,
        work: &Work,
        version: u32,
        before: u32,
    ) -> Result<Result<(), SinkError>, B::Error> {
        let sinks: Vec<Box<dyn Sink>> = self.vendors.sinks(&work.look);
        if sinks.is_empty() {
            return Ok(Ok(()));
        }
        let fields = self.ask(work, version).await?.key;
        let (profile, name) = work.look.key();
        let notice = Notice { profile, name, version, before, fields };
        // A script may take its time, and others are served meanwhile.
        let told = tokio::task::spawn_blocking(move || {
            sinks.iter().try_for_each(|sink| sink.tell(&notice))
        });
        Ok(told
            .await
            .unwrap_or_else(|_| Err(SinkError::new("a sink", "it did not come to an end"))))
    }

    /// Deployed, and the overlap is over: waits for runs that hold the old key, and for a person's
    /// word where no call proved the new one.
    pub(super) async fn drain(&self, work: &mut Work) -> Result<Flow, B::Error> {
        let Some(open) = work.open() else { return Ok(Flow::Again) };
        let (old, confirmed) = (open.old, open.confirmed);
        let held = self.books().held(&work.look.key(), old);
        if !held.is_empty() {
            let pids: Vec<String> = held.iter().take(8).map(u32::to_string).collect();
            let why = format!("version {old} is held by the run of pid {}", pids.join(", "));
            // Whoever stands beside a run starts it anew within a moment.
            let (now, overlap) = (self.timer.now_ms(), work.look.rule.overlap_ms);
            let since = work.open().map_or(0, |open| open.changed_ms.saturating_add(overlap));
            let ms = if now.saturating_sub(since) < SOON_MS { SOON_MS } else { HELD_MS };
            return self.wait(work, ms, Some(why)).await;
        }
        let proven = match work.adapter.clone() {
            Some(adapter) => abilities(&*adapter, &self.ask(work, old).await?).validate,
            None => false,
        };
        if !proven && !confirmed {
            let why = "no call can tell whether the new key works: see that it does where it is \
                       used, then `clawvault rotations resume` revokes the old one";
            return self.ask_person(work, why).await;
        }
        let now = self.timer.now_ms();
        self.write(work, |life| {
            if let Some(open) = &mut life.open {
                super::begin::advance(open, State::Revoking, now);
                open.targets = vec![old];
            }
        })
        .await
    }

    async fn is_in_place(&self, work: &Work) -> Result<bool, B::Error> {
        let Some(adapter) = work.adapter.clone() else { return Ok(false) };
        let old = work.open().map_or(0, |open| open.old);
        Ok(abilities(&*adapter, &self.ask(work, old).await?).level == Level::NoOverlap)
    }
}
