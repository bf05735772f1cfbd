//! A vendor's answer through the interpreter of recipes: no panic, bounded, and no value of ours in
//! what is told of it. The first three bytes choose vendor, operation and status.
#![no_main]

use std::sync::LazyLock;

use clawvault_core::domain::{FieldName, Value};
use clawvault_providers::adapter::{Ask, Operation};
use clawvault_providers::http::{Client, Limits};
use clawvault_providers::recipe::RecipeAdapter;
use libfuzzer_sys::fuzz_target;

const NEEDLE: &str = "needle-0123456789";

static ADAPTERS: LazyLock<Vec<RecipeAdapter>> = LazyLock::new(|| {
    let client = Client::new(Limits::default()).expect("a client");
    let vendors = clawvault_providers::vendors().iter();
    let adapter = |vendor: &clawvault_providers::Vendor| {
        Some(RecipeAdapter::new(vendor.id, vendor.interface()?, None, client.clone()))
    };
    vendors.filter_map(adapter).collect()
});

fuzz_target!(|bytes: &[u8]| {
    let [vendor, operation, _, body @ ..] = bytes else { return };
    let adapter = &ADAPTERS[usize::from(*vendor) % ADAPTERS.len()];
    let operations =
        [Operation::Validate, Operation::Create, Operation::Revoke, Operation::List];
    let operation = operations[usize::from(*operation) % 4];
    let status = [200, 201, 202, 204, 400, 401, 403, 404, 409, 410, 422, 429, 500];
    let status = status[usize::from(bytes[2]) % status.len()];
    let field = FieldName::parse("value").expect("a name");
    let value = Value::copy_of(NEEDLE.as_bytes()).expect("a value");
    let ask = Ask { key: vec![(field, value)], label: "label".to_owned(), ..Ask::default() };
    let told = adapter.told(operation, &ask, status, body);
    assert!(!told.contains(NEEDLE), "{told}");
});
