//! What a person or the schedule decides: begin, give a key by hand, confirm, give up.

use clawvault_core::domain::{Aim, KeyInfo, Life, Rotation, Stage, State};
use clawvault_core::vault::{Step, VersionChange};
use clawvault_providers::adapter::Fields;

use super::Look;

/// Why one is over that nobody wants any more.
pub const GIVEN_UP: &str = "given up by a person";

/// Why something cannot be begun.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refused {
    /// A rotation of this secret is under way.
    UnderWay(String),
    /// There is no version to replace or to revoke.
    Nothing,
    /// It cannot take a key now.
    NotAwaiting,
    /// It is past the point where it could be undone.
    TooLate,
}

/// The life of a secret, with a rotation or revocation begun; a revocation takes the place of a
/// rotation that is under way.
///
/// # Errors
/// Where another one is under way, or there is nothing to do it to.
pub fn begin(
    look: &Look,
    aim: Aim,
    id: String,
    only: Option<u32>,
    now_ms: i64,
) -> Result<Step, Refused> {
    let mut life = look.life.clone();
    let open = life.open.take();
    let live = |stage| stage != Stage::Retired;
    let versions = &look.info.versions;
    let targets: Vec<u32> = match (aim, only) {
        (Aim::Replace, _) => Vec::new(),
        (Aim::Revoke, Some(number)) => {
            versions.iter().map(|v| v.number).filter(|n| *n == number).collect()
        }
        (Aim::Revoke, None) => {
            versions.iter().filter(|v| live(v.stage)).map(|v| v.number).collect()
        }
    };
    let old = look.info.current().map(|v| v.number);
    let old = match aim {
        Aim::Replace => old.ok_or(Refused::Nothing)?,
        Aim::Revoke if targets.is_empty() => return Err(Refused::Nothing),
        Aim::Revoke => old.unwrap_or_default(),
    };
    let mut label = String::new();
    if let Some(open) = open {
        if aim == Aim::Replace || open.aim == Aim::Revoke && only.is_some() {
            return Err(Refused::UnderWay(open.id));
        }
        // A call that creates may be on its way: what it made is sought under its label.
        label = open.label.clone();
        life.open = Some(open);
        life.end(State::Planned, now_ms, Some("a revocation took its place".to_owned()));
    }
    if aim == Aim::Revoke {
        life.blocked.extend(&targets);
        life.blocked.sort_unstable();
        life.blocked.dedup();
    }
    life.open = Some(Rotation {
        id,
        aim,
        state: if aim == Aim::Revoke { State::Revoking } else { State::Planned },
        old,
        new: None,
        targets,
        label,
        began_ms: now_ms,
        changed_ms: now_ms,
        next_ms: 0,
        attempts: 0,
        holder: None,
        trouble: None,
        confirmed: false,
        needs_person: false,
    });
    Ok(Step { life, change: VersionChange::None })
}

/// Takes a key that a person made.
///
/// # Errors
/// Where none is awaited.
pub fn give(life: &Life, fields: Fields, now_ms: i64) -> Result<Step, Refused> {
    let mut life = life.clone();
    let open = life.open.as_mut().ok_or(Refused::NotAwaiting)?;
    if !matches!(open.state, State::Awaiting | State::Lost) {
        return Err(Refused::NotAwaiting);
    }
    advance(open, State::Stored, now_ms);
    life.know(KeyInfo { version: 0, key_id: None, expires_ms: None });
    Ok(Step { life, change: VersionChange::Pending(fields) })
}

/// Takes a person's word that what stood in the way is done, and tries again.
pub fn confirm(life: &Life) -> Step {
    let mut life = life.clone();
    if let Some(open) = &mut life.open {
        open.confirmed = open.state == State::Deployed;
        (open.needs_person, open.next_ms, open.attempts) = (false, 0, 0);
        open.trouble = None;
    }
    Step { life, change: VersionChange::None }
}

/// Gives a rotation up: what was made is revoked, the old key stays what it is.
///
/// # Errors
/// Where the new key is current already, or a revocation is under way.
pub fn abort(life: &Life, now_ms: i64) -> Result<Step, Refused> {
    let mut life = life.clone();
    let open = life.open.as_mut().ok_or(Refused::Nothing)?;
    match (open.aim, open.state) {
        (Aim::Replace, State::Planned | State::Awaiting) => {
            life.end(State::Planned, now_ms, Some(GIVEN_UP.to_owned()));
            life.failed_ms = Some(now_ms);
        }
        (Aim::Replace, State::Stored | State::Proven) => {
            discard(open, GIVEN_UP, now_ms);
        }
        _ => return Err(Refused::TooLate),
    }
    Ok(Step { life, change: VersionChange::None })
}

/// The new key goes, the old one stays.
pub(super) fn discard(open: &mut Rotation, why: &str, now_ms: i64) {
    open.targets = open.new.into_iter().collect();
    advance(open, State::Revoking, now_ms);
    open.trouble = Some(why.to_owned());
}

/// The next state, with nothing in the way.
pub(super) fn advance(open: &mut Rotation, state: State, now_ms: i64) {
    open.state = state;
    open.changed_ms = now_ms;
    (open.next_ms, open.attempts) = (0, 0);
    (open.trouble, open.needs_person) = (None, false);
}
