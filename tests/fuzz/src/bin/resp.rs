//! Replies of Redis. What is read whole is read the same whatever follows it, and never before its end.
#![no_main]

use clawvault_providers::native::redis::resp::Reply;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(Some((reply, rest))) = Reply::read(bytes) else { return };
    let whole = &bytes[..bytes.len() - rest.len()];
    assert_eq!(Reply::read(whole), Ok(Some((reply, &[][..]))));
    assert_eq!(Reply::read(&whole[..whole.len() - 1]), Ok(None));
});
