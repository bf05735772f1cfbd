//! Reading a backup: archive and document, held to what [`super::document`] writes.
//!
//! Whoever has the public half of a key can make a file that opens with it, so everything is
//! checked as a foreign document is: bounds, names, numbers, no member or key that is not ours.

use std::fmt;
use std::io::{ErrorKind, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::domain::limits::{
    MAX_DOCUMENT, MAX_FIELDS, MAX_LABEL, MAX_SLOTS, MAX_VALUE, MAX_VARIABLES, MAX_VERSIONS,
};
use crate::domain::{
    FieldName, Injection, Life, Policy, ProfileName, SecretInfo, SecretName, Stage, Value,
    VersionInfo,
};

use super::super::header::parse_id;
use super::beside::{SavedRecord, are_lives, are_records};
use super::tar::{self, BLOCK};
use super::{Backup, BackupError, FORMAT, FORMER, POLICY, README, SECRETS, Saved, SavedSlot};

/// Largest `README`, and most zeros at the end of an archive, in bytes.
const MAX_REST: u64 = 64 * 1024;

/// Reads an archive from its first byte to its last; `max` bounds each member.
pub(super) fn archive(from: &mut dyn Read, max: u64) -> Result<Backup, BackupError> {
    let (mut policy, mut secrets, mut readme) = (None, None, false);
    loop {
        let mut block = [0; BLOCK];
        exactly(from, &mut block)?;
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        let (name, size) = tar::parse(&block).ok_or(BackupError::Foreign("no such archive"))?;
        match name {
            README if !readme && size <= MAX_REST => {
                readme = true;
                member(from, size)?;
            }
            POLICY if policy.is_none() && size <= MAX_DOCUMENT as u64 => {
                policy = Some(member(from, size)?);
            }
            SECRETS if secrets.is_none() && size > max => {
                return Err(BackupError::Damaged("it is shorter than it says"));
            }
            SECRETS if secrets.is_none() => secrets = Some(member(from, size)?),
            _ => return Err(BackupError::Foreign("it holds other files")),
        }
    }
    end(from)?;
    let missing = BackupError::Foreign("files are missing in it");
    let (Some(policy), Some(secrets)) = (policy, secrets) else { return Err(missing) };
    document(&secrets, &policy)
}

/// A member's bytes in one buffer of its size, and the zeros behind it.
fn member(from: &mut dyn Read, size: u64) -> Result<Zeroizing<Vec<u8>>, BackupError> {
    let length = usize::try_from(size).map_err(|_| BackupError::Foreign("it is too large"))?;
    let mut bytes = Zeroizing::new(vec![0; length]);
    exactly(from, &mut bytes)?;
    exactly(from, &mut [0; BLOCK][..tar::padding(size)])?;
    Ok(bytes)
}

/// Only zeros may follow; reading to the end proves the last chunk of the age file.
fn end(from: &mut dyn Read) -> Result<(), BackupError> {
    let mut rest = [0; BLOCK];
    for _ in 0..=MAX_REST / BLOCK as u64 {
        match from.read(&mut rest).map_err(|error| unreadable(&error))? {
            0 => return Ok(()),
            length if rest[..length].iter().any(|byte| *byte != 0) => break,
            _ => {}
        }
    }
    Err(BackupError::Foreign("more follows its end"))
}

fn exactly(from: &mut dyn Read, bytes: &mut [u8]) -> Result<(), BackupError> {
    from.read_exact(bytes).map_err(|error| unreadable(&error))
}

/// What does not decrypt or ends early is the file's fault; the rest is the system's.
fn unreadable(error: &std::io::Error) -> BackupError {
    match error.kind() {
        ErrorKind::InvalidData | ErrorKind::InvalidInput => BackupError::Damaged("it is altered"),
        ErrorKind::UnexpectedEof => BackupError::Damaged("it ends too early"),
        kind => BackupError::Unreadable(kind),
    }
}

#[derive(Deserialize)]
struct OnlyFormat {
    format: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDocument {
    format: u32,
    vault: String,
    generation: u64,
    written_ms: i64,
    slots: Vec<SavedSlot>,
    secrets: Vec<RawSecret>,
    rotations: Option<Vec<Life>>,
    records: Option<Vec<SavedRecord>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSecret {
    profile: ProfileName,
    name: SecretName,
    vendor: Option<String>,
    injections: Vec<Injection>,
    admin: bool,
    created_ms: i64,
    removed_ms: Option<i64>,
    versions: Vec<RawVersion>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVersion {
    number: u32,
    stage: Stage,
    created_ms: i64,
    fields: Vec<RawField>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawField {
    name: FieldName,
    #[serde(default, deserialize_with = "plain")]
    value: Option<Value>,
    #[serde(default, deserialize_with = "encoded")]
    value_b64: Option<Value>,
}

/// Reads the two documents of a backup. Nothing of them is repeated in an error.
pub(super) fn document(secrets: &[u8], policy: &[u8]) -> Result<Backup, BackupError> {
    let foreign = BackupError::Foreign;
    let format = serde_json::from_slice::<OnlyFormat>(secrets).map(|only| only.format);
    match format {
        Ok(FORMAT | FORMER) => {}
        Ok(newer) if newer > FORMAT => return Err(BackupError::Newer(newer)),
        _ => return Err(foreign("its secrets.json says no format")),
    }
    let raw: RawDocument = serde_json::from_slice(secrets)
        .map_err(|_| foreign("its secrets.json is not in the form of a backup"))?;
    let policy = str::from_utf8(policy).ok().filter(|text| Policy::parse(text).is_ok());
    let policy = policy.ok_or(foreign("its policy.toml is not in order"))?.to_owned();
    if parse_id(&raw.vault).is_none() {
        return Err(foreign("its vault has no id"));
    }
    if !(1..=MAX_SLOTS).contains(&raw.slots.len()) {
        return Err(foreign("its key slots are not in order"));
    }
    let mut secrets = Vec::with_capacity(raw.secrets.len());
    for secret in raw.secrets {
        secrets.push(checked(secret).ok_or(foreign("a secret in it is not in order"))?);
    }
    secrets.sort_unstable_by(|a, b| a.key().cmp(&b.key()));
    if secrets.windows(2).any(|two| two[0].key() == two[1].key()) {
        return Err(foreign("a secret is in it twice"));
    }
    let (lives, records) = match (raw.format, raw.rotations, raw.records) {
        (FORMER, None, None) => (Vec::new(), Vec::new()),
        (FORMAT, Some(lives), Some(records)) if are_lives(&lives) && are_records(&records) => {
            (lives, records)
        }
        _ => return Err(foreign("what it says of rotations is not in order")),
    };
    let (vault, generation, written_ms) = (raw.vault, raw.generation, raw.written_ms);
    Ok(Backup { vault, generation, written_ms, slots: raw.slots, secrets, policy, lives, records })
}

/// Holds a secret to the bounds and to the order that changes keep.
fn checked(raw: RawSecret) -> Option<Saved> {
    let numbers: Vec<u32> = raw.versions.iter().map(|version| version.number).collect();
    let ascending = numbers.windows(2).all(|two| two[0] < two[1]);
    let current = raw.versions.iter().filter(|version| version.stage == Stage::Current).count();
    let bounded = (1..=MAX_VERSIONS).contains(&numbers.len())
        && !numbers.iter().any(|number| matches!(*number, 0 | u32::MAX))
        && raw.injections.len() <= MAX_VARIABLES
        && raw.vendor.as_ref().is_none_or(|vendor| vendor.len() <= MAX_LABEL);
    if !ascending || current > 1 || !bounded {
        return None;
    }
    let (mut infos, mut values) = (Vec::new(), Vec::new());
    for version in raw.versions {
        let fields = fields(version.fields)?;
        let length = |value: &Value| u32::try_from(value.len()).unwrap_or(u32::MAX);
        infos.push(VersionInfo {
            number: version.number,
            stage: version.stage,
            created_ms: version.created_ms,
            fields: fields.iter().map(|(name, value)| (name.clone(), length(value))).collect(),
            // Of the vault key that will seal them: not known here.
            fingerprint: [0; 16],
        });
        values.push(fields);
    }
    let info = SecretInfo {
        profile: raw.profile,
        name: raw.name,
        vendor: raw.vendor,
        injections: raw.injections,
        admin: raw.admin,
        created_ms: raw.created_ms,
        removed_ms: raw.removed_ms,
        versions: infos,
    };
    Some(Saved { info, values })
}

fn fields(raw: Vec<RawField>) -> Option<Vec<(FieldName, Value)>> {
    if raw.len() > MAX_FIELDS {
        return None;
    }
    let one = |field: RawField| match (field.value, field.value_b64) {
        (Some(value), None) | (None, Some(value)) => Some((field.name, value)),
        _ => None,
    };
    let mut fields: Vec<_> = raw.into_iter().map(one).collect::<Option<_>>()?;
    fields.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let twice = fields.windows(2).any(|two| two[0].0 == two[1].0);
    (!twice).then_some(fields)
}

fn plain<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    struct Plain;
    impl Visitor<'_> for Plain {
        type Value = Value;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
            // Looked at before it is copied.
            if text.len() > MAX_VALUE {
                return Err(E::custom("too large"));
            }
            Value::new(text.as_bytes().to_vec()).map_err(|_| E::custom("no value"))
        }
    }
    from.deserialize_str(Plain).map(Some)
}

fn encoded<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    struct Encoded;
    impl Visitor<'_> for Encoded {
        type Value = Value;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("base64")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
            if text.len() > MAX_VALUE.div_ceil(3) * 4 {
                return Err(E::custom("too large"));
            }
            let mut bytes = Zeroizing::new(vec![0; text.len() / 4 * 3]);
            let used = BASE64.decode_slice(text, &mut bytes).map_err(|_| E::custom("no base64"))?;
            Value::new(bytes[..used].to_vec()).map_err(|_| E::custom("no value"))
        }
    }
    from.deserialize_str(Encoded).map(Some)
}
