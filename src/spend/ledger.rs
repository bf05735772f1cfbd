//! The ledger: one figure for each source, thing and hour. A figure that comes again takes the place
//! of the one before, so nothing is counted twice, however often it is read; where it differs, that
//! is a correction, and kept.

use std::collections::BTreeMap;

use clawvault_core::domain::{Decimal, Flow, Reading, Scope, Unit};
use serde::{Deserialize, Serialize};

use super::pack;

/// Most corrections that a piece of one source remembers; the oldest go.
const MAX_CORRECTIONS: usize = 64;
/// Most things that one source tells apart.
pub(super) const MAX_SERIES: usize = 4096;

/// One piece of time of one source.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Chunk {
    /// What it tells apart.
    pub series: Vec<Series>,
    /// Figures that were changed later.
    pub corrections: Vec<Correction>,
}

/// Figures of one thing, by hour.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Series {
    /// What they are about.
    pub scope: Scope,
    /// Of what.
    pub unit: Unit,
    /// How they follow each other.
    pub flow: Flow,
    /// Hours since 1970, rising, and what was told.
    pub points: Vec<(u32, Decimal)>,
}

/// A figure that the vendor changed afterwards.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Correction {
    /// What it is about.
    pub scope: Scope,
    /// The hour that it is of.
    pub hour: u32,
    /// What was told first.
    pub before: Decimal,
    /// What was told later.
    pub after: Decimal,
    /// When that was noticed, in hours since 1970.
    pub noticed: u32,
}

/// What taking figures in did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Merged {
    /// Figures that are new.
    pub new: usize,
    /// Figures that were other ones before.
    pub corrected: usize,
}

impl Chunk {
    /// Reads a piece as [`Chunk::to_bytes`] wrote it; none where it is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() { Some(Self::default()) } else { pack::unpack(bytes) }
    }

    /// The piece in few bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        pack::pack(self)
    }

    /// Takes figures of this piece in. What was told before and is not told again stays.
    pub fn merge(&mut self, readings: &[&Reading], now_hour: u32) -> Merged {
        let mut done = Merged::default();
        for reading in readings {
            let same = |one: &Series| {
                one.scope == reading.scope && one.unit == reading.unit && one.flow == reading.flow
            };
            let at = match self.series.iter().position(same) {
                Some(at) => at,
                None if self.series.len() >= MAX_SERIES => continue,
                None => {
                    let (scope, unit) = (reading.scope.clone(), reading.unit.clone());
                    self.series.push(Series {
                        scope,
                        unit,
                        flow: reading.flow,
                        points: Vec::new(),
                    });
                    self.series.len() - 1
                }
            };
            let Some(series) = self.series.get_mut(at) else { continue };
            match series.points.binary_search_by_key(&reading.hour, |(hour, _)| *hour) {
                Err(place) => {
                    series.points.insert(place, (reading.hour, reading.amount));
                    done.new += 1;
                }
                Ok(place) => {
                    let Some((_, amount)) = series.points.get_mut(place) else { continue };
                    // What was read twice within an hour is no correction of the past.
                    if *amount != reading.amount && reading.flow == Flow::Cost {
                        done.corrected += 1;
                        self.corrections.push(Correction {
                            scope: reading.scope.clone(),
                            hour: reading.hour,
                            before: *amount,
                            after: reading.amount,
                            noticed: now_hour,
                        });
                    }
                    *amount = reading.amount;
                }
            }
        }
        let surplus = self.corrections.len().saturating_sub(MAX_CORRECTIONS);
        self.corrections.drain(..surplus);
        done
    }
}

/// Hours of one piece: eight days. A month of many keys would be more than one record holds.
const PIECE_HOURS: u32 = 8 * 24;

/// Figures by the piece of time that they belong into.
pub fn pieces_of(readings: &[Reading]) -> BTreeMap<u32, Vec<&Reading>> {
    let mut pieces: BTreeMap<u32, Vec<&Reading>> = BTreeMap::new();
    for reading in readings {
        pieces.entry(piece_of(reading.hour)).or_default().push(reading);
    }
    pieces
}

/// The piece of time that an hour belongs into.
pub fn piece_of(hour: u32) -> u32 {
    hour / PIECE_HOURS
}

/// What was spent from one hour to before another, by a series that may be in several pieces, oldest
/// first. None where the sum cannot be held.
///
/// A counter's and a balance's spending is what changed since the figure before: a first one alone
/// tells nothing, a counter that fell began anew, a balance that rose was paid in.
pub fn spent(pieces: &[&Series], from: u32, to: u32) -> Option<Decimal> {
    let mut sum = Decimal::ZERO;
    let mut before: Option<Decimal> = None;
    for (hour, amount) in pieces.iter().flat_map(|piece| &piece.points) {
        let within = (from..to).contains(hour);
        let flow = pieces.first().map(|piece| piece.flow);
        let part = match (flow, before) {
            (Some(Flow::Cost), _) => Some(*amount),
            (Some(Flow::Counter), Some(earlier)) if *amount >= earlier => amount.minus(earlier),
            (Some(Flow::Counter), Some(_)) => Some(*amount),
            (Some(Flow::Balance), Some(earlier)) if *amount <= earlier => earlier.minus(*amount),
            _ => None,
        };
        if let Some(part) = part.filter(|_| within) {
            sum = sum.plus(part)?;
        }
        before = Some(*amount);
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(flow: Flow, hour: u32, amount: &str) -> Reading {
        Reading {
            scope: Scope::Key("k".to_owned()),
            flow,
            unit: Unit::parse("USD").unwrap(),
            hour,
            width: 1,
            amount: Decimal::parse(amount).unwrap(),
        }
    }

    #[test]
    fn what_comes_again_is_not_counted_again_and_corrections_are_seen() {
        let mut chunk = Chunk::default();
        let (a, b) = (reading(Flow::Cost, 10, "0.1"), reading(Flow::Cost, 11, "0.2"));
        assert_eq!(chunk.merge(&[&a, &b, &a], 20), Merged { new: 2, corrected: 0 });
        assert_eq!(chunk.merge(&[&b, &a], 21), Merged::default());
        let late = reading(Flow::Cost, 10, "0.15");
        assert_eq!(chunk.merge(&[&late], 22), Merged { new: 0, corrected: 1 });
        assert_eq!(spent(&[&chunk.series[0]], 0, 12).unwrap().to_string(), "0.35");
        assert_eq!(spent(&[&chunk.series[0]], 11, 12).unwrap().to_string(), "0.2");
        let told = &chunk.corrections[0];
        assert_eq!(
            (told.before.to_string(), told.after.to_string()),
            ("0.1".into(), "0.15".into())
        );
        assert_eq!(Chunk::from_bytes(&chunk.to_bytes()), Some(chunk));
    }

    #[test]
    fn counters_begin_anew_and_balances_are_paid_in() {
        let spent_by = |flow, amounts: &[&str]| {
            let mut chunk = Chunk::default();
            for (hour, amount) in amounts.iter().enumerate() {
                chunk.merge(&[&reading(flow, hour as u32, amount)], 0);
            }
            spent(&[&chunk.series[0]], 0, 100).unwrap().to_string()
        };
        assert_eq!(spent_by(Flow::Counter, &["5", "7", "7.5", "0.25", "1"]), "3.5");
        assert_eq!(spent_by(Flow::Balance, &["10", "9.5", "29.5", "29"]), "1");
        assert_eq!(spent_by(Flow::Counter, &["5"]), "0");
    }
}
