//! Keys of one account: several vendors tell each key the figures of its whole account. Those are one
//! figure, told as often as there are keys.

use clawvault_core::domain::{Decimal, Flow};

use super::report::View;
use super::sources::Source;
use super::told::Subject;
use crate::spend::{Series, spent};

/// Hours that two keys are compared by: those that were read last.
const HOURS: usize = 24;

impl View<'_> {
    /// Whether another key of the same account counts for a subject already.
    pub(super) fn is_told_before(
        &self,
        subject: &Subject,
        source: &Source,
        own: &[Series],
    ) -> bool {
        let both = self.sources.all.iter().zip(self.pages);
        let before = both.take_while(|(one, _)| one.id != source.id);
        let of_vendor = before.filter(|(one, _)| {
            one.vendor == source.vendor && one.gateway.is_none() && self.concerns(subject, one)
        });
        source.plan.account
            && source.gateway.is_none()
            && of_vendor.flat_map(|(_, page)| &page.series).any(|other| is_same(other, own))
    }
}

/// Whether two keys are told the same figures: what moved in hours that both were read in is mostly the
/// same. Two that were read at almost the same moment may differ a little; where nothing moved, what is
/// told is the same.
fn is_same(one: &[Series], other: &[Series]) -> bool {
    let (Some(first), Some(second)) = (one.first(), other.first()) else { return false };
    let alike = first.scope == second.scope && first.unit == second.unit;
    if !alike || first.flow != second.flow {
        return false;
    }
    let (Some(one_last), Some(other_last)) = (one.last(), other.last()) else { return false };
    let hours = |piece: &Series| -> Vec<u32> {
        piece.points.iter().rev().map(|(hour, _)| *hour).take(HOURS).collect()
    };
    let theirs = hours(other_last);
    let (mut same, mut differ) = (0_usize, 0_usize);
    for hour in hours(one_last).into_iter().filter(|hour| theirs.contains(hour)) {
        let moved = |by: &Series| spent(&[by], hour, hour + 1).unwrap_or_default();
        let (a, b) = (moved(one_last), moved(other_last));
        match (a == Decimal::ZERO && b == Decimal::ZERO, is_near(a, b)) {
            (true, _) => {}
            (_, true) => same += 1,
            (_, false) => differ += 1,
        }
    }
    if same + differ > 0 || first.flow == Flow::Cost {
        return same > 0 && same >= differ;
    }
    one_last.latest().zip(other_last.latest()).is_some_and(|(a, b)| is_near(a, b))
}

/// Whether two amounts differ by less than a twentieth.
fn is_near(a: Decimal, b: Decimal) -> bool {
    let apart = if a > b { a.minus(b) } else { b.minus(a) };
    apart.is_some_and(|apart| apart == Decimal::ZERO || apart.roughly(20, 1) < a.max(b))
}
