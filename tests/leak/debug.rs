//! What `Debug` shows of each public type that can hold a value: its length at most. That no other
//! type derives it over bare bytes, the house rules say (`MAY_DEBUG_BYTES`).

use std::fmt::Debug;

use clawvault::app::Setting;
use clawvault::intake::{self, Format};
use clawvault_core::crypto::slot::Passphrase;
use clawvault_core::domain::{
    FieldName, Found, Label, ProfileName, Revealed, SecretInfo, SecretName, Value,
};
use clawvault_core::memory::LockedBytes;
use clawvault_core::vault::{NewSlot, Put};

use crate::canary::{self, Canary};

#[test]
fn debug_shows_no_value() {
    let canary = Canary::new(canary::seeds().next().unwrap());
    let text = canary.text();
    let value = || Value::copy_of(text.as_bytes()).unwrap();
    let profile = ProfileName::default();
    let name = SecretName::parse("a/main").unwrap();
    let fields = || vec![(FieldName::default(), value())];
    let info = SecretInfo {
        profile: profile.clone(),
        name: name.clone(),
        vendor: None,
        injections: Vec::new(),
        admin: false,
        created_ms: 0,
        removed_ms: None,
        versions: Vec::new(),
    };
    let (source, label) = ("a.env".to_owned(), Label::Variable("A_KEY".to_owned()));
    let put = Put {
        profile: profile.clone(),
        name: name.clone(),
        vendor: None,
        injections: None,
        add: false,
        admin: false,
        fields: fields(),
    };
    let document = format!("{{\"A_KEY\": \"{text}\", \"list\": [\"{text}\"]}}");
    let passphrase = Passphrase::new(text.to_owned());
    let all: [&dyn Debug; 11] = [
        &value(),
        &LockedBytes::copy_of(text.as_bytes()),
        &fields(),
        &Found { source, line: None, label, value: value() },
        &Revealed { info, version: 1, fields: fields() },
        &put,
        &Setting { profile, name, fields: fields() },
        &intake::maps::parse(Format::Json, document.as_bytes()).unwrap(),
        &intake::read(Format::Json, document.as_bytes(), "a.json").unwrap(),
        &passphrase.clone(),
        &NewSlot::Passphrase(passphrase, 15),
    ];
    for one in all {
        for shown in [format!("{one:?}"), format!("{one:#?}")] {
            assert_eq!(canary.find(shown.as_bytes()), Vec::<String>::new());
            assert!(shown.len() > 5, "it shows what it is");
        }
    }
    // The control: the bare bytes are found, as text and as the list that derived `Debug` makes.
    for bare in [format!("{text:?}"), format!("{:?}", text.as_bytes())] {
        assert!(!canary.find(bare.as_bytes()).is_empty());
    }
}
