//! JSON, JSON5, TOML, YAML and dotenv as maps; the first byte chooses. What is read keeps its
//! bounds and is the same again after a detour over JSON, which is valid JSON5 and YAML, too.
#![no_main]

use clawvault::intake::{Format, maps::parse};
use clawvault_core::domain::limits::MAX_DEPTH;
use clawvault_fuzz::{assert_library_refusal, depth, texts, to_json};
use libfuzzer_sys::fuzz_target;

const FORMATS: [Format; 5] =
    [Format::Dotenv, Format::Json, Format::Json5, Format::Toml, Format::Yaml];

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let format = FORMATS[usize::from(*choice) % FORMATS.len()];
    let tree = match parse(format, bytes) {
        Ok(tree) => tree,
        Err(error) => return assert_library_refusal(bytes, &error),
    };
    assert!(depth(&tree) <= MAX_DEPTH);
    let all = texts(&tree);
    let json = to_json(&tree).to_string();
    for format in [Format::Json, Format::Json5] {
        let again = parse(format, json.as_bytes()).expect("our own JSON is read");
        assert_eq!(texts(&again), all);
    }
    if format == Format::Json {
        let again = parse(Format::Json5, bytes).expect("JSON is JSON5");
        assert_eq!(texts(&again), all);
    }
    if let Ok(intake) = tree.into_intake("fuzz") {
        assert_eq!(intake.found.len() + intake.notes.len(), all.len());
    }
});
