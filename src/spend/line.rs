//! One series of a source over all its pieces of time: what was spent, and how fast of late.

use clawvault_core::domain::{Decimal, Flow, Per};

use super::ledger::{Series, begins, spent};

const HOUR_MS: i64 = 3_600_000;

/// A series in pieces, oldest first.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// The pieces.
    pub pieces: Vec<&'a Series>,
    /// Hours that one cost of it is told for; 0 where it tells no costs.
    pub width: u16,
}

impl Line<'_> {
    /// What was spent from one hour to before another; none where the sum cannot be held.
    pub fn spent(&self, from: u32, to: u32) -> Option<Decimal> {
        spent(&self.pieces, from, to)
    }

    /// The first hour of which it tells what was spent in it; none where that is every hour.
    pub fn begins(&self) -> Option<u32> {
        begins(&self.pieces)
    }

    /// Whether it tells what was spent within single hours: a cost of a whole day does not.
    pub fn tells_hours(&self) -> bool {
        !self.is_cost() || self.width <= 1
    }

    /// What it will add in so many milliseconds from now on, at its pace of late.
    ///
    /// The pace is taken over the time that is known, and that time alone: hours before the first
    /// reading of a balance were not free. What is told by the day is taken in whole days and what
    /// today has so far; of hourly costs the hour that is not over is left out.
    pub fn coming(&self, per: Per, now_ms: i64, left_ms: i64) -> Decimal {
        let window: u32 = match per {
            Per::Hour => return Decimal::ZERO,
            Per::Day => 6,
            Per::Week => 48,
            Per::Month => 168,
        };
        let now = u32::try_from(now_ms.div_euclid(HOUR_MS)).unwrap_or(0);
        let from = now.saturating_sub(window);
        let (from, to, to_ms) = match self.is_cost() {
            true if self.tells_hours() => (from, now, i64::from(now) * HOUR_MS),
            true => (from / u32::from(self.width) * u32::from(self.width), now + 1, now_ms),
            false => (from.max(self.begins().unwrap_or(0)), now + 1, now_ms),
        };
        // A few hours say little of a month: they are taken for a seventh of the window at least.
        let least_ms = i64::from(window) * HOUR_MS / 7;
        let passed_ms = (to_ms - i64::from(from) * HOUR_MS).max(least_ms);
        self.spent(from, to).unwrap_or_default().roughly(left_ms, passed_ms)
    }

    fn is_cost(&self) -> bool {
        self.pieces.first().is_some_and(|piece| piece.flow == Flow::Cost)
    }
}

#[cfg(test)]
mod tests {
    use clawvault_core::domain::{Scope, Unit};

    use super::*;

    /// 2026-12-01T00 in UTC.
    const DECEMBER: u32 = 498_912;
    const DAY_MS: i64 = 24 * HOUR_MS;

    fn series(flow: Flow, points: impl IntoIterator<Item = (u32, &'static str)>) -> Series {
        let points = points.into_iter().map(|(hour, text)| (hour, Decimal::parse(text).unwrap()));
        Series {
            scope: Scope::Account,
            unit: Unit::parse("USD").unwrap(),
            flow,
            points: points.collect(),
            later: Vec::new(),
        }
    }

    fn coming(series: &Series, width: u16, per: Per, now_ms: i64, days: i64) -> String {
        let line = Line { pieces: vec![series], width };
        line.coming(per, now_ms, days * DAY_MS).rounded(2).to_string()
    }

    fn at(hour: u32) -> i64 {
        i64::from(hour) * HOUR_MS
    }

    #[test]
    fn the_pace_is_that_of_the_time_that_is_known() {
        // A balance that was read for the first time a day ago, and two dollars less each day.
        let balance = series(Flow::Balance, [(DECEMBER, "20"), (DECEMBER + 24, "18")]);
        assert_eq!(coming(&balance, 0, Per::Month, at(DECEMBER + 24), 30), "60");
        assert_eq!(coming(&balance, 0, Per::Day, at(DECEMBER + 24), 1), "2.33", "all of this hour");
        // One reading tells nothing; two within an hour are not taken for a month's pace.
        let balance = series(Flow::Balance, [(DECEMBER, "20"), (DECEMBER + 1, "19")]);
        assert_eq!(coming(&balance, 0, Per::Month, at(DECEMBER + 2), 30), "30");
        assert_eq!(coming(&series(Flow::Balance, [(9, "20")]), 0, Per::Month, at(10), 30), "0");
        // What a month cost before anybody read it has its pace, too: 5 a day.
        let monthly = series(Flow::Monthly, [(DECEMBER + 20 * 24 - 1, "100")]);
        assert_eq!(coming(&monthly, 0, Per::Month, at(DECEMBER + 20 * 24), 10), "50");
    }

    #[test]
    fn costs_of_days_have_the_same_pace_all_day_long() {
        // 24 a day, of which this one has what its hours had so far.
        for hour in [1, 3, 6, 12, 18, 23] {
            let today = Decimal::from_parts(i128::from(hour), 0).unwrap();
            let mut costs = series(Flow::Cost, (1..20).map(|day| (DECEMBER - day * 24, "24")));
            costs.points.sort_unstable();
            costs.points.push((DECEMBER, today));
            let now_ms = at(DECEMBER + hour);
            for per in [Per::Day, Per::Week, Per::Month] {
                assert_eq!(coming(&costs, 24, per, now_ms, 30), "720", "{hour} {per:?}");
            }
        }
        // Over the border of a month, by the hour: it goes on as it was.
        let costs = series(Flow::Cost, (DECEMBER - 200..DECEMBER + 2).map(|hour| (hour, "1")));
        for per in [Per::Day, Per::Week, Per::Month] {
            assert_eq!(coming(&costs, 1, per, at(DECEMBER + 2) + HOUR_MS / 2, 31), "744");
        }
        assert_eq!(coming(&costs, 1, Per::Hour, at(DECEMBER + 2), 31), "0");
    }
}
