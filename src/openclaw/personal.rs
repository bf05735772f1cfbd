//! Personal data in conversations, by its form alone: how much, never what.

/// Bytes of a conversation that are looked at.
pub(super) const MAX_SAMPLE: usize = 256 * 1024;

/// Counts what in `text` has the form of personal data, by kind. Linear in its length.
pub fn count(text: &str, kinds: &mut Vec<(&'static str, usize)>) {
    let mut add = |kind: &'static str| match kinds.iter_mut().find(|(known, _)| *known == kind) {
        Some((_, count)) => *count += 1,
        None => kinds.push((kind, 1)),
    };
    let apart = |c: char| c.is_whitespace() || "\"'<>(),;:\\[]{}".contains(c);
    for word in text.split(apart).filter(|word| (8..=254).contains(&word.len())) {
        if is_address(word) {
            add("e-mail addresses");
        } else if is_iban(word) {
            add("bank accounts");
        } else if is_card(word) {
            add("card numbers");
        }
    }
}

fn is_address(word: &str) -> bool {
    let word = word.trim_end_matches('.');
    let Some((local, host)) = word.split_once('@') else { return false };
    let plain = |c: char| c.is_ascii_alphanumeric() || "._%+-".contains(c);
    let end = host.rsplit('.').next().unwrap_or_default();
    // git@github.com and npm's scopes are nobody's.
    let of_person = !["git", "noreply", "no-reply", "user", "root"].contains(&local);
    of_person
        && !local.is_empty()
        && local.chars().all(plain)
        && host.contains('.')
        && (2..=24).contains(&end.len())
        && end.chars().all(|c| c.is_ascii_alphabetic())
        && host.chars().all(plain)
}

/// ISO 13616: two letters, two digits, and a remainder of 1 by 97.
fn is_iban(word: &str) -> bool {
    let bytes = word.as_bytes();
    if !(15..=34).contains(&bytes.len())
        || !bytes.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        || !bytes[..2].iter().all(u8::is_ascii_uppercase)
        || !bytes[2..4].iter().all(u8::is_ascii_digit)
    {
        return false;
    }
    let moved = bytes[4..].iter().chain(&bytes[..4]);
    let rest = moved.fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    rest == 1
}

/// 13 to 19 digits of a payment network, and the check digit of ISO 7812.
fn is_card(word: &str) -> bool {
    let digits: Vec<u32> = word.chars().filter_map(|c| c.to_digit(10)).collect();
    if word.chars().any(|c| !c.is_ascii_digit() && c != '-') || !(14..=19).contains(&digits.len()) {
        return false;
    }
    let network =
        matches!(digits.as_slice(), [4, ..] | [5, 1..=5, ..] | [3, 4 | 7, ..] | [6, 0 | 5, ..]);
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit * 2) {
            (1, double) if double > 9 => double - 9,
            (1, double) => double,
            _ => *digit,
        })
        .sum();
    network && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_known_by_their_check_digits() {
        let mut kinds = Vec::new();
        count(
            "ask jane@corp.example, pay DE89370400440532013000 or 4111-1111-1111-1111; not \
             git@github.com DE89370400440532013001 4111-1111-1111-1112 @scope/pkg@1.2.3",
            &mut kinds,
        );
        assert_eq!(kinds, [("e-mail addresses", 1), ("bank accounts", 1), ("card numbers", 1)]);
    }
}
