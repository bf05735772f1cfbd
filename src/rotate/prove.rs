//! The new key is proven: the vendor says that it accepts it.

use clawvault_core::domain::{KeyInfo, Stage, State};
use clawvault_core::vault::VersionChange;
use clawvault_providers::adapter::{Level, Validity};

use super::create::MANY;
use super::engine::{Flow, Work, abilities, words};
use super::{Books, Engine, Timer, Vendors};

/// How often a key is asked about while it spreads at the vendor, in milliseconds.
pub(super) const LOOK_MS: i64 = 1_000;
/// A new key may take as long to be accepted where the vendor says nothing, in milliseconds.
pub(super) const SPREAD_MS: i64 = 5_000;

impl<B: Books, V: Vendors, T: Timer> Engine<B, V, T> {
    /// Stored: asks the vendor about the new key.
    pub(super) async fn prove(&self, work: &mut Work) -> Result<Flow, B::Error> {
        let new = work.open().and_then(|open| open.new).unwrap_or_default();
        let Some(adapter) = work.adapter.clone() else {
            // Nobody can be asked; a person sees that it works before the old one goes.
            return self.enter(work, State::Proven).await;
        };
        let ask = self.ask(work, new).await?;
        let can = abilities(&*adapter, &ask);
        if !can.validate {
            return self.enter(work, State::Proven).await;
        }
        let made_by_call = can.makes(ask.no_overlap_allowed, work.look.rule.admin.is_some());
        let told = {
            let _turn = self.door(work).await;
            adapter.validate(&ask).await
        };
        let (now, since) = (self.timer.now_ms(), work.open().map_or(0, |open| open.changed_ms));
        match told {
            Ok(Validity::Live(identity)) => {
                let known = work.look.life.keys.iter().find(|key| key.version == new).cloned();
                let known =
                    known.unwrap_or(KeyInfo { version: new, key_id: None, expires_ms: None });
                let info = KeyInfo {
                    version: new,
                    key_id: known.key_id.or(identity.key_id),
                    expires_ms: known.expires_ms.or(identity.expires_ms),
                };
                self.write(work, |life| {
                    life.know(info);
                    if let Some(open) = &mut life.open {
                        super::begin::advance(open, State::Proven, now);
                    }
                })
                .await
            }
            Ok(Validity::Dead(why)) => {
                let spread = SPREAD_MS.max(i64::from(can.propagation_s) * 1000);
                if now < since.saturating_add(spread) {
                    return self.wait(work, LOOK_MS, None).await;
                }
                // Where the call replaced the key in place, there is no old one to go back to.
                let in_place = can.level == Level::NoOverlap && made_by_call;
                let by_hand = !made_by_call && work.look.life.key_id(new).is_none();
                if in_place || by_hand {
                    let state = if in_place { State::Lost } else { State::Awaiting };
                    return self.ask_for_another(work, new, state, &why).await;
                }
                self.discard(work, &format!("the vendor does not accept the new key: {why}")).await
            }
            Ok(Validity::Unknown(why)) => self.again_or_person(work, &why, None).await,
            Err(error) => self.again_or_person(work, &words(&error), error.retry_after_s).await,
        }
    }

    /// Tries again later, a person after many times.
    pub(super) async fn again_or_person(
        &self,
        work: &mut Work,
        why: &str,
        retry_after_s: Option<u64>,
    ) -> Result<Flow, B::Error> {
        if work.open().is_some_and(|open| open.attempts >= MANY) {
            return self.ask_person(work, why).await;
        }
        self.pause(work, why, retry_after_s).await
    }

    /// The vendor refuses a key that a person has to make: it goes, and the next one is awaited. A slip
    /// of the hand ends no rotation.
    async fn ask_for_another(
        &self,
        work: &mut Work,
        new: u32,
        state: State,
        why: &str,
    ) -> Result<Flow, B::Error> {
        let (now, guide) = (self.timer.now_ms(), self.vendors.guide(&work.look));
        let why = format!("the vendor does not accept version {new}: {why}. {guide}");
        let gone = VersionChange::Stages(vec![(new, Stage::Retired)]);
        self.try_write(work, gone, |life| {
            if let Some(open) = &mut life.open {
                super::begin::advance(open, state, now);
                open.new = None;
                (open.needs_person, open.trouble) = (true, Some(why));
            }
        })
        .await?;
        Ok(Flow::Parked)
    }

    /// The new key goes, the old one stays.
    pub(super) async fn discard(&self, work: &mut Work, why: &str) -> Result<Flow, B::Error> {
        let now = self.timer.now_ms();
        self.write(work, |life| {
            if let Some(open) = &mut life.open {
                super::begin::discard(open, why, now);
            }
        })
        .await
    }
}
