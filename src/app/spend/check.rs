//! A check: every source that is due is asked, all vendors at the same time; what they tell goes into
//! the ledger; limits are judged. The vault is closed while vendors are spoken to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clawvault_core::domain::{Life, Policy, ProfileName, Reading, SecretInfo};
use clawvault_core::platform::{Clock, SystemClock};
use clawvault_core::vault::Want;
use clawvault_providers::Catalog;
use clawvault_providers::adapter::registry::Settings;
use clawvault_providers::adapter::{Ask, Fields, VendorError};
use clawvault_providers::http::{Client, Limits};
use clawvault_providers::spend::{Budget, Window, budgets, owners, readings};

use super::act::act;
use super::book::{Index, Known, take_in};
use super::budgets::{self as kept_budgets, Budgets};
use super::owners::{self as kept_owners, Owners};
use super::sources::{Source, sources};
use crate::app::alerts::{close, policy};
use crate::app::session::{Request, Session};
use crate::app::vendors::catalog_of;
use crate::app::{Access, App, AppError, Code};

/// Days that are asked for the first time.
const FIRST_DAYS: i64 = 90;
const DAY_S: i64 = 86_400;
/// Most sources of one vendor that are asked at the same time: vendors bound requests.
const AT_ONCE: usize = 8;

/// What a check did.
#[derive(Debug, Default)]
pub struct Checked {
    /// Sources that were asked.
    pub asked: usize,
    /// Figures that are new.
    pub new: usize,
    /// Figures that vendors corrected.
    pub corrected: usize,
    /// Sources that did not answer.
    pub failed: Vec<Failed>,
    /// Alerts that were raised.
    pub alerts: usize,
    /// Secrets that were paused.
    pub paused: Vec<String>,
    /// Secrets whose pause came to its end.
    pub resumed: Vec<String>,
    /// Caps that limits had set at vendors, each in a sentence.
    pub capped: Vec<String>,
    /// Secrets that limits had rotated, and how far that is.
    pub rotated: Vec<(String, String)>,
    /// What a person should know besides.
    pub notes: Vec<String>,
}

/// A source that did not answer.
#[derive(Clone, Debug)]
pub struct Failed {
    /// Its name.
    pub source: String,
    /// Why.
    pub why: String,
}

/// A source with what it is asked by.
struct Errand {
    source: Source,
    settings: Settings,
    ask: Ask,
    window: Window,
}

type Answers = Vec<Answer>;

/// What a source told.
struct Answer {
    source: Source,
    readings: Result<Vec<Reading>, VendorError>,
    budgets: Result<Vec<Budget>, VendorError>,
    owners: Result<Owners, VendorError>,
}

impl App {
    /// Whether the policy limits anything: then vendors are asked unbidden.
    pub fn has_limits(&self) -> Result<bool, AppError> {
        let mut session = self.session(Access::Read)?;
        let policy = policy(&mut session)?;
        close(session);
        let secrets = policy.secrets.values().any(|rule| !rule.limits.is_empty());
        let agents = policy.agents.values().any(|agent| !agent.limits.is_empty());
        let vendors = policy.vendors.values().any(|rule| !rule.limits.is_empty());
        let profiles = policy.profiles.values().any(|one| !one.limits.is_empty());
        Ok(secrets || agents || vendors || profiles || !policy.total.limits.is_empty())
    }

    /// Asks what is due, or everything where `all` is set, and does what limits say.
    pub fn check_spending(&self, all: bool) -> Result<Checked, AppError> {
        let now = SystemClock.now_ms();
        let mut session = self.session(Access::Write)?;
        let policy_now = policy(&mut session)?;
        let infos = session.ask(Request::List(None, false))?.infos;
        let lives = session.ask(Request::Lives(None))?.lives;
        let index = Index::read(&mut session)?;
        let (asked, by_books): (Vec<_>, Vec<_>) =
            due(&policy_now, (&infos, &lives), &index, now, all)
                .into_iter()
                .partition(|(source, _)| source.gateway.is_none());
        let errands = errands(&mut session, &policy_now, asked, now)?;
        close(session);
        let notes: BTreeSet<String> =
            errands.iter().filter_map(|errand| errand.source.plan.note.clone()).collect();
        let notes = notes.into_iter().collect();
        let asked = errands.len() + by_books.len();
        let mut checked = Checked { asked, notes, ..Checked::default() };
        let mut answers = ask_all(errands)?;
        answers.extend(self.look_into_books(by_books, now));
        let mut session = self.session(Access::Write)?;
        let mut told = Vec::new();
        let mut held = Vec::new();
        let mut learnt = Owners::new();
        for Answer { source, readings, budgets, owners } in answers {
            match owners {
                Ok(all) => learnt.extend(all),
                Err(error) => {
                    let why = error.told();
                    checked
                        .notes
                        .push(format!("{}: whose keys are was not told: {why}", source.id));
                }
            }
            match budgets {
                Ok(all) if source.has_budgets() => {
                    held.push(Budgets { source: source.id.clone(), read_ms: now, all });
                }
                Ok(_) => {}
                // They stand beside the costs, which came all the same.
                Err(error) => {
                    checked.notes.push(format!(
                        "{}: no budgets were read: {}",
                        source.id,
                        error.told()
                    ));
                }
            }
            match readings {
                Ok(readings) => told.push((source.id, readings)),
                Err(error) => {
                    note_failure(&mut session, &source.id, &error, now)?;
                    let source = source.id;
                    checked.failed.push(Failed { source, why: error.told() });
                }
            }
        }
        if !told.is_empty() {
            let merged = take_in(&mut session, told, now)?;
            (checked.new, checked.corrected) = (merged.new, merged.corrected);
        }
        kept_budgets::keep(&mut session, &held)?;
        kept_owners::add(&mut session, &learnt)?;
        let deeds = act(&mut session, &policy_now, (&infos, &lives), now, &mut checked)?;
        close(session);
        if !checked.paused.is_empty() || !checked.resumed.is_empty() {
            checked.notes.extend(self.refresh_gateways());
        }
        self.carry_out(&deeds, &mut checked)?;
        Ok(checked)
    }
}

impl App {
    /// Asks each gateway once, for all vendors that only its books tell of.
    fn look_into_books(&self, sources: Vec<(Source, Known)>, now: i64) -> Answers {
        let mut by_gateway: BTreeMap<ProfileName, Vec<Source>> = BTreeMap::new();
        for (source, _) in sources {
            let Some(gateway) = source.gateway.clone() else { continue };
            by_gateway.entry(gateway).or_default().push(source);
        }
        let mut answers = Answers::new();
        for (gateway, sources) in by_gateway {
            let vendors: Vec<&str> = sources.iter().map(|one| one.vendor.as_str()).collect();
            let told = self.estimated(&gateway, &vendors, now);
            let answer = |(source, readings)| {
                let (budgets, owners) = (Ok(Vec::new()), Ok(Owners::new()));
                Answer { source, readings, budgets, owners }
            };
            answers.extend(sources.into_iter().zip(told).map(answer));
        }
        answers
    }
}

fn note_failure(
    session: &mut Session,
    id: &str,
    error: &VendorError,
    now: i64,
) -> Result<(), AppError> {
    let wait = error.retry_after_s.and_then(|s| i64::try_from(s).ok()).unwrap_or(0);
    Index::change(session, |index| {
        let known = index.sources.entry(id.to_owned()).or_default();
        known.tried_ms = now;
        known.failed = error.told();
        known.not_before_ms = now.saturating_add(wait.saturating_mul(1000));
    })
}

/// The sources that are due, or all of them.
fn due(
    policy: &Policy,
    (infos, lives): (&[SecretInfo], &[Life]),
    index: &Index,
    now: i64,
    all: bool,
) -> Vec<(Source, Known)> {
    let mut wanted = Vec::new();
    for source in sources(policy, infos, lives).all {
        let known = index.sources.get(&source.id).cloned().unwrap_or_default();
        let due_ms = known.tried_ms.saturating_add(i64::from(source.plan.every_s) * 1000);
        if known.not_before_ms > now || !all && known.tried_ms > 0 && due_ms > now {
            continue;
        }
        wanted.push((source, known));
    }
    wanted
}

/// Whom to ask what. Each credential is opened, and logged, once.
fn errands(
    session: &mut Session,
    policy: &Policy,
    wanted: Vec<(Source, Known)>,
    now: i64,
) -> Result<Vec<Errand>, AppError> {
    let mut errands = Vec::new();
    let catalog = Arc::new(catalog_of(policy));
    let want = |(source, _): &(Source, Known)| Want {
        profile: source.profile.clone(),
        name: source.credential.clone(),
        version: None,
    };
    let fields = session.open_each(&wanted.iter().map(want).collect::<Vec<_>>())?;
    for ((source, known), fields) in wanted.into_iter().zip(fields) {
        let fields: Fields = fields.unwrap_or_default();
        let (key, admin) = match source.admin {
            true => (Fields::new(), Some(fields)),
            false => (fields, None),
        };
        let params = source.params.clone();
        let key_id = params.get("key_id").cloned();
        let ask = Ask { key, admin, params, key_id, ..Ask::default() };
        let window = window(known.read_ms, source.plan.again, now);
        let settings = settings_of(policy, &catalog, &source.vendor);
        errands.push(Errand { source, settings, ask, window });
    }
    Ok(errands)
}

/// From some days before the last answer, because vendors correct, to the end of this hour.
fn window(read_ms: i64, again: u16, now_ms: i64) -> Window {
    let now_s = now_ms / 1000;
    let from_s = match read_ms {
        0 => now_s - FIRST_DAYS * DAY_S,
        read => read / 1000 - i64::from(again.max(1)) * DAY_S,
    };
    let from_s = from_s.max(now_s - FIRST_DAYS * DAY_S).div_euclid(DAY_S) * DAY_S;
    Window { from_s, to_s: now_s.div_euclid(3600) * 3600 + 3600 }
}

/// Asks all vendors at the same time, and of one vendor so many sources.
fn ask_all(errands: Vec<Errand>) -> Result<Answers, AppError> {
    if errands.is_empty() {
        return Ok(Vec::new());
    }
    let failed =
        |what: String| AppError::new(Code::Failed, what, "Free some memory or descriptors.");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| failed(format!("no runtime can be made: {}", e.kind())))?;
    runtime.block_on(async {
        let client = Client::new(Limits::default());
        let client = client.map_err(|failure| failed(failure.detail.to_owned()))?;
        let mut by_vendor: BTreeMap<String, Vec<Errand>> = BTreeMap::new();
        for mut errand in errands {
            errand.settings.client = Some(client.clone());
            by_vendor.entry(errand.source.vendor.clone()).or_default().push(errand);
        }
        let mut tasks = Vec::new();
        for (_, errands) in by_vendor {
            let room = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
            for errand in errands {
                let room = Arc::clone(&room);
                tasks.push(tokio::spawn(async move {
                    let _turn = room.acquire().await;
                    let Errand { source, settings, ask, window } = &errand;
                    let told = readings(&source.vendor, settings, ask, *window).await;
                    let held = match told {
                        Ok(_) if source.has_budgets() => {
                            budgets(&source.vendor, settings, ask).await
                        }
                        _ => Ok(Vec::new()),
                    };
                    // Which project is not said: then its keys cannot be asked for.
                    let apart = source.plan.owners && source.params.contains_key("project");
                    let whose = match told {
                        Ok(_) if apart => owners(&source.vendor, settings, ask).await,
                        _ => Ok(Owners::new()),
                    };
                    let source = errand.source;
                    Answer { source, readings: told, budgets: held, owners: whose }
                }));
            }
        }
        let mut answers = Vec::new();
        for task in tasks {
            answers.extend(task.await.ok());
        }
        Ok(answers)
    })
}

/// What the policy says of a vendor's hosts, and of its calls.
pub(super) fn settings_of(policy: &Policy, catalog: &Arc<Catalog>, vendor: &str) -> Settings {
    let base_url = policy.vendors.get(vendor).and_then(|rule| rule.base_url.clone());
    Settings { base_url, catalog: Arc::clone(catalog), ..Settings::default() }
}
