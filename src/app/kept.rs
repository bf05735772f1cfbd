//! Records that features keep in the vault, read and changed through a session: read, thought over,
//! written, and all of it again where somebody else was faster.

use clawvault_core::domain::Revealed;
use clawvault_core::domain::limits::MAX_KEPT_AT_ONCE;
use clawvault_core::vault::{Keep, VaultError, Want, mark};

use clawvault_providers::adapter::Fields;
use serde::de::DeserializeOwned;

use super::session::{Reply, Request, Session};
use super::{AppError, Code};

/// Most times that a change is begun anew.
const MOST_TURNS: usize = 8;

/// Asks the vault for one thing: a session, or what stands in its place.
pub(super) type Ask<'a> = &'a mut dyn FnMut(Request) -> Result<Reply, AppError>;

/// Records by name, in the order of the names; empty bytes where there is none.
pub(super) fn kept(ask: Ask<'_>, names: &[String]) -> Result<Vec<Vec<u8>>, AppError> {
    let mut all = Vec::with_capacity(names.len());
    while let Some(rest) = names.get(all.len()..).filter(|rest| !rest.is_empty()) {
        let asked = rest.iter().take(MAX_KEPT_AT_ONCE).cloned().collect();
        let told = ask(Request::Kept(asked))?.kept;
        if told.is_empty() {
            return Err(AppError::new(
                Code::Failed,
                "the vault did not tell what it keeps",
                "Restart the daemon; it may be of another version.",
            ));
        }
        all.extend(told.into_iter().map(|kept| kept.bytes));
    }
    Ok(all)
}

/// Changes records: `change` gets the bytes of each and gives their new ones, or none where nothing
/// changes. It may be called more than once.
pub(super) fn change_kept<T>(
    ask: Ask<'_>,
    names: &[String],
    mut change: impl FnMut(&[Vec<u8>]) -> Result<(T, Vec<Option<Vec<u8>>>), AppError>,
) -> Result<T, AppError> {
    for _ in 0..MOST_TURNS {
        let before = kept(ask, names)?;
        let (outcome, after) = change(&before)?;
        let changed = names.iter().zip(&before).zip(after);
        let keeps: Vec<Keep> = changed
            .filter_map(|((name, before), after)| {
                let now = after.filter(|after| after != before)?;
                Some(Keep { name: name.clone(), was: mark(before), now })
            })
            .collect();
        if keeps.is_empty() || ask(Request::Keep(keeps))?.was_kept {
            return Ok(outcome);
        }
    }
    Err(AppError::new(
        Code::Failed,
        "others keep changing the same records",
        "Try again in a moment.",
    ))
}

impl Session {
    /// [`kept`], of this session.
    pub(super) fn kept(&mut self, names: &[String]) -> Result<Vec<Vec<u8>>, AppError> {
        kept(&mut |request| self.ask(request), names)
    }

    /// [`change_kept`], of this session.
    pub(super) fn change_kept<T>(
        &mut self,
        names: &[String],
        change: impl FnMut(&[Vec<u8>]) -> Result<(T, Vec<Option<Vec<u8>>>), AppError>,
    ) -> Result<T, AppError> {
        change_kept(&mut |request| self.ask(request), names, change)
    }
}

impl Session {
    /// Fields of secrets, each logged, with one sync of the log where the vault is open here; none for a
    /// secret that is missing.
    pub(super) fn open_each(&mut self, wants: &[Want]) -> Result<Vec<Option<Fields>>, AppError> {
        let there = |error: AppError| match error.code {
            Code::Missing => Ok(None),
            _ => Err(error),
        };
        if let Self::Local(vault, who, _) = self {
            let asks: Vec<_> = wants.iter().map(|want| (&*who, want)).collect();
            let all = vault.reveal_each(&asks).into_iter();
            let open = |one: Result<Revealed, VaultError>| match one {
                Ok(revealed) => Ok(Some(revealed.fields)),
                Err(error) => there(error.into()),
            };
            return all.map(open).collect();
        }
        let open = |want: &Want| match self.ask(Request::Get(want.clone(), false)) {
            Ok(mut reply) => Ok(reply.revealed.pop().map(|revealed| revealed.fields)),
            Err(error) => there(error),
        };
        wants.iter().map(open).collect()
    }
}

/// A record that is not what we write: damage, or a newer program's.
/// A record as it was written by `postcard::to_stdvec`; the usual one where there is none. `what` is
/// how people are told of it.
pub(super) fn decoded<T: Default + DeserializeOwned>(
    bytes: &[u8],
    what: &str,
) -> Result<T, AppError> {
    if bytes.is_empty() {
        return Ok(T::default());
    }
    let read = postcard::take_from_bytes(bytes).ok().filter(|(_, rest)| rest.is_empty());
    read.map(|(record, _)| record).ok_or_else(|| unreadable(what))
}

pub(super) fn unreadable(what: &str) -> AppError {
    AppError::new(
        Code::Damaged,
        format!("{what} in the vault cannot be read"),
        "Use the clawvault that wrote it, or restore a backup.",
    )
}
