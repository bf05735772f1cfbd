//! Shell histories: what is left holds none of the values, and nothing but whole lines is gone.
#![no_main]

use clawvault::intake::history::without;
use clawvault_core::domain::Value;
use libfuzzer_sys::fuzz_target;

const VALUES: [&[u8]; 3] = [b"secret-1", b"two\nlines", b"back\\slash"];

fuzz_target!(|bytes: &[u8]| {
    let values = VALUES.map(|text| Value::new(text.to_vec()).expect("it is a value"));
    let values: Vec<&Value> = values.iter().collect();
    let holds = |bytes: &[u8], value: &[u8]| bytes.windows(value.len()).any(|part| part == value);
    let Some(cleared) = without(bytes, &values) else {
        // One that goes over two commands of a history is no value that was typed.
        assert!(VALUES.iter().all(|value| value.contains(&b'\n') || !holds(bytes, value)));
        return;
    };
    assert!(cleared.commands > 0 && !cleared.values.is_empty());
    assert!(cleared.values.iter().all(|index| *index < VALUES.len()));
    let lines = |bytes: &[u8]| -> Vec<Vec<u8>> {
        bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    };
    // What is left are lines of the history, in their order.
    let mut all = lines(bytes).into_iter();
    assert!(lines(&cleared.left).iter().all(|line| all.any(|other| other == *line)));
    assert!(!holds(&cleared.left, VALUES[0]) && !holds(&cleared.left, VALUES[2]));
});
