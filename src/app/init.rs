//! Making a vault.

use std::path::{Path, PathBuf};

use clawvault_core::crypto::slot::{DEFAULT_WORK, Identity, Passphrase, Recipient};
use clawvault_core::platform::{Dir, PlatformError, SystemClock, failpoint};
use clawvault_core::vault::{NewSlot, SlotKind, Vault, VaultError};
use zeroize::Zeroizing;

use super::context::{IDENTITY_FILE, identities_in};
use super::{App, AppError};

/// What is to open the new vault.
#[derive(Debug, Default)]
pub struct InitOptions {
    /// A passphrase.
    pub passphrase: Option<Passphrase>,
    /// Work for it, as scrypt's log2 N; the default where none is named.
    pub work: Option<u8>,
    /// An identity file; made where it does not exist.
    pub identity: Option<PathBuf>,
    /// age recipients.
    pub recipients: Vec<Recipient>,
    /// True to make a recovery key as well.
    pub recovery: bool,
}

/// What `init` made.
pub struct Made {
    /// The new vault, open.
    pub vault: Vault,
    /// The identity file that was written, where one was.
    pub identity: Option<PathBuf>,
    /// The recovery key, to be shown once.
    pub recovery: Option<Zeroizing<String>>,
}

impl App {
    /// An error where there is a vault already, or a home that is not ours alone.
    pub fn refuse_existing(&self) -> Result<(), AppError> {
        use clawvault_core::platform::Private;
        match Dir::open(&self.place.home, Private::Required) {
            Ok(_) if self.has_vault() => Err(VaultError::Exists(self.place.home.clone()).into()),
            Err(error) if !error.is_missing() => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Makes a vault. Without any key named, an identity is written into its home.
    pub fn init(&self, options: InitOptions) -> Result<Made, AppError> {
        self.refuse_existing()?;
        let nothing_named = options.passphrase.is_none()
            && options.identity.is_none()
            && options.recipients.is_empty();
        let mut slots: Vec<NewSlot> = options
            .recipients
            .into_iter()
            .map(|recipient| NewSlot::Recipient(SlotKind::Identity, recipient))
            .collect();
        let mut written = None;
        if let Some(path) = &options.identity {
            if !path.exists() {
                if path.as_os_str().as_encoded_bytes().starts_with(b"AGE-SECRET-KEY-") {
                    let what = "--identity names a file, and this is an identity itself";
                    return Err(AppError::usage(what, "Put it into a file of yours alone."));
                }
                let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
                let dir = parent.unwrap_or(Path::new("."));
                write_identity(&open_any(dir)?, path)?;
                written = Some(path.clone());
            }
            slots.extend(identities_in(path)?.iter().map(slot_of));
        }
        if nothing_named {
            let home = Dir::create(&self.place.home)?;
            let path = home.path().join(IDENTITY_FILE);
            if !home.has(IDENTITY_FILE) {
                write_identity(&home, &path)?;
            }
            slots.extend(identities_in(&path)?.iter().map(slot_of));
            written = Some(path);
        }
        if let Some(passphrase) = options.passphrase {
            slots.push(NewSlot::Passphrase(passphrase, options.work.unwrap_or(DEFAULT_WORK)));
        }
        let recovery = options.recovery.then(Identity::generate);
        if let Some(recovery) = &recovery {
            slots.push(NewSlot::Recipient(SlotKind::Recovery, recovery.recipient()));
        }
        let vault = Vault::create(&self.place, &slots, &self.who(), Box::new(SystemClock))?;
        Ok(Made { vault, identity: written, recovery: recovery.map(|r| r.to_text()) })
    }
}

fn slot_of(identity: &Identity) -> NewSlot {
    NewSlot::Recipient(SlotKind::Identity, identity.recipient())
}

/// The directory of an identity file need not be private; the file in it is.
fn open_any(path: &Path) -> Result<Dir, PlatformError> {
    let path = path.canonicalize().map_err(|e| PlatformError::io("open", path, e))?;
    Dir::open(&path, clawvault_core::platform::Private::Inspect)
}

fn write_identity(dir: &Dir, path: &Path) -> Result<(), AppError> {
    let identity = Identity::generate();
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or(IDENTITY_FILE);
    let text = Zeroizing::new(format!(
        "# clawvault identity. Whoever reads this file opens the vault.\n# public half: {}\n{}\n",
        identity.recipient(),
        *identity.to_text()
    ));
    failpoint::hit("identity.write")?;
    // Whole or not at all: half an identity would stand in the way of the next `init`.
    dir.write_new(name, text.as_bytes())?;
    failpoint::hit("identity.written")?;
    Ok(())
}
