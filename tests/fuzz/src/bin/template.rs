//! Templates: what stands outside of places comes out the same, what is filled in stands there
//! whole, and a refusal lies in the text.
#![no_main]

use clawvault::launch::{Fault, Template};
use clawvault_core::domain::Value;
use clawvault_fuzz::{assert_inside, assert_short};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let template = match Template::parse(bytes.to_vec().into()) {
        Ok(template) => template,
        Err(error) => {
            assert_inside(bytes, error.line, error.column);
            return assert_short(&error);
        }
    };
    let places = template.places().len();
    if places == 0 {
        assert_eq!(template.fill(&[]).expect("nothing to fill").as_slice(), bytes);
        return;
    }
    let text = Value::new(b"v\"\n".to_vec()).expect("a value");
    let filled = template.fill(&vec![&text; places]).expect("text fits any filter");
    // The shortest place is longer than the value in its longest form.
    assert!(filled.len() < bytes.len());
    let binary = Value::new(vec![0xff]).expect("a value");
    if let Err(error) = template.fill(&vec![&binary; places]) {
        assert_eq!(error.fault, Fault::NotText);
        assert_inside(bytes, error.line, error.column);
    }
});
