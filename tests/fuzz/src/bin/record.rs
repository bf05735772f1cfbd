//! Records of the store in their plain form: fields, a secret, an index, a bucket of the ledger.
//! What decodes is encoded to no more bytes, and decodes to the same again.
#![no_main]

use std::fmt::Debug;

use clawvault_core::domain::SecretInfo;
use clawvault_core::store::{Bucket, Plain};
use clawvault_core::vault::codec::{self, Index};
use libfuzzer_sys::fuzz_target;
use serde::{Serialize, de::DeserializeOwned};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 4 {
        0 => fields(bytes),
        1 => record::<SecretInfo>(bytes),
        2 => record::<Index>(bytes),
        _ => bucket(bytes),
    }
});

fn fields(bytes: &[u8]) {
    let Ok(fields) = codec::decode_fields(Plain::copy_of(bytes)) else { return };
    let again = codec::encode_fields(&fields).expect("what was decoded can be encoded");
    assert!(again.len() <= bytes.len());
    assert_eq!(codec::decode_fields(again).expect("what was encoded can be decoded"), fields);
}

fn record<T: DeserializeOwned + Serialize + PartialEq + Debug>(bytes: &[u8]) {
    let Ok(record) = codec::decode::<T>(bytes) else { return };
    let again = codec::encode(&record).expect("what was decoded can be encoded");
    assert!(again.len() <= bytes.len());
    assert_eq!(codec::decode::<T>(&again).expect("what was encoded can be decoded"), record);
}

fn bucket(bytes: &[u8]) {
    let Some(mut bucket) = Bucket::parse(bytes) else { return };
    assert_eq!(bucket.to_bytes(), bytes);
    for (key, generation) in bucket.entries().to_vec() {
        assert_eq!(bucket.generation(&key), Some(generation));
        bucket.set(key, None);
        assert_eq!(bucket.generation(&key), None);
    }
    assert_eq!(bucket, Bucket::default());
}
