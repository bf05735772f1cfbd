//! Key pairs in OpenSSH's own form.

use clawvault_core::domain::Value;
use clawvault_core::platform::memory::random;
use ring::signature::{Ed25519KeyPair, KeyPair};
use ssh_key::private::{Ed25519Keypair, Ed25519PrivateKey, KeypairData};
use ssh_key::public::Ed25519PublicKey;
use ssh_key::{LineEnding, PrivateKey, PublicKey};
use zeroize::Zeroizing;

use crate::adapter::{Fields, Kind};
use crate::native::call::{Call, Step, field};
use crate::native::place::text;

/// The field of the private key; `value` where a secret has only that.
const PRIVATE: &str = "private_key";
const PUBLIC: &str = "public_key";

/// A key as it is used: the private half, and the public one as `type base64`.
pub(super) struct Pair<'a> {
    pub(super) private: &'a Value,
    pub(super) public: String,
}

impl<'a> Pair<'a> {
    /// Takes a key from its fields. The public half is read from the private one where no field says it.
    pub(super) fn of(call: &Call<'_>, fields: &'a Fields) -> Step<Self> {
        let missing =
            || call.not_configured("no field `private_key` or `value` holds a private key");
        let private = field(fields, PRIVATE).or_else(|| field(fields, "value"));
        let private = private.ok_or_else(missing)?;
        let key = PrivateKey::from_openssh(private.expose());
        if key.as_ref().is_ok_and(PrivateKey::is_encrypted) {
            return Err(call.not_configured(
                "the private key has a passphrase, which nobody is there to type",
            ));
        }
        let unread = || {
            call.not_configured("the private key is not in OpenSSH's form, and no field `public_key` tells the other half")
        };
        Ok(Self { private, public: public_of(fields).ok_or_else(unread)? })
    }

    /// The public half in base64.
    pub(super) fn blob(&self) -> &str {
        blob(&self.public)
    }
}

/// The public half of a key, as `type base64`: what its field says, else read from the private one. None
/// where neither can be read.
pub fn public_of(fields: &Fields) -> Option<String> {
    if let Some(told) = field(fields, PUBLIC).and_then(text) {
        return public(told);
    }
    let private = field(fields, PRIVATE).or_else(|| field(fields, "value"))?;
    plain(PrivateKey::from_openssh(private.expose()).ok()?.public_key())
}

pub(super) fn blob(public: &str) -> &str {
    public.split(' ').nth(1).unwrap_or_default()
}

/// `type base64` of a public key, without a comment; `None` where it is none.
pub fn public(text: &str) -> Option<String> {
    plain(&PublicKey::from_openssh(text.trim()).ok()?)
}

fn plain(key: &PublicKey) -> Option<String> {
    PublicKey::new(key.key_data().clone(), "").to_openssh().ok().map(|text| text.trim().to_owned())
}

/// Makes an Ed25519 pair: the fields of the key in `ask`, in the shape that they have, and the public
/// half.
pub(super) fn make(call: &Call<'_>) -> Step<(Fields, String)> {
    let failed = || call.fault(Kind::NotConfigured, "no key pair could be made");
    let mut seed = Zeroizing::new([0; 32]);
    random(&mut *seed).map_err(|_| failed())?;
    let ring = Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(|_| failed())?;
    let public = <[u8; 32]>::try_from(ring.public_key().as_ref()).map_err(|_| failed())?;
    let pair = Ed25519Keypair {
        public: Ed25519PublicKey(public),
        private: Ed25519PrivateKey::from_bytes(&seed),
    };
    let key = PrivateKey::new(KeypairData::Ed25519(pair), &call.ask.label).map_err(|_| failed())?;
    let text = key.to_openssh(LineEnding::LF).map_err(|_| failed())?;
    let public = plain(key.public_key()).ok_or_else(failed)?;

    let mut fields = call.key().clone();
    let at = if field(&fields, PRIVATE).is_some() { PRIVATE } else { "value" };
    let private = call.value(text.as_bytes().to_vec())?;
    for (name, value) in &mut fields {
        match name.as_str() {
            name if name == at => *value = private.clone(),
            PUBLIC => *value = call.value(format!("{public} {}", call.ask.label).into_bytes())?,
            _ => {}
        }
    }
    Ok((fields, public))
}
