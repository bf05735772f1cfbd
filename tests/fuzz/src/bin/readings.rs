//! What a vendor answers about money, whatever it is: figures or none, never a panic, and amounts
//! that are shown as they were read.
#![no_main]

use clawvault_core::domain::Decimal;
use clawvault_providers::spend::read_answer;
use libfuzzer_sys::fuzz_target;

const VENDORS: [&str; 8] =
    ["anthropic", "openai", "openrouter", "deepseek", "twilio", "elevenlabs", "xai", "firecrawl"];

fuzz_target!(|bytes: &[u8]| {
    for vendor in VENDORS {
        let readings = read_answer(vendor, bytes, 1_700_000_000_000);
        for reading in readings.into_iter().flatten() {
            assert_eq!(Decimal::parse(&reading.amount.to_string()), Ok(reading.amount));
        }
    }
});
