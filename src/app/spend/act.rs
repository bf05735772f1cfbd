//! What limits do: alerts raised, secrets paused, caps set, each once for each stretch of time.

use clawvault_core::domain::{
    AlertEvent, AlertKind, Decimal, Life, Policy, ProfileName, SecretInfo, SecretName, Severity,
    Spikes, Then,
};
use clawvault_providers::spend::{CapOf, cap_plan};

use super::book::{Index, Known};
use super::check::Checked;
use super::deeds::{Deed, Deeds};
use super::report::{Bound, View, hour, since};
use super::sources::{About, Source, known_sources};
use super::told::Subject;
use crate::app::AppError;
use crate::app::alerts::raise;
use crate::app::pause::{self, Pause};
use crate::app::session::{Request, Session};
use crate::spend::{Judged, Line, Zone, spike};

/// A source that has not answered for as long is told, in milliseconds.
const SILENT_MS: i64 = 24 * 3_600_000;
/// Days that an hour is compared with.
const SPIKE_DAYS: u32 = 28;
/// Hours before now in which a spike is of late.
const LATE_HOURS: u32 = 24;
/// What an hour costs at least to be a spike.
const LEAST_SPIKE: &str = "1";

/// Judges everything, and does what the policy says about it.
pub(super) fn act(
    session: &mut Session,
    policy: &Policy,
    (infos, lives): (&[SecretInfo], &[Life]),
    now_ms: i64,
    checked: &mut Checked,
) -> Result<Deeds, AppError> {
    let index = Index::read(session)?;
    let sources = known_sources(session, policy, (infos, lives))?;
    let pages = index.pages(session, &sources.all, since(now_ms))?;
    let view = View {
        policy,
        sources: &sources,
        pages: &pages,
        index: &index,
        zone: Zone::of(policy),
        now_ms,
    };
    let mut events = Vec::new();
    let mut new_pauses = Vec::new();
    let mut deeds = Deeds::new();
    let bounds = view.bounds(infos);
    for bound in &bounds {
        let judged = view.judged(bound);
        events.extend(view.crossing(bound, &judged));
        events.extend(view.foreseen(bound, &judged));
        if judged.crossed.is_some_and(|crossed| crossed.whole) {
            let secrets = view.secrets(&bound.subject);
            if bound.limit.then.contains(&Then::Pause) {
                new_pauses.extend(secrets.iter().map(|(profile, name)| Pause {
                    profile: profile.clone(),
                    name: name.clone(),
                    until_ms: Some(judged.period.to_ms),
                    why: view.sentence(bound, &judged),
                }));
            }
            deeds.extend(view.deeds(bound, judged.period.to_ms));
        }
    }
    events.extend(view.spikes());
    events.extend(view.silent());
    // What a limit had paused is given back once that is raised, gone, or its time is over.
    let ended = pause::end(session, now_ms, &|one| {
        one.until_ms.is_some() && !view.holds(&bounds, &one.profile, &one.name)
    })?;
    checked.resumed.extend(ended.iter().map(|one| one.name.to_string()));
    if !ended.is_empty() {
        // It is no person's word, so the limit may pause it once more.
        Index::change(session, |index| {
            index.done.retain(|name, _| ended.iter().all(|one| deed(one) != *name));
        })?;
    }
    if !new_pauses.is_empty() {
        let before = pause::pauses(session)?;
        let done = Index::read(session)?.done;
        let lifted = |one: &Pause| done.contains_key(&deed(one));
        // One that a person lifted in this stretch of time stays lifted.
        new_pauses
            .retain(|one| before.find(&one.profile, &one.name, now_ms).is_none() && !lifted(one));
        pause::add(session, &new_pauses)?;
        Index::change(session, |index| {
            index.done.retain(|_, until| *until > now_ms);
            for one in &new_pauses {
                index.done.insert(deed(one), one.until_ms.unwrap_or(i64::MAX));
            }
        })?;
        checked.paused.extend(new_pauses.iter().map(|one| one.name.to_string()));
    }
    checked.alerts = raise(session, policy, &events)?;
    Ok(deeds)
}

/// What suddenly cost more within the last day; none where no vendor told what anything costs since
/// then, or the policy looks for no spikes.
pub(in crate::app) fn spikes_of_late(
    session: &mut Session,
    policy: &Policy,
    now_ms: i64,
) -> Result<Option<Vec<String>>, AppError> {
    let infos = session.ask(Request::List(None, false))?.infos;
    let lives = session.ask(Request::Lives(None))?.lives;
    let index = Index::read(session)?;
    let recent = |known: &Known| now_ms - known.read_ms < SILENT_MS;
    if policy.total.spikes == Spikes::Off || !index.sources.values().any(recent) {
        return Ok(None);
    }
    let sources = known_sources(session, policy, (&infos, &lives))?;
    let pages = index.pages(session, &sources.all, since(now_ms))?;
    let (zone, index) = (Zone::of(policy), &index);
    let view = View { policy, sources: &sources, pages: &pages, index, zone, now_ms };
    let now = hour(now_ms);
    let hours = (1..=LATE_HOURS).map(|back| now.saturating_sub(back));
    let told = hours.flat_map(|hour| view.spikes_in(hour)).map(|(_, text)| text);
    Ok(Some(told.collect()))
}

fn deed(pause: &Pause) -> String {
    let until = pause.until_ms.unwrap_or(0);
    format!("pause {}@{} until {until}", pause.name, pause.profile)
}

impl View<'_> {
    /// The secrets that a subject is about.
    fn secrets(&self, subject: &Subject) -> Vec<(ProfileName, SecretName)> {
        let one = |(_, about): (_, &About)| (about.profile.clone(), about.name.clone());
        let mut all: Vec<_> = self.abouts(subject).map(one).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether a limit keeps a secret paused: it is passed, or nobody can say that it is not.
    fn holds(&self, bounds: &[Bound<'_>], profile: &ProfileName, name: &SecretName) -> bool {
        let pauses = bounds.iter().filter(|bound| bound.limit.then.contains(&Then::Pause));
        let mut on_it = pauses.filter(|bound| {
            let mut all = self.secrets(&bound.subject).into_iter();
            all.any(|(p, n)| p == *profile && n == *name)
        });
        on_it.any(|bound| {
            let passed = self.judged(bound).crossed.is_some_and(|crossed| crossed.whole);
            passed || self.measured(&bound.subject).is_err()
        })
    }

    /// The same, each with the source that it is read from.
    fn abouts(&self, subject: &Subject) -> impl Iterator<Item = (&Source, &About)> {
        let sources = self.sources.all.iter().filter(|source| self.concerns(subject, source));
        let all = sources.flat_map(|source| source.about.iter().map(move |about| (source, about)));
        all.filter(|(_, about)| self.is_of(subject, about))
    }

    /// What a limit has done at vendors. A cap is on a key where the vendor caps keys, else on what it
    /// caps.
    fn deeds(&self, bound: &Bound<'_>, until_ms: i64) -> Deeds {
        let mut deeds = Deeds::new();
        for (source, about) in self.abouts(&bound.subject) {
            let profile = about.profile.clone();
            if bound.limit.then.contains(&Then::Cap) {
                let vendor = source.vendor.as_str();
                let of_key = cap_plan(&self.sources.catalog, vendor)
                    .is_some_and(|plan| plan.of == CapOf::Key);
                let what = if of_key { about.name.as_str() } else { vendor };
                let amount = bound.limit.amount.0.to_string();
                deeds.insert((Deed::Cap(profile.clone(), what.to_owned(), amount), until_ms));
            }
            if bound.limit.then.contains(&Then::Rotate) {
                deeds.insert((Deed::Rotate(profile, about.name.clone()), until_ms));
            }
        }
        deeds
    }

    fn sentence(&self, bound: &Bound<'_>, judged: &Judged) -> String {
        format!(
            "{} of {} are spent ({} %, {})",
            judged.spent.rounded(2),
            bound.name(),
            judged.percent,
            judged.period.name
        )
    }

    fn crossing(&self, bound: &Bound<'_>, judged: &Judged) -> Option<AlertEvent> {
        let crossed = judged.crossed?;
        let severity = match crossed.percent {
            100.. => Severity::Critical,
            80.. => Severity::Warning,
            _ => Severity::Info,
        };
        let subject = bound.subject.to_string();
        let limit = bound.name();
        let which = format!("{} {}", judged.which(&limit), crossed.percent);
        let text = format!("{subject}: {}", self.sentence(bound, judged));
        Some(AlertEvent::new(AlertKind::Limit, severity, self.now_ms, subject, &which, text))
    }

    fn foreseen(&self, bound: &Bound<'_>, judged: &Judged) -> Option<AlertEvent> {
        let day = self.zone.day(judged.reached_ms?);
        let subject = bound.subject.to_string();
        let limit = bound.name();
        let which = judged.which(&limit);
        let text = format!("{subject}: at this pace the limit of {limit} is reached on {day}");
        let severity = Severity::Warning;
        Some(AlertEvent::new(AlertKind::Forecast, severity, self.now_ms, subject, &which, text))
    }

    /// The last whole hour of each vendor, where it is a spike.
    fn spikes(&self) -> Vec<AlertEvent> {
        if self.policy.total.spikes == Spikes::Off {
            return Vec::new();
        }
        let last = hour(self.now_ms).saturating_sub(1);
        let event = |(vendor, text): (String, String)| {
            let (kind, severity) = (AlertKind::Spike, Severity::Warning);
            AlertEvent::new(kind, severity, self.now_ms, vendor, &last.to_string(), text)
        };
        self.spikes_in(last).into_iter().map(event).collect()
    }

    /// An hour of each vendor beside the same hour of earlier days: the vendor, and what is told of it.
    fn spikes_in(&self, last: u32) -> Vec<(String, String)> {
        let least = Decimal::parse(LEAST_SPIKE).unwrap_or_default();
        let mut spikes = Vec::new();
        for vendor in &self.sources.vendors {
            let subject = Subject::Vendor(vendor.clone());
            for unit in self.units(&subject) {
                let series = self.series(&subject, &unit);
                let at = |hour: u32| in_hour(&series, hour);
                let (Some(amount), true) = (at(last), unit.is_currency()) else { continue };
                let earlier: Vec<Decimal> =
                    (1..=SPIKE_DAYS).filter_map(|day| at(last - day * 24)).collect();
                let Some(found) = spike(amount, &earlier, least) else { continue };
                let text = format!(
                    "{vendor}: {} {unit} in one hour, where {} are usual",
                    found.amount.rounded(2),
                    found.usual.rounded(2)
                );
                spikes.push((vendor.clone(), text));
            }
        }
        spikes
    }

    /// Sources that have not answered for long.
    fn silent(&self) -> Vec<AlertEvent> {
        let silent = self.sources.all.iter().filter_map(|source| {
            let known = self.index.sources.get(&source.id)?;
            let since = self.now_ms - known.read_ms;
            if known.failed.is_empty() || known.read_ms == 0 || since < SILENT_MS {
                return None;
            }
            let text = format!("{}: no figures since a day or more: {}", source.id, known.failed);
            let which = (known.read_ms / SILENT_MS).to_string();
            let (kind, severity) = (AlertKind::NoReadings, Severity::Warning);
            Some(AlertEvent::new(kind, severity, self.now_ms, source.id.clone(), &which, text))
        });
        silent.collect()
    }
}

/// What was told of one hour; none where nothing was.
fn in_hour(lines: &[Line<'_>], hour: u32) -> Option<Decimal> {
    let told = |line: &&Line<'_>| {
        let mut points = line.pieces.iter().flat_map(|piece| &piece.points);
        points.any(|(at, _)| *at == hour)
    };
    let parts = lines.iter().filter(told).filter_map(|line| line.spent(hour, hour + 1));
    let parts: Vec<Decimal> = parts.collect();
    if parts.is_empty() { None } else { Decimal::sum(parts) }
}
