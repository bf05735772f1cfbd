//! Budgets that vendors hold themselves, as they told them last: shown beside what was read of costs,
//! and never added to it.

use clawvault_providers::spend::Budget;
use serde::{Deserialize, Serialize};

use crate::app::AppError;
use crate::app::kept::decoded;
use crate::app::session::Session;

const BUDGETS: &str = "spend/budgets";

/// Budgets of one source.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Budgets {
    /// The source that told them.
    pub source: String,
    /// When, in milliseconds since 1970.
    pub read_ms: i64,
    /// What it told.
    pub all: Vec<Budget>,
}

/// All that were told.
pub(super) fn read(session: &mut Session) -> Result<Vec<Budgets>, AppError> {
    parse(&session.kept(&[BUDGETS.to_owned()])?.pop().unwrap_or_default())
}

/// Puts what sources told in the place of what they told before.
pub(super) fn keep(session: &mut Session, new: &[Budgets]) -> Result<(), AppError> {
    if new.is_empty() {
        return Ok(());
    }
    session.change_kept(&[BUDGETS.to_owned()], |before| {
        let mut all = parse(before.first().map_or(&[][..], Vec::as_slice))?;
        all.retain(|one| new.iter().all(|other| other.source != one.source));
        all.extend(new.iter().filter(|one| !one.all.is_empty()).cloned());
        let bytes =
            if all.is_empty() { Vec::new() } else { postcard::to_stdvec(&all).unwrap_or_default() };
        Ok(((), vec![Some(bytes)]))
    })
}

fn parse(bytes: &[u8]) -> Result<Vec<Budgets>, AppError> {
    decoded(bytes, "the list of vendors' budgets")
}
