//! Signatures of reports: Ed25519, so that one who has no key to the vault can check them.

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::CryptoError;

/// The pair that signs reports; it is derived from the audit key, and lives as long as that.
pub struct ReportSigner {
    pair: Ed25519KeyPair,
    public: [u8; 32],
}

/// A signature, and the public key that it is checked with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Signature {
    /// The signature.
    pub bytes: [u8; 64],
    /// The public key.
    pub public: [u8; 32],
}

impl ReportSigner {
    pub(super) fn from_seed(seed: &[u8; 32]) -> Result<Self, CryptoError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| CryptoError::Malformed)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| CryptoError::Malformed)?;
        Ok(Self { pair, public })
    }

    /// The public half.
    pub fn public(&self) -> [u8; 32] {
        self.public
    }

    /// Signs a report; the same report has the same signature.
    pub fn sign(&self, report: &[u8]) -> Signature {
        let mut bytes = [0; 64];
        let signature = self.pair.sign(report);
        for (place, byte) in bytes.iter_mut().zip(signature.as_ref()) {
            *place = *byte;
        }
        Signature { bytes, public: self.public }
    }
}

/// Whether a report was signed by the private half of this public key, byte for byte.
pub fn is_signed(report: &[u8], signature: &[u8], public: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(report, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_with_one_byte_changed_is_not_signed() {
        let signer = ReportSigner::from_seed(&[7; 32]).unwrap();
        let signature = signer.sign(b"report");
        assert!(is_signed(b"report", &signature.bytes, &signature.public));
        assert!(!is_signed(b"repost", &signature.bytes, &signature.public));
        let other = ReportSigner::from_seed(&[8; 32]).unwrap().public();
        assert!(!is_signed(b"report", &signature.bytes, &other));
        let mut bent = signature.bytes;
        bent[9] ^= 1;
        assert!(!is_signed(b"report", &bent, &signature.public));
        assert!(!is_signed(b"report", b"", b""));
    }
}
