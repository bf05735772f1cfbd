//! A revocation of every key, rehearsed: the same engine against vendors that are played on this
//! machine. No value is opened, no vendor called, no key changed; what would not work is found before
//! the day it has to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clawvault_core::domain::{Aim, Event, Holder, KeyInfo, Life, SecretInfo, Value};
use clawvault_core::platform::{Clock, SystemClock};
use clawvault_core::vault::{Step, VersionChange};
use clawvault_providers::adapter::{Adapter, Fields};
use clawvault_providers::standin::StandIns;

use super::asker::Asking;
use super::books::SystemTimer;
use super::incident::RevokedAll;
use super::report::Line;
use super::revoke::{Chosen, RevokeOptions, Row, choose, revoke_all};
use super::vendors::PolicyVendors;
use super::{Overview, new_id, refused, run};
use crate::app::session::Request;
use crate::app::{App, AppError, Code};
use crate::rotate::{Books, Engine, Key, Look, Sink, Vendors, begin};

/// How long each answer of a vendor that is played takes.
const LATENCY: Duration = Duration::from_millis(200);
/// Why a key is not part of a rehearsal.
const NOT_PLAYED: &str =
    "not rehearsed: no recipe describes its vendor; `revoke-all --dry-run` shows the calls";

impl App {
    /// Rehearses the revocation of what `options` choose; `say` is told what goes on. The log tells of
    /// it, and the report is signed as any.
    ///
    /// # Errors
    /// Where the vault fails, a named secret is not there, or the system gives no port.
    pub fn drill(
        &self,
        options: &RevokeOptions,
        say: &mut dyn FnMut(&Row<'_>),
    ) -> Result<RevokedAll, AppError> {
        let start = Instant::now();
        let began_ms = SystemClock.now_ms();
        let mut asking = Asking::new(self, true);
        let overview = Overview::of(asking.ask(Request::Lives(None))?)?;
        let Chosen { looks, mut left } = choose(&overview, options)?;
        let mut lines = Vec::new();
        let mut cut_ms = 0;
        run(async {
            let (engine, played) = stage(&overview, looks, &mut left).await?;
            let mut queued = Vec::new();
            for look in played {
                match begin(&look, Aim::Revoke, "drill".to_owned(), None, began_ms) {
                    Ok(step) => {
                        let taken = engine.books().take(look, step, engine.holder());
                        queued.push(taken);
                    }
                    Err(why) => lines.push((Line::refused(&look, &refused(&look, &why).what), 0)),
                }
            }
            cut_ms = start.elapsed().as_millis();
            let vendors: Vec<_> = queued.iter().map(|look| look.info.vendor.clone()).collect();
            say(&Row::Cut(&vendors, cut_ms));
            let times = (start, options.patience_ms);
            revoke_all(&engine, queued, &overview.policy, times, &mut |done| {
                say(&Row::Rest(&done.0, done.1));
                lines.push(done.clone());
            })
            .await
        })?;
        let total_ms = start.elapsed().as_millis();
        let mut all = RevokedAll {
            drill: true,
            began_ms,
            cut_ms,
            total_ms,
            lines,
            left,
            ..RevokedAll::default()
        };
        let text = all.document();
        let signed = asking.ask(Request::Attest(true, text.clone()))?.text;
        all.sign(&text, &signed)?;
        Ok(all)
    }
}

type Rehearsal = Engine<Script, Players, SystemTimer>;

/// Who plays, and which of the secrets can be played; the others are left.
async fn stage(
    overview: &Overview,
    looks: Vec<Look>,
    left: &mut Vec<(Key, &'static str)>,
) -> Result<(Rehearsal, Vec<Look>), AppError> {
    let vendors = PolicyVendors::new(overview.policy.clone());
    let (mut played, mut recipes) = (Vec::new(), Vec::new());
    for look in looks {
        let vendor = look.info.vendor.clone().unwrap_or_default();
        match (vendors.recipes(&vendor), vendors.adapter(&look)) {
            (Some(interface), _) => {
                recipes.push((look.key(), vendor, interface));
                played.push(named(look));
            }
            // A vendor that has no calls at all is a person's.
            (None, None) => played.push(look),
            (None, Some(_)) => left.push((look.key(), NOT_PLAYED)),
        }
    }
    let interfaces = recipes.iter().map(|(.., interface)| interface.clone()).collect();
    let stand_ins = StandIns::start(interfaces, LATENCY).await.map_err(|error| {
        let what = format!("no port of this machine can be had: {}", error.kind());
        AppError::new(Code::Failed, what, "Free some descriptors, and try again.")
    })?;
    let mut adapters = BTreeMap::new();
    for (nth, (key, vendor, interface)) in recipes.into_iter().enumerate() {
        let adapter = vendors.stand_in(&vendor, interface, stand_ins.base_url(nth));
        adapters.extend(adapter.map(|adapter| (key, adapter)));
    }
    let known = overview.looks.iter().map(|look| (look.key(), look.info.clone())).collect();
    let books = Script { known, looks: BTreeMap::new() };
    let players = Players { vendors, adapters, _stand_ins: stand_ins };
    Ok((Engine::new(books, players, SystemTimer), played))
}

/// The same secret, with ids for those of its keys whose id is not known.
fn named(mut look: Look) -> Look {
    for version in &look.info.versions {
        if look.life.key_id(version.number).is_none() {
            let key_id = Some(format!("drill-{}", version.number));
            look.life.know(KeyInfo { version: version.number, key_id, expires_ms: None });
        }
    }
    look
}

/// A journal that is kept nowhere, and values that open nothing.
struct Script {
    known: BTreeMap<Key, SecretInfo>,
    looks: BTreeMap<Key, Look>,
}

impl Script {
    /// Takes a secret in, as far as it was begun.
    fn take(&mut self, look: Look, step: Step, holder: Holder) -> Look {
        let mut life = step.life;
        if let Some(open) = &mut life.open {
            open.holder = Some(holder);
            // What a lost call may have made is not sought: nobody plays a list.
            open.label.clear();
        }
        let look = Look { life, ..look };
        self.looks.insert(look.key(), look.clone());
        look
    }
}

impl Books for Script {
    type Error = AppError;

    fn look(&mut self, key: &Key) -> Result<Option<Look>, AppError> {
        Ok(self.looks.get(key).cloned())
    }

    fn step(&mut self, _event: Event, steps: Vec<Step>) -> Result<Option<Vec<Life>>, AppError> {
        let mut lives = Vec::new();
        for Step { mut life, change } in steps {
            life.revision = life.revision.wrapping_add(1);
            let key = (life.profile.clone(), life.name.clone());
            if let Some(look) = self.looks.get_mut(&key) {
                if let VersionChange::Stages(stages) = change {
                    for version in &mut look.info.versions {
                        let new = stages.iter().find(|(number, _)| *number == version.number);
                        version.stage = new.map_or(version.stage, |(_, stage)| *stage);
                    }
                }
                look.life = life.clone();
            }
            lives.push(life);
        }
        Ok(Some(lives))
    }

    fn fields(&mut self, _event: Event, wants: &[(Key, u32)]) -> Result<Vec<Fields>, AppError> {
        let one = |(key, number): &(Key, u32)| {
            let info = self.known.get(key);
            let version = info.and_then(|info| match number {
                0 => info.current(),
                number => info.version(*number),
            });
            let version = version.ok_or_else(|| {
                let what = format!("there is no secret {} in profile {}", key.1, key.0);
                AppError::new(Code::Missing, what, "`clawvault list` shows what there is.")
            })?;
            let field = |(name, _): &(clawvault_core::domain::FieldName, _)| {
                let value = Value::copy_of(format!("drill-{}", new_id()?).as_bytes());
                let full = |_| {
                    let what = "no memory can be had for a value";
                    AppError::new(Code::Failed, what, "Free some memory.")
                };
                Ok((name.clone(), value.map_err(full)?))
            };
            version.fields.iter().map(field).collect()
        };
        wants.iter().map(one).collect()
    }

    fn held(&mut self, _key: &Key, _version: u32) -> Vec<u32> {
        Vec::new()
    }
}

/// Adapters that speak with stand-ins, and with nobody else.
struct Players {
    vendors: PolicyVendors,
    adapters: BTreeMap<Key, Arc<dyn Adapter>>,
    _stand_ins: StandIns,
}

impl Vendors for Players {
    fn adapter(&self, look: &Look) -> Option<Arc<dyn Adapter>> {
        self.adapters.get(&look.key()).cloned()
    }

    fn sinks(&self, _look: &Look) -> Vec<Box<dyn Sink>> {
        Vec::new()
    }

    fn guide(&self, look: &Look) -> String {
        // There is no rotation to resume.
        self.vendors.by_hand(look, true)
    }
}
