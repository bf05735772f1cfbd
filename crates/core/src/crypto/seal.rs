//! XChaCha20-Poly1305 with a random nonce of 24 bytes (draft-irtf-cfrg-xchacha-03).
//!
//! Sealed form: nonce, ciphertext, tag. With 192 random bits no nonce repeats in practice, so no
//! counter has to survive a crash.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::platform::memory::random;

use super::CryptoError;

const NONCE: usize = 24;

/// Bytes that sealing adds: nonce and tag.
pub const OVERHEAD: usize = NONCE + 16;

/// Seals `plain` for exactly the place that `place` describes.
pub fn seal(key: &[u8; 32], place: &[u8], plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut nonce = [0; NONCE];
    random(&mut nonce).map_err(|_| CryptoError::NoRandomness)?;
    let cipher = XChaCha20Poly1305::new(key.into());
    let sealed = cipher
        .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: place })
        .map_err(|_| CryptoError::Malformed)?;
    let mut out = Vec::with_capacity(NONCE + sealed.len());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&sealed);
    Ok(out)
}

/// Opens what [`seal`] made for the same place; anything else is [`CryptoError::Forged`].
pub fn open(
    key: &[u8; 32],
    place: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(CryptoError::Forged)?;
    let cipher = XChaCha20Poly1305::new(key.into());
    cipher
        .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: place })
        .map(Zeroizing::new)
        .map_err(|_| CryptoError::Forged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_place_and_key_open_it() {
        let (key, other) = ([1; 32], [2; 32]);
        let sealed = seal(&key, b"here", b"value").unwrap();
        assert_eq!(sealed.len(), 5 + OVERHEAD);
        assert_eq!(open(&key, b"here", &sealed).unwrap().as_slice(), b"value");
        assert_eq!(open(&key, b"there", &sealed).unwrap_err(), CryptoError::Forged);
        assert_eq!(open(&other, b"here", &sealed).unwrap_err(), CryptoError::Forged);
        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert!(open(&key, b"here", &bent).is_err());
            assert!(open(&key, b"here", &sealed[..at]).is_err());
        }
    }
}
