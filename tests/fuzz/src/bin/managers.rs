//! What 1Password, Bitwarden and Vault print as JSON; the first byte chooses. Whatever is found was
//! a text of the document, its place is one line of bounded length, and a refusal says no more
//! than place and kind.
#![no_main]

use clawvault::intake::{Manager, managers, maps};
use clawvault_core::domain::limits::MAX_DOCUMENT;
use clawvault_fuzz::{assert_library_refusal, texts};
use libfuzzer_sys::fuzz_target;

const MANAGERS: [Manager; 3] = [Manager::OnePassword, Manager::Bitwarden, Manager::Vault];

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let manager = MANAGERS[usize::from(*choice) % MANAGERS.len()];
    let items = match managers::read(manager, bytes, "fuzz") {
        Ok(items) => items,
        Err(error) => return assert_library_refusal(bytes, &error),
    };
    assert!(bytes.len() <= MAX_DOCUMENT);
    let trees = maps::parse_sequence(bytes).expect("what was read once is read again");
    let all: Vec<_> = trees.iter().flat_map(texts).map(|(_, text)| text).collect();
    for found in &items.found {
        assert!(all.iter().any(|text| text.as_bytes() == found.value.expose()));
        assert!(found.label.as_str().len() <= 1024);
    }
    for passed in &items.passed {
        assert!(passed.place.len() <= 1024 && !passed.why.is_empty());
    }
    assert!(items.found.len() <= all.len());
});
