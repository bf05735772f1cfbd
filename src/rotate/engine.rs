//! One rotation, from where it stands to where it has to wait.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use clawvault_core::domain::{Event, Holder, Life, Rotation, State};
use clawvault_core::platform::process::ProcessId;
use clawvault_core::vault::{Step, VersionChange};
use clawvault_providers::adapter::{Abilities, Adapter, Ask, Fields, VendorError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::group::Group;
use super::{Books, Key, Look, Timer, Vendors};

/// Calls to one vendor at once.
const AT_ONCE: usize = 8;
/// The first pause after a failure, in milliseconds; it doubles.
const PAUSE_MS: i64 = 2_000;
/// The longest pause, in milliseconds.
const MAX_PAUSE_MS: i64 = 3_600_000;

/// What works on rotations: of one vault, in one process, each secret once at a time.
pub struct Engine<B: Books, V, T> {
    pub(super) group: Group<B>,
    pub(super) vendors: V,
    pub(super) timer: T,
    holder: Holder,
    doors: RefCell<HashMap<String, Arc<Semaphore>>>,
    /// Fields that were opened for many at once.
    primed: RefCell<HashMap<(Key, u32), Fields>>,
}

/// How it went, as far as it goes now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Over, and how.
    Over,
    /// It goes on by itself, not before this moment (milliseconds since 1970).
    Waits(i64),
    /// A person has to act.
    Person,
    /// The process of this number works on it.
    Busy(u32),
}

/// What a handler of a state found.
pub(super) enum Flow {
    /// The state is another one.
    Again,
    /// Not before the moment that was written down, or not without a person.
    Parked,
}

/// What a rotation is about, while it is worked on.
pub(super) struct Work {
    pub(super) look: Look,
    pub(super) adapter: Option<Arc<dyn Adapter>>,
}

impl Work {
    /// What is under way; where nothing is, there is nothing to do either.
    pub(super) fn open(&self) -> Option<&Rotation> {
        self.look.life.open.as_ref()
    }

    pub(super) fn state(&self) -> Option<State> {
        self.open().map(|open| open.state)
    }

    pub(super) fn event(&self) -> Event {
        use clawvault_core::domain::Aim;
        match self.open().map(|open| open.aim) {
            Some(Aim::Revoke) => Event::Revoke,
            _ => Event::Rotate,
        }
    }
}

impl<B: Books, V: Vendors, T: Timer> Engine<B, V, T> {
    /// An engine for this process.
    pub fn new(books: B, vendors: V, timer: T) -> Self {
        let own = ProcessId::own();
        let holder = Holder { pid: own.pid, started: own.started };
        let (doors, primed) = (RefCell::default(), RefCell::default());
        Self { group: Group::new(books), vendors, timer, holder, doors, primed }
    }

    /// The vault.
    pub fn books(&self) -> std::cell::RefMut<'_, B> {
        self.group.books()
    }

    /// This process, as the journal names it.
    pub fn holder(&self) -> Holder {
        self.holder
    }

    /// The clock and the vendors.
    pub fn parts(&self) -> (&T, &V) {
        (&self.timer, &self.vendors)
    }

    /// Keeps fields that were opened for many at once.
    pub fn prime(&self, key: Key, version: u32, fields: Fields) {
        self.primed.borrow_mut().insert((key, version), fields);
    }

    /// Goes on until it is over or has to wait for longer than `patience_ms` in all.
    ///
    /// # Errors
    /// Where the vault fails: what was done stands in the journal, and the next one goes on there.
    pub async fn advance(&self, look: Look, patience_ms: i64) -> Result<(Life, Outcome), B::Error> {
        let adapter = self.vendors.adapter(&look);
        let mut work = Work { look, adapter };
        let until = self.timer.now_ms().saturating_add(patience_ms);
        if let Some(pid) = self.claim(&mut work).await? {
            return Ok((work.look.life, Outcome::Busy(pid)));
        }
        loop {
            let now = self.timer.now_ms();
            let Some(open) = work.open() else { return Ok((work.look.life, Outcome::Over)) };
            let (next, needs_person) = (open.next_ms, open.needs_person);
            if needs_person || next > until {
                let outcome = if needs_person { Outcome::Person } else { Outcome::Waits(next) };
                self.release(&mut work).await?;
                return Ok((work.look.life, outcome));
            }
            if next > now {
                self.timer.sleep(next - now).await;
            }
            let _ = self.one_step(&mut work).await?;
        }
    }

    async fn one_step(&self, work: &mut Work) -> Result<Flow, B::Error> {
        match work.state() {
            Some(State::Planned) => self.create(work).await,
            Some(State::Creating) => self.settle(work).await,
            Some(State::Stored) => self.prove(work).await,
            Some(State::Proven) => self.switch(work).await,
            Some(State::Switched) => self.deploy(work).await,
            Some(State::Deployed) => self.drain(work).await,
            Some(State::Revoking) => self.revoke(work).await,
            Some(State::Awaiting | State::Lost) => {
                let words = self.vendors.guide(&work.look);
                self.ask_person(work, &words).await
            }
            Some(State::Revoked) | None => {
                let now = self.timer.now_ms();
                self.write(work, |life| life.end(State::Revoked, now, None)).await
            }
        }
    }

    /// Takes the work for this process; gives the number of the one that has it.
    async fn claim(&self, work: &mut Work) -> Result<Option<u32>, B::Error> {
        let holder = work.open().and_then(|open| open.holder);
        if let Some(other) = holder.filter(|other| *other != self.holder)
            && (ProcessId { pid: other.pid, started: other.started }).is_alive()
        {
            return Ok(Some(other.pid));
        }
        if holder != Some(self.holder) && work.open().is_some() {
            let own = self.holder;
            let taken = self.try_write(work, VersionChange::None, |life| {
                if let Some(open) = &mut life.open {
                    open.holder = Some(own);
                }
            });
            if !taken.await? {
                return Ok(Some(0));
            }
        }
        Ok(None)
    }

    async fn release(&self, work: &mut Work) -> Result<(), B::Error> {
        if work.open().is_some_and(|open| open.holder.is_some()) {
            self.try_write(work, VersionChange::None, |life| {
                if let Some(open) = &mut life.open {
                    open.holder = None;
                }
            })
            .await?;
        }
        Ok(())
    }

    /// Writes a change of the life down; false where another process was faster.
    pub(super) async fn try_write(
        &self,
        work: &mut Work,
        change: VersionChange,
        edit: impl FnOnce(&mut Life),
    ) -> Result<bool, B::Error> {
        let mut life = work.look.life.clone();
        edit(&mut life);
        let refresh = matches!(change, VersionChange::Pending(_));
        let stages = match &change {
            VersionChange::Stages(stages) => stages.clone(),
            _ => Vec::new(),
        };
        let written = self.group.step(work.event(), Step { life, change }).await?;
        let Some(life) = written else {
            // What is true now, the journal says.
            if let Some(look) = self.books().look(&work.look.key())? {
                work.look = look;
            }
            return Ok(false);
        };
        work.look.life = life;
        for (number, stage) in stages {
            let versions = &mut work.look.info.versions;
            versions.iter_mut().filter(|v| v.number == number).for_each(|v| v.stage = stage);
        }
        if refresh && let Some(look) = self.books().look(&work.look.key())? {
            work.look = look;
        }
        Ok(true)
    }

    /// Writes a change of the life down, and goes on.
    pub(super) async fn write(
        &self,
        work: &mut Work,
        edit: impl FnOnce(&mut Life),
    ) -> Result<Flow, B::Error> {
        self.try_write(work, VersionChange::None, edit).await?;
        Ok(Flow::Again)
    }

    /// The same for what is under way, which it brings to `state`.
    pub(super) async fn enter(&self, work: &mut Work, state: State) -> Result<Flow, B::Error> {
        let now = self.timer.now_ms();
        self.write(work, |life| {
            if let Some(open) = &mut life.open {
                super::begin::advance(open, state, now);
            }
        })
        .await
    }

    /// Waits a while before the same is tried again: longer each time.
    pub(super) async fn pause(
        &self,
        work: &mut Work,
        why: &str,
        retry_after_s: Option<u64>,
    ) -> Result<Flow, B::Error> {
        let now = self.timer.now_ms();
        self.write(work, |life| {
            if let Some(open) = &mut life.open {
                let doubled = PAUSE_MS.saturating_mul(1 << open.attempts.min(16));
                let asked = retry_after_s.and_then(|s| i64::try_from(s).ok()).unwrap_or(0);
                let pause = doubled.max(asked.saturating_mul(1000)).min(MAX_PAUSE_MS);
                open.attempts = open.attempts.saturating_add(1);
                open.next_ms = now.saturating_add(pause);
                open.trouble = Some(why.to_owned());
            }
        })
        .await?;
        Ok(Flow::Parked)
    }

    /// Looks again after `ms`, without counting it as a failure.
    pub(super) async fn wait(
        &self,
        work: &mut Work,
        ms: i64,
        why: Option<String>,
    ) -> Result<Flow, B::Error> {
        let now = self.timer.now_ms();
        self.write(work, |life| {
            if let Some(open) = &mut life.open {
                open.next_ms = now.saturating_add(ms);
                open.trouble = why;
            }
        })
        .await?;
        Ok(Flow::Parked)
    }

    /// Leaves it to a person.
    pub(super) async fn ask_person(&self, work: &mut Work, why: &str) -> Result<Flow, B::Error> {
        self.write(work, |life| {
            if let Some(open) = &mut life.open {
                (open.needs_person, open.next_ms) = (true, 0);
                open.trouble = Some(why.to_owned());
            }
        })
        .await?;
        Ok(Flow::Parked)
    }

    /// Ends it without a new key: the old one stays what it is.
    pub(super) async fn fail(&self, work: &mut Work, why: &str) -> Result<Flow, B::Error> {
        let now = self.timer.now_ms();
        self.write(work, |life| {
            let state = life.open.as_ref().map_or(State::Planned, |open| open.state);
            life.end(state, now, Some(why.to_owned()));
            life.failed_ms = Some(now);
        })
        .await?;
        Ok(Flow::Parked)
    }

    /// What the adapter is asked about a version (0: about the secret as such).
    pub(super) async fn ask(&self, work: &Work, version: u32) -> Result<Ask, B::Error> {
        let look = &work.look;
        let key = look.key();
        let mut wants = Vec::new();
        let primed =
            |key: &Key, version| self.primed.borrow().get(&(key.clone(), version)).cloned();
        let mut fields = primed(&key, version);
        if fields.is_none() && version > 0 {
            wants.push((key, version));
        }
        let admin = look.rule.admin.clone().map(|name| (look.life.profile.clone(), name));
        let mut admin_fields = admin.as_ref().and_then(|key| primed(key, 0));
        if let (Some(admin), None) = (&admin, &admin_fields) {
            wants.push((admin.clone(), 0));
        }
        if !wants.is_empty() {
            let mut opened = self.books().fields(work.event(), &wants);
            // An admin credential that is not there is missed by the calls that need it, and by no other.
            if opened.is_err() && admin_fields.is_none() && admin.is_some() {
                wants.pop();
                opened = match wants.is_empty() {
                    true => Ok(Vec::new()),
                    false => self.books().fields(work.event(), &wants),
                };
            }
            let mut opened = opened?.into_iter();
            if fields.is_none() && version > 0 {
                fields = opened.next();
            }
            admin_fields = admin_fields.or_else(|| opened.next());
        }
        let open = work.open();
        Ok(Ask {
            secret: look.life.name.to_string(),
            key: fields.unwrap_or_default(),
            beside: Fields::new(),
            key_id: look.life.key_id(version).map(str::to_owned),
            admin: admin_fields.filter(|fields| !fields.is_empty()),
            params: look.rule.params.clone(),
            label: open.map(|open| open.label.clone()).unwrap_or_default(),
            no_overlap_allowed: look.rule.no_overlap,
        })
    }

    /// Waits for its turn at the vendor; it is over when the permit is dropped.
    pub(super) async fn door(&self, work: &Work) -> Option<OwnedSemaphorePermit> {
        let vendor = work.look.info.vendor.clone().unwrap_or_default();
        let door = {
            let mut doors = self.doors.borrow_mut();
            Arc::clone(doors.entry(vendor).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))))
        };
        door.acquire_owned().await.ok()
    }
}

/// What the adapter can do with the keys of this secret.
pub(super) fn abilities(adapter: &dyn Adapter, ask: &Ask) -> Abilities {
    adapter.abilities_for(ask)
}

/// A failure in our own words.
pub(super) fn words(error: &VendorError) -> String {
    error.to_string()
}
