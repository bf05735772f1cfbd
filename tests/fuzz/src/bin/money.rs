//! Texts of amounts: read exactly, or refused.
#![no_main]

use clawvault_core::domain::{Decimal, Money};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(money) = Money::parse(text) {
        assert_eq!(Money::parse(&money.to_string()), Ok(money));
    }
    if let Ok(one) = Decimal::parse(text) {
        assert_eq!(Decimal::parse(&one.to_string()), Ok(one));
        let (number, places) = one.to_parts();
        assert_eq!(Decimal::from_parts(number, places), Some(one));
        one.rounded(2);
        one.percent_of(Decimal::parse("3").unwrap_or_default());
        one.roughly(7, 3);
    }
});
