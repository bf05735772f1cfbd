//! Figures in few bytes: hours as steps, amounts as whole numbers of so many bits, the same in a series.

use clawvault_core::domain::{Decimal, Flow, Scope, Unit};
use serde::{Deserialize, Serialize};

use super::ledger::{Chunk, Correction, Later, MAX_SERIES, Series};

/// Most figures of one thing in a piece of time: far more than it has hours.
const MAX_POINTS: usize = 800;

#[derive(Deserialize, Serialize)]
struct Packed<A, L> {
    form: u8,
    series: Vec<PackedSeries<A, L>>,
    corrections: Vec<Correction>,
}

#[derive(Deserialize, Serialize)]
struct PackedSeries<A, L> {
    scope: Scope,
    unit: Unit,
    flow: Flow,
    first: u32,
    /// Step from one hour to the next, and how often it is taken.
    steps: Vec<(u16, u16)>,
    /// Digits after the point, of all amounts.
    places: u8,
    amounts: A,
    later: L,
}

/// Amounts of one series: whichever of both is the shorter one.
#[derive(Deserialize, Serialize)]
enum Amounts {
    /// Each in as many bytes as it needs: what is mostly nothing.
    Each(Vec<i128>),
    /// All in the same number of bits, above the least of them, which is told beside.
    Even { count: u16, least: i128, bits: u8, packed: Vec<u8> },
}

/// The form before: amounts in bytes, and nothing read twice in an hour.
type First = Packed<Vec<i128>, ()>;
type Second = Packed<Amounts, Vec<Later>>;

pub(super) fn pack(chunk: &Chunk) -> Vec<u8> {
    let series = chunk.series.iter().map(pack_series).collect();
    let packed = Second { form: 2, series, corrections: chunk.corrections.clone() };
    // Only a writer that is full fails, and a vector is none.
    postcard::to_stdvec(&packed).unwrap_or_default()
}

pub(super) fn unpack(bytes: &[u8]) -> Option<Chunk> {
    match bytes.first()? {
        1 => {
            let packed: First = whole(bytes)?;
            let all =
                packed.series.into_iter().map(|one| unpack_series(one, Some, |()| Vec::new()));
            chunk(all, packed.corrections)
        }
        2 => {
            let packed: Second = whole(bytes)?;
            let all =
                packed.series.into_iter().map(|one| unpack_series(one, Amounts::all, |all| all));
            chunk(all, packed.corrections)
        }
        _ => None,
    }
}

fn whole<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Option<T> {
    let (packed, rest) = postcard::take_from_bytes(bytes).ok()?;
    rest.is_empty().then_some(packed)
}

fn chunk(
    all: impl ExactSizeIterator<Item = Option<Series>>,
    corrections: Vec<Correction>,
) -> Option<Chunk> {
    if all.len() > MAX_SERIES {
        return None;
    }
    let series: Option<_> = all.collect();
    Some(Chunk { series: series?, corrections })
}

impl Amounts {
    fn of(all: &[i128]) -> Self {
        let each = || Self::Each(all.to_vec());
        let (Some(least), Some(most)) = (all.iter().min(), all.iter().max()) else { return each() };
        let (Some(span), Ok(count)) = (most.checked_sub(*least), u16::try_from(all.len())) else {
            return each();
        };
        let bits = u8::try_from(128 - span.leading_zeros()).unwrap_or(128);
        let mut packed = vec![0; (all.len() * usize::from(bits)).div_ceil(8)];
        for (at, amount) in all.iter().enumerate() {
            let above = amount.wrapping_sub(*least);
            for bit in (0..usize::from(bits)).filter(|bit| above >> bit & 1 == 1) {
                let place = at * usize::from(bits) + bit;
                if let Some(byte) = packed.get_mut(place / 8) {
                    *byte |= 1 << (place % 8);
                }
            }
        }
        let even = Self::Even { count, least: *least, bits, packed };
        let size = |one: &Self| postcard::to_stdvec(one).map_or(usize::MAX, |bytes| bytes.len());
        let each = each();
        if size(&even) < size(&each) { even } else { each }
    }

    fn all(self) -> Option<Vec<i128>> {
        let (count, least, bits, packed) = match self {
            Self::Each(all) => return Some(all),
            Self::Even { count, least, bits, packed } => (count, least, usize::from(bits), packed),
        };
        let count = usize::from(count);
        if bits > 127 || count > MAX_POINTS || packed.len() != (count * bits).div_ceil(8) {
            return None;
        }
        let mut all = Vec::with_capacity(count);
        let mut bytes = packed.into_iter();
        let (mut held, mut rest) = (0_u8, 0_usize);
        for _ in 0..count {
            let (mut above, mut done) = (0_i128, 0);
            while done < bits {
                if rest == 0 {
                    (held, rest) = (bytes.next()?, 8);
                }
                let take = rest.min(bits - done);
                let low = u16::from(held) & ((1 << take) - 1);
                above |= i128::from(low) << done;
                held = (u16::from(held) >> take) as u8;
                (rest, done) = (rest - take, done + take);
            }
            all.push(least.checked_add(above)?);
        }
        Some(all)
    }
}

fn pack_series(series: &Series) -> PackedSeries<Amounts, Vec<Later>> {
    let places = series.points.iter().map(|(_, amount)| amount.to_parts().1).max().unwrap_or(0);
    let whole = |amount: &Decimal| {
        let (number, own) = amount.to_parts();
        number.saturating_mul(10_i128.pow(u32::from(places - own)))
    };
    let mut steps: Vec<(u16, u16)> = Vec::new();
    for pair in series.points.windows(2) {
        let [(before, _), (after, _)] = pair else { continue };
        let step = u16::try_from(after - before).unwrap_or(u16::MAX);
        match steps.last_mut() {
            Some((last, times)) if *last == step => *times += 1,
            _ => steps.push((step, 1)),
        }
    }
    let amounts: Vec<i128> = series.points.iter().map(|(_, amount)| whole(amount)).collect();
    PackedSeries {
        scope: series.scope.clone(),
        unit: series.unit.clone(),
        flow: series.flow,
        first: series.points.first().map_or(0, |(hour, _)| *hour),
        steps,
        places,
        amounts: Amounts::of(&amounts),
        later: series.later.clone(),
    }
}

fn unpack_series<A, L>(
    packed: PackedSeries<A, L>,
    amounts_of: impl Fn(A) -> Option<Vec<i128>>,
    later_of: impl Fn(L) -> Vec<Later>,
) -> Option<Series> {
    let PackedSeries { scope, unit, flow, first, steps, places, amounts, later } = packed;
    let (amounts, later) = (amounts_of(amounts)?, later_of(later));
    let rising = later.is_sorted_by(|one, next| one.hour < next.hour);
    if amounts.len() > MAX_POINTS || !rising {
        return None;
    }
    let mut hours = Vec::with_capacity(amounts.len());
    let mut hour = first;
    hours.extend(amounts.first().map(|_| first));
    for (step, times) in steps {
        for _ in 0..times {
            hour = hour.checked_add(u32::from(step)).filter(|_| step > 0)?;
            hours.push(hour);
            if hours.len() > amounts.len() {
                return None;
            }
        }
    }
    if hours.len() != amounts.len() {
        return None;
    }
    let point = |(hour, number)| Some((hour, Decimal::from_parts(number, places)?));
    let points: Option<_> = hours.into_iter().zip(amounts).map(point).collect();
    Some(Series { scope, unit, flow, points: points?, later })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(
            steps in proptest::collection::vec(1..40_u32, 0..60),
            numbers in proptest::collection::vec((any::<i64>(), 0..20_u8), 61),
        ) {
            let mut hour = 490_000;
            let mut points = Vec::new();
            for (step, (number, places)) in steps.iter().zip(numbers) {
                hour += step;
                points.push((hour, Decimal::from_parts(i128::from(number % 1_000_000_000), places).unwrap()));
            }
            let series = Series { scope: Scope::Account, unit: Unit::parse("USD").unwrap(), flow: Flow::Cost, points, later: Vec::new() };
            let chunk = Chunk { series: vec![series], corrections: Vec::new() };
            prop_assert_eq!(unpack(&pack(&chunk)), Some(chunk));
        }

        #[test]
        fn rubbish_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            unpack(&bytes);
        }
    }

    /// A year of hours for 200 keys is to take less than 20 MB.
    #[test]
    fn a_month_of_hours_is_small() {
        let mut state = 7_u64;
        let mut point = |hour| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
            (hour, Decimal::from_parts(i128::from(state >> 40), 6).unwrap())
        };
        let points = (490_000..490_744).map(&mut point).collect();
        let series = Series {
            scope: Scope::Account,
            unit: Unit::parse("USD").unwrap(),
            flow: Flow::Cost,
            points,
            later: Vec::new(),
        };
        let size = pack(&Chunk { series: vec![series], corrections: Vec::new() }).len();
        assert!(size * 12 * 200 < 6_000_000, "{size}");
    }

    /// What the form before wrote is read, and becomes the new one when it is written.
    #[test]
    fn the_form_before_is_read() {
        let points: Vec<_> = (0..192)
            .map(|at| (490_000 + at, Decimal::from_parts(i128::from(at) * 7919, 6).unwrap()))
            .collect();
        let old = First {
            form: 1,
            series: vec![PackedSeries {
                scope: Scope::Key("k".to_owned()),
                unit: Unit::parse("USD").unwrap(),
                flow: Flow::Cost,
                first: 490_000,
                steps: vec![(1, 191)],
                places: 6,
                amounts: (0..192).map(|at| at * 7919).collect(),
                later: (),
            }],
            corrections: Vec::new(),
        };
        let chunk = unpack(&postcard::to_stdvec(&old).unwrap()).unwrap();
        assert_eq!(chunk.series[0].points, points);
        assert_eq!(unpack(&pack(&chunk)), Some(chunk));
    }
}
