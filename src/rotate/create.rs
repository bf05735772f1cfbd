//! The new key is made: the one call that is never repeated while it is unknown what became of it.

use clawvault_core::domain::{KeyInfo, State};
use clawvault_core::vault::VersionChange;
use clawvault_providers::adapter::{
    Abilities, Adapter, Ask, Created, Kind, Level, Listed, Validity, VendorError,
};

use super::engine::{Flow, Work, abilities, words};
use super::{Books, Engine, Timer, Vendors};

/// Times that a new key is tried to be stored before it is revoked again.
const STORE_TRIES: u32 = 3;
/// A vendor's list may be behind by as much, in milliseconds.
const LIST_LAG_MS: i64 = 5_000;
/// Attempts after which only a person goes on.
pub(super) const MANY: u32 = 8;

impl<B: Books, V: Vendors, T: Timer> Engine<B, V, T> {
    /// Planned: asks the vendor for a key, or a person where no call makes one.
    pub(super) async fn create(&self, work: &mut Work) -> Result<Flow, B::Error> {
        let Some(adapter) = work.adapter.clone() else {
            return self.enter(work, State::Awaiting).await;
        };
        let old = work.open().map_or(0, |open| open.old);
        let mut ask = self.ask(work, old).await?;
        let can = abilities(&*adapter, &ask);
        if !can.makes(ask.no_overlap_allowed, work.look.rule.admin.is_some()) {
            return self.enter(work, State::Awaiting).await;
        }
        if let Some(full) = self.no_room(work, &*adapter, &can, &ask).await {
            return match full {
                Ok(why) => self.fail(work, &why).await,
                Err(error) => self.not_sent(work, &error).await,
            };
        }
        let label = self.next_label(work);
        let now = self.timer.now_ms();
        let announced = self.try_write(work, VersionChange::None, |life| {
            if let Some(open) = &mut life.open {
                let attempts = open.attempts;
                super::begin::advance(open, State::Creating, now);
                (open.label, open.attempts) = (label.clone(), attempts);
            }
        });
        if !announced.await? {
            return Ok(Flow::Again);
        }
        ask.label = label;
        let made = {
            let _turn = self.door(work).await;
            adapter.create(&ask).await
        };
        match made {
            Ok(created) => self.store(work, &*adapter, &ask, created).await,
            Err(error) if error.may_have_happened() => {
                self.wait(work, LIST_LAG_MS, Some(words(&error))).await
            }
            Err(error) => self.not_sent(work, &error).await,
        }
    }

    /// The call did not happen: it may be made again later, or never.
    async fn not_sent(&self, work: &mut Work, error: &VendorError) -> Result<Flow, B::Error> {
        let many = work.open().is_some_and(|open| open.attempts >= MANY);
        if !error.may_pass() || many {
            return self.fail(work, &words(error)).await;
        }
        let attempts = work.open().map_or(0, |open| open.attempts);
        if work.state() != Some(State::Planned) {
            let now = self.timer.now_ms();
            self.write(work, |life| {
                if let Some(open) = &mut life.open {
                    super::begin::advance(open, State::Planned, now);
                    open.attempts = attempts;
                }
            })
            .await?;
        }
        self.pause(work, &words(error), error.retry_after_s).await
    }

    /// Why the vendor has no room for one more key, where it counts them.
    async fn no_room(
        &self,
        work: &Work,
        adapter: &dyn Adapter,
        can: &Abilities,
        ask: &Ask,
    ) -> Option<Result<String, VendorError>> {
        let most = can.most_keys.filter(|_| can.list && can.level != Level::NoOverlap)?;
        let listed = {
            let _turn = self.door(work).await;
            adapter.list(ask).await
        };
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) => return Some(Err(error)),
        };
        let active: Vec<&Listed> = listed.iter().filter(|key| key.active).collect();
        let own = work.look.life.keys.iter().filter_map(|key| key.key_id.as_deref());
        let known: Vec<&str> = own.collect();
        let foreign = active.iter().find(|key| {
            !known.contains(&key.key_id.as_str()) && ask.key_id.as_ref() != Some(&key.key_id)
        });
        let other = foreign.or(active.first()).map_or("", |key| key.key_id.as_str());
        (active.len() >= most as usize).then(|| {
            Ok(format!(
                "the vendor takes {most} keys at most and has as many; delete one that nothing \
                 uses there, such as {other}"
            ))
        })
    }

    fn next_label(&self, work: &Work) -> String {
        let Some(open) = work.open() else { return String::new() };
        let used = open.label.rsplit('-').next().and_then(|n| n.parse::<u32>().ok()).unwrap_or(0);
        format!("clawvault-{}-{}", open.id, used.saturating_add(1))
    }

    /// The new key into the vault, or, where that cannot be, out of the world.
    async fn store(
        &self,
        work: &mut Work,
        adapter: &dyn Adapter,
        ask: &Ask,
        created: Created,
    ) -> Result<Flow, B::Error> {
        let now = self.timer.now_ms();
        let Created { fields, key_id, expires_ms } = created;
        let mut tries = 0;
        loop {
            let info = KeyInfo { version: 0, key_id: key_id.clone(), expires_ms };
            let pending = VersionChange::Pending(fields.clone());
            let stored = self.try_write(work, pending, |life| {
                life.know(info);
                if let Some(open) = &mut life.open {
                    super::begin::advance(open, State::Stored, now);
                }
            });
            tries += 1;
            match stored.await {
                Ok(true) => return Ok(Flow::Again),
                Err(_) if tries < STORE_TRIES => self.timer.sleep(200 << tries).await,
                failed => {
                    // Nobody may hold a key that nobody knows of. Where this fails as well, the
                    // journal has its label, and the list tells of it.
                    let ask = Ask { key: fields, key_id, ..ask.clone() };
                    adapter.revoke(&ask).await.ok();
                    return failed.map(|_| Flow::Again);
                }
            }
        }
    }

    /// Creating, and nobody knows whether the call was carried out.
    pub(super) async fn settle(&self, work: &mut Work) -> Result<Flow, B::Error> {
        let Some(adapter) = work.adapter.clone() else {
            return self.ask_person(work, "the vendor has no interface any more").await;
        };
        let old = work.open().map_or(0, |open| open.old);
        let ask = self.ask(work, old).await?;
        let can = abilities(&*adapter, &ask);
        if can.level == Level::NoOverlap {
            return self.settle_in_place(work, &*adapter, &ask).await;
        }
        if !can.list {
            let label = ask.label;
            self.name_orphan(work, label).await?;
            let why = "the answer was lost, and the vendor lists no keys: look for one of that name \
                       at its console and remove it";
            return self.fail(work, why).await;
        }
        let (now, since) = (self.timer.now_ms(), work.open().map_or(0, |open| open.changed_ms));
        let lag = LIST_LAG_MS.max(i64::from(can.propagation_s) * 1000);
        if now < since.saturating_add(lag) {
            // A request that was on its way when its sender died may still arrive.
            return self.wait(work, since + lag - now, None).await;
        }
        let listed = {
            let _turn = self.door(work).await;
            adapter.list(&ask).await
        };
        match listed {
            Ok(listed) => {
                let named = |key: &&Listed| {
                    key.active && key.name.as_ref().is_some_and(|name| has_label(name, &ask.label))
                };
                let found: Vec<Listed> = listed.iter().filter(named).cloned().collect();
                if let Err(error) = self.remove_orphans(work, &*adapter, &ask, &found).await?
                    && error.may_pass()
                {
                    return self.pause(work, &words(&error), error.retry_after_s).await;
                }
                let attempts = work.open().map_or(0, |open| open.attempts);
                let why = "a call that creates got no answer; what it made was removed";
                if attempts >= MANY {
                    return self.fail(work, why).await;
                }
                let now = self.timer.now_ms();
                self.write(work, |life| {
                    if let Some(open) = &mut life.open {
                        super::begin::advance(open, State::Planned, now);
                        open.attempts = attempts.saturating_add(1);
                        open.trouble = Some(why.to_owned());
                    }
                })
                .await
            }
            Err(error) if error.may_pass() => {
                self.pause(work, &words(&error), error.retry_after_s).await
            }
            Err(error) => {
                self.name_orphan(work, ask.label.clone()).await?;
                self.fail(work, &words(&error)).await
            }
        }
    }

    /// Revokes keys whose values nobody has; those that cannot be are named.
    pub(super) async fn remove_orphans(
        &self,
        work: &mut Work,
        adapter: &dyn Adapter,
        ask: &Ask,
        found: &[Listed],
    ) -> Result<Result<(), VendorError>, B::Error> {
        for orphan in found {
            let key_id = Some(orphan.key_id.clone());
            let beside = ask.key.clone();
            let ask = Ask { key: Vec::new(), beside, key_id, ..ask.clone() };
            let done = {
                let _turn = self.door(work).await;
                adapter.revoke(&ask).await
            };
            match done {
                Ok(_) => {}
                Err(error) if error.may_pass() => return Ok(Err(error)),
                Err(error) => {
                    let name = orphan.name.clone().unwrap_or_default();
                    self.name_orphan(work, format!("{name} ({})", orphan.key_id)).await?;
                    if error.kind == Kind::NotFound {
                        continue;
                    }
                }
            }
        }
        Ok(Ok(()))
    }

    async fn name_orphan(&self, work: &mut Work, orphan: String) -> Result<(), B::Error> {
        self.write(work, |life| {
            if !life.orphans.contains(&orphan) {
                life.orphans.push(orphan);
            }
            let surplus = life.orphans.len().saturating_sub(64);
            life.orphans.drain(..surplus);
        })
        .await?;
        Ok(())
    }

    /// The old key tells: accepted, nothing happened; refused, the new one is lost.
    async fn settle_in_place(
        &self,
        work: &mut Work,
        adapter: &dyn Adapter,
        ask: &Ask,
    ) -> Result<Flow, B::Error> {
        let told = {
            let _turn = self.door(work).await;
            adapter.validate(ask).await
        };
        match told {
            Ok(Validity::Live(_)) => {
                let attempts = work.open().map_or(0, |open| open.attempts);
                if attempts >= MANY {
                    return self.fail(work, "the vendor did not replace the key").await;
                }
                self.enter(work, State::Planned).await?;
                self.pause(work, "the vendor did not replace the key", None).await
            }
            Ok(Validity::Dead(_)) => {
                self.name_orphan(work, ask.label.clone()).await?;
                self.enter(work, State::Lost).await?;
                let guide = self.vendors.guide(&work.look);
                let why = format!(
                    "the vendor replaced the key and its answer was lost: neither the old nor the \
                     new one is usable here. {guide}"
                );
                self.ask_person(work, &why).await
            }
            Ok(Validity::Unknown(why)) => self.pause(work, &why, None).await,
            Err(error) => self.pause(work, &words(&error), error.retry_after_s).await,
        }
    }
}

/// True where a key's name holds the label and does not go on with a digit.
pub(super) fn has_label(name: &str, label: &str) -> bool {
    !label.is_empty()
        && name.match_indices(label).any(|(at, _)| {
            !name[at + label.len()..].starts_with(|next: char| next.is_ascii_digit())
        })
}
