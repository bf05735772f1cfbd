//! A vendor's manifest: what is read keeps the grammar of names, a refusal shows nothing of it.
#![no_main]

use clawvault_core::domain::{FieldName, SecretName};
use clawvault_fuzz::assert_short;
use clawvault_providers::manifest::Manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| match Manifest::parse(text) {
    Ok(manifest) => {
        let variables = manifest.variables.iter().map(|one| (&one.secret, &one.field));
        let formats = manifest.formats.iter().map(|one| (&one.secret, &one.field));
        for (secret, field) in variables.chain(formats) {
            let name = SecretName::parse(secret).expect("the vault takes the name");
            assert_eq!(name.vendor_part(), manifest.id);
            assert!(FieldName::parse(field).is_ok());
        }
        for one in &manifest.variables {
            assert!(clawvault::intake::has_variable_form(&one.variable));
        }
    }
    Err(error) => assert_short(&error),
});
