//! The plain form of records (postcard), and its bounds.
//!
//! Everything decoded here was authenticated before; the bounds guard against our own mistakes and
//! against a vault made by somebody hostile.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::domain::limits::{MAX_FIELDS, MAX_VALUE};
use crate::domain::{FieldName, SecretInfo, SecretName, Value};
use crate::store::{Plain, StoreError};

/// Which secrets of a profile `run` has to look at.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Index {
    /// These, sorted.
    Names(Vec<SecretName>),
    /// More than are worth listing.
    TooMany,
}

/// True where `run` may inject the secret.
pub fn is_injectable(info: &SecretInfo) -> bool {
    info.removed_ms.is_none() && !info.admin && !info.injections.is_empty()
}

/// Encodes a record that holds no value, and so need not be locked.
pub fn encode<T: Serialize>(record: &T) -> Result<Plain, StoreError> {
    let encoded = postcard::to_stdvec(record).map(|bytes| Plain::unlocked(Zeroizing::new(bytes)));
    encoded.map_err(|_| StoreError::Damaged("a record cannot be encoded"))
}

/// Decodes a record that holds no value.
pub fn decode<T: for<'de> Deserialize<'de>>(plain: &[u8]) -> Result<T, StoreError> {
    let unknown = || StoreError::Damaged("a record has an unknown form");
    let (record, rest) = postcard::take_from_bytes(plain).map_err(|_| unknown())?;
    if rest.is_empty() { Ok(record) } else { Err(unknown()) }
}

/// Encodes the fields of a version into one buffer of its exact size.
pub fn encode_fields(fields: &[(FieldName, Value)]) -> Result<Plain, StoreError> {
    let borrowed: Vec<(&str, &[u8])> =
        fields.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    let unencodable = |_| StoreError::Damaged("a version cannot be encoded");
    let size = postcard::experimental::serialized_size(&borrowed).map_err(unencodable)?;
    let mut buffer = Plain::zeroed(size);
    let used = postcard::to_slice(&borrowed, &mut buffer).map_err(unencodable)?.len();
    buffer.truncate(used);
    Ok(buffer)
}

/// Decodes the fields of a version; the values stay where they lie.
pub fn decode_fields(plain: Plain) -> Result<Vec<(FieldName, Value)>, StoreError> {
    let unknown = || StoreError::Damaged("a version has an unknown form");
    let plain = Arc::new(plain);
    let (fields, rest): (Vec<(&str, &[u8])>, _) =
        postcard::take_from_bytes(&plain).map_err(|_| unknown())?;
    let bounded = fields.len() <= MAX_FIELDS && fields.iter().all(|(_, v)| v.len() <= MAX_VALUE);
    if !rest.is_empty() || !bounded {
        return Err(unknown());
    }
    let open = |(name, value): (&str, &[u8])| {
        let name = FieldName::parse(name).map_err(|_| unknown())?;
        // What was decoded without a copy is a part of the record: its place is told by number.
        let start = value.as_ptr().addr().checked_sub(plain.as_ptr().addr()).ok_or_else(unknown)?;
        let value = Value::within(&plain, start..start.saturating_add(value.len()));
        Ok((name, value.map_err(|_| unknown())?))
    };
    fields.into_iter().map(open).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn fields_round_trip(values in proptest::collection::vec(
            proptest::collection::vec(1..=255u8, 1..300), 0..MAX_FIELDS)) {
            let fields: Vec<(FieldName, Value)> = values.iter().enumerate()
                .map(|(n, v)| (FieldName::parse(&format!("f{n}")).unwrap(), Value::new(v.clone()).unwrap()))
                .collect();
            prop_assert_eq!(decode_fields(encode_fields(&fields).unwrap()).unwrap(), fields);
        }

        #[test]
        fn rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            decode_fields(Plain::copy_of(&bytes)).ok();
            decode::<SecretInfo>(&bytes).ok();
            decode::<Index>(&bytes).ok();
        }
    }
}
