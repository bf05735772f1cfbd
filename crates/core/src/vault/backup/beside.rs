//! What a backup holds beside secrets: what is known of their keys at vendors, rotations that are
//! under way, and records of features. None of it is a value.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::Life;
use crate::domain::limits::MAX_KEPT;

use super::{Vault, VaultError};
use crate::vault::kept::KeptPiece;

/// Longest of our own sentences and of vendors' names in a life, in bytes.
const MAX_TEXT: usize = 4096;
/// Most entries of each list of a life.
const MAX_LIST: usize = 4096;

/// A record that a feature keeps.
#[derive(Clone, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SavedRecord {
    /// Its name, such as `spend/index`.
    pub name: String,
    /// What it holds, in base64.
    #[serde(rename = "bytes_b64", serialize_with = "encode", deserialize_with = "decode")]
    pub bytes: Vec<u8>,
}

impl fmt::Debug for SavedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SavedRecord({}, {} bytes)", self.name, self.bytes.len())
    }
}

impl Vault {
    /// What is known of the keys, without the process at work: it is one of this machine.
    pub(in crate::vault) fn lives_to_save(&self) -> Result<Vec<Life>, VaultError> {
        let mut lives = self.lives()?;
        lives.iter_mut().filter_map(|life| life.open.as_mut()).for_each(|open| open.holder = None);
        Ok(lives)
    }

    /// Every record that is kept, sorted by name.
    pub(in crate::vault) fn records_to_save(&self) -> Result<Vec<SavedRecord>, VaultError> {
        let mut records: Vec<SavedRecord> =
            self.kept_pieces()?.into_iter().map(KeptPiece::into_saved).collect();
        records.sort_unstable();
        Ok(records)
    }
}

/// True where each is of another secret, sorted, and within its bounds.
pub(super) fn are_lives(lives: &[Life]) -> bool {
    let ascending =
        |two: &[Life]| (&two[0].profile, &two[0].name) < (&two[1].profile, &two[1].name);
    lives.windows(2).all(ascending) && lives.iter().all(is_bounded)
}

fn is_bounded(life: &Life) -> bool {
    let open = life.open.as_ref();
    let lists = [life.keys.len(), life.blocked.len(), life.orphans.len(), life.past.len()];
    let targets = open.map_or(0, |open| open.targets.len());
    let past = life.past.iter().flat_map(|past| [Some(&past.id), past.note.as_ref()]);
    let under_way = open.map(|o| [Some(&o.id), Some(&o.label), o.trouble.as_ref()]);
    let ids = life.keys.iter().map(|key| key.key_id.as_ref());
    let mut texts = past.chain(under_way.into_iter().flatten()).chain(ids);
    lists.into_iter().chain([targets]).all(|length| length <= MAX_LIST)
        && texts.all(|text| text.is_none_or(|text| text.len() <= MAX_TEXT))
        && life.orphans.iter().all(|orphan| orphan.len() <= MAX_TEXT)
        && open.is_none_or(|open| open.holder.is_none())
}

/// True where each is one that a feature keeps, once, sorted.
pub(super) fn are_records(records: &[SavedRecord]) -> bool {
    let is_one = |record: &SavedRecord| KeptPiece::of_saved(record).is_some();
    records.windows(2).all(|two| two[0].name < two[1].name) && records.iter().all(is_one)
}

#[allow(clippy::ptr_arg, reason = "serde gives it so")]
fn encode<S: Serializer>(bytes: &Vec<u8>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&BASE64.encode(bytes))
}

fn decode<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    struct Encoded;
    impl Visitor<'_> for Encoded {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("base64")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<u8>, E> {
            // Looked at before it is copied.
            if text.len() > MAX_KEPT.div_ceil(3) * 4 {
                return Err(E::custom("too large"));
            }
            BASE64.decode(text).map_err(|_| E::custom("no base64"))
        }
    }
    from.deserialize_str(Encoded)
}
