//! Revocation: what is local is cut first, in one commit; then all vendors at once, admin credentials
//! last; then the proof that each key is refused.

use std::time::Instant;

use clawvault_core::domain::{Aim, Event, Policy, ProfileName, SecretName, Stage};
use clawvault_core::platform::{Clock, SystemClock};
use clawvault_core::vault::Step;

use super::asker::Asking;
use super::incident::RevokedAll;
use super::plan::Planned;
use super::report::Line;
use super::vendors::PolicyVendors;
use super::{Overview, WorkingEngine, engine, held, new_id, refused, run, together};
use crate::app::session::Request;
use crate::app::{App, AppError, Code};
use crate::rotate::{Books, Engine, Key, Look, Timer, Vendors, begin};

/// Vendors whose keys are the way to machines and to data: only when asked for.
const INFRA: &[&str] = &["ssh", "postgres", "redis", "mysql", "mongodb"];

/// What is revoked.
#[derive(Clone, Debug, Default)]
pub struct RevokeOptions {
    /// One secret, and one version of it where one is named.
    pub one: Option<(Key, Option<u32>)>,
    /// Of all, only these.
    pub only: Vec<SecretName>,
    /// All but these.
    pub except: Vec<SecretName>,
    /// Of one profile.
    pub profile: Option<ProfileName>,
    /// Keys of machines and of databases, too.
    pub infra: bool,
    /// True inside a login over SSH: its key is not taken away.
    pub over_ssh: bool,
    /// How long vendors that do not answer are waited for, in milliseconds; then the daemon, or
    /// `rotate --due`, goes on.
    pub patience_ms: i64,
}

/// Tells running gateways of what was cut, each by its name and what came of it; done beside the calls
/// to vendors, in a thread of its own.
pub type Gateways<'a> = &'a (dyn Fn(&[ProfileName]) -> Vec<(String, String)> + Sync);

/// What a person sees while it goes on.
#[derive(Debug)]
pub enum Row<'a> {
    /// Everything local is cut: the vendors of these secrets are next; so many milliseconds.
    Cut(&'a [Option<String>], u128),
    /// One secret came to rest, so many milliseconds after the cut.
    Rest(&'a Line, u128),
}

/// A secret that came to rest, and its milliseconds.
pub(super) type Rested = (Line, u128);

/// What is chosen, and what is left alone.
pub(super) struct Chosen {
    pub(super) looks: Vec<Look>,
    pub(super) left: Vec<(Key, &'static str)>,
}

impl App {
    /// The calls that a revocation would make.
    ///
    /// # Errors
    /// Where the vault fails, or a named secret is not there.
    pub fn plan_revocation(&self, options: &RevokeOptions) -> Result<Vec<Planned>, AppError> {
        use clawvault_providers::adapter::{Ask, Operation};
        let mut asking = Asking::new(self, true);
        let overview = Overview::of(asking.ask(Request::Lives(None))?)?;
        let chosen = choose(&overview, options)?;
        run(async {
            let vendors = PolicyVendors::new(overview.policy.clone());
            let planned = |look: &Look| {
                let ask = Ask {
                    secret: look.life.name.to_string(),
                    params: look.rule.params.clone(),
                    ..Ask::default()
                };
                let adapter = vendors.adapter(look);
                let can = adapter.as_ref().is_some_and(|a| a.abilities_for(&ask).revoke);
                let steps = match adapter.filter(|_| can) {
                    Some(adapter) => [Operation::Revoke, Operation::Validate]
                        .iter()
                        .flat_map(|operation| adapter.plan(*operation, &ask))
                        .collect(),
                    None => vec![format!("by a person: {}", vendors.guide(look))],
                };
                let (profile, name) = look.key();
                Planned { profile, name, vendor: look.info.vendor.clone(), steps }
            };
            Ok(chosen.looks.iter().map(planned).collect())
        })
    }

    /// Revokes; `say` is told what goes on, and gateways are told of the cut meanwhile.
    ///
    /// # Errors
    /// Where the vault fails, or a named secret is not there. What was cut stays cut.
    pub fn revoke(
        &self,
        options: &RevokeOptions,
        gateways: Gateways<'_>,
        say: &mut dyn FnMut(&Row<'_>),
    ) -> Result<RevokedAll, AppError> {
        let start = Instant::now();
        let began_ms = SystemClock.now_ms();
        let mut asking = Asking::new(self, true);
        let held = asking.holding();
        let overview = Overview::of(asking.ask(Request::Lives(None))?)?;
        let Chosen { looks, left } = choose(&overview, options)?;
        let policy = overview.policy;
        let names: Vec<ProfileName> = policy.gateways.keys().cloned().collect();
        std::thread::scope(|scope| {
            run(async {
                let ask = |request| asking.ask(request);
                let engine = engine(Box::new(ask), &self.runtime, policy.clone());
                let version = options.one.as_ref().and_then(|(_, version)| *version);
                let (looks, mut lines) = cut(&engine, looks, version, began_ms)?;
                let cut_ms = start.elapsed().as_millis();
                let vendors: Vec<_> = looks.iter().map(|look| look.info.vendor.clone()).collect();
                say(&Row::Cut(&vendors, cut_ms));
                let told = (!names.is_empty() && !looks.is_empty())
                    .then(|| scope.spawn(|| gateways(&names)));
                held.set(false);
                prime(&engine, &looks)?;
                let patience = options.patience_ms;
                revoke_all(&engine, looks, &policy, (start, patience), &mut |done| {
                    say(&Row::Rest(&done.0, done.1));
                    lines.push(done.clone());
                })
                .await?;
                let total_ms = start.elapsed().as_millis();
                let gateways = told.and_then(|told| told.join().ok()).unwrap_or_default();
                let mut all = RevokedAll {
                    began_ms,
                    cut_ms,
                    total_ms,
                    lines,
                    left,
                    gateways,
                    ..RevokedAll::default()
                };
                let text = all.document();
                let signed = engine.books().ask(Request::Attest(false, text.clone()))?.text;
                all.sign(&text, &signed)?;
                Ok(all)
            })
        })
    }
}

/// Works on all at once; an admin credential is what the others are revoked with: it goes last.
pub(super) async fn revoke_all<B: Books<Error = AppError>, V: Vendors, T: Timer>(
    engine: &Engine<B, V, T>,
    looks: Vec<Look>,
    policy: &Policy,
    (start, patience_ms): (Instant, i64),
    done: &mut dyn FnMut(&Rested),
) -> Result<(), AppError> {
    let is_admin = |look: &Look| look.info.admin || policy.is_admin(&look.life.name);
    let (last, first): (Vec<Look>, Vec<Look>) = looks.into_iter().partition(is_admin);
    for turn in [first, last] {
        let one = |look| work_on(engine, look, start, patience_ms);
        together::all(turn.into_iter().map(one).collect(), done).await?;
    }
    Ok(())
}

/// One commit: everything that is chosen is handed out to nobody any more, and queued.
fn cut(
    engine: &WorkingEngine<'_>,
    looks: Vec<Look>,
    version: Option<u32>,
    now_ms: i64,
) -> Result<(Vec<Look>, Vec<Rested>), AppError> {
    let (mut queued, mut steps, mut lines) = (Vec::new(), Vec::<Step>::new(), Vec::new());
    for look in looks {
        match begin(&look, Aim::Revoke, new_id()?, version, now_ms) {
            Ok(step) => {
                steps.push(held(step));
                queued.push(look);
            }
            Err(why) => lines.push((Line::refused(&look, &refused(&look, &why).what), 0)),
        }
    }
    if steps.is_empty() {
        return Ok((queued, lines));
    }
    let stale = || {
        let what = "another process made a step in a rotation at the same moment";
        AppError::new(Code::Failed, what, "Call it again.")
    };
    // Whoever rotates one of these may be faster once; what is true then is read again.
    // And a daemon that died leaves the vault to be opened here.
    let mut lives = engine.books().step(Event::Revoke, steps).unwrap_or_default();
    if lives.is_none() {
        let mut again = Vec::new();
        for look in &mut queued {
            if let Some(fresh) = engine.books().look(&look.key())? {
                *look = fresh;
            }
            let step = begin(look, Aim::Revoke, new_id()?, version, now_ms);
            again.push(held(step.map_err(|why| refused(look, &why))?));
        }
        lives = engine.books().step(Event::Revoke, again)?;
    }
    let lives = lives.ok_or_else(stale)?;
    let queued = queued.into_iter().zip(lives).map(|(look, life)| Look { life, ..look }).collect();
    Ok((queued, lines))
}

/// Opens all values at once, with one entry of the log.
fn prime(engine: &WorkingEngine<'_>, looks: &[Look]) -> Result<(), AppError> {
    let mut wants: Vec<(Key, u32)> = Vec::new();
    for look in looks {
        let targets = look.life.open.iter().flat_map(|open| &open.targets);
        wants.extend(targets.map(|version| (look.key(), *version)));
        if let Some(admin) = &look.rule.admin {
            let want = ((look.life.profile.clone(), admin.clone()), 0);
            if !wants.contains(&want) {
                wants.push(want);
            }
        }
    }
    if wants.is_empty() {
        return Ok(());
    }
    // Where one of them cannot be opened, each is asked for on its own later, and says why.
    let opened = engine.books().fields(Event::Revoke, &wants);
    for ((key, version), fields) in wants.into_iter().zip(opened.unwrap_or_default()) {
        engine.prime(key, version, fields);
    }
    Ok(())
}

/// Works on one. What fails is looked at anew once: the daemon may have died, and the vault is opened
/// here then. Whatever comes of it is a line of the report.
async fn work_on<B: Books<Error = AppError>, V: Vendors, T: Timer>(
    engine: &Engine<B, V, T>,
    look: Look,
    start: Instant,
    patience_ms: i64,
) -> Result<Rested, AppError> {
    let before = look.clone();
    let mut done = engine.advance(look, patience_ms).await;
    if done.is_err() {
        // The books are nobody's while something is awaited.
        let fresh = engine.books().look(&before.key());
        if let Ok(Some(fresh)) = fresh {
            done = engine.advance(fresh, patience_ms).await;
        }
    }
    let line = match done {
        Ok((life, outcome)) => Line::of(&before, &life, &outcome),
        Err(error) => Line::broken(&before, &error.what),
    };
    Ok((line, start.elapsed().as_millis()))
}

pub(super) fn choose(overview: &Overview, options: &RevokeOptions) -> Result<Chosen, AppError> {
    let mut chosen = Chosen { looks: Vec::new(), left: Vec::new() };
    let named = options.one.iter().map(|(key, _)| key.clone());
    let profile = options.profile.clone().unwrap_or_default();
    let named = named.chain(options.only.iter().map(|name| (profile.clone(), name.clone())));
    for (profile, name) in named {
        let is = |look: &Look| look.life.profile == profile && look.life.name == name;
        if !overview.looks.iter().any(is) {
            let what = format!("there is no secret {name} in profile {profile}");
            return Err(AppError::new(
                Code::Missing,
                what,
                "`clawvault list` shows what there is.",
            ));
        }
    }
    for look in &overview.looks {
        let key = look.key();
        if let Some((one, _)) = &options.one {
            if *one == key {
                chosen.looks.push(look.clone());
            }
            continue;
        }
        match left_alone(&overview.policy, look, options) {
            Some(why) => chosen.left.push((key, why)),
            None => chosen.looks.push(look.clone()),
        }
    }
    Ok(chosen)
}

/// Why a secret is not revoked with all others.
fn left_alone(_policy: &Policy, look: &Look, options: &RevokeOptions) -> Option<&'static str> {
    let (profile, name) = look.key();
    let vendor = look.info.vendor.as_deref().unwrap_or_default();
    if options.profile.as_ref().is_some_and(|only| *only != profile) {
        return Some("it is of another profile");
    }
    if !options.only.is_empty() && !options.only.contains(&name) || options.except.contains(&name) {
        return Some("it was left out");
    }
    if INFRA.contains(&vendor) && !options.infra {
        return Some("it is the way to a machine or to data: --include infra");
    }
    if vendor == "ssh" && options.over_ssh {
        return Some("it may be the key of this very login: call it from another one");
    }
    if look.info.vendor.is_none() {
        return Some("its vendor is not known: revoke it where it was made");
    }
    let dead = look.info.versions.iter().all(|v| v.stage == Stage::Retired);
    let blocked = |n: u32| look.life.blocked.contains(&n);
    let current = look.info.current().map(|v| v.number);
    let over = look.life.open.is_none() && current.is_some_and(blocked);
    (dead || over).then_some("it was revoked before")
}
