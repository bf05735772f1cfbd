//! What a vendor says was spent, or is left.

use serde::{Deserialize, Serialize};

use super::{Decimal, Unit};

/// What a figure is about, as the vendor tells it apart.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Scope {
    /// The whole account, or what the vendor puts on no key and no project.
    Account,
    /// A project or workspace, by the vendor's id.
    Project(String),
    /// One key, by the vendor's id.
    Key(String),
    /// One key of a project, by the vendor's ids: project, key.
    KeyOf(String, String),
}

/// How figures follow each other.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Flow {
    /// Each is what one stretch of time cost.
    Cost,
    /// Each is what was spent so far; it begins anew from nothing now and then.
    Counter,
    /// Each is what is left of what was paid before; it rises where more is paid.
    Balance,
    /// Each is what was spent so far since the month began in UTC.
    Monthly,
}

/// One figure.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reading {
    /// What it is about.
    pub scope: Scope,
    /// How it follows others.
    pub flow: Flow,
    /// Of what.
    pub unit: Unit,
    /// When its stretch of time begins, or when it was read: hours since 1970, UTC.
    pub hour: u32,
    /// Length of that stretch in hours, or for how many hours a counter has counted; 0 where that is
    /// no stretch, or not known.
    pub width: u16,
    /// How much.
    pub amount: Decimal,
}
