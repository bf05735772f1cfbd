//! What is told of spending: figures, what they are about, and why there is none.

use clawvault_core::domain::{Decimal, Money, Per, ProfileName, SecretName};

use super::budgets::Budgets;
use crate::app::full_name;
use crate::app::pause::Pause;

/// What a figure is about.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Subject {
    /// One secret.
    Secret(ProfileName, SecretName),
    /// All that an agent may have.
    Agent(ProfileName),
    /// All that was spent at a vendor.
    Vendor(String),
    /// All secrets of a profile.
    Profile(ProfileName),
    /// Everything.
    Total,
}

/// One figure.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is about.
    pub subject: Subject,
    /// The stretch of time.
    pub per: Per,
    /// Its name, such as `2026-11`.
    pub period: String,
    /// The hour from which on that is known, where it is not known from the beginning.
    pub since: Option<String>,
    /// What was spent in it, or why nobody measured that.
    pub spent: Result<Money, Unmeasured>,
    /// The limit, where there is one.
    pub limit: Option<Money>,
    /// Whole percent of it.
    pub percent: Option<u32>,
    /// What will have been spent at its end, at the pace of late; none where nothing was measured.
    pub forecast: Option<Money>,
    /// The day on which the limit will be reached at that pace.
    pub reached: Option<String>,
    /// What is left of what was paid, where the vendor tells it.
    pub left: Option<Money>,
    /// What was spent on each of the last days, oldest first.
    pub days: Vec<Decimal>,
    /// Where the figure comes from.
    pub source: String,
    /// When the oldest of its sources answered, in milliseconds since 1970; none for never.
    pub read_ms: Option<i64>,
    /// True where it is no vendor's own figure.
    pub estimate: bool,
}

/// Why there is no figure: nothing that was not measured is shown as nothing spent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unmeasured {
    /// The vendor has no interface that tells figures.
    NoInterface,
    /// No source has answered so far.
    NotRead,
    /// What answered does not tell this secret apart from others.
    NotApart,
    /// What answered told no figure of any unit.
    NothingTold,
    /// What answered told figures, and none of the unit that the limit is in.
    OtherUnit,
    /// What answered tells costs by the day, and the limit is on an hour.
    ByDay,
}

impl std::fmt::Display for Unmeasured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoInterface => "no billing API",
            Self::NotRead => "not read yet",
            Self::NotApart => "not told apart",
            Self::NothingTold => "nothing told",
            Self::OtherUnit => "told in another unit",
            Self::ByDay => "told by the day only",
        })
    }
}

/// A figure that a vendor changed afterwards.
#[derive(Clone, Debug)]
pub struct Correction {
    /// The source.
    pub source: String,
    /// The hour that it is of, in milliseconds since 1970.
    pub hour_ms: i64,
    /// What was told first.
    pub before: Decimal,
    /// What was told later.
    pub after: Decimal,
    /// When that was noticed, in milliseconds since 1970.
    pub noticed_ms: i64,
}

/// All that is known of spending.
#[derive(Clone, Debug, Default)]
pub struct Spending {
    /// The figures.
    pub rows: Vec<Row>,
    /// Vendors with neither a limit of ours nor a cap of their own.
    pub unlimited: Vec<String>,
    /// Vendors that are not asked, and why not.
    pub unread: Vec<(String, String)>,
    /// Sources that did not answer the last time, and why not.
    pub failed: Vec<(String, String)>,
    /// Figures that were corrected.
    pub corrections: Vec<Correction>,
    /// Budgets that vendors hold themselves.
    pub budgets: Vec<Budgets>,
    /// What is paused.
    pub paused: Vec<Pause>,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Secret(profile, name) => f.write_str(&full_name(profile.as_str(), name.as_str())),
            Self::Agent(name) => write!(f, "agent {name}"),
            Self::Vendor(vendor) => write!(f, "vendor {vendor}"),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::Total => f.write_str("all"),
        }
    }
}
