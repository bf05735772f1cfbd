//! The desktop's keyring as the place of an identity: Secret Service over D-Bus, in builds with the
//! feature `keyring`. It asks nobody: a keyring that is locked is an error with words.

use zeroize::Zeroizing;

use super::{AppError, Code};

/// True where this build can ask a keyring.
pub(super) const IS_BUILT_IN: bool = cfg!(feature = "keyring");

/// What the desktop's keyring keeps for the vault of this id.
#[cfg(not(feature = "keyring"))]
pub(super) fn load(_: &str) -> Result<Zeroizing<Vec<u8>>, AppError> {
    Err(not_built())
}

/// Puts an identity into the desktop's keyring, in the place of one for the same vault.
#[cfg(not(feature = "keyring"))]
pub(super) fn store(_: &str, _: &str) -> Result<(), AppError> {
    Err(not_built())
}

#[cfg(not(feature = "keyring"))]
fn not_built() -> AppError {
    refusal("this clawvault is built without the keyring", "Build one with `--features keyring`.")
}

#[cfg(feature = "keyring")]
pub(super) use secret_service::{load, store};

fn refusal(what: &str, advice: &str) -> AppError {
    AppError::new(Code::Denied, what, advice)
}

#[cfg(feature = "keyring")]
mod secret_service {
    use std::collections::HashMap;

    use ::secret_service::blocking::SecretService;
    use ::secret_service::{EncryptionType, Error};
    use zeroize::Zeroizing;

    use super::{AppError, refusal};

    /// What the desktop's keyring keeps for the vault of this id.
    pub(in super::super) fn load(vault: &str) -> Result<Zeroizing<Vec<u8>>, AppError> {
        let service = SecretService::connect(EncryptionType::Dh).map_err(|e| explain(&e))?;
        let found = service.search_items(attributes(vault)).map_err(|e| explain(&e))?;
        match (found.unlocked.first(), found.locked.is_empty()) {
            (Some(item), _) => item.get_secret().map(Zeroizing::new).map_err(|e| explain(&e)),
            (None, false) => Err(explain(&Error::Locked)),
            (None, true) => Err(refusal(
                "the keyring has no key of this vault",
                "Name another key with --identity FILE or --passphrase-file FILE.",
            )),
        }
    }

    /// Puts an identity into the desktop's keyring, in the place of one for the same vault.
    pub(in super::super) fn store(vault: &str, text: &str) -> Result<(), AppError> {
        let service = SecretService::connect(EncryptionType::Dh).map_err(|e| explain(&e))?;
        let collection = service.get_default_collection().map_err(|e| explain(&e))?;
        if collection.is_locked().map_err(|e| explain(&e))? {
            return Err(explain(&Error::Locked));
        }
        let label = "clawvault: the key of a vault";
        let kind = "text/plain";
        let made = collection.create_item(label, attributes(vault), text.as_bytes(), true, kind);
        made.map(drop).map_err(|e| explain(&e))
    }

    fn attributes(vault: &str) -> HashMap<&str, &str> {
        HashMap::from([("application", "clawvault"), ("vault", vault)])
    }

    /// The library's own words could repeat what a service answered, so they are not shown.
    fn explain(error: &Error) -> AppError {
        match error {
            Error::Locked | Error::Prompt | Error::PromptDisconnected => refusal(
                "the keyring is locked",
                "Unlock it on the desktop, or name another key with --identity FILE.",
            ),
            _ => refusal(
                "no keyring answers here",
                "Start the desktop's keyring (Secret Service on D-Bus), or name another key with \
                 --identity FILE.",
            ),
        }
    }
}
