//! Secrets that are handed out to no program for a while: a limit was reached, or a person said so.

use clawvault_core::domain::{ProfileName, SecretName};
use clawvault_core::platform::{Clock, SystemClock};
use clawvault_core::vault::Vault;
use serde::{Deserialize, Serialize};

use super::alerts::close;
use super::kept::decoded;
use super::session::Session;
use super::{Access, App, AppError, Code};

/// The record of what is paused.
pub(super) const PAUSED: &str = "pause/list";
/// Most secrets that are paused at once.
const MAX_PAUSED: usize = 1024;

/// One secret that is handed out to no program.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Pause {
    /// Its profile.
    pub profile: ProfileName,
    /// Its name.
    pub name: SecretName,
    /// When it ends by itself, in milliseconds since 1970; never where none is named.
    pub until_ms: Option<i64>,
    /// Why, in one sentence.
    pub why: String,
}

/// What is paused.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Pauses(Vec<Pause>);

impl Pauses {
    /// Reads the record.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, AppError> {
        decoded(bytes, "the list of paused secrets")
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        if self.0.is_empty() { Vec::new() } else { postcard::to_stdvec(self).unwrap_or_default() }
    }

    /// What is paused in an open vault.
    pub(super) fn of(vault: &Vault) -> Result<Self, AppError> {
        Self::from_bytes(&vault.kept(PAUSED)?.bytes)
    }

    /// Refuses a secret that is paused.
    pub(super) fn refuse(
        vault: &Vault,
        profile: &ProfileName,
        name: &SecretName,
    ) -> Result<(), AppError> {
        let pauses = Self::of(vault)?;
        match pauses.find(profile, name, SystemClock.now_ms()) {
            Some(pause) => Err(pause.refusal()),
            None => Ok(()),
        }
    }

    /// The pause of a secret, where there is one now.
    pub(super) fn find(
        &self,
        profile: &ProfileName,
        name: &SecretName,
        now_ms: i64,
    ) -> Option<&Pause> {
        let holds = |one: &&Pause| one.until_ms.is_none_or(|until| until > now_ms);
        let same = |one: &&Pause| one.profile == *profile && one.name == *name;
        self.0.iter().filter(holds).find(same)
    }

    /// Adds pauses; one that there is stays the longer of both. Those that are over stay, until
    /// [`end`] takes them out and somebody has told the gateways.
    pub(super) fn add(&mut self, pauses: &[Pause]) -> bool {
        let before = self.clone();
        for pause in pauses {
            let same = |one: &Pause| one.profile == pause.profile && one.name == pause.name;
            match self.0.iter().position(same) {
                Some(at) => {
                    let longer = |one: &&mut Pause| {
                        let until = one.until_ms.unwrap_or(i64::MAX);
                        pause.until_ms.unwrap_or(i64::MAX) > until
                    };
                    if let Some(one) = self.0.get_mut(at).filter(longer) {
                        *one = pause.clone();
                    }
                }
                None if self.0.len() < MAX_PAUSED => self.0.push(pause.clone()),
                None => {}
            }
        }
        *self != before
    }

    /// All of them.
    pub fn all(&self) -> &[Pause] {
        &self.0
    }
}

impl Pause {
    /// Why a program does not get the secret.
    pub(super) fn refusal(&self) -> AppError {
        AppError::new(
            Code::Denied,
            format!("{} is paused: {}", self.name, self.why),
            format!("`clawvault spend resume {}` lifts it.", self.name),
        )
    }
}

impl App {
    /// What is paused.
    pub fn pauses(&self) -> Result<Vec<Pause>, AppError> {
        let mut session = self.session(Access::Read)?;
        pauses(&mut session).map(|pauses| pauses.0)
    }

    /// Has running gateways take secrets again whose pause came to its end by itself. Gives what a
    /// person should know; nothing where no pause did.
    pub fn end_pauses(&self) -> Result<Vec<String>, AppError> {
        let now_ms = SystemClock.now_ms();
        let over = |one: &Pause| one.until_ms.is_some_and(|until| until <= now_ms);
        let mut session = self.session(Access::Read)?;
        let any = pauses(&mut session)?.0.iter().any(over);
        close(session);
        if !any {
            return Ok(Vec::new());
        }
        let mut session = self.session(Access::Write)?;
        let ended = end(&mut session, now_ms, &|_| false)?;
        close(session);
        if ended.is_empty() { Ok(Vec::new()) } else { Ok(self.refresh_gateways()) }
    }

    /// Pauses a secret until somebody lifts it.
    pub fn pause(&self, pause: &Pause) -> Result<Session, AppError> {
        let mut session = self.session(Access::Write)?;
        add(&mut session, std::slice::from_ref(pause))?;
        Ok(session)
    }

    /// Lifts the pause of a secret; false where there was none.
    pub fn resume(
        &self,
        profile: &ProfileName,
        name: &SecretName,
    ) -> Result<(Session, bool), AppError> {
        let mut session = self.session(Access::Write)?;
        let lifted = session.change_kept(&[PAUSED.to_owned()], |before| {
            let mut pauses = Pauses::from_bytes(before.first().map_or(&[][..], Vec::as_slice))?;
            let count = pauses.0.len();
            pauses.0.retain(|one| one.profile != *profile || one.name != *name);
            let lifted = pauses.0.len() < count;
            Ok((lifted, vec![lifted.then(|| pauses.to_bytes())]))
        })?;
        Ok((session, lifted))
    }
}

/// What is paused, by an open session.
pub(super) fn pauses(session: &mut Session) -> Result<Pauses, AppError> {
    Pauses::from_bytes(&session.kept(&[PAUSED.to_owned()])?.pop().unwrap_or_default())
}

/// Takes pauses out of the record, those whose time is over and those that `ends` names; gives them.
pub(super) fn end(
    session: &mut Session,
    now_ms: i64,
    ends: &dyn Fn(&Pause) -> bool,
) -> Result<Vec<Pause>, AppError> {
    let over = |one: &Pause| one.until_ms.is_some_and(|until| until <= now_ms);
    session.change_kept(&[PAUSED.to_owned()], |before| {
        let mut pauses = Pauses::from_bytes(before.first().map_or(&[][..], Vec::as_slice))?;
        let ended: Vec<Pause> = pauses.0.extract_if(.., |one| over(one) || ends(one)).collect();
        let bytes = (!ended.is_empty()).then(|| pauses.to_bytes());
        Ok((ended, vec![bytes]))
    })
}

/// Pauses secrets.
pub(super) fn add(session: &mut Session, new: &[Pause]) -> Result<(), AppError> {
    session.change_kept(&[PAUSED.to_owned()], |before| {
        let mut pauses = Pauses::from_bytes(before.first().map_or(&[][..], Vec::as_slice))?;
        let changed = pauses.add(new);
        Ok(((), vec![changed.then(|| pauses.to_bytes())]))
    })
}
