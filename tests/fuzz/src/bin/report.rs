//! Reports of revocations: what comes apart is put together again as it was.
#![no_main]

use clawvault::app::rotation::parts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Some((document, signer, signature)) = parts(text) else { return };
    let again = format!(
        "{{\"report\":{document},\"key\":\"ed25519:{signer}\",\"signature\":\"{signature}\"}}"
    );
    assert_eq!(again, text.trim_end());
    assert_eq!(parts(&again), Some((document, signer, signature)));
});
