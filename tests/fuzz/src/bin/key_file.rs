//! Files of identities and of recipients: what is read is written and read again, the rest refused.
#![no_main]

use clawvault_core::crypto::slot::{Identity, Recipient};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(identities) = Identity::parse_file(bytes) {
        assert!(!identities.is_empty());
        for identity in &identities {
            let again = Identity::parse_file(identity.to_text().as_bytes()).expect("it is one");
            assert_eq!(again[0].label(), identity.label());
        }
    }
    let Ok(recipients) = Recipient::parse_file(bytes) else { return };
    assert!(!recipients.is_empty());
    for recipient in &recipients {
        let text = recipient.to_string();
        assert_eq!(Recipient::parse(&text).expect("it is one").to_string(), text);
    }
});
