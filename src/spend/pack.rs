//! Figures in few bytes: hours as steps, amounts as whole numbers of one size a series.

use clawvault_core::domain::{Decimal, Flow, Scope, Unit};
use serde::{Deserialize, Serialize};

use super::ledger::{Chunk, Correction, MAX_SERIES, Series};

/// Most figures of one thing in a piece of time: far more than it has hours.
const MAX_POINTS: usize = 800;

#[derive(Deserialize, Serialize)]
struct Packed {
    form: u8,
    series: Vec<PackedSeries>,
    corrections: Vec<Correction>,
}

#[derive(Deserialize, Serialize)]
struct PackedSeries {
    scope: Scope,
    unit: Unit,
    flow: Flow,
    first: u32,
    /// Step from one hour to the next, and how often it is taken.
    steps: Vec<(u16, u16)>,
    /// Digits after the point, of all amounts.
    places: u8,
    amounts: Vec<i128>,
}

pub(super) fn pack(chunk: &Chunk) -> Vec<u8> {
    let series = chunk.series.iter().map(pack_series).collect();
    let packed = Packed { form: 1, series, corrections: chunk.corrections.clone() };
    // Only a writer that is full fails, and a vector is none.
    postcard::to_stdvec(&packed).unwrap_or_default()
}

pub(super) fn unpack(bytes: &[u8]) -> Option<Chunk> {
    let (packed, rest): (Packed, _) = postcard::take_from_bytes(bytes).ok()?;
    if packed.form != 1 || !rest.is_empty() || packed.series.len() > MAX_SERIES {
        return None;
    }
    let series: Option<_> = packed.series.into_iter().map(unpack_series).collect();
    Some(Chunk { series: series?, corrections: packed.corrections })
}

fn pack_series(series: &Series) -> PackedSeries {
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
    PackedSeries {
        scope: series.scope.clone(),
        unit: series.unit.clone(),
        flow: series.flow,
        first: series.points.first().map_or(0, |(hour, _)| *hour),
        steps,
        places,
        amounts: series.points.iter().map(|(_, amount)| whole(amount)).collect(),
    }
}

fn unpack_series(packed: PackedSeries) -> Option<Series> {
    let PackedSeries { scope, unit, flow, first, steps, places, amounts } = packed;
    if amounts.len() > MAX_POINTS {
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
    Some(Series { scope, unit, flow, points: points? })
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
            let series = Series { scope: Scope::Account, unit: Unit::parse("USD").unwrap(), flow: Flow::Cost, points };
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
        };
        let size = pack(&Chunk { series: vec![series], corrections: Vec::new() }).len();
        assert!(size * 12 * 200 < 12_000_000, "{size}");
    }
}
