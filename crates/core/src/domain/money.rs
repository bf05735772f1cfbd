//! Exact amounts: a decimal in a named unit. Nothing here knows a binary fraction.
//!
//! A decimal is a whole number of 10^-27. That holds what vendors send (fractions of cents, ticks of
//! 1e-10 dollars, floats printed with 17 digits) to the last digit, up to 170 billion units; what
//! does not fit is refused, never rounded. Units are kept apart: dollars are never added to euros,
//! nor to characters.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Digits after the point.
const PLACES: u8 = 27;
/// Longest number that is read, in characters.
pub const MAX_NUMBER: usize = 80;

/// A number that is exact, or refused.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct Decimal(i128);

/// Why a text is no amount.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MoneyError {
    /// Not a decimal number such as `12.5` or `1e-7`.
    #[error("not a decimal number")]
    NotANumber,
    /// More digits after the point than are kept, or too large.
    #[error("a number that cannot be held exactly")]
    NotExact,
    /// Not a number, a blank and a unit.
    #[error("not an amount such as 50 USD")]
    NotAnAmount,
    /// Not three capitals, nor a word in small letters.
    #[error("not a unit such as USD or characters")]
    NotAUnit,
}

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Reads the text of a number as JSON writes them: digits, a point, an exponent.
    ///
    /// # Errors
    /// Where it is none, or one digit of it would be lost.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        if text.len() > MAX_NUMBER {
            return Err(MoneyError::NotExact);
        }
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return Err(MoneyError::NotANumber),
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let digits = || whole.bytes().chain(fraction.bytes());
        if whole.is_empty() || !digits().all(|byte| byte.is_ascii_digit()) {
            return Err(MoneyError::NotANumber);
        }
        let mut number: i128 = 0;
        for byte in digits() {
            let digit = i128::from(byte - b'0');
            number = number
                .checked_mul(10)
                .and_then(|n| n.checked_add(digit))
                .ok_or(MoneyError::NotExact)?;
        }
        let places = i32::try_from(fraction.len()).map_err(|_| MoneyError::NotExact)?;
        let number =
            shift(number, i32::from(PLACES) - places + exponent).ok_or(MoneyError::NotExact)?;
        Ok(Self(if negative { -number } else { number }))
    }

    /// Ten to the `power` times as much; none where a digit would be lost.
    pub fn times_ten_to(self, power: i8) -> Option<Self> {
        shift(self.0, i32::from(power)).map(Self)
    }

    /// The sum, where it can be held.
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, where it can be held.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The sum of many, where it can be held.
    pub fn sum(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().try_fold(Self::ZERO, Self::plus)
    }

    /// How many whole percent of `whole` this is, rounded down; 0 of nothing.
    pub fn percent_of(self, whole: Self) -> u32 {
        if whole.0 <= 0 || self.0 <= 0 {
            return 0;
        }
        // Half the places are plenty for percents, and leave room for the hundred.
        let (part, whole) = (self.0 / 1_000_000, (whole.0 / 1_000_000).max(1));
        u32::try_from(part.saturating_mul(100) / whole).unwrap_or(u32::MAX)
    }

    /// This times `numerator` divided by `denominator`, for estimates only: digits may be lost.
    pub fn roughly(self, numerator: i64, denominator: i64) -> Self {
        let (numerator, denominator) = (i128::from(numerator), i128::from(denominator.max(1)));
        let (whole, rest) = (self.0 / denominator, self.0 % denominator);
        let whole = whole.saturating_mul(numerator);
        Self(whole.saturating_add(rest.saturating_mul(numerator) / denominator))
    }

    /// Rounded to so many digits after the point, half away from nothing: for people only.
    pub fn rounded(self, places: u8) -> Self {
        let step = 10_i128.pow(u32::from(PLACES.saturating_sub(places)));
        let half = if self.0 < 0 { -(step / 2) } else { step / 2 };
        Self(self.0.saturating_add(half) / step * step)
    }

    /// A whole number and how many digits of it stand after the point, without zeros at its end.
    pub fn to_parts(self) -> (i128, u8) {
        let (mut number, mut places) = (self.0, PLACES);
        while places > 0 && number % 10 == 0 {
            number /= 10;
            places -= 1;
        }
        (number, places)
    }

    /// The number of these parts; none where it cannot be held.
    pub fn from_parts(number: i128, places: u8) -> Option<Self> {
        shift(number, i32::from(PLACES) - i32::from(places)).map(Self)
    }

    /// True for what is below nothing.
    pub fn is_negative(self) -> bool {
        self.0 < 0
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, places) = self.to_parts();
        let places = usize::from(places);
        let digits = format!("{:0>width$}", number.unsigned_abs(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let text =
            if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
        f.pad_integral(number >= 0, "", &text)
    }
}

/// What is counted: a currency by its three capitals, or a thing by its name (`characters`, `credits`).
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Unit(String);

impl Unit {
    /// Reads a unit. Currencies may be written small, as some vendors do.
    ///
    /// # Errors
    /// Where it is no word of 3 to 16 letters.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        if !(3..=16).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(MoneyError::NotAUnit);
        }
        Ok(Self(if text.len() == 3 {
            text.to_ascii_uppercase()
        } else {
            text.to_ascii_lowercase()
        }))
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for money.
    pub fn is_currency(&self) -> bool {
        self.0.len() == 3
    }
}

impl TryFrom<String> for Unit {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Self, MoneyError> {
        Self::parse(&text)
    }
}

impl From<Unit> for String {
    fn from(unit: Unit) -> Self {
        unit.0
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An amount of something.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Money {
    /// How much.
    pub amount: Decimal,
    /// Of what.
    pub unit: Unit,
}

impl Money {
    /// Reads `50 USD`.
    ///
    /// # Errors
    /// Where it is no number, a blank and a unit.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let (amount, unit) = text.split_once(' ').ok_or(MoneyError::NotAnAmount)?;
        Ok(Self { amount: Decimal::parse(amount)?, unit: Unit::parse(unit)? })
    }
}

impl TryFrom<String> for Money {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Self, MoneyError> {
        Self::parse(&text)
    }
}

impl From<Money> for String {
    fn from(money: Money) -> Self {
        money.to_string()
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.unit)
    }
}

fn exponent_of(text: &str) -> Result<i32, MoneyError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(MoneyError::NotANumber);
    }
    text.parse().map_err(|_| MoneyError::NotANumber)
}

fn shift(number: i128, power: i32) -> Option<i128> {
    if number == 0 {
        return Some(0);
    }
    let step = 10_i128.checked_pow(power.unsigned_abs())?;
    if power >= 0 {
        return number.checked_mul(step);
    }
    (number % step == 0).then(|| number / step)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn texts_of_vendors_are_held_to_the_last_digit() {
        for (text, shown) in [
            ("0", "0"),
            ("-0", "0"),
            ("50", "50"),
            ("0.06000000000000001", "0.06000000000000001"),
            ("1.5e-7", "0.00000015"),
            ("1E3", "1000"),
            ("123.4500", "123.45"),
            ("-3.10", "-3.1"),
            ("0.000000000000000000000000001", "0.000000000000000000000000001"),
            ("170000000000", "170000000000"),
        ] {
            assert_eq!(decimal(text).to_string(), shown, "{text}");
        }
        for text in ["", "-", ".5", "5.", "+1", "1e", "1e+", "0x1", "1,5", "NaN", "1e99999", " 1"] {
            assert_eq!(Decimal::parse(text), Err(MoneyError::NotANumber), "{text}");
        }
        for text in ["1e-28", "1e30", "999999999999999999999999999999999999999999", "1e2000"] {
            assert_eq!(Decimal::parse(text), Err(MoneyError::NotExact), "{text}");
        }
        assert_eq!(Decimal::parse(&"0".repeat(MAX_NUMBER + 1)), Err(MoneyError::NotExact));
    }

    #[test]
    fn units_are_converted_once_and_exactly() {
        // Fractional cents as a string; ticks of 1e-10 dollars.
        assert_eq!(decimal("1234.5678901").times_ten_to(-2), Some(decimal("12.345678901")));
        assert_eq!(decimal("37756000").times_ten_to(-10), Some(decimal("0.0037756")));
        assert_eq!(decimal("1e-27").times_ten_to(-1), None);
        assert_eq!(decimal("100000000000").times_ten_to(1), None);
    }

    #[test]
    fn amounts_and_units() {
        assert_eq!(Money::parse("50 usd").unwrap().to_string(), "50 USD");
        assert!(!Money::parse("10000 characters").unwrap().unit.is_currency());
        for bad in ["50", "50USD", "50 $", "50  USD", "x USD", "50 U1D", "50 US"] {
            assert!(Money::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn percents_round_down_and_estimates_do_not_overflow() {
        assert_eq!(decimal("49.999").percent_of(decimal("100")), 49);
        assert_eq!(decimal("50").percent_of(decimal("50")), 100);
        assert_eq!(decimal("-1").percent_of(decimal("50")), 0);
        assert_eq!(decimal("1").percent_of(Decimal::ZERO), 0);
        assert_eq!(decimal("10").roughly(30, 7).rounded(2), decimal("42.86"));
        assert_eq!(Decimal(i128::MAX).roughly(i64::MAX, 1), Decimal(i128::MAX));
        assert_eq!(decimal("-1.005").rounded(2), decimal("-1.01"));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(number in -(1_i128 << 120)..(1_i128 << 120)) {
            let one = Decimal(number);
            prop_assert_eq!(Decimal::parse(&one.to_string()), Ok(one));
            let (digits, places) = one.to_parts();
            prop_assert_eq!(Decimal::from_parts(digits, places), Some(one));
        }

        #[test]
        fn sums_are_those_of_whole_numbers(cents in proptest::collection::vec(-1_000_000_i64..1_000_000, 0..50)) {
            let all = cents.iter().map(|c| Decimal::parse(&c.to_string()).unwrap().times_ten_to(-2).unwrap());
            let sum: i64 = cents.iter().sum();
            let expected = Decimal::parse(&sum.to_string()).unwrap().times_ten_to(-2);
            prop_assert_eq!(Decimal::sum(all), expected);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-+0-9.eE ]{0,90}") {
            if let Ok(one) = Decimal::parse(&text) {
                prop_assert_eq!(Decimal::parse(&one.to_string()), Ok(one));
            }
        }
    }
}
