//! Answers of AWS: errors and lists. No text of an answer but ids and fixed words comes out.
#![no_main]

use clawvault_providers::native::aws::reply::{error, keys, text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(told) = error(bytes) {
        assert!(!told.code.is_empty() && told.code.len() <= 64);
        assert!(told.code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'));
    }
    let listed = keys(bytes).unwrap_or_default();
    assert!(listed.iter().all(|key| key.id.len() <= bytes.len()));
    assert!(text(bytes, "AccessKeyId").is_none_or(|text| !text.is_empty()));
});
