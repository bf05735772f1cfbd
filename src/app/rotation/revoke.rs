//! Revocation: what is local is cut first, in one commit; then all vendors at once, admin credentials
//! last; then the proof that each key is refused.

use std::time::Instant;

use clawvault_core::domain::{Aim, Event, Policy, ProfileName, SecretName, Stage};
use clawvault_core::platform::{Clock, SystemClock};
use clawvault_core::vault::Step;

use super::asker::Asking;
use super::plan::Planned;
use super::report::{Line, Rest};
use super::vendors::PolicyVendors;
use super::{Overview, WorkingEngine, engine, new_id, refused, run, together};
use crate::app::session::Request;
use crate::app::{App, AppError, Code};
use crate::rotate::{Books as _, Key, Look, Vendors as _, begin};

/// Vendors whose keys are the way to machines and to data: only when asked for.
const INFRA: &[&str] = &["ssh", "postgres", "redis", "mysql", "mongodb"];
/// How long a command waits for vendors that do not answer, in milliseconds; then the daemon, or
/// `rotate --due`, goes on.
const PATIENCE_MS: i64 = 60_000;

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
}

/// What a person sees while it goes on.
#[derive(Debug)]
pub enum Row<'a> {
    /// Everything local is cut: so many secrets, in so many milliseconds.
    Cut(usize, u128),
    /// One secret came to rest, so many milliseconds after the cut.
    Rest(&'a Line, u128),
}

/// What came of it.
#[derive(Debug, Default)]
pub struct RevokedAll {
    /// Milliseconds until everything local was cut.
    pub cut_ms: u128,
    /// Milliseconds in all.
    pub total_ms: u128,
    /// One line for each secret, and its milliseconds.
    pub lines: Vec<(Line, u128)>,
    /// What was left alone, and why.
    pub left: Vec<(Key, &'static str)>,
    /// The report, one JSON document, with its keyed digest.
    pub report: String,
}

impl RevokedAll {
    /// True where any of them rests like that.
    pub fn any(&self, rest: Rest) -> bool {
        self.lines.iter().any(|(line, _)| line.rest == rest)
    }
}

/// What is chosen, and what is left alone.
struct Chosen {
    looks: Vec<Look>,
    left: Vec<(Key, &'static str)>,
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
                let ask = Ask { params: look.rule.params.clone(), ..Ask::default() };
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

    /// Revokes; `say` is told what goes on.
    ///
    /// # Errors
    /// Where the vault fails, or a named secret is not there. What was cut stays cut.
    pub fn revoke(
        &self,
        options: &RevokeOptions,
        say: &mut dyn FnMut(&Row<'_>),
    ) -> Result<RevokedAll, AppError> {
        let start = Instant::now();
        let began_ms = SystemClock.now_ms();
        let mut asking = Asking::new(self, true);
        let overview = Overview::of(asking.ask(Request::Lives(None))?)?;
        let Chosen { looks, left } = choose(&overview, options)?;
        let policy = overview.policy;
        run(async {
            let ask = |request| asking.ask(request);
            let engine = engine(Box::new(ask), &self.runtime, policy.clone());
            let version = options.one.as_ref().and_then(|(_, version)| *version);
            let (looks, mut lines) = cut(&engine, looks, version, began_ms)?;
            let cut_ms = start.elapsed().as_millis();
            say(&Row::Cut(looks.len(), cut_ms));
            prime(&engine, &looks)?;
            let is_admin = |look: &Look| look.info.admin || policy.is_admin(&look.life.name);
            let (last, first): (Vec<Look>, Vec<Look>) = looks.into_iter().partition(is_admin);
            // An admin credential is what the others are revoked with: it goes last.
            for turn in [first, last] {
                let work = turn.into_iter().map(|look| work_on(&engine, look, start)).collect();
                together::all(work, &mut |done: &(Line, u128)| {
                    say(&Row::Rest(&done.0, done.1));
                    lines.push(done.clone());
                })
                .await?;
            }
            let total_ms = start.elapsed().as_millis();
            let mut all = RevokedAll { cut_ms, total_ms, lines, left, report: String::new() };
            all.report = report(&engine, &all, began_ms)?;
            Ok(all)
        })
    }
}

/// One commit: everything that is chosen is handed out to nobody any more, and queued.
fn cut(
    engine: &WorkingEngine<'_>,
    looks: Vec<Look>,
    version: Option<u32>,
    now_ms: i64,
) -> Result<(Vec<Look>, Vec<(Line, u128)>), AppError> {
    let (mut queued, mut steps, mut lines) = (Vec::new(), Vec::<Step>::new(), Vec::new());
    for look in looks {
        match begin(&look, Aim::Revoke, new_id()?, version, now_ms) {
            Ok(mut step) => {
                if let Some(open) = &mut step.life.open {
                    open.holder = Some(engine.holder());
                }
                steps.push(step);
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
    let mut lives = engine.books().step(Event::Revoke, steps)?;
    if lives.is_none() {
        let mut again = Vec::new();
        for look in &mut queued {
            if let Some(fresh) = engine.books().look(&look.key())? {
                *look = fresh;
            }
            let step = begin(look, Aim::Revoke, new_id()?, version, now_ms);
            again.push(step.map_err(|why| refused(look, &why))?);
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

async fn work_on(
    engine: &WorkingEngine<'_>,
    look: Look,
    start: Instant,
) -> Result<(Line, u128), AppError> {
    let before = look.clone();
    let (life, outcome) = engine.advance(look, PATIENCE_MS).await?;
    Ok((Line::of(&before, &life, &outcome), start.elapsed().as_millis()))
}

fn choose(overview: &Overview, options: &RevokeOptions) -> Result<Chosen, AppError> {
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

/// The report: one JSON document, and a keyed digest of it.
fn report(engine: &WorkingEngine<'_>, all: &RevokedAll, began_ms: i64) -> Result<String, AppError> {
    let key = |(line, ms): &(Line, u128)| {
        serde_json::json!({
            "profile": line.profile.as_str(),
            "name": line.name.as_str(),
            "vendor": line.vendor,
            "rotation": line.id,
            "state": line.state,
            "result": line.rest.as_str(),
            "ms": u64::try_from(*ms).unwrap_or(u64::MAX),
            "note": line.note,
        })
    };
    let left = |((profile, name), why): &(Key, &str)| serde_json::json!({ "profile": profile.as_str(), "name": name.as_str(), "why": why });
    let body = serde_json::json!({
        "began": clawvault_core::domain::moment(began_ms),
        "cut_ms": u64::try_from(all.cut_ms).unwrap_or(u64::MAX),
        "total_ms": u64::try_from(all.total_ms).unwrap_or(u64::MAX),
        "keys": all.lines.iter().map(key).collect::<Vec<_>>(),
        "left": all.left.iter().map(left).collect::<Vec<_>>(),
    });
    let text = body.to_string();
    let digest = engine.books().ask(Request::Attest(text.clone()))?.text;
    Ok(format!("{{\"report\":{text},\"digest\":\"{digest}\"}}\n"))
}
