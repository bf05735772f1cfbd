//! What OpenClaw says to us, by the first byte: a request to the resolver, a message of the gateway,
//! a configuration that members are put into and taken out of.
#![no_main]

use std::collections::BTreeMap;

use clawvault::intake::{Edit, Format, edit, maps};
use clawvault::openclaw::rpc::{Said, heard, usage_of};
use clawvault_resolver::{Asked, PLACEHOLDER};
use libfuzzer_sys::fuzz_target;
use zeroize::Zeroizing;

fuzz_target!(|bytes: &[u8]| {
    let [kind, bytes @ ..] = bytes else { return };
    match kind % 3 {
        0 => request(bytes),
        1 => message(bytes),
        _ => configuration(bytes),
    }
});

/// An answer is JSON, and says something of every id once.
fn request(bytes: &[u8]) {
    let Ok(asked) = Asked::parse(bytes) else { return };
    let ids = asked.ids();
    let withheld: Vec<_> = ids.iter().take(1).map(|(name, _)| name.clone()).collect();
    let answer: serde_json::Value =
        serde_json::from_slice(&asked.answer(&[], &withheld)).expect("an answer is JSON");
    let values = answer["values"].as_object().expect("there are values");
    assert!(values.values().all(|value| value == PLACEHOLDER));
    assert!(values.keys().all(|id| answer["errors"].get(id).is_none()));
    assert_eq!(values.is_empty(), withheld.is_empty());
}

fn message(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    usage_of(text, "2");
    if let Some(Said::Failed(_, word)) = heard(text) {
        assert!(word.len() <= 64 && !word.is_empty(), "a foreign word is repeated at length");
    }
}

/// What is put in can be taken out, and what was there is there again.
fn configuration(bytes: &[u8]) {
    let path = "secrets.providers.clawvault".to_owned();
    let put = Edit::Put(Zeroizing::new("{\"source\":\"exec\"}".to_owned()));
    let Ok(with) = edit(Format::Json5, bytes, &BTreeMap::from([(path.clone(), put)])) else { return };
    let tree = maps::parse(Format::Json5, &with).expect("the outcome is understood");
    let there = tree.get("secrets").and_then(|t| t.get("providers")).and_then(|t| t.get("clawvault"));
    assert!(there.and_then(|t| t.get("source")).and_then(|t| t.text()) == Some("exec"));
    let Ok(without) = edit(Format::Json5, &with, &BTreeMap::from([(path, Edit::Gone)])) else { return };
    assert!(maps::parse(Format::Json5, &without).is_ok());
}
