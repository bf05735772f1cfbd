//! Schedules against croner, against a clock that jumps, and against time zones.

use std::time::Instant;

use proptest::prelude::*;

use super::*;

const HOUR: i64 = 60 * MINUTE_MS;

fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

#[test]
fn a_field_that_is_none_is_refused() {
    for (text, error) in [
        ("", ScheduleError::Fields),
        ("0 3 1 *", ScheduleError::Fields),
        ("0 0 3 1 * *", ScheduleError::Fields),
        ("60 * * * *", ScheduleError::Field(1)),
        ("* 24 * * *", ScheduleError::Field(2)),
        ("* * 0 * *", ScheduleError::Field(3)),
        ("* * * 13 *", ScheduleError::Field(4)),
        ("* * * * 8", ScheduleError::Field(5)),
        ("5/2 * * * *", ScheduleError::Field(1)),
        ("*/0 * * * *", ScheduleError::Field(1)),
        ("5-2 * * * *", ScheduleError::Field(1)),
        ("1,,2 * * * *", ScheduleError::Field(1)),
        ("-1 * * * *", ScheduleError::Field(1)),
        ("+1 * * * *", ScheduleError::Field(1)),
        ("? * * * *", ScheduleError::Field(1)),
        ("* * L * *", ScheduleError::Field(3)),
        ("* * * monday *", ScheduleError::Field(4)),
        ("0 0 30 2 *", ScheduleError::Never),
    ] {
        assert_eq!(Schedule::parse(text).unwrap_err(), error, "{text}");
    }
}

#[test]
fn known_times() {
    for (text, after, next) in [
        ("0 3 1 */3 *", "2026-11-30T00:00:00Z", "2027-01-01T03:00:00Z"),
        ("0 0 29 2 *", "2026-11-30T00:00:00Z", "2028-02-29T00:00:00Z"),
        // Either day is enough, unless one of them begins with a star.
        ("0 0 13 * 5", "2026-11-30T00:00:00Z", "2026-12-04T00:00:00Z"),
        ("0 0 13 * fri", "2026-12-12T00:00:00Z", "2026-12-13T00:00:00Z"),
        ("0 0 */2 * 1", "2026-11-30T00:00:00Z", "2026-12-07T00:00:00Z"),
        ("0 0 * * 7", "2026-11-30T00:00:00Z", "2026-12-06T00:00:00Z"),
        ("0 0 * * SUN", "2026-11-30T00:00:00Z", "2026-12-06T00:00:00Z"),
        ("0 0 * feb-apr *", "2026-11-30T00:00:00Z", "2027-02-01T00:00:00Z"),
        ("10-50/20 * * * *", "2026-11-30T00:11:00Z", "2026-11-30T00:30:00Z"),
        ("@monthly", "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"),
    ] {
        let found = Schedule::parse(text).unwrap().next_after(at(after), &TimeZone::UTC);
        assert_eq!(found, Some(at(next)), "{text}");
    }
}

#[test]
fn a_change_of_the_clock_leaves_nothing_out_and_does_nothing_twice() {
    let (schedule, zone) = (Schedule::parse("30 2 * * *").unwrap(), berlin());
    // 2:00 becomes 3:00 on 29 March 2026: the run comes at the end of the hour that is not there.
    let spring = schedule.next_after(at("2026-03-28T12:00:00Z"), &zone).unwrap();
    assert_eq!(spring, at("2026-03-29T01:00:00Z"));
    assert_eq!(schedule.next_after(spring, &zone), Some(at("2026-03-30T00:30:00Z")));
    // 3:00 becomes 2:00 on 25 October 2026: the first 2:30 counts, the second does not.
    let autumn = schedule.next_after(at("2026-10-24T12:00:00Z"), &zone).unwrap();
    assert_eq!(autumn, at("2026-10-25T00:30:00Z"));
    let second = at("2026-10-25T01:10:00Z");
    for after in [autumn, second] {
        assert_eq!(schedule.next_after(after, &zone), Some(at("2026-10-26T01:30:00Z")));
    }
}

fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        2 => (least..=most).prop_map(|n| n.to_string()),
        1 => (2_u32..12).prop_map(|step| format!("*/{step}")),
        1 => (least..=most, least..=most, 1_u32..5).prop_map(|(a, b, step)| {
            let (a, b) = (a.min(b), a.max(b));
            if step == 1 { format!("{a}-{b}") } else { format!("{a}-{b}/{step}") }
        }),
        1 => (least..=most, least..=most).prop_map(|(a, b)| format!("{a},{b}")),
    ]
}

/// Croner is the oracle: written by others, with the rules of crontab(5).
fn oracle(text: &str, after_ms: i64) -> Option<i64> {
    let zoned = Timestamp::from_millisecond(after_ms).unwrap().to_zoned(TimeZone::UTC);
    let parser = croner::parser::CronParser::builder().build();
    let found = parser.parse(text).ok()?.find_next_occurrence(&zoned, false).ok()?;
    Some(found.timestamp().as_millisecond())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn every_schedule_comes_when_croner_says(
        minute in field(0, 59), hour in field(0, 23), day in field(1, 31),
        month in field(1, 12), weekday in field(0, 7), after in 1_700_000_000_i64..2_000_000_000,
    ) {
        let text = format!("{minute} {hour} {day} {month} {weekday}");
        // Where a star has a step, croner follows another cron than Vixie's: one of two readings.
        prop_assume!(!(day.starts_with("*/") || weekday.starts_with("*/")));
        if let Ok(schedule) = Schedule::parse(&text) {
            let next = schedule.next_after(after * 1000, &TimeZone::UTC);
            prop_assert_eq!(next, oracle(&text, after * 1000), "{}", text);
        }
    }

    /// T7: whatever the clock does, one run for each time that is due, and one after a long sleep.
    #[test]
    fn no_clock_makes_it_run_twice(
        minute in field(0, 59), hour in field(0, 23), zone in 0_usize..4,
        start in 1_700_000_000_i64..2_000_000_000,
        steps in prop::collection::vec((0_u8..6, 1_i64..200), 60),
    ) {
        let names = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"];
        let zone = Zone(names[zone].to_owned()).find().unwrap();
        let schedule = Schedule::parse(&format!("{minute} {hour} * * *")).unwrap();
        let (mut now, mut last) = (start * 1000, start * 1000);
        let mut ran: Vec<i64> = Vec::new();
        for (kind, amount) in steps {
            now += match kind {
                0 => -amount * HOUR,              // the clock is set back
                1 => amount * 24 * HOUR,          // a long sleep
                2 => 0,                           // asked again at once
                _ => amount * MINUTE_MS,
            };
            // What a scheduler does: due, if the time after the last rotation is over.
            let due = schedule.next_after(last, &zone).unwrap();
            if due <= now {
                prop_assert!(ran.iter().all(|before| *before < due), "a time was met twice");
                ran.push(due);
                last = now;
                prop_assert!(schedule.next_after(last, &zone).unwrap() > now, "one make-up run");
            }
        }
    }
}

#[test]
fn ten_thousand_are_planned_at_once() {
    let schedule = Schedule::parse("0 3 1 */3 *").unwrap();
    let zone = berlin();
    let start = Instant::now();
    let mut sum = 0;
    for n in 0..10_000 {
        sum += schedule.next_after(1_763_800_000_000 + n * 977_000, &zone).unwrap() % 7;
    }
    let took = start.elapsed();
    println!("10,000 schedules planned in {took:?} ({sum})");
    // Without optimisation it takes several times as long.
    let most = if cfg!(debug_assertions) { 2000 } else { 50 };
    assert!(took.as_millis() < most, "{took:?}");
}

#[test]
fn jitter_is_the_secrets_own() {
    let name = |n: u32| SecretName::parse(&format!("openai/{n}")).unwrap();
    let jitter = |n, period| jitter_ms(&ProfileName::default(), &name(n), period);
    assert_eq!(jitter(1, HOUR), jitter(1, HOUR));
    let all: std::collections::BTreeSet<i64> =
        (0..100).map(|n| jitter(n, 90 * 24 * HOUR)).collect();
    assert!(all.len() > 95 && all.iter().all(|ms| (0..MAX_JITTER_MS).contains(ms)));
    assert!((0..100).all(|n| jitter(n, HOUR) < HOUR / 10));
}
