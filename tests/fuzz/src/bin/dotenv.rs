//! `.env` files: spans, lines and values of what is read, the place of a refusal.
#![no_main]

use std::collections::HashSet;

use clawvault::intake::dotenv::parse;
use clawvault_fuzz::{assert_document, assert_refusal, scrubbed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| match parse(bytes) {
    Ok(document) => {
        assert_document(bytes, &document);
        let mut later = HashSet::new();
        for entry in document.entries.iter().rev() {
            assert_eq!(entry.overridden, !later.insert(entry.variable.as_str()));
        }
        let rest = parse(&scrubbed(bytes, &document)).expect("what is left is understood");
        assert!(rest.entries.is_empty());
    }
    Err(error) => assert_refusal(bytes, &error),
});
