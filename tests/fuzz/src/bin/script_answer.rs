//! Answers of scripts and webhooks: what people see of one holds no value and no line break.
#![no_main]

use clawvault_core::domain::{FieldName, Value};
use clawvault_providers::adapter::{Ask, Validity};
use clawvault_providers::native::script::document::judge;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let value = Value::copy_of(b"made-up-value").expect("a value");
    let ask = Ask { key: vec![(FieldName::default(), value)], ..Ask::default() };
    match judge(&ask, bytes) {
        Ok(Validity::Live(identity)) => {
            let shown = format!("{:?}{:?}{:?}", identity.owner, identity.scopes, identity.key_id);
            assert!(!shown.contains("made-up-value"));
        }
        Ok(Validity::Dead(reason) | Validity::Unknown(reason)) => {
            assert!(!reason.contains("made-up-value") && !reason.contains('\n'));
        }
        Err(error) => assert!(!error.to_string().contains("made-up-value")),
    }
});
