//! Keys are revoked, and it is proven that the vendor refuses them.

use clawvault_core::domain::{Aim, Stage, State};
use clawvault_core::vault::VersionChange;
use clawvault_providers::adapter::{Adapter, Ask, Validity};

use super::create::{MANY, has_label};
use super::engine::{Flow, Work, abilities, words};
use super::prove::{LOOK_MS, SPREAD_MS};
use super::{Books, Engine, Timer, Vendors};

/// A revocation may take as long to be in force everywhere, in milliseconds.
const IN_FORCE_MS: i64 = 60_000;

impl<B: Books, V: Vendors, T: Timer> Engine<B, V, T> {
    /// Revoking: the next of the versions, until there is none.
    pub(super) async fn revoke(&self, work: &mut Work) -> Result<Flow, B::Error> {
        let Some(open) = work.open() else { return Ok(Flow::Again) };
        let Some(version) = open.targets.first().copied() else {
            return self.all_revoked(work).await;
        };
        let Some(adapter) = work.adapter.clone() else {
            let guide = self.vendors.guide(&work.look);
            return self.by_hand(work, version, &guide).await;
        };
        let (aim, new, old) = (open.aim, open.new, open.old);
        let mut ask = self.ask(work, version).await?;
        let can = abilities(&*adapter, &ask);
        ask.label = String::new();
        if let (Aim::Replace, Some(new)) = (aim, new)
            && version == old
            && can.validate
            && let Some(flow) = self.successor_fails(work, &*adapter, new).await?
        {
            return Ok(flow);
        }
        if !can.revoke {
            return match self.validity(work, &*adapter, &ask, can.validate).await {
                Some(Ok(Validity::Dead(_))) => self.refused(work, version, None).await,
                _ => self.by_hand(work, version, &self.vendors.guide(&work.look)).await,
            };
        }
        let done = {
            let _turn = self.door(work).await;
            adapter.revoke(&ask).await
        };
        match done {
            Ok(_) if !can.validate => {
                let note = "the vendor took the order; no call can tell whether it refuses the key";
                self.refused(work, version, Some(note)).await
            }
            Ok(_) => self.proof(work, &*adapter, &ask, version).await,
            Err(error) if error.may_pass() => {
                // It may have been carried out, and then that is all that was wanted.
                if error.may_have_happened()
                    && let Some(Ok(Validity::Dead(_))) =
                        self.validity(work, &*adapter, &ask, can.validate).await
                {
                    return self.refused(work, version, None).await;
                }
                self.pause(work, &words(&error), error.retry_after_s).await
            }
            Err(error) => match self.validity(work, &*adapter, &ask, can.validate).await {
                Some(Ok(Validity::Dead(_))) => self.refused(work, version, None).await,
                _ => {
                    let guide = self.vendors.guide(&work.look);
                    self.by_hand(work, version, &format!("{}. {guide}", words(&error))).await
                }
            },
        }
    }

    /// Nothing is revoked whose successor does not work any more.
    async fn successor_fails(
        &self,
        work: &mut Work,
        adapter: &dyn Adapter,
        new: u32,
    ) -> Result<Option<Flow>, B::Error> {
        let ask = self.ask(work, new).await?;
        Ok(match self.validity(work, adapter, &ask, true).await {
            Some(Ok(Validity::Live(_))) => None,
            Some(Ok(Validity::Dead(why))) => {
                let why = format!("the vendor does not accept the new key any more: {why}");
                Some(self.ask_person(work, &why).await?)
            }
            Some(Ok(Validity::Unknown(why))) => Some(self.pause(work, &why, None).await?),
            Some(Err(error)) => Some(self.pause(work, &words(&error), error.retry_after_s).await?),
            None => None,
        })
    }

    async fn validity(
        &self,
        work: &Work,
        adapter: &dyn Adapter,
        ask: &Ask,
        can: bool,
    ) -> Option<Result<Validity, clawvault_providers::adapter::VendorError>> {
        if !can {
            return None;
        }
        let _turn = self.door(work).await;
        Some(adapter.validate(ask).await)
    }

    /// Asks until the vendor refuses the key.
    async fn proof(
        &self,
        work: &mut Work,
        adapter: &dyn Adapter,
        ask: &Ask,
        version: u32,
    ) -> Result<Flow, B::Error> {
        let can = abilities(adapter, ask);
        let began = self.timer.now_ms();
        let patience = IN_FORCE_MS.max(SPREAD_MS + i64::from(can.propagation_s) * 1000);
        let mut pause = LOOK_MS / 10;
        loop {
            match self.validity(work, adapter, ask, true).await {
                Some(Ok(Validity::Dead(_))) => return self.refused(work, version, None).await,
                Some(Ok(Validity::Live(_))) if self.timer.now_ms() - began < patience => {
                    self.timer.sleep(pause).await;
                    pause = (pause * 2).min(LOOK_MS * 5);
                }
                Some(Ok(Validity::Live(_))) => {
                    let why = "the vendor took the order and accepts the key all the same";
                    return self.pause(work, why, None).await;
                }
                Some(Ok(Validity::Unknown(why))) => {
                    return self.again_or_person(work, &why, None).await;
                }
                Some(Err(error)) => {
                    return self.again_or_person(work, &words(&error), error.retry_after_s).await;
                }
                None => return self.refused(work, version, None).await,
            }
        }
    }

    /// The vendor refuses the version.
    async fn refused(
        &self,
        work: &mut Work,
        version: u32,
        note: Option<&str>,
    ) -> Result<Flow, B::Error> {
        let current = work.look.info.current().map(|v| v.number);
        // A current version that was revoked stays current: it is blocked, and says why.
        let change = match current == Some(version) {
            true => VersionChange::None,
            false => VersionChange::Stages(vec![(version, Stage::Retired)]),
        };
        let now = self.timer.now_ms();
        self.try_write(work, change, |life| {
            if let Some(open) = &mut life.open {
                open.targets.retain(|target| *target != version);
                (open.next_ms, open.attempts, open.changed_ms) = (0, 0, now);
                if let Some(note) = note {
                    open.trouble = Some(note.to_owned());
                }
            }
        })
        .await?;
        Ok(Flow::Again)
    }

    /// A person revokes it at the console; what the vendor says then, `rotations resume` asks.
    async fn by_hand(&self, work: &mut Work, version: u32, guide: &str) -> Result<Flow, B::Error> {
        let confirmed = work.open().is_some_and(|open| open.confirmed);
        if confirmed && work.adapter.is_none() {
            return self.refused(work, version, Some("a person says that it was revoked")).await;
        }
        let why = format!("version {version} has to be revoked by a person. {guide}");
        self.ask_person(work, &why).await
    }

    /// Nothing is left to revoke; what a lost call may have made is sought once more.
    async fn all_revoked(&self, work: &mut Work) -> Result<Flow, B::Error> {
        let Some(open) = work.open().cloned() else { return Ok(Flow::Again) };
        if !open.label.is_empty()
            && open.attempts < MANY
            && let Some(adapter) = work.adapter.clone()
            && let Some(flow) = self.sweep(work, &*adapter).await?
        {
            return Ok(flow);
        }
        let pending = |number| {
            work.look.info.version(number).is_some_and(|v| Some(v.number) != Some(open.old))
                && work.look.info.current().map(|v| v.number) != Some(number)
        };
        let failed = open.aim == Aim::Replace && open.new.is_some_and(pending);
        let (now, note) = (self.timer.now_ms(), open.trouble.clone());
        self.write(work, |life| {
            let state = if failed { State::Stored } else { State::Revoked };
            life.end(state, now, note);
            if failed {
                life.failed_ms = Some(now);
            }
        })
        .await?;
        Ok(Flow::Parked)
    }

    /// Keys that this rotation made and the vault does not hold are removed.
    async fn sweep(
        &self,
        work: &mut Work,
        adapter: &dyn Adapter,
    ) -> Result<Option<Flow>, B::Error> {
        let Some(open) = work.open().cloned() else { return Ok(None) };
        let mut ask = self.ask(work, open.new.unwrap_or(open.old)).await?;
        if !abilities(adapter, &ask).list {
            return Ok(None);
        }
        let listed = {
            let _turn = self.door(work).await;
            adapter.list(&ask).await
        };
        let series = open.label.rsplit_once('-').map_or("", |(series, _)| series).to_owned();
        match listed {
            Ok(listed) => {
                let known: Vec<String> =
                    work.look.life.keys.iter().filter_map(|key| key.key_id.clone()).collect();
                let is_orphan = |name: &String| {
                    let last: u32 =
                        open.label.rsplit('-').next().map_or(0, |n| n.parse().unwrap_or(0));
                    (1..=last).any(|n| has_label(name, &format!("{series}-{n}")))
                };
                let orphans: Vec<_> = listed
                    .into_iter()
                    .filter(|key| key.active && key.name.as_ref().is_some_and(is_orphan))
                    .filter(|key| !known.contains(&key.key_id))
                    // A key that was stored without an id may be this one: it is left alone.
                    .filter(|key| {
                        let own =
                            key.name.as_ref().is_some_and(|name| has_label(name, &open.label));
                        !(own && open.new.is_some())
                    })
                    .collect();
                ask.label.clear();
                match self.remove_orphans(work, adapter, &ask, &orphans).await? {
                    Ok(()) => Ok(None),
                    Err(error) => {
                        Ok(Some(self.pause(work, &words(&error), error.retry_after_s).await?))
                    }
                }
            }
            Err(error) if error.may_pass() => {
                Ok(Some(self.pause(work, &words(&error), error.retry_after_s).await?))
            }
            Err(_) => Ok(None),
        }
    }
}
