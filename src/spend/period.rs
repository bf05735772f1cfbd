//! Hours, days, weeks and months of a time zone.

use clawvault_core::domain::{Per, Policy};
use jiff::civil::{Date, DateTime, Weekday};
use jiff::{SignedDuration, Span, Timestamp, Zoned, tz::TimeZone};

/// The time zone that limits and quiet hours are counted in.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone that the policy names; UTC where this machine does not know it.
    pub fn of(policy: &Policy) -> Self {
        Self(policy.defaults.time_zone.find().unwrap_or(TimeZone::UTC))
    }

    fn at(&self, ms: i64) -> Zoned {
        Timestamp::from_millisecond(ms).unwrap_or_default().to_zoned(self.0.clone())
    }

    fn ms(&self, at: DateTime) -> i64 {
        let zoned = at.to_zoned(self.0.clone());
        zoned.map_or(i64::MAX, |zoned| zoned.timestamp().as_millisecond())
    }

    /// The day that a moment is on, in words.
    pub fn day(&self, ms: i64) -> String {
        self.at(ms).date().to_string()
    }
}

/// Minutes since midnight, there and then.
pub fn minute_of_day(zone: &Zone, ms: i64) -> u16 {
    let at = zone.at(ms);
    u16::from(at.hour().unsigned_abs()) * 60 + u16::from(at.minute().unsigned_abs())
}

/// One stretch of the calendar.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Period {
    /// Its first millisecond since 1970.
    pub from_ms: i64,
    /// The first millisecond after it.
    pub to_ms: i64,
    /// Its name, such as `2026-11`.
    pub name: String,
}

impl Period {
    /// The stretch that a moment lies in.
    pub fn around(per: Per, zone: &Zone, now_ms: i64) -> Self {
        let at = zone.at(now_ms);
        let midnight = |date: Date| date.at(0, 0, 0, 0);
        let next = |date: Date, span: Span| date.checked_add(span).unwrap_or(Date::MAX);
        let date = at.date();
        let (first, after, name) = match per {
            Per::Hour => {
                let into = i64::from(at.minute()) * 60 + i64::from(at.second());
                let from = at.timestamp().as_second() - into;
                let hour = SignedDuration::from_hours(1).as_secs();
                return Self {
                    from_ms: from * 1000,
                    to_ms: (from + hour) * 1000,
                    name: format!("{date}T{:02}", at.hour()),
                };
            }
            Per::Day => (date, next(date, Span::new().days(1)), date.to_string()),
            Per::Week => {
                let back = i64::from(date.weekday().since(Weekday::Monday));
                let monday = next(date, Span::new().days(-back));
                (monday, next(monday, Span::new().days(7)), format!("week of {monday}"))
            }
            Per::Month => {
                let first = date.first_of_month();
                let name = format!("{:04}-{:02}", date.year(), date.month());
                (first, next(first, Span::new().months(1)), name)
            }
        };
        Self { from_ms: zone.ms(midnight(first)), to_ms: zone.ms(midnight(after)), name }
    }

    /// What is left of it, in milliseconds.
    pub fn left_ms(&self, now_ms: i64) -> i64 {
        self.to_ms.saturating_sub(now_ms).max(0)
    }

    /// Its first hour and the first after it, in hours since 1970.
    pub fn hours(&self) -> (u32, u32) {
        let hour = |ms: i64| u32::try_from(ms.div_euclid(3_600_000)).unwrap_or(0);
        (hour(self.from_ms), hour(self.to_ms))
    }
}

#[cfg(test)]
mod tests {
    use clawvault_core::domain::Decimal;

    use super::super::judge;
    use super::*;

    #[test]
    fn stretches_begin_and_end_where_the_calendar_says() {
        let ms = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let berlin = Zone(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
        let now = ms("2026-10-25T12:00:00Z");
        for (per, from, to, name) in [
            (Per::Hour, "2026-10-25T12:00:00Z", "2026-10-25T13:00:00Z", "2026-10-25T13"),
            // A day of 25 hours.
            (Per::Day, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", "2026-10-25"),
            (Per::Week, "2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z", "week of 2026-10-19"),
            (Per::Month, "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z", "2026-10"),
        ] {
            let period = Period::around(per, &berlin, now);
            let expected = Period { from_ms: ms(from), to_ms: ms(to), name: name.to_owned() };
            assert_eq!(period, expected);
        }
        assert_eq!(minute_of_day(&berlin, now), 13 * 60);
        // A day of 23 hours, and the month that has it.
        let spring = ms("2026-03-29T12:00:00Z");
        let hours = |per| Period::around(per, &berlin, spring).hours();
        let (from, to) = hours(Per::Day);
        assert_eq!(to - from, 23);
        let (from, to) = hours(Per::Month);
        assert_eq!(to - from, 31 * 24 - 1);
        // A month ends where the next one begins, and there is no time left of it.
        let end = ms("2026-10-31T23:00:00Z");
        let (old, new) = (Period::around(Per::Month, &berlin, end - 1), end);
        let new = Period::around(Per::Month, &berlin, new);
        assert_eq!((old.to_ms, new.from_ms, new.name.as_str()), (end, end, "2026-11"));
        assert_eq!((old.left_ms(end - 1), old.left_ms(end)), (1, 0));
    }

    /// Clocks are put back at 01:00 in UTC: what happens in the second hour of that name is no news of
    /// the first one.
    #[test]
    fn two_hours_of_one_name_are_two() {
        let berlin = Zone(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
        let policy = "[total]\nlimits = [{ per = \"hour\", amount = \"1 USD\" }]";
        let policy = Policy::parse(policy).unwrap();
        let limit = &policy.total.limits[0];
        let [first, second] = ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"].map(|now| {
            let now_ms = now.parse::<Timestamp>().unwrap().as_millisecond();
            let hour = Period::around(Per::Hour, &berlin, now_ms);
            judge(limit, hour, now_ms, limit.amount.0.amount, Decimal::ZERO)
        });
        assert_eq!(first.period.name, second.period.name);
        assert_eq!(first.period.to_ms, second.period.from_ms);
        assert_ne!(first.which("1 USD an hour"), second.which("1 USD an hour"));
    }
}
