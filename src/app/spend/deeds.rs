//! What a limit that is reached has done at vendors, once for each stretch of time: caps set, secrets
//! rotated. The vault is closed meanwhile.

use std::collections::BTreeSet;

use clawvault_core::domain::{Money, ProfileName, SecretName};

use super::book::Index;
use super::check::{Checked, Failed};
use crate::app::alerts::close;
use crate::app::rotation::Which;
use crate::app::{Access, App, AppError, Code};

/// What is to be done, and until when it counts as done, in milliseconds since 1970.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Deed {
    /// A cap: profile, vendor or secret, and its amount.
    Cap(ProfileName, String, Amount),
    /// A rotation.
    Rotate(ProfileName, SecretName),
}

/// An amount as it is written: that is how it is told apart.
pub(super) type Amount = String;

/// Everything to be done.
pub(super) type Deeds = BTreeSet<(Deed, i64)>;

impl Deed {
    fn name(&self, until_ms: i64) -> String {
        match self {
            Self::Cap(profile, what, amount) => {
                format!("cap {what}@{profile} {amount} until {until_ms}")
            }
            Self::Rotate(profile, name) => format!("rotate {name}@{profile} until {until_ms}"),
        }
    }
}

impl App {
    /// Does what limits want done, each once.
    pub(super) fn carry_out(&self, deeds: &Deeds, checked: &mut Checked) -> Result<(), AppError> {
        if deeds.is_empty() {
            return Ok(());
        }
        let mut session = self.session(Access::Read)?;
        let done = Index::read(&mut session)?.done;
        close(session);
        for (deed, until_ms) in deeds {
            if done.contains_key(&deed.name(*until_ms)) {
                continue;
            }
            match deed {
                Deed::Cap(profile, what, amount) => match self.cap_for_limit(profile, what, amount)
                {
                    Ok(()) => {
                        checked.capped.push(format!("{what} has a cap of {amount} at its vendor"));
                        self.note(deed, *until_ms)?;
                    }
                    Err(error) => {
                        // A vendor that failed is asked again; what cannot be is told once.
                        if error.code != Code::Vendor {
                            self.note(deed, *until_ms)?;
                        }
                        let source = format!("the cap of {what}");
                        checked.failed.push(Failed { source, why: error.what });
                    }
                },
                Deed::Rotate(profile, name) => {
                    // Noted before: what fails rests where the next rotation goes on.
                    self.note(deed, *until_ms)?;
                    let which = Which::Named(profile.clone(), vec![name.clone()]);
                    match self.rotate(&which, &mut |_| {}) {
                        Ok(rotated) => checked.rotated.extend(
                            rotated
                                .lines
                                .iter()
                                .map(|line| (line.name.to_string(), line.state.clone())),
                        ),
                        Err(error) => {
                            let source = format!("the rotation of {name}");
                            checked.failed.push(Failed { source, why: error.what });
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn cap_for_limit(
        &self,
        profile: &ProfileName,
        what: &str,
        amount: &str,
    ) -> Result<(), AppError> {
        let amount = Money::parse(amount).map_err(|error| {
            AppError::usage(error.to_string(), "Write an amount and a unit, as in \"50 USD\".")
        })?;
        self.cap(profile, what, &amount).map(drop)
    }

    fn note(&self, deed: &Deed, until_ms: i64) -> Result<(), AppError> {
        let mut session = self.session(Access::Write)?;
        Index::change(&mut session, |index| {
            index.done.insert(deed.name(until_ms), until_ms);
        })?;
        close(session);
        Ok(())
    }
}
