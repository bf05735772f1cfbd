//! OpenClaw's configuration, and what its paths say about secrets.
#![no_main]

use clawvault::openclaw::config;
use clawvault::openclaw::credentials::{is_credential, suggested_name};
use clawvault_core::domain::SecretName;
use clawvault_fuzz::{assert_library_refusal, texts};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| match config::parse(bytes) {
    Ok(tree) => {
        for (path, text) in texts(&tree) {
            // The text, too: it can hold what a key cannot easily reach.
            for path in [path.as_str(), text.as_str()] {
                let _ = is_credential(path);
                if let Some(name) = suggested_name(path) {
                    assert!(SecretName::parse(&name).is_ok());
                }
            }
        }
    }
    Err(error) => assert_library_refusal(bytes, &error),
});
