//! Sealing of audit entries while the vault is locked: anyone with the public half can write one, only the vault reads them.
//!
//! NaCl's sealed box (X25519, XSalsa20-Poly1305, ephemeral sender key), so that a refusal can be
//! logged while the vault is locked.

use crypto_box::aead::OsRng;
use crypto_box::{PublicKey, SecretKey};
use zeroize::Zeroizing;

use super::CryptoError;

/// The secret half.
pub struct EntryKey<'a>(&'a [u8; 32]);

impl<'a> EntryKey<'a> {
    /// Uses derived bytes as an X25519 scalar (RFC 7748 §5 clamps it).
    pub(super) fn from_seed(seed: &'a [u8; 32]) -> Self {
        Self(seed)
    }

    /// The half that may lie in the open, in the vault's header.
    pub fn public(&self) -> [u8; 32] {
        SecretKey::from_bytes(*self.0).public_key().to_bytes()
    }

    /// Opens an entry.
    pub fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        SecretKey::from_bytes(*self.0)
            .unseal(sealed)
            .map(Zeroizing::new)
            .map_err(|_| CryptoError::Forged)
    }

    /// Seals an entry to the public half.
    pub fn seal(public: &[u8; 32], plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        PublicKey::from_bytes(*public)
            .seal(&mut OsRng, plain)
            .map_err(|_| CryptoError::NoRandomness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_half_writes_and_the_secret_half_reads() {
        let key = EntryKey::from_seed(&[3; 32]);
        let mut sealed = EntryKey::seal(&key.public(), b"entry").unwrap();
        assert_eq!(key.open(&sealed).unwrap().as_slice(), b"entry");
        sealed[40] ^= 1;
        assert!(key.open(&sealed).is_err());
    }
}
