//! What was spent, what is left, and what limits say: one row for each figure that there is.

use clawvault_core::domain::{
    Decimal, Flow, Limit, Money, Per, Policy, ProfileName, SecretInfo, SecretName, Unit,
};
use clawvault_core::platform::{Clock, SystemClock};

use super::book::{Index, Page};
use super::budgets::{self, Budgets};
use super::sources::{About, Source, Sources, is_about, known_sources};
use super::told::{Correction, Row, Spending, Subject, Unmeasured};
use crate::app::alerts::{close, policy};
use crate::app::pause::{Pause, pauses};
use crate::app::session::Request;
use crate::app::{Access, App, AppError, Code};
use crate::spend::{Judged, Line, Period, Series, Zone, judge, piece_of};

/// Days that a picture shows.
const DAYS: u32 = 30;
const HOUR_MS: i64 = 3_600_000;

/// Figures and rules, read once, and asked for one subject after the other.
pub(super) struct View<'a> {
    pub(super) policy: &'a Policy,
    pub(super) sources: &'a Sources,
    pub(super) pages: &'a [Page],
    pub(super) index: &'a Index,
    pub(super) zone: Zone,
    pub(super) now_ms: i64,
}

/// A limit, what it is on, and a name that stays.
pub(super) struct Bound<'a> {
    pub(super) subject: Subject,
    pub(super) limit: &'a Limit,
}

impl Bound<'_> {
    /// Its amount and how often it begins anew, as in `50 USD a month`.
    pub(super) fn name(&self) -> String {
        let per = self.limit.per.as_str();
        let article = if self.limit.per == Per::Hour { "an" } else { "a" };
        format!("{} {article} {per}", self.limit.amount.0)
    }
}

impl App {
    /// What was spent: all of it, or what is about one secret or vendor.
    pub fn spending(&self, only: Option<(&ProfileName, &str)>) -> Result<Spending, AppError> {
        let now_ms = SystemClock.now_ms();
        let mut session = self.session(Access::Read)?;
        let policy = policy(&mut session)?;
        let infos = session.ask(Request::List(None, false))?.infos;
        let lives = session.ask(Request::Lives(None))?.lives;
        let index = Index::read(&mut session)?;
        let sources = known_sources(&mut session, &policy, (&infos, &lives))?;
        let pages = index.pages(&mut session, &sources.all, since(now_ms))?;
        let paused = pauses(&mut session)?;
        let held = budgets::read(&mut session)?;
        let view = View {
            policy: &policy,
            sources: &sources,
            pages: &pages,
            index: &index,
            zone: Zone::of(&policy),
            now_ms,
        };
        let mut spending = view.spending(&infos, only)?;
        let shown = |held: &Budgets| {
            let mut of = sources.all.iter().filter(|source| source.id == held.source);
            let vendor = |source: &Source| Subject::Vendor(source.vendor.clone());
            of.any(|source| {
                only.is_none() || spending.rows.iter().any(|row| row.subject == vendor(source))
            })
        };
        spending.budgets = held.into_iter().filter(shown).collect();
        let holds = |one: &&Pause| paused.find(&one.profile, &one.name, now_ms).is_some();
        spending.paused = paused.all().iter().filter(holds).cloned().collect();
        spending.notes = session.warnings();
        spending.notes.extend(view.by_project(&spending.rows));
        close(session);
        Ok(spending)
    }
}

/// The first piece of time that a month's figures, their picture and usual hours need.
pub(super) fn since(now_ms: i64) -> u32 {
    piece_of(hour(now_ms).saturating_sub(34 * 24))
}

impl View<'_> {
    fn spending(
        &self,
        infos: &[SecretInfo],
        only: Option<(&ProfileName, &str)>,
    ) -> Result<Spending, AppError> {
        let mut spending = Spending::default();
        let bounds = self.bounds(infos);
        for bound in &bounds {
            spending.rows.push(self.limited(bound));
        }
        for vendor in &self.sources.vendors {
            let subject = Subject::Vendor(vendor.clone());
            let has = bounds.iter().any(|bound| bound.subject == subject);
            if !has {
                spending.rows.extend(self.plain(&subject));
            }
        }
        if let Some((profile, name)) = only {
            let of_secret = |subject: &Subject| matches!(subject, Subject::Secret(p, n) if p == profile && n.as_str() == name);
            let of_vendor = |subject: &Subject| matches!(subject, Subject::Vendor(v) if v == name);
            let limited = spending.rows.iter().any(|row| of_secret(&row.subject));
            spending.rows.retain(|row| of_secret(&row.subject) || of_vendor(&row.subject));
            if !limited && let Ok(secret) = SecretName::parse(name) {
                let there = |info: &SecretInfo| info.profile == *profile && info.name == secret;
                if infos.iter().any(there) {
                    spending.rows.extend(self.plain(&Subject::Secret(profile.clone(), secret)));
                }
            }
            if spending.rows.is_empty() {
                return Err(AppError::new(
                    Code::Missing,
                    "nothing is known of what that costs",
                    "`clawvault spend` shows what is known; `clawvault spend --due` asks vendors.",
                ));
            }
            spending.corrections = self.corrections(&spending.rows);
        }
        spending.unlimited = self.unlimited(&bounds, infos);
        let why = |(vendor, why): (&String, &&'static str)| (vendor.clone(), (*why).to_owned());
        spending.unread = self.sources.unread.iter().map(why).collect();
        let failed = |source: &Source| {
            let known = self.index.sources.get(&source.id)?;
            (!known.failed.is_empty()).then(|| (source.id.clone(), known.failed.clone()))
        };
        spending.failed = self.sources.all.iter().filter_map(failed).collect();
        Ok(spending)
    }

    /// Every limit of the policy that is on something that there is.
    pub(super) fn bounds(&self, infos: &[SecretInfo]) -> Vec<Bound<'_>> {
        let mut bounds = Vec::new();
        for info in infos.iter().filter(|info| info.removed_ms.is_none() && !info.admin) {
            let rules = self.policy.secrets.iter();
            for (_, rule) in rules.filter(|(pattern, _)| pattern.matches(&info.profile, &info.name))
            {
                let subject = Subject::Secret(info.profile.clone(), info.name.clone());
                bounds.extend(
                    rule.limits.iter().map(|limit| Bound { subject: subject.clone(), limit }),
                );
            }
        }
        for (name, agent) in &self.policy.agents {
            let subject = Subject::Agent(name.clone());
            bounds
                .extend(agent.limits.iter().map(|limit| Bound { subject: subject.clone(), limit }));
        }
        for (vendor, rule) in &self.policy.vendors {
            let subject = Subject::Vendor(vendor.clone());
            bounds
                .extend(rule.limits.iter().map(|limit| Bound { subject: subject.clone(), limit }));
        }
        for (name, limited) in &self.policy.profiles {
            let subject = Subject::Profile(name.clone());
            bounds.extend(
                limited.limits.iter().map(|limit| Bound { subject: subject.clone(), limit }),
            );
        }
        let total = &self.policy.total.limits;
        bounds.extend(total.iter().map(|limit| Bound { subject: Subject::Total, limit }));
        bounds
    }

    /// What a limit says.
    pub(super) fn judged(&self, bound: &Bound<'_>) -> Judged {
        let period = Period::around(bound.limit.per, &self.zone, self.now_ms);
        let per = bound.limit.per;
        let mut lines = self.series(&bound.subject, &bound.limit.amount.0.unit);
        // A cost of a whole day says nothing of an hour.
        lines.retain(|line| per != Per::Hour || line.tells_hours());
        let (from, to) = period.hours();
        let (spent, coming) = (sum(&lines, from, to), self.coming(&lines, per, &period));
        judge(bound.limit, period, self.now_ms, spent, coming)
    }

    /// What will be spent besides until the end of a stretch of time, at the pace of late.
    fn coming(&self, lines: &[Line<'_>], per: Per, period: &Period) -> Decimal {
        let left_ms = period.left_ms(self.now_ms);
        let parts = lines.iter().map(|line| line.coming(per, self.now_ms, left_ms));
        parts.fold(Decimal::ZERO, |sum, part| sum.plus(part).unwrap_or(sum))
    }

    fn limited(&self, bound: &Bound<'_>) -> Row {
        let judged = self.judged(bound);
        let unit = &bound.limit.amount.0.unit;
        let reached = judged.reached_ms.map(|ms| self.zone.day(ms));
        let mut row = self.row(&bound.subject, bound.limit.per, Some(unit));
        row.limit = Some(bound.limit.amount.0.clone());
        if row.spent.is_ok()
            && let Err(why) = self.measures(&bound.subject, bound.limit)
        {
            (row.spent, row.forecast, row.since) = (Err(why), None, None);
        }
        if row.spent.is_ok() {
            let money = |amount| Money { amount, unit: unit.clone() };
            row.spent = Ok(money(judged.spent));
            row.percent = Some(judged.percent);
            row.forecast = Some(money(judged.forecast));
            row.reached = reached;
        }
        row
    }

    /// What was spent on something that has no limit: a row for each unit, this month, or one that says
    /// why there is none.
    fn plain(&self, subject: &Subject) -> Vec<Row> {
        let units = self.units(subject);
        if units.is_empty() {
            return vec![self.row(subject, Per::Month, None)];
        }
        units.iter().map(|unit| self.row(subject, Per::Month, Some(unit))).collect()
    }

    fn row(&self, subject: &Subject, per: Per, unit: Option<&Unit>) -> Row {
        let period = Period::around(per, &self.zone, self.now_ms);
        let series = unit.map_or_else(Vec::new, |unit| self.series(subject, unit));
        let (from, to) = period.hours();
        let spent = sum(&series, from, to);
        let now = hour(self.now_ms);
        let days = (0..DAYS).rev().map(|back| {
            let end = (now / 24 + 1 - back) * 24;
            sum(&series, end - 24, end)
        });
        let days: Vec<Decimal> = days.collect();
        let forecast = spent.plus(self.coming(&series, per, &period)).unwrap_or(spent);
        // What began to be read within it is known from then on.
        let begins = series.iter().filter_map(Line::begins).max().filter(|hour| *hour > from);
        let name = |hour| Period::around(Per::Hour, &self.zone, i64::from(hour) * HOUR_MS).name;
        let known = self.measured(subject).and_then(|()| unit.ok_or(Unmeasured::NothingTold));
        let money = |amount, unit: &Unit| Money { amount, unit: unit.clone() };
        let (source, read_ms) = self.origin(subject);
        Row {
            subject: subject.clone(),
            per,
            period: period.name,
            since: known.ok().and(begins).map(name),
            spent: known.map(|unit| money(spent, unit)),
            limit: None,
            percent: None,
            forecast: known.ok().map(|unit| money(forecast, unit)),
            reached: None,
            left: unit.and_then(|unit| Some(money(self.left(subject, unit)?, unit))),
            days,
            source,
            read_ms,
            estimate: self.is_estimate(subject),
        }
    }

    /// The series that count for a subject, with their source.
    pub(super) fn counted<'s>(
        &'s self,
        subject: &Subject,
    ) -> impl Iterator<Item = (&'s Source, &'s Vec<Series>)> {
        let both = self.sources.all.iter().zip(self.pages);
        both.flat_map(move |(source, page)| {
            let series = page.series.iter();
            series
                .filter(move |pieces| self.counts(subject, source, pieces))
                .map(move |s| (source, s))
        })
    }

    fn counts(&self, subject: &Subject, source: &Source, pieces: &[Series]) -> bool {
        let Some(first) = pieces.first() else { return false };
        match subject {
            Subject::Total | Subject::Vendor(_) | Subject::Profile(_) => {
                self.concerns(subject, source) && !self.is_told_before(subject, source, pieces)
            }
            Subject::Agent(_) if self.is_told_before(subject, source, pieces) => false,
            Subject::Secret(..) | Subject::Agent(_) => source.about.iter().any(|about| {
                self.is_of(subject, about) && is_about(about, &first.scope, &self.sources.owners)
            }),
        }
    }

    /// Whether a source may tell something about a subject.
    pub(super) fn concerns(&self, subject: &Subject, source: &Source) -> bool {
        match subject {
            Subject::Total => true,
            Subject::Vendor(vendor) => source.vendor == *vendor,
            Subject::Profile(profile) => source.profile == *profile,
            Subject::Secret(..) | Subject::Agent(_) => {
                source.about.iter().any(|about| self.is_of(subject, about))
            }
        }
    }

    /// Whether a secret is the one, or one of those, that a subject names.
    pub(super) fn is_of(&self, subject: &Subject, about: &About) -> bool {
        match subject {
            Subject::Secret(profile, name) => about.profile == *profile && about.name == *name,
            Subject::Agent(name) => {
                let agent = self.policy.agents.get(name);
                agent.is_some_and(|agent| agent.may_have(&about.profile, &about.name))
            }
            Subject::Total | Subject::Vendor(_) | Subject::Profile(_) => true,
        }
    }

    /// Whether anything of it is no vendor's own figure.
    fn is_estimate(&self, subject: &Subject) -> bool {
        self.counted(subject).any(|(source, _)| source.gateway.is_some())
    }

    /// When a source answered last; none for never.
    pub(super) fn read_ms(&self, source: &Source) -> Option<i64> {
        let read_ms = self.index.sources.get(&source.id)?.read_ms;
        (read_ms > 0).then_some(read_ms)
    }

    /// Whether what is known of a subject was measured, by one source at least.
    pub(super) fn measured(&self, subject: &Subject) -> Result<(), Unmeasured> {
        let mut sources = self.sources.all.iter().filter(|source| self.concerns(subject, source));
        let mut known = self.sources.all.iter().filter(|source| self.concerns(subject, source));
        if known.all(|source| source.gateway.is_some() && self.read_ms(source).is_none()) {
            let silent = match subject {
                Subject::Vendor(vendor) => self.sources.silent.contains(vendor),
                Subject::Secret(profile, name) => {
                    self.sources.unheard.contains(&(profile.clone(), name.clone()))
                }
                _ => false,
            };
            return Err(if silent { Unmeasured::NoInterface } else { Unmeasured::NotRead });
        }
        let apart = |source: &Source| match subject {
            Subject::Secret(..) => {
                let mut own = source.about.iter().filter(|about| self.is_of(subject, about));
                own.any(About::is_apart)
            }
            _ => true,
        };
        match sources.find(|source| self.read_ms(source).is_some() && apart(source)) {
            Some(_) => Ok(()),
            None if self.origin(subject).1.is_some() => Err(Unmeasured::NotApart),
            None => Err(Unmeasured::NotRead),
        }
    }

    /// Series of a subject in a unit. Where a source tells costs or a counter, what is left besides is
    /// not counted a second time.
    pub(super) fn series(&self, subject: &Subject, unit: &Unit) -> Vec<Line<'_>> {
        let is_of = |pieces: &[Series], flow: Flow| {
            pieces.first().is_some_and(|first| first.unit == *unit && first.flow == flow)
        };
        let told = |source: &Source| {
            let spends = |pieces: &Vec<Series>| {
                pieces.first().is_some_and(|s| s.unit == *unit && s.flow != Flow::Balance)
            };
            self.pages_of(source).flat_map(|page| &page.series).any(spends)
        };
        // A counter that was read before the vendor's amount of the month was is in that, too.
        let by_month = |source: &Source, pieces: &[Series]| {
            let scope = pieces.first().map(|series| &series.scope);
            let mut all = self.pages_of(source).flat_map(|page| &page.series);
            let same = |one: &Vec<Series>| one.first().map(|series| &series.scope) == scope;
            all.any(|one| same(one) && is_of(one, Flow::Monthly))
        };
        let all = self.counted(subject).filter(|(source, pieces)| {
            let of_unit = pieces.first().is_some_and(|series| series.unit == *unit);
            let twice = is_of(pieces, Flow::Balance) && told(source)
                || is_of(pieces, Flow::Counter) && by_month(source, pieces);
            of_unit && !twice
        });
        all.map(|(source, pieces)| Line {
            pieces: pieces.iter().collect(),
            width: source.plan.width,
        })
        .collect()
    }

    /// Limits on secrets whose keys the vendor's figures cannot be told by.
    fn by_project(&self, rows: &[Row]) -> Vec<String> {
        let limited = rows.iter().filter(|row| row.limit.is_some() && row.spent.is_ok());
        let secrets = limited.filter(|row| matches!(row.subject, Subject::Secret(..)));
        let mut notes: Vec<String> = secrets
            .filter_map(|row| {
                let mut all = self.sources.all.iter().flat_map(|source| &source.about);
                let about = all.find(|about| {
                    self.is_of(&row.subject, about) && about.by_owner && about.key_ids.is_empty()
                })?;
                let project = about.project.as_ref()?;
                Some(format!(
                    "{}: nobody knows the vendor's id of its key, so all of project {project} counts for it",
                    row.subject
                ))
            })
            .collect();
        notes.dedup();
        notes
    }

    fn pages_of(&self, source: &Source) -> impl Iterator<Item = &Page> {
        let at = self.sources.all.iter().position(|one| one.id == source.id);
        at.and_then(|at| self.pages.get(at)).into_iter()
    }

    pub(super) fn units(&self, subject: &Subject) -> Vec<Unit> {
        let units = self.counted(subject).filter_map(|(_, pieces)| pieces.first());
        let mut units: Vec<Unit> = units.map(|series| series.unit.clone()).collect();
        units.sort_unstable();
        units.dedup();
        units
    }

    /// Whether what is told of a subject is what a limit measures: of its unit, and of its hours.
    pub(super) fn measures(&self, subject: &Subject, limit: &Limit) -> Result<(), Unmeasured> {
        let (told, unit) = (self.units(subject), &limit.amount.0.unit);
        if !told.is_empty() && !told.contains(unit) {
            return Err(Unmeasured::OtherUnit);
        }
        let lines = self.series(subject, unit);
        match limit.per == Per::Hour && !lines.is_empty() && !lines.iter().any(Line::tells_hours) {
            true => Err(Unmeasured::ByDay),
            false => Ok(()),
        }
    }

    fn left(&self, subject: &Subject, unit: &Unit) -> Option<Decimal> {
        let balances = self.counted(subject).filter_map(|(_, pieces)| {
            let last = pieces.last().filter(|s| s.flow == Flow::Balance && s.unit == *unit)?;
            last.latest()
        });
        let balances: Vec<Decimal> = balances.collect();
        if balances.is_empty() { None } else { Decimal::sum(balances) }
    }

    /// Where what is known of a subject comes from, and when the oldest of those answered that did.
    fn origin(&self, subject: &Subject) -> (String, Option<i64>) {
        let about = self.sources.all.iter().filter(|source| self.concerns(subject, source));
        let all: Vec<(&str, Option<i64>)> =
            about.map(|source| (source.id.as_str(), self.read_ms(source))).collect();
        let read = all.iter().filter(|(_, read)| read.is_some()).count();
        let name = match all.as_slice() {
            [] => "none".to_owned(),
            [(one, _)] => (*one).to_owned(),
            many if read < many.len() => format!("{read} of {} sources", many.len()),
            many => format!("{} sources", many.len()),
        };
        (name, all.iter().filter_map(|(_, read)| *read).min())
    }

    fn corrections(&self, rows: &[Row]) -> Vec<Correction> {
        let wanted = |source: &Source| {
            rows.iter().any(|row| self.counted(&row.subject).any(|(one, _)| one.id == source.id))
        };
        let ms = |hour: u32| i64::from(hour) * HOUR_MS;
        let both = self.sources.all.iter().zip(self.pages).filter(|(source, _)| wanted(source));
        both.flat_map(|(source, page)| {
            page.corrections.iter().map(|one| Correction {
                source: source.id.clone(),
                hour_ms: ms(one.hour),
                before: one.before,
                after: one.after,
                noticed_ms: ms(one.noticed),
            })
        })
        .collect()
    }
}

/// The sum of several series; what cannot be held is as much as can.
fn sum(all: &[Line<'_>], from: u32, to: u32) -> Decimal {
    let parts = all.iter().filter_map(|line| line.spent(from, to));
    parts.fold(Decimal::ZERO, |sum, part| sum.plus(part).unwrap_or(sum))
}

pub(super) fn hour(ms: i64) -> u32 {
    u32::try_from(ms.div_euclid(HOUR_MS)).unwrap_or(0)
}
