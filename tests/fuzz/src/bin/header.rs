//! The vault's header: what is read keeps its bounds, and a refusal shows nothing of it.
#![no_main]

use clawvault_core::domain::limits::MAX_SLOTS;
use clawvault_core::vault::{Header, VaultError};
use clawvault_fuzz::assert_short;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| match Header::parse(bytes) {
    Ok(header) => {
        assert_eq!(header.format, 1);
        assert!((1..=MAX_SLOTS).contains(&header.slots.len()));
        assert!(header.epoch > 0);
        assert_eq!(header.vault.len(), 32);
        assert!(header.vault.bytes().all(|byte| byte.is_ascii_hexdigit()), "no hex digit");
    }
    Err(error) => {
        assert_short(&error);
        assert!(matches!(error, VaultError::Damaged(_) | VaultError::Newer(2..)));
    }
});
