//! When a key is due: five-field cron expressions as in crontab(5), in a time zone.
//!
//! The crate `cron` finds the next time; its grammar is Quartz' (six fields, Sunday is 1, day of
//! month *and* day of week), so an expression is read here and handed over as plain lists:
//! 0 and 7 are both Sunday, names and steps become numbers, and where neither day field begins with
//! `*` either of them is enough, which becomes two schedules. It counts on the wall clock: a time
//! that a change of the clock leaves out is met at its end, one that comes twice is met the first
//! time only.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use jiff::civil::DateTime as Civil;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::{ProfileName, SecretName};

const MINUTE_MS: i64 = 60_000;
/// Most that a time is moved by [`jitter_ms`].
const MAX_JITTER_MS: i64 = 30 * MINUTE_MS;
/// Longest expression, in bytes.
const MAX_EXPRESSION: usize = 256;

const MONTHS: &[&str] =
    &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const NICKNAMES: &[(&str, &str)] = &[
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// When to rotate by itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub enum Rotate {
    /// Only when a person says so.
    Never,
    /// At these times.
    At(Schedule),
}

impl TryFrom<String> for Rotate {
    type Error = ScheduleError;

    fn try_from(text: String) -> Result<Self, ScheduleError> {
        if text == "never" { Ok(Self::Never) } else { Schedule::parse(&text).map(Self::At) }
    }
}

/// Why an expression was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ScheduleError {
    /// Not five fields.
    #[error("not five fields of crontab(5) such as 0 3 1 */3 *, and not never")]
    Fields,
    /// A field that is not understood; counted from 1.
    #[error("field {0} of the schedule is not understood")]
    Field(usize),
    /// No day has that date.
    #[error("the schedule names a day that never comes")]
    Never,
}

/// Times that come again and again.
#[derive(Clone)]
pub struct Schedule {
    text: String,
    /// What comes first of these.
    any: Vec<cron::Schedule>,
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Schedule {}

impl Schedule {
    /// Reads an expression.
    ///
    /// # Errors
    /// Where it is none, or names no day of any year.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let nickname = NICKNAMES.iter().find(|(name, _)| *name == text);
        let written = nickname.map_or(text, |(_, meaning)| meaning);
        let fields: Vec<&str> = written.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(ScheduleError::Fields);
        };
        if text.len() > MAX_EXPRESSION {
            return Err(ScheduleError::Fields);
        }
        let field = |at, text, (least, most), names: &[&str]| {
            numbers(text, least, most, names).ok_or(ScheduleError::Field(at))
        };
        let minutes = list(&field(1, minute, (0, 59), &[])?);
        let hours = list(&field(2, hour, (0, 23), &[])?);
        let days = list(&field(3, day, (1, 31), &[])?);
        let months = list(&field(4, month, (1, 12), MONTHS)?);
        // Quartz counts the days of a week from 1; 7 is Sunday here as well.
        let weekdays: Vec<u32> =
            field(5, weekday, (0, 7), DAYS)?.into_iter().map(|day| day % 7 + 1).collect();
        let weekdays = list(&weekdays);
        let pairs = if day.starts_with('*') || weekday.starts_with('*') {
            vec![(days.as_str(), weekdays.as_str())]
        } else {
            vec![(days.as_str(), "*"), ("*", weekdays.as_str())]
        };
        let build = |(days, weekdays)| {
            let quartz = format!("0 {minutes} {hours} {days} {months} {weekdays}");
            cron::Schedule::from_str(&quartz).map_err(|_| ScheduleError::Fields)
        };
        let any: Result<Vec<_>, _> = pairs.into_iter().map(build).collect();
        let schedule = Self { text: text.to_owned(), any: any? };
        // A leap year is never more than eight years away.
        let comes = schedule.next_wall(DateTime::UNIX_EPOCH).is_some();
        if comes { Ok(schedule) } else { Err(ScheduleError::Never) }
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first time after `after_ms`, both in milliseconds since 1970; none where the calendar ends.
    pub fn next_after(&self, after_ms: i64, zone: &TimeZone) -> Option<i64> {
        let after = Timestamp::from_millisecond(after_ms).ok()?;
        let mut wall = as_if_utc(zone.to_datetime(after))?;
        loop {
            wall = self.next_wall(wall)?;
            let met = met(wall, zone)?.as_millisecond();
            // The second time of an hour that comes twice is over when the first one was met.
            if met > after_ms {
                return Some(met);
            }
        }
    }

    /// The next time on a wall clock, written as if it were UTC.
    fn next_wall(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.any.iter().filter_map(|one| one.after(&after).next()).min()
    }
}

/// When a time of the wall clock is met.
fn met(wall: DateTime<Utc>, zone: &TimeZone) -> Option<Timestamp> {
    let wall = TimeZone::UTC.to_datetime(Timestamp::from_second(wall.timestamp()).ok()?);
    let ambiguous = zone.to_ambiguous_timestamp(wall);
    let is_gap = matches!(ambiguous.offset(), jiff::tz::AmbiguousOffset::Gap { .. });
    let met = ambiguous.compatible().ok()?;
    if !is_gap {
        return Some(met);
    }
    let just_after = met.checked_add(jiff::SignedDuration::from_nanos(1)).ok()?;
    zone.preceding(just_after).next().map(|change| change.timestamp()).or(Some(met))
}

fn as_if_utc(wall: Civil) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(wall.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second(), 0)
}

/// How much later than its schedule says a secret is rotated: always the same for one secret, below
/// half an hour and below a tenth of the time between two rotations, in milliseconds.
pub fn jitter_ms(profile: &ProfileName, name: &SecretName, period_ms: i64) -> i64 {
    // FNV-1a: no secrecy is wanted, only that names fall apart.
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let bytes = profile.as_str().bytes().chain([0]).chain(name.as_str().bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, mix);
    let most = MAX_JITTER_MS.min(period_ms / 10).max(1);
    i64::try_from(hash % most.unsigned_abs()).unwrap_or_default()
}

/// The numbers of a field, ascending.
fn numbers(text: &str, least: u32, most: u32, names: &[&str]) -> Option<Vec<u32>> {
    let mut wanted = 0_u64;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, number(step, &[])?),
            None => (part, 1),
        };
        let named = |text| number(text, names).map(|n| n + name_offset(text, least));
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (named(from)?, named(to)?),
            None if range == "*" => (least, most),
            // A step needs something to step through.
            None if part.contains('/') => return None,
            None => (named(range)?, named(range)?),
        };
        if from < least || to > most || from > to || step == 0 {
            return None;
        }
        (from..=to).step_by(step as usize).for_each(|n| wanted |= 1 << n);
    }
    Some((least..=most).filter(|n| wanted & (1 << n) != 0).collect())
}

/// Names count from the field's least number, numbers from zero.
fn name_offset(text: &str, least: u32) -> u32 {
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) { least } else { 0 }
}

fn number(text: &str, names: &[&str]) -> Option<u32> {
    let place = names.iter().position(|name| name.eq_ignore_ascii_case(text));
    if let Some(place) = place {
        return u32::try_from(place).ok();
    }
    let is_number = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

fn list(numbers: &[u32]) -> String {
    let mut all = numbers.to_vec();
    all.sort_unstable();
    all.dedup();
    all.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

/// A time zone by its name, from the system's database.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct Zone(String);

impl Default for Zone {
    fn default() -> Self {
        Self("UTC".to_owned())
    }
}

impl TryFrom<String> for Zone {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
        if text.is_empty() || text.len() > 64 || !text.chars().all(is_name) {
            return Err("not the name of a time zone such as Europe/Berlin");
        }
        Ok(Self(text))
    }
}

impl Zone {
    /// The zone; none where this system does not know it.
    pub fn find(&self) -> Option<TimeZone> {
        if self.0 == "UTC" { Some(TimeZone::UTC) } else { TimeZone::get(&self.0).ok() }
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A length of time, written `90s`, `30m`, `8h` or `7d`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct Length(i64);

impl Length {
    /// In milliseconds.
    pub fn as_ms(self) -> i64 {
        self.0
    }

    /// So many minutes.
    pub const fn minutes(count: i64) -> Self {
        Self(count * MINUTE_MS)
    }
}

impl TryFrom<String> for Length {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let units = [("s", 1000), ("m", MINUTE_MS), ("h", 60 * MINUTE_MS), ("d", 1440 * MINUTE_MS)];
        let read = units.iter().find_map(|(unit, ms)| Some((text.strip_suffix(unit)?, ms)));
        let count = |(count, ms): (&str, &i64)| Some(i64::from(count.parse::<u16>().ok()?) * ms);
        read.and_then(count).map(Self).ok_or("not a length of time such as 90s, 30m, 8h or 7d")
    }
}

#[cfg(test)]
mod tests;
