//! What a limit says about what was spent: shares crossed, and when it will be reached at this pace.

use clawvault_core::domain::{Decimal, Limit, Per};

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

/// Judges one limit. `within` tells what was spent from one hour to before another.
pub fn judge(
    limit: &Limit,
    period: Period,
    now_ms: i64,
    within: &dyn Fn(u32, u32) -> Decimal,
) -> Judged {
    let (from, to) = period.hours();
    let spent = within(from, to);
    let amount = limit.amount.0.amount;
    let percent = spent.percent_of(amount);
    let now = u32::try_from(now_ms.div_euclid(3_600_000)).unwrap_or(0);
    // The pace is that of whole hours before this one; this one is not over.
    let window = match limit.per {
        Per::Hour => 0,
        Per::Day => 6,
        Per::Week => 48,
        Per::Month => 168,
    };
    let late = within(now.saturating_sub(window), now);
    let left_ms = period.to_ms.saturating_sub(now_ms).max(0);
    let window_ms = i64::from(window) * 3_600_000;
    let coming = if window == 0 { Decimal::ZERO } else { late.roughly(left_ms, window_ms) };
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
    use clawvault_core::domain::Policy;

    fn limit(text: &str) -> Limit {
        let text = format!("[total]\nlimits = [{text}]");
        Policy::parse(&text).unwrap().total.limits[0].clone()
    }

    fn usd(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn the_highest_share_that_was_crossed_is_told_and_the_day_is_foreseen() {
        // The 11th day of November 2026 begins; each hour costs 10 cents.
        let now = 1_794_355_200_000;
        let hour = usd("0.1");
        let within = |from: u32, to: u32| {
            let first = 1_793_491_200 / 3600;
            let (from, to) = (from.max(first), to.min(1_794_355_200 / 3600));
            hour.roughly(i64::from(to.saturating_sub(from)), 1)
        };
        let month = Period::around(Per::Month, &Zone::of(&Policy::default()), now);
        assert_eq!(month.name, "2026-11");
        let judged =
            judge(&limit("{ per = \"month\", amount = \"45 USD\" }"), month.clone(), now, &within);
        assert_eq!((judged.spent, judged.percent), (usd("24"), 53));
        assert_eq!(judged.crossed, Some(Crossed { percent: 50, whole: false }));
        assert_eq!(judged.forecast, usd("72"));
        // 21 dollars at 2.4 a day: 8.75 days.
        let days = (judged.reached_ms.unwrap() - now) as f64 / 86_400_000.0;
        assert!((days - 8.75).abs() < 0.1, "{days}");
        let judged = judge(&limit("{ per = \"month\", amount = \"20 USD\" }"), month, now, &within);
        assert_eq!(judged.crossed, Some(Crossed { percent: 100, whole: true }));
        assert_eq!(judged.reached_ms, None);
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
