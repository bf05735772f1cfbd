//! What was left out, and why.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How often something was left out, by the reason as it is told.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Skipped(BTreeMap<Cow<'static, str>, u64>);

impl Skipped {
    /// Counts so many more; nothing, where there are none.
    pub fn add(&mut self, why: impl Into<Cow<'static, str>>, count: u64) {
        if count > 0 {
            *self.0.entry(why.into()).or_default() += count;
        }
    }

    /// Takes in what another part of the scan left out.
    pub fn extend(&mut self, other: Self) {
        other.0.into_iter().for_each(|(why, count)| self.add(why, count));
    }

    /// How often for this reason.
    pub fn count(&self, why: &str) -> u64 {
        self.0.get(why).copied().unwrap_or(0)
    }

    /// Each reason, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(why, count)| (why.as_ref(), *count))
    }

    /// Whether nothing was.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many reasons there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}
