//! Rotation and revocation as use cases: what is due, what is done about it, what a person is told.
//!
//! The engine of [`crate::rotate`] works on the vault through a [`Session`](super::session), so it is
//! the same here and in the daemon; between two steps the vault is free for others.

mod alerts;
mod asker;
mod books;
mod drill;
mod due;
mod gateways;
mod incident;
mod plan;
mod report;
mod revoke;
mod together;
mod vendors;

use std::path::Path;

use clawvault_core::domain::{Aim, Holder, Life, Policy, ProfileName, SecretInfo, SecretName, hex};
use clawvault_core::platform::process::ProcessId;
use clawvault_core::platform::{Clock, SystemClock, memory};
use clawvault_core::vault::Step;
use clawvault_providers::adapter::Fields;

use super::naming::vendor_in;
use super::session::{Reply, Request};
use super::{App, AppError, Code};
use crate::rotate::{Engine, Key, Look, Outcome, Refused, abort, begin, confirm, give};
use asker::Asking;
use books::{SessionBooks, SystemTimer};
use vendors::PolicyVendors;

pub use asker::Asker;
pub use due::{Due, Standing};
pub use gateways::Reach;
pub use incident::{RevokedAll, Signed, parts};
pub use plan::Planned;
pub use report::{Line, Rest, Rotated, has_one_field};
pub use revoke::{Gateways, Login, RevocationPlan, RevokeOptions, Row};

/// How long a command waits for what goes on by itself, in milliseconds.
const PATIENCE_MS: i64 = 20_000;

/// Which secrets are rotated.
#[derive(Clone, Debug)]
pub enum Which {
    /// These.
    Named(ProfileName, Vec<SecretName>),
    /// Those that are due, and what waits to go on.
    Due,
    /// All that can be rotated without a person.
    All,
}

/// Everything about the secrets that a rotation needs to know first.
struct Overview {
    policy: Policy,
    looks: Vec<Look>,
}

impl Overview {
    fn of(reply: Reply) -> Result<Self, AppError> {
        let policy = Policy::parse(&reply.text).map_err(clawvault_core::vault::VaultError::from)?;
        let mut lives: std::collections::BTreeMap<Key, Life> = reply
            .lives
            .into_iter()
            .map(|life| ((life.profile.clone(), life.name.clone()), life))
            .collect();
        let look = |mut info: SecretInfo| {
            info.vendor = vendor_in(&info, &policy);
            let key = (info.profile.clone(), info.name.clone());
            let life =
                lives.remove(&key).unwrap_or_else(|| Life::new(key.0.clone(), key.1.clone()));
            let rule = policy.rule(&key.0, &key.1, info.vendor.as_deref());
            Look { life, info, rule }
        };
        let looks = reply.infos.into_iter().map(look).collect();
        Ok(Self { policy, looks })
    }
}

type WorkingEngine<'a> = Engine<SessionBooks<'a>, PolicyVendors, SystemTimer>;

fn engine<'a>(ask: Asker<'a>, runtime: &Path, policy: Policy) -> WorkingEngine<'a> {
    let books = SessionBooks::new(ask, runtime.to_owned());
    Engine::new(books, PolicyVendors::new(policy), SystemTimer)
}

/// Runs what talks to vendors.
fn run<T>(work: impl Future<Output = Result<T, AppError>>) -> Result<T, AppError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let failed = |_| {
        AppError::new(Code::Failed, "no runtime can be made", "Free some memory or descriptors.")
    };
    runtime.map_err(failed)?.block_on(work)
}

impl App {
    /// Rotates; `say` is told of each as it comes to rest.
    ///
    /// # Errors
    /// Where the vault fails, or a named secret is not there.
    pub fn rotate(&self, which: &Which, say: &mut dyn FnMut(&Line)) -> Result<Rotated, AppError> {
        let mut asking = Asking::new(self, false);
        rotate(&mut |request| asking.ask(request), &self.reach(), which, say)
    }

    /// What rotating would do: every call, with no value in it.
    ///
    /// # Errors
    /// Where the vault fails, or a named secret is not there.
    pub fn plan_rotation(&self, which: &Which) -> Result<Vec<Planned>, AppError> {
        let mut asking = Asking::new(self, false);
        let overview = Overview::of(asking.ask(Request::Lives(None))?)?;
        let chosen = choose(&overview, which)?;
        run(async {
            let vendors = PolicyVendors::new(overview.policy);
            Ok(plan::plan(&vendors, &meant(&vendors, chosen, which)))
        })
    }

    /// How each secret stands: its age, when it is due, what is under way.
    ///
    /// # Errors
    /// Where the vault fails.
    pub fn standings(&self) -> Result<Vec<Standing>, AppError> {
        let mut asking = Asking::new(self, false);
        standings_of(asking.ask(Request::Lives(None))?)
    }

    /// Lets a rotation go on: with a key that a person made, or by a person's word.
    ///
    /// # Errors
    /// Where there is none of that id, or it takes no key now.
    pub fn resume_rotation(
        &self,
        id: &str,
        fields: &mut dyn FnMut(&Look, &str) -> Result<Fields, AppError>,
        say: &mut dyn FnMut(&Line),
    ) -> Result<Rotated, AppError> {
        use clawvault_core::domain::State;
        let mut asking = Asking::new(self, true);
        let overview = Overview::of(asking.ask(Request::Lives(None))?)?;
        let look = under_way(&overview, id)?;
        let now = SystemClock.now_ms();
        let state = look.life.open.as_ref().map(|open| open.state);
        let step = match state {
            Some(State::Awaiting | State::Lost) => {
                let guide = PolicyVendors::new(overview.policy.clone());
                let guide = run(async { Ok(crate::rotate::Vendors::guide(&guide, look)) })?;
                give(&look.life, fields(look, &guide)?, now).map_err(|why| refused(look, &why))?
            }
            _ => confirm(&look.life),
        };
        let (revoke, key) = (is_revocation(look), look.key());
        asking.ask(Request::Steps(revoke, vec![held(step)]))?;
        let which = Which::Named(key.0, vec![key.1]);
        rotate(&mut |request| asking.ask(request), &self.reach(), &which, say)
    }

    /// Gives a rotation up; the old key stays what it is.
    ///
    /// # Errors
    /// Where there is none of that id, or it is past that point.
    pub fn abort_rotation(
        &self,
        id: &str,
        say: &mut dyn FnMut(&Line),
    ) -> Result<Rotated, AppError> {
        let mut asking = Asking::new(self, false);
        let overview = Overview::of(asking.ask(Request::Lives(None))?)?;
        let look = under_way(&overview, id)?;
        let step = abort(&look.life, SystemClock.now_ms()).map_err(|why| refused(look, &why))?;
        let goes_on = step.life.open.is_some();
        let key = look.key();
        asking.ask(Request::Steps(false, vec![held(step)]))?;
        if !goes_on {
            return Ok(Rotated::default());
        }
        let which = Which::Named(key.0, vec![key.1]);
        rotate(&mut |request| asking.ask(request), &self.reach(), &which, say)
    }

    /// Goes on with every revocation that waits: unreachable vendors, what people have to do.
    ///
    /// # Errors
    /// Where the vault fails.
    pub fn resume_revocations(&self, say: &mut dyn FnMut(&Line)) -> Result<Rotated, AppError> {
        let mut asking = Asking::new(self, true);
        rotate(&mut |request| asking.ask(request), &self.reach(), &Which::Due, say)
    }
}

/// Rotates by whatever asks the vault: a command or the daemon.
///
/// # Errors
/// Where the vault fails, or a named secret is not there.
pub fn rotate(
    ask: &mut dyn FnMut(Request) -> Result<Reply, AppError>,
    reach: &Reach,
    which: &Which,
    say: &mut dyn FnMut(&Line),
) -> Result<Rotated, AppError> {
    let overview = Overview::of(ask(Request::Lives(None))?)?;
    let chosen = choose(&overview, which)?;
    let vendors = PolicyVendors::new(overview.policy.clone());
    let rotated = run(async {
        let chosen = meant(&vendors, chosen, which);
        let books = SessionBooks::new(Box::new(&mut *ask), reach.runtime.clone());
        let vendors = PolicyVendors::new(overview.policy).telling(reach);
        let engine = Engine::new(books, vendors, SystemTimer);
        let mut rotated = Rotated::default();
        let mut begun = Vec::new();
        for look in chosen {
            match begin_one(&engine, look)? {
                Ok(look) => begun.push(look),
                Err(line) => {
                    say(&line);
                    rotated.add(line);
                }
            }
        }
        let work = begun.into_iter().map(|look| work_on(&engine, look)).collect();
        together::all(work, &mut |line: &Line| {
            say(line);
            rotated.add(line.clone());
        })
        .await?;
        Ok(rotated)
    });
    // Whatever came of it; what cannot be told now is noticed again by whoever looks next.
    alerts::raise(ask).ok();
    rotated
}

/// Rotates what is due, and gives the moment when something is due next, in milliseconds since 1970.
///
/// # Errors
/// Where the vault fails.
pub fn pass(
    ask: &mut dyn FnMut(Request) -> Result<Reply, AppError>,
    reach: &Reach,
) -> Result<Option<i64>, AppError> {
    let before = Overview::of(ask(Request::Lives(None))?)?;
    let now = SystemClock.now_ms();
    let is_due = run(async { Ok(due::next(&before, now)) })?.is_some_and(|at| at <= now);
    if !is_due {
        alerts::raise(ask).ok();
        return run(async { Ok(due::next(&before, now)) });
    }
    rotate(ask, reach, &Which::Due, &mut |_| {})?;
    let after = Overview::of(ask(Request::Lives(None))?)?;
    run(async { Ok(due::next(&after, SystemClock.now_ms())) })
}

/// How each secret stands, by what a session told.
pub(in crate::app) fn standings_of(reply: Reply) -> Result<Vec<Standing>, AppError> {
    let overview = Overview::of(reply)?;
    run(async { Ok(due::standings(&overview, SystemClock.now_ms())) })
}

/// Begins, where nothing is under way.
fn begin_one(engine: &WorkingEngine<'_>, look: Look) -> Result<Result<Look, Line>, AppError> {
    use crate::rotate::Books as _;
    if look.life.open.is_some() {
        return Ok(Ok(look));
    }
    let step = match begin(&look, Aim::Replace, new_id()?, None, SystemClock.now_ms()) {
        Ok(step) => held(step),
        Err(why) => return Ok(Err(Line::refused(&look, &refused(&look, &why).what))),
    };
    let begun = engine.books().step(clawvault_core::domain::Event::Rotate, vec![step])?;
    Ok(match begun.and_then(|mut lives| lives.pop()) {
        Some(life) => Ok(Look { life, ..look }),
        None => Err(Line::refused(&look, "another process is rotating it")),
    })
}

/// The same step, with what it leaves under way in this process's hands: the daemon, which goes on
/// with whatever waits, leaves it alone.
fn held(mut step: Step) -> Step {
    if let Some(open) = &mut step.life.open {
        let own = ProcessId::own();
        open.holder = Some(Holder { pid: own.pid, started: own.started });
    }
    step
}

async fn work_on(engine: &WorkingEngine<'_>, look: Look) -> Result<Line, AppError> {
    let before = look.clone();
    let (life, outcome): (Life, Outcome) = engine.advance(look, PATIENCE_MS).await?;
    Ok(Line::of(&before, &life, &outcome))
}

/// Of those that were chosen, the ones that are worked on now.
fn meant(vendors: &PolicyVendors, chosen: Vec<Look>, which: &Which) -> Vec<Look> {
    let (now, is_due) = (SystemClock.now_ms(), matches!(which, Which::Due));
    match which {
        Which::Named(..) => chosen,
        _ => chosen.into_iter().filter(|one| due::wanted(vendors, one, is_due, now)).collect(),
    }
}

/// The secrets that are meant.
fn choose(overview: &Overview, which: &Which) -> Result<Vec<Look>, AppError> {
    let Which::Named(profile, names) = which else { return Ok(overview.looks.clone()) };
    let find = |name: &SecretName| {
        let is = |look: &&Look| look.life.profile == *profile && look.life.name == *name;
        let found = overview.looks.iter().find(is).cloned();
        found.ok_or_else(|| {
            let what = format!("there is no secret {name} in profile {profile}");
            AppError::new(Code::Missing, what, "`clawvault list` shows what there is.")
        })
    };
    names.iter().map(find).collect()
}

fn under_way<'a>(overview: &'a Overview, id: &str) -> Result<&'a Look, AppError> {
    let is = |look: &&Look| look.life.open.as_ref().is_some_and(|open| open.id == id);
    overview.looks.iter().find(is).ok_or_else(|| {
        AppError::new(
            Code::Missing,
            "no rotation of that id is under way",
            "`clawvault rotations` shows those that are.",
        )
    })
}

fn is_revocation(look: &Look) -> bool {
    look.life.open.as_ref().is_some_and(|open| open.aim == Aim::Revoke)
}

fn refused(look: &Look, why: &Refused) -> AppError {
    let name = &look.life.name;
    let (what, advice) = match why {
        Refused::UnderWay(id) => (
            format!("rotation {id} of {name} is under way"),
            "`clawvault rotations` shows it; `rotations resume` and `abort` go on with it.",
        ),
        Refused::Nothing => (
            format!("{name} has no version that could be replaced or revoked"),
            "`clawvault history` shows its versions.",
        ),
        Refused::NotAwaiting => (
            format!("the rotation of {name} awaits no key now"),
            "`clawvault rotations` says what it waits for.",
        ),
        Refused::TooLate => (
            format!("the rotation of {name} is past the point where it can be given up"),
            "Let it go on with `clawvault rotations resume`.",
        ),
    };
    AppError::new(Code::Failed, what, advice)
}

/// Four random bytes in hex.
fn new_id() -> Result<String, AppError> {
    let mut bytes = [0; 4];
    memory::random(&mut bytes).map_err(|_| {
        AppError::new(Code::Failed, "the system has no randomness to give", "Try again later.")
    })?;
    Ok(hex(&bytes))
}
