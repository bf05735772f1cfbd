//! Instants as vendors write them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::Value as Tree;

use crate::manifest::template::Instant;

/// Numbers below this are seconds: 5138-11-16; as milliseconds they would be before 1973-03-03.
const SECONDS_BELOW: i64 = 100_000_000_000;

/// As many days from now.
pub(super) fn ahead(instant: Instant, now_ms: i64, days: i64) -> Option<Tree> {
    let now = Timestamp::from_millisecond(now_ms).ok()?;
    let then = now.checked_add((days * 24).hours()).ok()?;
    Some(match instant {
        Instant::Date => Tree::String(then.strftime("%Y-%m-%d").to_string()),
        Instant::Rfc3339 => Tree::String(then.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        Instant::Seconds => Tree::from(then.as_second()),
        Instant::Milliseconds => Tree::from(then.as_millisecond()),
    })
}

/// Milliseconds since 1970 of an instant: RFC 3339, a date, or a number of seconds or milliseconds.
pub(super) fn read(tree: &Tree) -> Option<i64> {
    match tree {
        Tree::Number(number) => {
            let number = number.as_i64().or_else(|| whole(number.as_f64()?))?;
            let seconds = (0..SECONDS_BELOW).contains(&number);
            if seconds { number.checked_mul(1000) } else { Some(number) }
        }
        Tree::String(text) => read_text(text.trim()),
        _ => None,
    }
}

fn whole(number: f64) -> Option<i64> {
    let fits = number.is_finite() && number.abs() < 9e15;
    #[allow(clippy::cast_possible_truncation, reason = "bounded one line above")]
    fits.then_some(number as i64)
}

fn read_text(text: &str) -> Option<i64> {
    if text.len() > 64 {
        return None;
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant.as_millisecond());
    }
    if let Ok(mail) = jiff::fmt::rfc2822::parse(text) {
        return Some(mail.timestamp().as_millisecond());
    }
    let civil = text.trim_end_matches(" UTC");
    let time = civil.parse::<DateTime>().or_else(|_| civil.parse::<Date>().map(DateTime::from));
    Some(time.ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_as_vendors_write_them() {
        for (text, ms) in [
            ("\"2026-11-30T00:00:00Z\"", 1_795_996_800_000),
            ("\"2026-11-30T01:00:00.000+01:00\"", 1_795_996_800_000),
            ("\"2026-11-30\"", 1_795_996_800_000),
            ("\"2026-11-30 00:00:00 UTC\"", 1_795_996_800_000),
            ("\"Mon, 30 Nov 2026 00:00:00 GMT\"", 1_795_996_800_000),
            ("1795996800", 1_795_996_800_000),
            ("1795996800.5", 1_795_996_800_000),
            ("1795996800000", 1_795_996_800_000),
        ] {
            assert_eq!(read(&serde_json::from_str(text).unwrap()), Some(ms), "{text}");
        }
        for text in ["\"soon\"", "null", "{}", "\"\"", "1e300"] {
            assert_eq!(read(&serde_json::from_str(text).unwrap()), None, "{text}");
        }
        let day = ahead(Instant::Date, 1_795_996_800_000, 1);
        assert_eq!(day, Some(Tree::String("2026-12-01".to_owned())));
    }
}
