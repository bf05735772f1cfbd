//! The vault's header: its id, the public half of the log's key, and the key slots.
//!
//! A small TOML document in clear. Its first line authenticates the rest under a key that only an
//! opened slot gives, so a slot that was added, swapped or dropped is noticed once it is open.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

use crate::crypto::slot::{Identity, Passphrase, Recipient};
use crate::crypto::{CryptoError, Keys, VaultKey};
use crate::domain::limits::MAX_SLOTS;
use crate::domain::{check_toml_nesting, hex};

use super::VaultError;

/// The format this build writes and reads.
pub(super) const FORMAT: u32 = 1;

/// Largest header, in bytes.
pub(super) const MAX_HEADER: usize = 256 * 1024;

/// What kind of key opens a slot.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SlotKind {
    /// An identity file.
    Identity,
    /// An identity that the desktop's keyring keeps.
    Keyring,
    /// A passphrase.
    Passphrase,
    /// A recovery key that was printed once.
    Recovery,
}

impl SlotKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Keyring => "keyring",
            Self::Passphrase => "passphrase",
            Self::Recovery => "recovery",
        }
    }
}

/// One key slot.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// What kind of key opens it.
    pub kind: SlotKind,
    /// The public half, `age1…`.
    pub recipient: String,
    /// When it was added, in milliseconds since 1970.
    pub added_ms: i64,
    /// The vault key as an age file for the recipient, in base64.
    wrapped: String,
    /// For a passphrase: the recipient's identity as an age file under the passphrase, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locked_identity: Option<String>,
}

/// A key slot as a backup has it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SavedSlot {
    /// What kind of key opens it.
    pub kind: SlotKind,
    /// The public half.
    pub recipient: String,
    /// When it was added, in milliseconds since 1970.
    pub added_ms: i64,
    /// For a passphrase: the recipient's identity as an age file under the passphrase, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_identity: Option<String>,
}

impl SavedSlot {
    /// The locked identity as the bytes of an age file.
    pub fn identity_file(&self) -> Option<Vec<u8>> {
        self.locked_identity.as_ref().and_then(|text| BASE64.decode(text).ok())
    }
}

/// The header.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Format of the vault.
    pub format: u32,
    /// Random id of the vault, in hex.
    pub vault: String,
    /// Counts the vault keys that it has had, from 1.
    #[serde(default = "first_epoch")]
    pub epoch: u32,
    /// Public half of the key that audit entries are sealed to, in base64.
    log_key: String,
    /// Key slots.
    #[serde(rename = "slot")]
    pub slots: Vec<Slot>,
}

#[derive(Deserialize)]
struct OnlyFormat {
    format: u32,
}

impl Slot {
    /// Wraps the vault key for a recipient.
    pub(super) fn new(
        kind: SlotKind,
        recipient: &Recipient,
        key: &VaultKey,
        now_ms: i64,
    ) -> Result<Self, CryptoError> {
        let wrapped = BASE64.encode(recipient.wrap_key(key)?);
        let recipient = recipient.to_string();
        Ok(Self { kind, recipient, added_ms: now_ms, wrapped, locked_identity: None })
    }

    /// Makes a slot that a passphrase opens.
    pub(super) fn with_passphrase(
        passphrase: &Passphrase,
        work: u8,
        key: &VaultKey,
        now_ms: i64,
    ) -> Result<Self, CryptoError> {
        let identity = Identity::generate();
        let locked = BASE64.encode(identity.lock(passphrase, work)?);
        let slot = Self::new(SlotKind::Passphrase, &identity.recipient(), key, now_ms)?;
        Ok(Self { locked_identity: Some(locked), ..slot })
    }

    /// A slot of a backup, not yet wrapped for any vault key.
    pub(super) fn unwrapped(saved: &SavedSlot) -> Self {
        Self {
            kind: saved.kind,
            recipient: saved.recipient.clone(),
            added_ms: saved.added_ms,
            wrapped: String::new(),
            locked_identity: saved.locked_identity.clone(),
        }
    }

    /// What of it goes into a backup: all but the wrapped key.
    pub(super) fn saved(&self) -> SavedSlot {
        SavedSlot {
            kind: self.kind,
            recipient: self.recipient.clone(),
            added_ms: self.added_ms,
            locked_identity: self.locked_identity.clone(),
        }
    }

    /// The same slot for another vault key; nobody is asked for anything.
    pub(super) fn rewrapped(&self, key: &VaultKey) -> Result<Self, CryptoError> {
        let recipient = Recipient::parse(&self.recipient)?;
        let wrapped = BASE64.encode(recipient.wrap_key(key)?);
        Ok(Self { wrapped, ..self.clone() })
    }

    fn open(&self, identity: &Identity) -> Result<VaultKey, CryptoError> {
        identity.unwrap_key(&BASE64.decode(&self.wrapped).map_err(|_| CryptoError::Malformed)?)
    }
}

impl Header {
    /// A header without slots.
    pub(super) fn new(vault: &[u8; 16], epoch: u32, keys: &Keys) -> Self {
        let vault = hex(vault);
        let log_key = BASE64.encode(keys.locked_entries().public());
        Self { format: FORMAT, vault, epoch, log_key, slots: Vec::new() }
    }

    /// Writes the header with the line that authenticates it.
    pub(super) fn to_text(&self, keys: &Keys) -> Result<String, VaultError> {
        let body = toml::to_string(self).map_err(|_| damaged("cannot be written"))?;
        let proof = keys.authenticate(&[b"header", body.as_bytes()]);
        Ok(format!("# clawvault header {}\n{body}", BASE64.encode(proof.0)))
    }

    /// Reads a header; whether it is authentic is known only after [`Header::verify`].
    pub fn parse(bytes: &[u8]) -> Result<Self, VaultError> {
        let text = str::from_utf8(bytes).map_err(|_| damaged("is not text"))?;
        check_toml_nesting(text).map_err(|_| damaged("is altered"))?;
        let header: Self = match toml::from_str(text) {
            Ok(header) => header,
            // A later format may have other keys: look at the number alone.
            Err(_) => match toml::from_str(text) {
                Ok(OnlyFormat { format }) if format > FORMAT => {
                    return Err(VaultError::Newer(format));
                }
                _ => return Err(damaged("is altered")),
            },
        };
        if header.format > FORMAT {
            return Err(VaultError::Newer(header.format));
        }
        let in_bounds = (1..=MAX_SLOTS).contains(&header.slots.len());
        if header.format != FORMAT
            || !in_bounds
            || header.epoch == 0
            || header.id().is_none()
            || header.log_key().is_none()
        {
            return Err(damaged("is altered"));
        }
        Ok(header)
    }

    /// Checks the line that authenticates the document `bytes` it was read from.
    pub(super) fn verify(bytes: &[u8], keys: &Keys) -> bool {
        let text = str::from_utf8(bytes).unwrap_or_default();
        let Some((first, body)) = text.split_once('\n') else { return false };
        let proof = first.strip_prefix("# clawvault header ").unwrap_or_default();
        let proof: Option<[u8; 32]> = BASE64.decode(proof).ok().and_then(|p| p.try_into().ok());
        let expected = keys.authenticate(&[b"header", body.as_bytes()]);
        proof.is_some_and(|proof| expected.matches(&proof))
    }

    /// The vault's id as bytes.
    pub(super) fn id(&self) -> Option<[u8; 16]> {
        parse_id(&self.vault)
    }

    /// Public half of the key that audit entries are sealed to.
    pub(super) fn log_key(&self) -> Option<[u8; 32]> {
        BASE64.decode(&self.log_key).ok()?.try_into().ok()
    }

    /// True where a passphrase could open it.
    pub fn has_passphrase(&self) -> bool {
        self.slots.iter().any(|slot| slot.locked_identity.is_some())
    }

    /// Tries every identity on every slot; gives the slot's recipient, too.
    pub(super) fn unlock(
        &self,
        identities: &[Identity],
    ) -> Result<(VaultKey, String), CryptoError> {
        let mut refusal = CryptoError::WrongKey;
        for identity in identities {
            let mut slots: Vec<&Slot> = self.slots.iter().collect();
            if slots.len() > 1 {
                // The matching slot first; the others only in case its label is altered.
                let label = identity.label();
                slots.sort_by_key(|slot| !slot.recipient.starts_with(&label));
            }
            for slot in slots {
                match slot.open(identity) {
                    Ok(key) => return Ok((key, slot.recipient.clone())),
                    Err(CryptoError::WrongKey) => {}
                    Err(other) => refusal = other,
                }
            }
        }
        Err(refusal)
    }

    /// Tries the passphrase on every passphrase slot; gives the identity that it unlocked.
    pub(super) fn unlock_passphrase(
        &self,
        passphrase: &Passphrase,
    ) -> Result<Identity, CryptoError> {
        let mut refusal = CryptoError::WrongKey;
        for locked in self.slots.iter().filter_map(|slot| slot.locked_identity.as_ref()) {
            let opened = BASE64
                .decode(locked)
                .map_err(|_| CryptoError::Malformed)
                .and_then(|locked| Identity::unlock(&locked, passphrase));
            match opened {
                Ok(identity) => return Ok(identity),
                Err(CryptoError::WrongKey) => {}
                Err(other) => refusal = other,
            }
        }
        Err(refusal)
    }
}

/// A header that names no epoch is of the first.
fn first_epoch() -> u32 {
    1
}

/// Reads a vault's id.
pub(super) fn parse_id(text: &str) -> Option<[u8; 16]> {
    let mut id = [0; 16];
    let (digits, rest) = text.as_bytes().as_chunks::<2>();
    // The number's parser would take a sign, too.
    let hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits.len() != id.len() || !rest.is_empty() || !hex {
        return None;
    }
    for (byte, digits) in id.iter_mut().zip(digits) {
        *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(id)
}

fn damaged(what: &str) -> VaultError {
    VaultError::Damaged(format!("its header {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_hex_digits_and_no_signs() {
        let log_key = BASE64.encode([0; 32]);
        let slot = "kind = \"recovery\"\nrecipient = \"\"\nadded_ms = 0\nwrapped = \"\"\n";
        let parse = |id: &str| {
            let text = format!(
                "format = 1\nvault = \"{id}\"\nepoch = 1\nlog_key = \"{log_key}\"\n[[slot]]\n{slot}"
            );
            Header::parse(text.as_bytes())
        };
        assert!(parse(&"0f".repeat(16)).is_ok());
        assert!(parse(&"+f".repeat(16)).is_err());
    }
}
