//! Heads of requests to a vendor that is played. What is read is read the same whatever follows it, never
//! before its end, and asks for no more than the bound.
#![no_main]

use clawvault_providers::standin::head::{Head, MAX_BODY};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(Some(head)) = Head::read(bytes) else { return };
    assert!(head.end <= bytes.len() && head.body <= MAX_BODY);
    assert!(head.path.starts_with('/') && !head.path.contains(['?', '\n', ' ']));
    let whole = &bytes[..head.end];
    assert_eq!(Head::read(&whole[..whole.len() - 1]), Ok(None));
    assert_eq!(Head::read(whole), Ok(Some(head)));
});
