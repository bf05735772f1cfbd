//! Key slots: the vault key wrapped for one recipient each, as small age files (age v1 format).
//!
//! age refuses a passphrase beside other recipients (C2SP age.md, "scrypt recipient stanza"), so a
//! passphrase slot is an age identity sealed under the passphrase; its public half is a recipient
//! like any other, and adding or removing slots never asks for the passphrase.

use std::io::{Read, Write};

use age::secrecy::{ExposeSecret, SecretString};
use age::{DecryptError, Decryptor, Encryptor, scrypt, x25519};
use zeroize::Zeroizing;

use super::age_keys::{PublicHalf, SecretHalf};
use super::{CryptoError, VaultKey};

/// Work for a passphrase by default: scrypt with N = 2^18 takes about a second and 256 MiB.
pub const DEFAULT_WORK: u8 = 18;
/// Least work that a new passphrase slot may ask for.
pub const MIN_WORK: u8 = 15;
/// Most work that a slot may demand of whoever opens it: a hostile header is not obeyed.
pub const MAX_WORK: u8 = 22;

/// A secret key that opens slots: age's own, an SSH key, or what a plugin holds.
pub struct Identity(SecretHalf);

impl Identity {
    /// Makes a new one.
    pub fn generate() -> Self {
        Self(SecretHalf::Age(x25519::Identity::generate()))
    }

    /// Finds the identities in the text of an identity file: one a line, `#` starts a comment; or
    /// one SSH key.
    pub fn parse_file(text: &[u8]) -> Result<Vec<Self>, CryptoError> {
        let text = str::from_utf8(text).map_err(|_| CryptoError::Malformed)?;
        Ok(SecretHalf::parse_file(text)?.into_iter().map(Self).collect())
    }

    /// The public half, `age1…` for age's own.
    pub fn recipient(&self) -> Recipient {
        Recipient(self.0.public())
    }

    /// How the recipient of the key's own slot begins.
    pub fn label(&self) -> String {
        self.0.label()
    }

    /// The secret half of age's own as text, `AGE-SECRET-KEY-1…`: for an identity file or the one
    /// printing of a recovery key. Other kinds have none.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(match &self.0 {
            SecretHalf::Age(key) => key.to_string().expose_secret().to_owned(),
            #[cfg(any(feature = "plugin", feature = "ssh"))]
            _ => String::new(),
        })
    }

    /// The same key, as the library takes it.
    pub(super) fn as_age(&self) -> &dyn age::Identity {
        self.0.as_age()
    }

    /// Takes the vault key out of a slot.
    pub fn unwrap_key(&self, wrapped: &[u8]) -> Result<VaultKey, CryptoError> {
        let file = Decryptor::new_buffered(wrapped).map_err(|e| refusal(&e))?;
        let opened = file.decrypt(std::iter::once(self.as_age()));
        let mut plain = opened.map_err(|error| match error {
            DecryptError::Io(_) if self.0.public().is_plugin() => CryptoError::Plugin,
            other => refusal(&other),
        })?;
        let mut bytes = Zeroizing::new([0; 33]);
        let mut filled = 0;
        // Reading past the end is what proves it.
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match plain.read(rest).map_err(|_| CryptoError::Malformed)? {
                0 => break,
                count => filled += count,
            }
        }
        let (key, _) = bytes.split_first_chunk_mut::<32>().ok_or(CryptoError::Malformed)?;
        if filled != 32 {
            return Err(CryptoError::Malformed);
        }
        Ok(VaultKey::from_slot(key))
    }

    /// Seals this identity under a passphrase, with scrypt's N = 2^`work`.
    pub fn lock(&self, passphrase: &Passphrase, work: u8) -> Result<Vec<u8>, CryptoError> {
        let mut recipient = scrypt::Recipient::new(passphrase.0.clone());
        recipient.set_work_factor(work.clamp(MIN_WORK, MAX_WORK));
        age::encrypt(&recipient, self.to_text().as_bytes()).map_err(|_| CryptoError::NoRandomness)
    }

    /// Opens an identity that [`Identity::lock`] sealed.
    pub fn unlock(sealed: &[u8], passphrase: &Passphrase) -> Result<Self, CryptoError> {
        let mut identity = scrypt::Identity::new(passphrase.0.clone());
        identity.set_max_work_factor(MAX_WORK);
        let text = Zeroizing::new(age::decrypt(&identity, sealed).map_err(|e| refusal(&e))?);
        let text = str::from_utf8(&text).map_err(|_| CryptoError::Malformed)?;
        let key = text.parse().map_err(|_| CryptoError::Malformed)?;
        Ok(Self(SecretHalf::Age(key)))
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(..)")
    }
}

/// A passphrase as a person typed it.
#[derive(Clone)]
pub struct Passphrase(SecretString);

impl Passphrase {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// True where both are the same text.
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }

    /// True where nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.0.expose_secret().is_empty()
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// A public key that a slot can be made for.
#[derive(Clone)]
pub struct Recipient(PublicHalf);

impl Recipient {
    /// Reads an age recipient, `age1…`, or an SSH public key.
    pub fn parse(text: &str) -> Result<Self, CryptoError> {
        PublicHalf::parse(text).map(Self)
    }

    /// The same key, as the library takes it; none where only a plugin knows it.
    pub(super) fn as_age(&self) -> Option<&dyn age::Recipient> {
        self.0.as_age()
    }

    /// Finds the recipients in the text of a file: one a line, `#` starts a comment. Of identities
    /// it takes the public half.
    pub fn parse_file(text: &[u8]) -> Result<Vec<Self>, CryptoError> {
        match Identity::parse_file(text) {
            Ok(identities) => return Ok(identities.iter().map(Identity::recipient).collect()),
            Err(CryptoError::Malformed) => {}
            Err(other) => return Err(other),
        }
        let text = str::from_utf8(text).map_err(|_| CryptoError::Malformed)?;
        let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
        let all: Vec<Self> = lines.map(Self::parse).collect::<Result<_, _>>()?;
        if all.is_empty() { Err(CryptoError::Malformed) } else { Ok(all) }
    }

    /// Wraps the vault key for this recipient.
    pub fn wrap_key(&self, key: &VaultKey) -> Result<Vec<u8>, CryptoError> {
        let failure = match self.0.is_plugin() {
            true => CryptoError::Plugin,
            false => CryptoError::NoRandomness,
        };
        let recipient = self.as_age().ok_or(CryptoError::NoRecipient)?;
        let file = Encryptor::with_recipients(std::iter::once(recipient)).map_err(|_| failure)?;
        let mut wrapped = Vec::new();
        let mut writer = file.wrap_output(&mut wrapped).map_err(|_| failure)?;
        let written = writer.write_all(key.bytes()).and_then(|()| writer.finish().map(drop));
        written.map_err(|_| failure)?;
        Ok(wrapped)
    }
}

impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recipient({self})")
    }
}

pub(super) fn refusal(error: &DecryptError) -> CryptoError {
    match error {
        #[cfg(feature = "plugin")]
        DecryptError::Plugin(_) | DecryptError::PluginResolve(_) => CryptoError::Plugin,
        DecryptError::ExcessiveWork { .. } => CryptoError::TooMuchWork,
        DecryptError::NoMatchingKeys
        | DecryptError::KeyDecryptionFailed
        | DecryptError::DecryptionFailed => CryptoError::WrongKey,
        DecryptError::InvalidMac => CryptoError::Forged,
        _ => CryptoError::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_opens_for_its_own_identity_only() {
        let (mine, other) = (Identity::generate(), Identity::generate());
        let key = VaultKey::generate().unwrap();
        let slot = mine.recipient().wrap_key(&key).unwrap();
        assert_eq!(mine.unwrap_key(&slot).unwrap().bytes(), key.bytes());
        assert_eq!(other.unwrap_key(&slot).unwrap_err(), CryptoError::WrongKey);
        assert!(mine.unwrap_key(&slot[..slot.len() - 1]).is_err());
    }

    #[test]
    fn a_passphrase_locks_an_identity() {
        let identity = Identity::generate();
        let sealed = identity.lock(&Passphrase::new("right".into()), MIN_WORK).unwrap();
        let opened = Identity::unlock(&sealed, &Passphrase::new("right".into())).unwrap();
        assert_eq!(opened.recipient().to_string(), identity.recipient().to_string());
        let wrong = Identity::unlock(&sealed, &Passphrase::new("wrong".into()));
        assert_eq!(wrong.unwrap_err(), CryptoError::WrongKey);
    }

    #[test]
    fn identity_files_have_comments_and_refuse_rubbish() {
        let text = format!("# made today\n\n{}\n", *Identity::generate().to_text());
        assert_eq!(Identity::parse_file(text.as_bytes()).unwrap().len(), 1);
        for rubbish in [&b""[..], b"# only\n", b"AGE-SECRET-KEY-1X\n", b"\xff\xfe"] {
            assert!(Identity::parse_file(rubbish).is_err());
        }
    }

    #[test]
    fn kinds_that_are_not_built_in_are_told_from_rubbish() {
        let ssh = b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n";
        let known =
            if cfg!(feature = "ssh") { CryptoError::Malformed } else { CryptoError::NotBuilt };
        assert_eq!(Identity::parse_file(ssh).unwrap_err(), known);
        assert_eq!(Recipient::parse("ssh-ed25519 AAAA").unwrap_err(), known);
        let known =
            if cfg!(feature = "plugin") { CryptoError::Malformed } else { CryptoError::NotBuilt };
        assert_eq!(Identity::parse_file(b"AGE-PLUGIN-X-1QQ").unwrap_err(), known);
        assert_eq!(Recipient::parse("age1x1qq").unwrap_err(), known);
        assert_eq!(Recipient::parse("age1qq").unwrap_err(), CryptoError::Malformed);
    }
}
