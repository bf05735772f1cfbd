//! XChaCha20-Poly1305 with a random nonce of 24 bytes (draft-irtf-cfrg-xchacha-03).
//!
//! Sealed form: nonce, ciphertext, tag. With 192 random bits no nonce repeats in practice, so no
//! counter has to survive a crash.

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::memory::LockedBytes;
use crate::platform::memory::random;

use super::CryptoError;

const NONCE: usize = 24;
const TAG: usize = 16;

/// Bytes that sealing adds: nonce and tag.
pub const OVERHEAD: usize = NONCE + TAG;

/// Seals `plain` for exactly the place that `place` describes. No copy of it arises on the way.
pub fn seal(key: &[u8; 32], place: &[u8], plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut nonce = [0; NONCE];
    random(&mut nonce).map_err(|_| CryptoError::NoRandomness)?;
    let mut out = vec![0; NONCE + plain.len() + TAG];
    let (head, rest) = out.split_at_mut(NONCE);
    let (body, end) = rest.split_at_mut(plain.len());
    head.copy_from_slice(&nonce);
    let body = InOutBuf::new(plain, body).map_err(|_| CryptoError::Malformed)?;
    let tag = XChaCha20Poly1305::new(key.into())
        .encrypt_inout_detached(&XNonce::from(nonce), place, body)
        .map_err(|_| CryptoError::Malformed)?;
    end.copy_from_slice(&tag);
    Ok(out)
}

/// Opens what [`seal`] made for the same place; anything else is [`CryptoError::Forged`].
pub fn open(
    key: &[u8; 32],
    place: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let mut plain = Zeroizing::new(vec![0; plain_length(sealed)?]);
    open_into(key, place, sealed, &mut plain)?;
    Ok(plain)
}

/// As [`open`], for what may hold a value: the plain bytes come to lie in locked memory only.
pub fn open_locked(
    key: &[u8; 32],
    place: &[u8],
    sealed: &[u8],
) -> Result<LockedBytes, CryptoError> {
    let mut plain = LockedBytes::zeroed(plain_length(sealed)?);
    open_into(key, place, sealed, &mut plain)?;
    Ok(plain)
}

fn plain_length(sealed: &[u8]) -> Result<usize, CryptoError> {
    sealed.len().checked_sub(OVERHEAD).ok_or(CryptoError::Forged)
}

fn open_into(
    key: &[u8; 32],
    place: &[u8],
    sealed: &[u8],
    plain: &mut [u8],
) -> Result<(), CryptoError> {
    let forged = || CryptoError::Forged;
    let (nonce, rest) = sealed.split_first_chunk::<NONCE>().ok_or_else(forged)?;
    let (body, tag) = rest.split_last_chunk::<TAG>().ok_or_else(forged)?;
    let body = InOutBuf::new(body, plain).map_err(|_| CryptoError::Forged)?;
    XChaCha20Poly1305::new(key.into())
        .decrypt_inout_detached(&XNonce::from(*nonce), place, body, &Tag::from(*tag))
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
        assert_eq!(&*open_locked(&key, b"here", &sealed).unwrap(), b"value");
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
