//! The grammar of money: which calls tell what was spent or is left, and which one sets the vendor's
//! own cap. As with recipes, it is data: a call, and paths to what matters of its answer.
//!
//! Paths here know members and `[*]` only (`$.data[*].amount`): numbers are taken as the text that the
//! vendor wrote, which a general JSONPath over parsed numbers would lose.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::recipes::{Api, Step};
use super::{Checked, must};

/// What a call for figures may name of the time that it asks about.
const TIMES: &[&str] = &["from", "to", "from_s", "to_s", "from_date", "to_date"];
/// Most calls of one reading.
const MAX_READS: usize = 4;

/// All that a manifest says of its vendor's money.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purse {
    /// Where the interface for money is, where that is another one than for keys.
    pub api: Option<Api>,
    /// How figures are read.
    pub spend: Option<Spend>,
    /// How the vendor's own cap is set.
    pub cap: Option<Cap>,
}

/// How figures are read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spend {
    /// Which credential asks.
    pub by: By,
    /// Seconds between two readings at least.
    #[serde(default = "hourly")]
    pub every: u32,
    /// Longest stretch of time that one call may ask for, in days; 0 where a call names none.
    #[serde(default)]
    pub days: u16,
    /// Days that are read once more each time, because the vendor corrects what it told.
    #[serde(default)]
    pub again: u16,
    /// What a person should know before it is asked.
    pub note: Option<String>,
    /// True where each key is told the figures of its whole account.
    #[serde(default)]
    pub account: bool,
    /// Whether the vendor holds budgets that its adapter reads.
    #[serde(default)]
    pub budgets: bool,
    /// The calls.
    pub reads: Vec<ReadEntry>,
    /// Whose keys are, where figures name keys by other ids than rotations learn.
    pub owners: Option<Owners>,
}

/// A list of the vendor's keys and of what they belong to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owners {
    /// The call.
    pub call: Step,
    /// Path to the keys.
    pub rows: String,
    /// Path to the id that figures are told by, from the key.
    pub id: String,
    /// Path to the id that a rotation learns, from the key; one without is left out.
    pub owner: String,
}

/// Which credential asks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The admin credential that the policy names.
    Admin,
    /// Each key for itself.
    Key,
    /// The admin credential where there is one, else each key for itself.
    Either,
}

/// One call and what its answer tells.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadEntry {
    /// The call. It may name `{taken.from}` and `{taken.to}` (RFC 3339), `{taken.from_s}` and
    /// `{taken.to_s}` (seconds), `{taken.from_date}` and `{taken.to_date}`.
    pub call: Step,
    /// True where it is for an admin credential alone, false for a key alone; both where not said.
    pub admin: Option<bool>,
    /// Path to stretches of time; the whole answer is one where none is named.
    pub buckets: Option<String>,
    /// Path to rows, from a stretch; the stretch itself is one where none is named.
    pub rows: Option<String>,
    /// Rows that do not have one of these at each path, from the row, are left out.
    #[serde(default)]
    pub only: BTreeMap<String, Vec<String>>,
    /// Path to the amount, from the row.
    pub amount: String,
    /// Path to what was spent since ever, for an answer that leaves the amount of the month out.
    pub lifetime: Option<String>,
    /// The unit, or a path to it from the row.
    pub unit: String,
    /// The amount is in units of ten to this power: -2 for cents.
    #[serde(default)]
    pub power: i8,
    /// True where what is left is told as a negative amount.
    #[serde(default)]
    pub negated: bool,
    /// How figures follow each other.
    pub flow: FlowEntry,
    /// Path to the beginning, from the stretch; now where none is named.
    pub start: Option<String>,
    /// Length of a stretch, in hours.
    #[serde(default)]
    pub width: u16,
    /// Path to when a counter begins anew, from the row: it began a month before. Where the vendor does
    /// not tell it, its first figure says nothing of what was spent.
    pub anew: Option<String>,
    /// Path to the vendor's id of a key, from the row.
    pub key: Option<String>,
    /// Path to the vendor's id of a project, from the row.
    pub project: Option<String>,
    /// True where one answer tells parts of the same figure, which are added up.
    #[serde(default)]
    pub sums: bool,
    /// Whether the key that asks is what it is about.
    #[serde(default)]
    pub own: bool,
}

/// How figures follow each other, as a manifest writes it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum FlowEntry {
    /// Each is what a stretch of time cost.
    Cost,
    /// Each is what was spent so far.
    Counter,
    /// Each is what is left.
    Balance,
    /// Each is what was spent so far since the month began in UTC.
    Monthly,
}

/// How the vendor's own cap is set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// What it caps.
    pub of: CapOf,
    /// The unit.
    pub unit: String,
    /// The amount is sent in units of ten to this power, as a whole number where it is not 0.
    #[serde(default)]
    pub power: i8,
    /// The call; `{taken.amount}` is the amount.
    pub call: Step,
    /// What a person should know of it.
    pub note: Option<String>,
    /// True where it tells and stops nothing.
    #[serde(default)]
    pub soft: bool,
}

/// What a cap is on.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum CapOf {
    /// One key.
    Key,
    /// A project.
    Project,
    /// The whole account.
    Account,
}

impl Purse {
    /// Checks what a single file can show.
    pub(super) fn check(&self, of_keys: Option<&Api>) -> Checked {
        let api = self.api.as_ref().or(of_keys).ok_or("money: there is no `api`")?;
        api.check()?;
        if let Some(cap) = &self.cap {
            cap.call.check_call(api, &["amount"])?;
        }
        if let Some(spend) = &self.spend {
            if let Some(owners) = &spend.owners {
                owners.call.check_call(api, &[])?;
            }
            must((1..=MAX_READS).contains(&spend.reads.len()), "spend: not one to four calls")?;
            must((60..=86_400).contains(&spend.every), "spend: `every` is not 60 to 86400")?;
            for read in &spend.reads {
                read.call.check_call(api, TIMES)?;
                let rows = read.buckets.iter().chain(&read.rows).chain(&read.start);
                let paths = rows.chain(&read.key).chain(&read.project).chain(read.only.keys());
                let paths = paths.chain(std::iter::once(&read.amount)).chain(&read.lifetime);
                let mut paths = paths.chain(&read.anew);
                let counts = read.anew.is_none() || read.flow == FlowEntry::Counter;
                must(counts, "spend: `anew` is for a counter")?;
                must(
                    paths.all(|path| path.starts_with('$')),
                    "spend: a path does not begin with $",
                )?;
                let timed = read.flow != FlowEntry::Cost || read.start.is_some() && read.width > 0;
                must(timed, "spend: costs need a `start` and a `width`")?;
            }
        }
        Ok(())
    }
}

fn hourly() -> u32 {
    3600
}
