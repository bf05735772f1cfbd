//! Age files for several recipients at once, written and read as streams: what backups are.
//!
//! Plain bytes pass in chunks of 64 KiB, so nothing of a large file has to be held whole. A reader
//! that ends without an error has proven every byte and the end of the file.

use std::io::{Read, Write};

use age::stream::{StreamReader, StreamWriter};
use age::{DecryptError, Decryptor, Encryptor};

use super::slot::{Identity, Recipient};
use super::{CryptoError, slot};

/// How every age file of this version begins.
pub const AGE_MAGIC: &[u8] = b"age-encryption.org/v1";

/// A file for certain recipients, not yet written.
pub struct AgeFile(Encryptor);

impl AgeFile {
    /// Makes the key of one file and wraps it for each recipient.
    pub fn sealed_to(recipients: &[Recipient]) -> Result<Self, CryptoError> {
        let all: Option<Vec<_>> = recipients.iter().map(Recipient::as_age).collect();
        let all = all.ok_or(CryptoError::NoRecipient)?;
        let encryptor = Encryptor::with_recipients(all.into_iter());
        encryptor.map(Self).map_err(|_| CryptoError::Malformed)
    }

    /// Starts writing; the file is complete only after `finish` of the writer.
    pub fn write_to<W: Write>(self, to: W) -> std::io::Result<StreamWriter<W>> {
        self.0.wrap_output(to)
    }
}

/// Opens a file with the first identity that fits.
pub fn decrypt<R: Read>(identities: &[Identity], from: R) -> Result<StreamReader<R>, CryptoError> {
    let decryptor = Decryptor::new(from).map_err(|error| slot::refusal(&error))?;
    if decryptor.is_scrypt() {
        return Err(CryptoError::WrongKey);
    }
    let opened = decryptor.decrypt(identities.iter().map(Identity::as_age));
    opened.map_err(|error: DecryptError| slot::refusal(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipient_opens_it_and_nobody_else() {
        let keys: Vec<Identity> = (0..3).map(|_| Identity::generate()).collect();
        let recipients: Vec<Recipient> = keys[..2].iter().map(Identity::recipient).collect();
        let mut file = Vec::new();
        let mut writer = AgeFile::sealed_to(&recipients).unwrap().write_to(&mut file).unwrap();
        writer.write_all(&[7; 100_000]).unwrap();
        writer.finish().unwrap();
        for key in &keys[..2] {
            let mut plain = Vec::new();
            let one = std::slice::from_ref(key);
            decrypt(one, file.as_slice()).unwrap().read_to_end(&mut plain).unwrap();
            assert_eq!(plain, [7; 100_000]);
            let cut = decrypt(one, &file[..file.len() - 1]).unwrap().read_to_end(&mut plain);
            assert!(cut.is_err());
        }
        let refused = decrypt(&keys[2..], file.as_slice());
        assert_eq!(refused.err(), Some(CryptoError::WrongKey));
    }
}
