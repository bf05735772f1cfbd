//! Time as people read and write it.

use std::time::Duration;

use jiff::{Span, Timestamp};

use crate::app::AppError;

/// A moment as RFC 3339 in UTC, to the second.
pub(super) fn moment(ms: i64) -> String {
    let moment = Timestamp::from_second(ms.div_euclid(1000)).unwrap_or_default();
    moment.to_string()
}

/// An age in its largest unit: `3d`, `5h`, `2m`, `now`.
pub(super) fn age(ms: i64) -> String {
    let seconds = (Timestamp::now().as_millisecond() - ms) / 1000;
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60)] {
        if seconds >= length {
            return format!("{}{unit}", seconds / length);
        }
    }
    "now".to_owned()
}

/// Reads a moment: RFC 3339, a date, or an age such as `2h` or `7d`. Gives milliseconds.
pub(super) fn since(text: &str) -> Result<i64, AppError> {
    let invalid = || {
        AppError::usage(
            "the time is not understood",
            "Write 2h, 7d, 2026-11-22 or 2026-11-22T10:00:00Z.",
        )
    };
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment.as_millisecond());
    }
    if let Ok(moment) = format!("{text}T00:00:00Z").parse::<Timestamp>() {
        return Ok(moment.as_millisecond());
    }
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(invalid)?;
    let number: i64 = number.parse().map_err(|_| invalid())?;
    let hours = match unit {
        "h" => Some(number),
        "d" => number.checked_mul(24),
        "m" => {
            let span = Span::new().try_minutes(number).map_err(|_| invalid())?;
            let before = Timestamp::now().checked_sub(span).map_err(|_| invalid())?;
            return Ok(before.as_millisecond());
        }
        _ => None,
    };
    let span = Span::new().try_hours(hours.ok_or_else(invalid)?).map_err(|_| invalid())?;
    Ok(Timestamp::now().checked_sub(span).map_err(|_| invalid())?.as_millisecond())
}

/// Reads a length of time, such as `90s`, `30m`, `8h` or `7d`.
pub(super) fn span(text: &str) -> Result<Duration, AppError> {
    let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
    let read = || {
        let (number, length) =
            units.iter().find_map(|(unit, length)| Some((text.strip_suffix(unit)?, length)))?;
        let number: u32 = number.parse().ok().filter(|number| *number > 0)?;
        Some(Duration::from_secs(u64::from(number) * length))
    };
    let advice = "Write 30m, 8h, 7d or never.";
    read().ok_or_else(|| AppError::usage("the length of time is not understood", advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_ages_and_dates() {
        assert_eq!(moment(0), "1970-01-01T00:00:00Z");
        assert_eq!(since("1970-01-02").unwrap(), 86_400_000);
        let begin = since("1h").unwrap();
        let hour = Timestamp::now().as_millisecond() - begin;
        assert!((3_600_000..3_660_000).contains(&hour));
        for bad in ["", "h", "1y", "yesterday", "99999999999999999999d", "é"] {
            assert!(since(bad).is_err(), "{bad}");
        }
        assert_eq!(span("90m").unwrap(), Duration::from_secs(5400));
        for bad in ["", "m", "0s", "-1h", "1y", "99999999999d", "é"] {
            assert!(span(bad).is_err(), "{bad}");
        }
        assert_eq!(age(Timestamp::now().as_millisecond() - 2 * 86_400_000), "2d");
    }
}
