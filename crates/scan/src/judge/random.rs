//! Whether a text is made by chance, or thought up to be hard to guess.

use super::identifier::is_identifier;
use super::{entropy, pairs};

/// Whether a text looks made by chance: its characters vary as much as its length lets expect, and
/// they make no words.
pub fn looks_random(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"0x").unwrap_or(text);
    if text.len() < 8 || entropy(text) < least_entropy(text) || is_identifier(text) {
        return false;
    }
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = text.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if letters == 0 {
        return digits >= 16;
    }
    // Of base 16 letters make no words, and digits often stand together.
    let hex = text.iter().all(u8::is_ascii_hexdigit) && !mixed(text);
    if hex && text.len() >= 16 && digits * 4 >= text.len() && letters * 8 >= text.len() {
        return true;
    }
    let (common, count) = pairs::common(text);
    let length = text.len() as f32 / stretches(text) as f32;
    if digits == 0 {
        // Letters alone: words unless they are unlike any.
        return text.len() >= 16 && (common < 0.62 || (mixed(text) && length < 2.6));
    }
    // Words with a number behind have few stretches, and long ones.
    let many = digits >= 4 && mixed(text) && length < 3.5;
    length < 2.9
        || many
        || (length < 4.5 && (common < 0.6 || count < 4))
        || (count >= 8 && common < 0.5)
}

/// Whether a text may be a key where something else says that it is one: it varies, and is no word.
pub fn looks_varied(text: &[u8]) -> bool {
    let (common, count) = pairs::common(text);
    let length = text.len() as f32 / stretches(text) as f32;
    entropy(text) >= 2.5 && !(common > 0.75 && length > 3.5 && count >= 6)
}

/// Whether it is a token: letters and digits that make no words, or more of them.
pub fn is_token(text: &[u8]) -> bool {
    let has = |kind: fn(&u8) -> bool| text.iter().any(kind);
    let plain = text.iter().all(|b| b.is_ascii_graphic());
    let long = (10..=512).contains(&text.len());
    long && plain && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic) && looks_random(text)
        || long && plain && text.len() >= 20 && looks_random(text)
}

/// Whether it may be a password: no blank, and more than letters, or letters that are no words.
pub fn is_password(text: &[u8]) -> bool {
    let has = |kind: fn(&u8) -> bool| text.iter().any(kind);
    if !(6..=128).contains(&text.len())
        || has(u8::is_ascii_whitespace)
        || !text.iter().all(|byte| byte.is_ascii_graphic() || *byte >= 0x80)
    {
        return false;
    }
    if is_address(text) || is_rate(text) {
        return false;
    }
    let (letters, digits) = (has(u8::is_ascii_alphabetic), has(u8::is_ascii_digit));
    let strong = text.iter().filter(|byte| b"!@#%^&*+=?~$".contains(byte)).count();
    let stretches = stretches(text);
    if letters && digits {
        return stretches >= 2 && distinct(text) >= 4;
    }
    if letters {
        let (common, count) = pairs::common(text);
        let chance = text.len() >= 10 && mixed(text) && count >= 8 && common < 0.55;
        return strong > 0 && distinct(text) >= 5
            || (text.len() >= 12 && looks_random(text))
            || chance;
    }
    digits && distinct(text) >= 5 && strong > 0
}

/// Whether a text is an address of mail, without digits: `ops@acme.example`.
fn is_address(text: &[u8]) -> bool {
    let word = |part: &[u8]| {
        !part.is_empty() && part.iter().all(|b| b.is_ascii_lowercase() || b"._-".contains(b))
    };
    let mut parts = text.split(|byte| *byte == b'@');
    let (name, host) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    parts.next().is_none() && word(name) && word(host) && host.contains(&b'.')
}

/// Whether a text says how often something may happen: `5/m/user`, `20/m/ip,5/m/key`.
fn is_rate(text: &[u8]) -> bool {
    text.split(|byte| *byte == b',').all(|rate| {
        let mut parts = rate.split(|byte| *byte == b'/');
        let number = parts.next().is_some_and(|part| part.iter().all(u8::is_ascii_digit));
        let unit = parts.next().is_some_and(|part| part.iter().all(u8::is_ascii_lowercase));
        number && unit && parts.all(|part| part.iter().all(u8::is_ascii_lowercase))
    })
}

/// Least entropy of a text of such characters and length, in bits per character. Signs join the
/// parts of a key, and say nothing of what these are made of.
fn least_entropy(text: &[u8]) -> f32 {
    let all = |kind: fn(&u8) -> bool| text.iter().filter(|b| b.is_ascii_alphanumeric()).all(kind);
    let alphabet: f32 = if all(u8::is_ascii_digit) {
        10.0
    } else if all(u8::is_ascii_hexdigit) {
        16.0
    } else if mixed(text) {
        52.0
    } else {
        36.0
    };
    0.72 * alphabet.min(text.len() as f32).log2()
}

fn distinct(text: &[u8]) -> usize {
    let mut seen = [false; 256];
    text.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    seen.iter().filter(|seen| **seen).count()
}

fn mixed(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_lowercase) && text.iter().any(u8::is_ascii_uppercase)
}

/// How many stretches of one kind of characters there are; a capital and what follows are one.
fn stretches(text: &[u8]) -> usize {
    let kind = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        _ => 3,
    };
    let changes = text.windows(2).filter(|pair| {
        let (one, two) = (kind(pair[0]), kind(pair[1]));
        one != two && !(one == 2 && two == 1) || (one == 3 && two == 3)
    });
    changes.count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_any_alphabet_look_random_and_words_do_not() {
        for key in [
            "281220e087835b92558589eaff309cad",
            "0d600971ecb3286f9c9da1e4:0d2c63fe435e416381a4b70bb15b6c648e2a6c41230272d847cf98cb69a1b3f0",
            "9PSSlWXWGVKPxtsy",
            "kd83jq0vn2xw7r5tzp1mcy",
        ] {
            assert!(looks_random(key.as_bytes()), "{key}");
        }
        for words in ["background2", "deadbeefdeadbeef", "a-name-of-3-parts", "20231201123000"] {
            assert!(!looks_random(words.as_bytes()), "{words}");
        }
    }

    #[test]
    fn addresses_and_rates_are_no_passwords() {
        for other in ["ops@acme.example", "5/m/user", "20/m/ip,5/m/key"] {
            assert!(!is_password(other.as_bytes()), "{other}");
        }
        for password in ["ops7@acme.example", "5/M!user", "kV7pTq2Lx"] {
            assert!(is_password(password.as_bytes()), "{password}");
        }
    }
}
