//! What a limit says about what was spent: shares crossed, and when it will be reached at this pace.

use clawvault_core::domain::{Decimal, Limit};

use super::period::Period;

/// Times the usual deviation above the usual amount from where on an hour is a spike.
const SPIKE_DEVIATIONS: i64 = 6;
/// Fewest earlier hours that a spike is judged by.
const SPIKE_SAMPLES: usize = 7;

/// A limit and what was spent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Judged {
    /// The stretch of time.
    pub period: Period,
    /// What was spent in it so far.
    pub spent: Decimal,
    /// Whole percent of the limit.
    pub percent: u32,
    /// What will be spent at its end, at the pace of late.
    pub forecast: Decimal,
    /// When the limit will be reached at that pace, in milliseconds since 1970, where that is within.
    pub reached_ms: Option<i64>,
    /// The highest share that was crossed.
    pub crossed: Option<Crossed>,
}

/// A share of a limit that was crossed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Crossed {
    /// Its percent.
    pub percent: u16,
    /// True for the limit itself.
    pub whole: bool,
}

impl Judged {
    /// Tells what happens to a limit in this stretch of time apart from other ones. By its beginning:
    /// where clocks are put back, two hours have one name.
    pub fn which(&self, limit: &str) -> String {
        format!("{limit} {}", self.period.from_ms)
    }
}

/// Judges one limit by what was spent so far, and by what will be besides at the pace of late.
pub fn judge(
    limit: &Limit,
    period: Period,
    now_ms: i64,
    spent: Decimal,
    coming: Decimal,
) -> Judged {
    let amount = limit.amount.0.amount;
    let percent = spent.percent_of(amount);
    let left_ms = period.left_ms(now_ms);
    let forecast = spent.plus(coming).unwrap_or(spent);
    let missing = amount.minus(spent).unwrap_or(Decimal::ZERO);
    let reached_ms = (forecast >= amount && missing > Decimal::ZERO && coming > Decimal::ZERO)
        .then(|| now_ms.saturating_add(fraction_of(missing, coming, left_ms)));
    let crossed = limit.at.0.iter().rev().find(|at| percent >= u32::from(**at));
    let crossed = crossed.map(|at| Crossed { percent: *at, whole: *at >= 100 });
    Judged { period, spent, percent, forecast, reached_ms, crossed }
}

/// `part` of `whole` of a time.
fn fraction_of(part: Decimal, whole: Decimal, ms: i64) -> i64 {
    // In steps of a ten-thousandth: a forecast is no appointment.
    let of = |one: Decimal| one.roughly(10_000, 1);
    i64::from(of(part).percent_of(whole)).saturating_mul(ms / 1_000_000).min(ms)
}

/// An hour that costs far more than the same hour usually does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Spike {
    /// What it cost.
    pub amount: Decimal,
    /// What it usually costs.
    pub usual: Decimal,
}

/// Judges an hour by the same hours of earlier days. Median and median deviation hardly move with a
/// few odd days; an hour that usually costs nothing is a spike only far above nothing: from `least` on.
pub fn spike(amount: Decimal, earlier: &[Decimal], least: Decimal) -> Option<Spike> {
    if earlier.len() < SPIKE_SAMPLES || amount < least {
        return None;
    }
    let usual = median(earlier)?;
    let deviations: Vec<Decimal> =
        earlier.iter().filter_map(|one| usual.minus(*one).map(absolute)).collect();
    // 1.4826 makes of the median deviation what a standard deviation would be.
    let deviation = median(&deviations)?.roughly(14_826, 10_000);
    // Where every day was the same, half as much again is still no spike.
    let margin = deviation.roughly(SPIKE_DEVIATIONS, 1).max(usual.roughly(1, 1));
    (amount > usual.plus(margin)?).then_some(Spike { amount, usual })
}

fn absolute(one: Decimal) -> Decimal {
    if one.is_negative() { Decimal::ZERO.minus(one).unwrap_or(one) } else { one }
}

fn median(all: &[Decimal]) -> Option<Decimal> {
    let mut all = all.to_vec();
    all.sort_unstable();
    let middle = *all.get(all.len() / 2)?;
    match all.len() % 2 {
        1 => Some(middle),
        _ => all.get(all.len() / 2 - 1)?.plus(middle).map(|sum| sum.roughly(1, 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Zone;
    use super::*;
    use clawvault_core::domain::{Per, Policy};

    fn limit(text: &str) -> Limit {
        let text = format!("[total]\nlimits = [{text}]");
        Policy::parse(&text).unwrap().total.limits[0].clone()
    }

    fn usd(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn the_highest_share_that_was_crossed_is_told_and_the_day_is_foreseen() {
        // The 11th day of November 2026 begins; each day costs 2.4 dollars.
        let now = 1_794_355_200_000;
        let month = Period::around(Per::Month, &Zone::of(&Policy::default()), now);
        assert_eq!((month.name.as_str(), month.left_ms(now)), ("2026-11", 20 * 86_400_000));
        let judged = |amount: &str| {
            let limit = limit(&format!("{{ per = \"month\", amount = \"{amount}\" }}"));
            judge(&limit, month.clone(), now, usd("24"), usd("48"))
        };
        let half = judged("45 USD");
        assert_eq!((half.percent, half.forecast), (53, usd("72")));
        assert_eq!(half.crossed, Some(Crossed { percent: 50, whole: false }));
        // 21 dollars at 2.4 a day: 8.75 days.
        let days = (half.reached_ms.unwrap() - now) as f64 / 86_400_000.0;
        assert!((days - 8.75).abs() < 0.1, "{days}");
        let all = judged("20 USD");
        assert_eq!(all.crossed, Some(Crossed { percent: 100, whole: true }));
        assert_eq!((all.reached_ms, judged("73 USD").reached_ms), (None, None));
    }

    #[test]
    fn a_spike_is_far_above_the_usual_and_odd_days_do_not_hide_it() {
        let usual: Vec<Decimal> =
            ["1", "1.1", "0.9", "1", "1.2", "0.8", "1", "40"].map(usd).to_vec();
        assert!(spike(usd("3"), &usual, usd("0.5")).is_some());
        assert!(spike(usd("1.8"), &usual, usd("0.5")).is_none());
        assert!(spike(usd("3"), &usual[..6], usd("0.5")).is_none(), "too little is known");
        assert!(spike(usd("0.4"), &[Decimal::ZERO; 10], usd("0.5")).is_none());
        assert!(spike(usd("0.6"), &[Decimal::ZERO; 10], usd("0.5")).is_some());
    }
}
