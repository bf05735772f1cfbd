//! Whose keys are at vendors that tell figures by other ids than rotations learn. A key that was revoked
//! is listed no more, and its figures go on: what was told once is kept.

use std::collections::BTreeMap;

use crate::app::AppError;
use crate::app::kept::decoded;
use crate::app::session::Session;

const OWNERS: &str = "spend/owners";
/// Most keys that are remembered.
const MAX_OWNERS: usize = 4096;

/// The id that figures name, and the one that rotations learn.
pub(super) type Owners = BTreeMap<String, String>;

/// All that were told.
pub(super) fn read(session: &mut Session) -> Result<Owners, AppError> {
    parse(&session.kept(&[OWNERS.to_owned()])?.pop().unwrap_or_default())
}

/// Adds what vendors told.
pub(super) fn add(session: &mut Session, new: &Owners) -> Result<(), AppError> {
    if new.is_empty() {
        return Ok(());
    }
    session.change_kept(&[OWNERS.to_owned()], |before| {
        let mut all = parse(before.first().map_or(&[][..], Vec::as_slice))?;
        for (key, owner) in new {
            if all.len() < MAX_OWNERS || all.contains_key(key) {
                all.insert(key.clone(), owner.clone());
            }
        }
        Ok(((), vec![Some(postcard::to_stdvec(&all).unwrap_or_default())]))
    })
}

fn parse(bytes: &[u8]) -> Result<Owners, AppError> {
    decoded(bytes, "the list of vendors' keys")
}
