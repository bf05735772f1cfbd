//! Which record holds what: keys made of blinded names.

use crate::crypto::Keys;
use crate::domain::{ProfileName, SecretName};
use crate::store::{Kind, RecordKey};

/// The record of a secret; its versions have the same blinded name.
pub(super) fn secret(keys: &Keys, profile: &ProfileName, name: &SecretName) -> RecordKey {
    let parts = [&b"secret"[..], profile.as_str().as_bytes(), name.as_str().as_bytes()];
    RecordKey::new(Kind::Secret, keys.blind(&parts))
}

/// The index of a profile.
pub(super) fn index(keys: &Keys, profile: &ProfileName) -> RecordKey {
    RecordKey::new(Kind::Index, keys.blind(&[b"index", profile.as_str().as_bytes()]))
}

/// What is known of a secret's keys.
pub(super) fn life(keys: &Keys, profile: &ProfileName, name: &SecretName) -> RecordKey {
    let parts = [&b"life"[..], profile.as_str().as_bytes(), name.as_str().as_bytes()];
    RecordKey::new(Kind::Life, keys.blind(&parts))
}

/// Which versions are handed out to nobody.
pub(super) fn blocked(keys: &Keys) -> RecordKey {
    RecordKey::new(Kind::Index, keys.blind(&[b"blocked"]))
}

/// The policy document.
pub(super) fn policy(keys: &Keys) -> RecordKey {
    RecordKey::new(Kind::Policy, keys.blind(&[b"policy"]))
}

/// The audit log's keys of an earlier epoch.
pub(super) fn log_keys(keys: &Keys, epoch: u32) -> RecordKey {
    let key = RecordKey::new(Kind::LogKeys, keys.blind(&[b"log keys"]));
    RecordKey { version: epoch, ..key }
}

/// The list of scrubs.
pub(super) fn scrubs(keys: &Keys) -> RecordKey {
    RecordKey::new(Kind::Undo, keys.blind(&[b"scrubs"]))
}

/// A file as it was before a scrub.
pub(super) fn original(keys: &Keys, scrub: u32, number: u32) -> RecordKey {
    let parts = [&b"scrubbed"[..], &scrub.to_be_bytes(), &number.to_be_bytes()];
    RecordKey::new(Kind::Undo, keys.blind(&parts))
}
