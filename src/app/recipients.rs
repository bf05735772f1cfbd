//! Recipients: who may open the vault, one more, one less, and new keys for the same ones.

use std::collections::HashMap;
use std::path::PathBuf;

use clawvault_core::crypto::slot::{DEFAULT_WORK, Identity, Passphrase, Recipient};
use clawvault_core::domain::{Event, ProfileName, SecretInfo, SecretName};
use clawvault_core::vault::{NewSlot, NextEpoch, Slot, SlotKind, Vault};
use zeroize::Zeroizing;

use super::context::recipients_in;
use super::{Access, App, AppError, Code, keyring};
use crate::launch::Runs;

/// One recipient of the vault.
#[derive(Clone, Debug)]
pub struct Listed {
    /// What kind of key opens it.
    pub kind: SlotKind,
    /// The public half.
    pub recipient: String,
    /// When it was added, in milliseconds since 1970.
    pub added_ms: i64,
    /// True for the one whose key opened the vault just now.
    pub opened: bool,
}

/// Who shall open the vault, too.
#[derive(Debug, Default)]
pub struct NewRecipients {
    /// Recipients.
    pub recipients: Vec<Recipient>,
    /// Files of recipients or of identities.
    pub files: Vec<PathBuf>,
    /// A passphrase.
    pub passphrase: Option<Passphrase>,
    /// Work for it, as scrypt's log2 N; the default where none is named.
    pub work: Option<u8>,
    /// True to make a recovery key.
    pub recovery: bool,
    /// True to make an identity that the desktop's keyring keeps.
    pub keyring: bool,
}

/// What was added.
pub struct Added {
    /// The vault, open.
    pub vault: Vault,
    /// The new recipients.
    pub recipients: Vec<String>,
    /// The recovery key, to be shown once.
    pub recovery: Option<Zeroizing<String>>,
    /// Why no fresh snapshot holds the new header, where none does.
    pub no_snapshot: Option<String>,
}

/// A secret that a removed recipient could read.
#[derive(Clone, Debug)]
pub struct Exposed {
    /// Its profile.
    pub profile: ProfileName,
    /// Its name.
    pub name: SecretName,
    /// Id of its vendor, where one is known.
    pub vendor: Option<String>,
}

/// What was removed.
pub struct Removed {
    /// The vault, open, under its new key.
    pub vault: Vault,
    /// Every secret that the removed recipient could read.
    pub exposed: Vec<Exposed>,
}

impl App {
    /// Every recipient, oldest first.
    pub fn recipients(&self) -> Result<(Vec<Listed>, Vec<String>), AppError> {
        let vault = self.open(Access::Read)?;
        Ok((listed(&vault), vault.warnings()))
    }

    /// Adds recipients; nobody else's key changes.
    pub fn add_recipients(&self, new: NewRecipients) -> Result<Added, AppError> {
        let mut recipients = new.recipients;
        for file in &new.files {
            recipients.extend(recipients_in(file)?);
        }
        let slot = |recipient| NewSlot::Recipient(SlotKind::Identity, recipient);
        let mut slots: Vec<NewSlot> = recipients.into_iter().map(slot).collect();
        if let Some(passphrase) = new.passphrase {
            slots.push(NewSlot::Passphrase(passphrase, new.work.unwrap_or(DEFAULT_WORK)));
        }
        let recovery = new.recovery.then(Identity::generate);
        if let Some(recovery) = &recovery {
            slots.push(NewSlot::Recipient(SlotKind::Recovery, recovery.recipient()));
        }
        let (mut vault, key) = self.open_with_key()?;
        if new.keyring {
            let identity = Identity::generate();
            if vault.header().slots.iter().any(|slot| slot.kind == SlotKind::Keyring) {
                return Err(AppError::usage(
                    "the vault has a key in a keyring already",
                    "`clawvault recipient list` shows it; remove it first.",
                ));
            }
            keyring::store(&vault.header().vault, &identity.to_text())?;
            slots.push(NewSlot::Recipient(SlotKind::Keyring, identity.recipient()));
        }
        let recipients = vault.add_slots(&key, &self.who(), &slots)?;
        // A damaged header is restored from a snapshot: one of them has to know the new slots.
        let no_snapshot = vault.snapshot().err().map(|error| error.to_string());
        let recovery = recovery.map(|identity| identity.to_text());
        Ok(Added { vault, recipients, recovery, no_snapshot })
    }

    /// Finds the one recipient that begins with `text`.
    pub fn find_recipient(&self, text: &str) -> Result<Listed, AppError> {
        let vault = self.open(Access::Read)?;
        let mut found = listed(&vault);
        let is_whole = found.iter().any(|one| one.recipient == text);
        found.retain(|one| {
            if is_whole { one.recipient == text } else { one.recipient.starts_with(text) }
        });
        match (found.pop(), found.is_empty()) {
            (Some(one), true) if !text.is_empty() => Ok(one),
            (Some(_), false) => Err(AppError::usage(
                "several recipients begin like that",
                "Name more of it; `clawvault recipient list` shows them.",
            )),
            _ => Err(AppError::new(
                Code::Missing,
                "there is no such recipient",
                "`clawvault recipient list` shows them.",
            )),
        }
    }

    /// Removes a recipient: new keys for all others. It says what the removed one could read.
    pub fn remove_recipient(&self, recipient: &str) -> Result<Removed, AppError> {
        let mut vault = self.open(Access::Write)?;
        let next = vault.prepare_rekey(Some(recipient))?;
        let infos = vault.secrets()?;
        self.translate_runs(&vault, &next, &infos)?;
        vault.enter_epoch(&self.who(), Event::RecipientRemove, recipient, next)?;
        self.note_new_keys();
        let exposed = infos.into_iter().map(|info| Exposed {
            profile: info.profile,
            name: info.name,
            vendor: info.vendor,
        });
        Ok(Removed { exposed: exposed.collect(), vault })
    }

    /// New keys for the same recipients.
    pub fn rekey(&self) -> Result<Vault, AppError> {
        let mut vault = self.open(Access::Write)?;
        let next = vault.prepare_rekey(None)?;
        self.translate_runs(&vault, &next, &vault.secrets()?)?;
        vault.enter_epoch(&self.who(), Event::Rekey, "", next)?;
        self.note_new_keys();
        Ok(vault)
    }

    /// Gives the secrets that living runs hold their new names beside the old ones: whichever keys
    /// are in force after a crash, a rotation finds them.
    pub(super) fn translate_runs(
        &self,
        vault: &Vault,
        next: &NextEpoch,
        infos: &[SecretInfo],
    ) -> Result<(), AppError> {
        if !self.runtime.exists() {
            return Ok(());
        }
        let names: HashMap<String, String> = infos
            .iter()
            .map(|info| (&info.profile, &info.name))
            .map(|(profile, name)| (vault.blinded(profile, name), next.blinded(profile, name)))
            .collect();
        Ok(Runs::open(&self.runtime_dir()?)?.rename(&vault.header().vault, &names)?)
    }
}

fn listed(vault: &Vault) -> Vec<Listed> {
    let one = |slot: &Slot| Listed {
        kind: slot.kind,
        recipient: slot.recipient.clone(),
        added_ms: slot.added_ms,
        opened: slot.recipient == vault.opened_by(),
    };
    vault.header().slots.iter().map(one).collect()
}
