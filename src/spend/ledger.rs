//! The ledger: one figure for each source, thing and hour. A figure that comes again takes the place
//! of the one before, so nothing is counted twice, however often it is read; where it differs, that
//! is a correction, and kept. Of a counter or a balance that is read more than once in an hour, the
//! first figure stays and what moved since is added up beside it: the last one alone would lose that.

use std::collections::BTreeMap;

use clawvault_core::domain::{Decimal, Flow, Reading, Scope, Unit};
use serde::{Deserialize, Serialize};

use super::pack;

/// Most corrections that a piece of one source remembers; the oldest go.
const MAX_CORRECTIONS: usize = 64;
/// Most things that one source tells apart.
pub(super) const MAX_SERIES: usize = 4096;

/// One piece of time of one source.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Chunk {
    /// What it tells apart.
    pub series: Vec<Series>,
    /// Figures that were changed later.
    pub corrections: Vec<Correction>,
}

/// Figures of one thing, by hour.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Series {
    /// What they are about.
    pub scope: Scope,
    /// Of what.
    pub unit: Unit,
    /// How they follow each other.
    pub flow: Flow,
    /// Hours since 1970, rising, and what was told: of a counter or a balance, what was told first.
    pub points: Vec<(u32, Decimal)>,
    /// Hours of a counter or a balance, rising, in which it was told again.
    pub later: Vec<Later>,
}

/// What a counter or a balance did within an hour, after it was read first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Later {
    /// Hours since 1970.
    pub hour: u32,
    /// What was spent since the first reading of the hour.
    pub spent: Decimal,
    /// What was told last.
    pub last: Decimal,
}

/// A figure that the vendor changed afterwards.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Correction {
    /// What it is about.
    pub scope: Scope,
    /// The hour that it is of.
    pub hour: u32,
    /// What was told first.
    pub before: Decimal,
    /// What was told later.
    pub after: Decimal,
    /// When that was noticed, in hours since 1970.
    pub noticed: u32,
}

/// What taking figures in did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Merged {
    /// Figures that are new.
    pub new: usize,
    /// Figures that were other ones before.
    pub corrected: usize,
}

impl Chunk {
    /// Reads a piece as [`Chunk::to_bytes`] wrote it; none where it is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() { Some(Self::default()) } else { pack::unpack(bytes) }
    }

    /// The piece in few bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        pack::pack(self)
    }

    /// Takes figures of this piece in. What was told before and is not told again stays.
    pub fn merge(&mut self, readings: &[&Reading], now_hour: u32) -> Merged {
        let mut done = Merged::default();
        for reading in readings {
            let same = |one: &Series| {
                one.scope == reading.scope && one.unit == reading.unit && one.flow == reading.flow
            };
            let at = match self.series.iter().position(same) {
                Some(at) => at,
                None if self.series.len() >= MAX_SERIES => continue,
                None => {
                    let (scope, unit) = (reading.scope.clone(), reading.unit.clone());
                    self.series.push(Series {
                        scope,
                        unit,
                        flow: reading.flow,
                        points: Vec::new(),
                        later: Vec::new(),
                    });
                    self.series.len() - 1
                }
            };
            self.drop_vague(reading);
            let Some(series) = self.series.get_mut(at) else { continue };
            match series.points.binary_search_by_key(&reading.hour, |(hour, _)| *hour) {
                Err(place) => {
                    series.points.insert(place, (reading.hour, reading.amount));
                    done.new += 1;
                }
                Ok(_) if reading.flow != Flow::Cost => series.again(reading),
                Ok(place) => {
                    let Some((_, amount)) = series.points.get_mut(place) else { continue };
                    if *amount != reading.amount {
                        done.corrected += 1;
                        self.corrections.push(Correction {
                            scope: reading.scope.clone(),
                            hour: reading.hour,
                            before: *amount,
                            after: reading.amount,
                            noticed: now_hour,
                        });
                    }
                    *amount = reading.amount;
                }
            }
        }
        let surplus = self.corrections.len().saturating_sub(MAX_CORRECTIONS);
        self.corrections.drain(..surplus);
        done
    }

    /// What was put on a key before its project was kept besides is the same figure.
    fn drop_vague(&mut self, reading: &Reading) {
        let Scope::KeyOf(_, key) = &reading.scope else { return };
        let vague = self.series.iter_mut().filter(|one| {
            matches!(&one.scope, Scope::Key(other) if other == key) && one.unit == reading.unit
        });
        vague.for_each(|one| one.points.retain(|(hour, _)| *hour != reading.hour));
    }
}

impl Series {
    /// A counter or a balance that was read in this hour before.
    fn again(&mut self, reading: &Reading) {
        let (flow, hour, last) = (self.flow, reading.hour, reading.amount);
        let step = |before| moved(flow, (hour, before), (hour, last)).unwrap_or_default();
        match self.later.binary_search_by_key(&hour, |one| one.hour) {
            Ok(at) => {
                let Some(one) = self.later.get_mut(at) else { return };
                one.spent = one.spent.plus(step(one.last)).unwrap_or(one.spent);
                one.last = last;
            }
            Err(at) => {
                let first = self.points.binary_search_by_key(&hour, |(hour, _)| *hour);
                let first = first.ok().and_then(|at| self.points.get(at));
                let Some((_, first)) = first.filter(|(_, first)| *first != last) else { return };
                self.later.insert(at, Later { hour, spent: step(*first), last });
            }
        }
    }

    /// The figure that was told last.
    pub fn latest(&self) -> Option<Decimal> {
        let (hour, amount) = self.points.last()?;
        Some(self.later(*hour).map_or(*amount, |later| later.last))
    }

    fn later(&self, hour: u32) -> Option<&Later> {
        let at = self.later.binary_search_by_key(&hour, |one| one.hour).ok()?;
        self.later.get(at)
    }
}

/// What was spent between two figures that follow each other; none where they do not tell it.
///
/// A counter of the month begins anew with the month in UTC and tells all that was spent since. One
/// without a calendar begins anew where it falls to less than half; a smaller fall is the vendor's
/// correction, as every fall within the month is. A balance that rose was paid in.
fn moved(flow: Flow, before: (u32, Decimal), after: (u32, Decimal)) -> Option<Decimal> {
    let anew = match flow {
        Flow::Cost => return Some(after.1),
        Flow::Balance if after.1 > before.1 => return None,
        Flow::Balance => return before.1.minus(after.1),
        Flow::Monthly => month_of(before.0) != month_of(after.0),
        Flow::Counter => after.1.plus(after.1).is_some_and(|twice| twice < before.1),
    };
    if anew { Some(after.1) } else { after.1.minus(before.1) }
}

/// The first hour of the month in UTC that an hour is in.
fn month_of(hour: u32) -> u32 {
    let at = jiff::Timestamp::from_second(i64::from(hour) * 3600).unwrap_or_default();
    let first = at.to_zoned(jiff::tz::TimeZone::UTC).first_of_month();
    let start =
        first.and_then(|first| first.start_of_day()).map(|start| start.timestamp().as_second());
    start.ok().and_then(|s| u32::try_from(s / 3600).ok()).unwrap_or(0)
}

/// Hours of one piece: eight days. A month of many keys would be more than one record holds.
const PIECE_HOURS: u32 = 8 * 24;

/// Figures by the piece of time that they belong into.
pub fn pieces_of(readings: &[Reading]) -> BTreeMap<u32, Vec<&Reading>> {
    let mut pieces: BTreeMap<u32, Vec<&Reading>> = BTreeMap::new();
    for reading in readings {
        pieces.entry(piece_of(reading.hour)).or_default().push(reading);
    }
    pieces
}

/// The piece of time that an hour belongs into.
pub fn piece_of(hour: u32) -> u32 {
    hour / PIECE_HOURS
}

/// What was spent from one hour to before another, by a series that may be in several pieces, oldest
/// first. None where the sum cannot be held.
///
/// A cost counts in the hour that it is told for. A counter's and a balance's spending is what changed
/// since the figure before: a first one alone tells nothing, save that of a counter of the month. When
/// between two figures it was spent nobody tells: it is spread evenly over the hours that lie there, so
/// that neither the hour of the later one nor its day and month get all of it. The shares add up to the
/// last digit.
pub fn spent(pieces: &[&Series], from: u32, to: u32) -> Option<Decimal> {
    let mut sum = Decimal::ZERO;
    let mut before: Option<(u32, Decimal)> = None;
    for piece in pieces {
        // A cost is of its hour alone, and a picture of a month asks for each of its days.
        let of_time = match piece.flow {
            Flow::Cost => within(&piece.points, from, to),
            _ => &piece.points,
        };
        for (hour, amount) in of_time {
            let now = (*hour, *amount);
            if let Some((first, part)) = part(piece.flow, before, now)
                && *hour >= from
                && first < to
            {
                sum = sum.plus(share(part, (first, *hour), (from, to)))?;
            }
            let later = piece.later(*hour);
            if let Some(later) = later.filter(|_| (from..to).contains(hour)) {
                sum = sum.plus(later.spent)?;
            }
            before = Some((*hour, later.map_or(*amount, |later| later.last)));
        }
    }
    Some(sum)
}

/// The figures from one hour to before another; they rise by their hour.
fn within<T>(points: &[(u32, T)], from: u32, to: u32) -> &[(u32, T)] {
    let start = points.partition_point(|(hour, _)| *hour < from);
    let count = points[start..].partition_point(|(hour, _)| *hour < to);
    &points[start..start + count]
}

/// What a figure adds to the one before it, and the first hour in which that was spent.
fn part(
    flow: Flow,
    before: Option<(u32, Decimal)>,
    (hour, amount): (u32, Decimal),
) -> Option<(u32, Decimal)> {
    let after = |(hour, _): (u32, Decimal)| hour.saturating_add(1);
    match (flow, before) {
        (Flow::Cost, _) => Some((hour, amount)),
        // What the month cost before anybody read it, too.
        (Flow::Monthly, before) if before.is_none_or(|one| one.0 < month_of(hour)) => {
            Some((month_of(hour), amount))
        }
        (flow, Some(before)) => Some((after(before), moved(flow, before, (hour, amount))?)),
        (_, None) => None,
    }
}

/// How much of an amount that was spent evenly from a first to a last hour lies from one hour to before
/// another.
fn share(amount: Decimal, (first, last): (u32, u32), (from, to): (u32, u32)) -> Decimal {
    if from <= first && last < to {
        return amount;
    }
    let hours = i64::from(last.saturating_sub(first)) + 1;
    let until = |end: u32| {
        let passed = i64::from(end.saturating_sub(first)).min(hours);
        if passed == hours { amount } else { amount.roughly(passed, hours) }
    };
    match from < to {
        true => until(to).minus(until(from)).unwrap_or_default(),
        false => Decimal::ZERO,
    }
}

/// The first hour of which a series tells what was spent in it; none where that is every hour.
pub(super) fn begins(pieces: &[&Series]) -> Option<u32> {
    let first = pieces.iter().find_map(|piece| Some((piece.flow, piece.points.first()?.0)));
    match first? {
        (Flow::Cost, _) => None,
        (Flow::Monthly, hour) => Some(month_of(hour)),
        (Flow::Counter | Flow::Balance, hour) => Some(hour),
    }
}

/// A counter that tells since when it counts was nothing then: that is a figure besides, where nobody
/// read it since.
pub fn add_beginnings(readings: &mut Vec<Reading>, read_ms: i64) {
    let read = u32::try_from(read_ms / 3_600_000).unwrap_or(0);
    let beginning = |one: &Reading| {
        let hour = one.hour.checked_sub(u32::from(one.width))?;
        let unread = one.flow == Flow::Counter && one.width > 0 && hour > read;
        unread.then(|| Reading { hour, width: 0, amount: Decimal::ZERO, ..one.clone() })
    };
    let beginnings: Vec<Reading> = readings.iter().filter_map(beginning).collect();
    readings.extend(beginnings);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(flow: Flow, hour: u32, amount: &str) -> Reading {
        Reading {
            scope: Scope::Key("k".to_owned()),
            flow,
            unit: Unit::parse("USD").unwrap(),
            hour,
            width: 1,
            amount: Decimal::parse(amount).unwrap(),
        }
    }

    #[test]
    fn what_comes_again_is_not_counted_again_and_corrections_are_seen() {
        let mut chunk = Chunk::default();
        let (a, b) = (reading(Flow::Cost, 10, "0.1"), reading(Flow::Cost, 11, "0.2"));
        assert_eq!(chunk.merge(&[&a, &b, &a], 20), Merged { new: 2, corrected: 0 });
        assert_eq!(chunk.merge(&[&b, &a], 21), Merged::default());
        let late = reading(Flow::Cost, 10, "0.15");
        assert_eq!(chunk.merge(&[&late], 22), Merged { new: 0, corrected: 1 });
        assert_eq!(spent(&[&chunk.series[0]], 0, 12).unwrap().to_string(), "0.35");
        assert_eq!(spent(&[&chunk.series[0]], 11, 12).unwrap().to_string(), "0.2");
        let told = &chunk.corrections[0];
        assert_eq!(
            (told.before.to_string(), told.after.to_string()),
            ("0.1".into(), "0.15".into())
        );
        assert_eq!(Chunk::from_bytes(&chunk.to_bytes()), Some(chunk));
    }

    #[test]
    fn counters_begin_anew_and_balances_are_paid_in() {
        let spent_by = |flow, amounts: &[&str]| {
            let mut chunk = Chunk::default();
            for (hour, amount) in amounts.iter().enumerate() {
                chunk.merge(&[&reading(flow, hour as u32, amount)], 0);
            }
            spent(&[&chunk.series[0]], 0, 100).unwrap().to_string()
        };
        assert_eq!(spent_by(Flow::Counter, &["5", "7", "7.5", "0.25", "1"]), "3.5");
        assert_eq!(spent_by(Flow::Counter, &["5", "7", "6.5"]), "1.5", "a correction");
        assert_eq!(spent_by(Flow::Balance, &["10", "9.5", "29.5", "29"]), "1");
        assert_eq!(spent_by(Flow::Counter, &["5"]), "0");
    }

    #[test]
    fn what_is_read_twice_in_an_hour_is_counted_to_the_last_digit() {
        let told = |flow, all: &[(u32, &str)]| {
            let mut chunk = Chunk::default();
            for (hour, amount) in all {
                chunk.merge(&[&reading(flow, *hour, amount)], 0);
            }
            let chunk = Chunk::from_bytes(&chunk.to_bytes()).unwrap();
            spent(&[&chunk.series[0]], 0, 1_000_000).unwrap().to_string()
        };
        let twice = [(5, "5"), (5, "7.25"), (5, "7.25"), (6, "8")];
        assert_eq!(told(Flow::Counter, &twice), "3");
        // It begins anew within the hour, and is told once more.
        assert_eq!(
            told(Flow::Counter, &[(5, "100"), (6, "120"), (6, "3"), (6, "4"), (7, "5")]),
            "25"
        );
        // Paid in within the hour, after two were spent.
        assert_eq!(told(Flow::Balance, &[(5, "10"), (6, "8"), (6, "28"), (6, "27.5")]), "2.5");
        // 2026-11-30T22, twice in the hour after, and the month that begins.
        let month = [(498_910, "12.5"), (498_911, "12.75"), (498_911, "13"), (498_912, "0.5")];
        assert_eq!(told(Flow::Monthly, &month), "13.5");
    }

    #[test]
    fn the_first_figure_of_a_month_is_what_the_month_cost() {
        let mut chunk = Chunk::default();
        // 2026-11-30T22 and a day later.
        for (hour, amount) in [(498_910, "12.5"), (498_911, "12"), (498_934, "2")] {
            chunk.merge(&[&reading(Flow::Monthly, hour, amount)], 0);
        }
        let within = |from, to| spent(&[&chunk.series[0]], from, to).unwrap().to_string();
        assert_eq!(within(498_192, 498_912), "12", "November in UTC");
        assert_eq!(within(498_912, 499_000), "2", "December");
        // 719 hours cost 12.5: not all of it on the last day, and 12 hours of it on the first.
        assert_eq!(
            within(498_192, 498_204),
            Decimal::parse("12.5").unwrap().roughly(12, 719).to_string()
        );
        assert!(within(498_888, 498_912).starts_with("-0.1"), "{}", within(498_888, 498_912));
    }

    /// 2026-11-30T11, a day before anybody reads it again, in the middle of which a month begins.
    #[test]
    fn what_moved_between_two_figures_is_spread_over_the_hours_between() {
        for (flow, amounts) in [(Flow::Balance, ["10", "7"]), (Flow::Counter, ["7", "10"])] {
            let mut chunk = Chunk::default();
            for (hour, amount) in [498_899, 498_923].into_iter().zip(amounts) {
                chunk.merge(&[&reading(flow, hour, amount)], 0);
            }
            let series = [&chunk.series[0]];
            let within = |from, to| spent(&series, from, to).unwrap();
            assert_eq!(within(498_192, 498_912).to_string(), "1.5", "November");
            assert_eq!(within(498_912, 499_000).to_string(), "1.5", "December");
            assert_eq!(within(498_923, 498_924).to_string(), "0.125", "its last hour");
            // Three have no seventh; the shares are still all of it.
            let cuts = [0, 498_903, 498_910, 498_917, 499_000];
            let parts = cuts.windows(2).map(|cut| within(cut[0], cut[1]));
            assert_eq!(Decimal::sum(parts).unwrap().to_string(), "3");
            assert_eq!(begins(&series), Some(498_899));
        }
    }

    /// What it counted before it was read first counts, and once: also when it begins anew unseen.
    #[test]
    fn a_counter_that_tells_since_when_it_counts_is_known_from_then_on() {
        let mut chunk = Chunk::default();
        let mut take = |read: i64, hour: u32, width: u16, amount: &str| {
            let one = Reading { width, ..reading(Flow::Counter, hour, amount) };
            let mut all = vec![one];
            add_beginnings(&mut all, read * 3_600_000);
            chunk.merge(&all.iter().collect::<Vec<_>>(), 0);
            spent(&[&chunk.series[0]], 0, 1_000_000).unwrap().to_string()
        };
        assert_eq!(take(0, 498_500, 100, "3000"), "3000");
        assert_eq!(take(498_500, 498_510, 110, "3100"), "3100");
        // It began anew at 498_520, and is larger already than it was when it was read last.
        assert_eq!(take(498_510, 498_600, 80, "4000"), "7100");
        assert_eq!(take(498_600, 498_601, 81, "4010"), "7110");
        assert_eq!(spent(&[&chunk.series[0]], 498_401, 498_451).unwrap().to_string(), "1500");
    }
}
