//! Tells secrets from what only looks like one: by their bytes alone.

mod checksum;
mod code;
mod entropy;
mod identifier;
mod login;
mod pairs;
mod placeholder;
mod random;
mod term;
mod words;

pub use checksum::holds;
pub use code::{is_code, is_reference};
pub use entropy::entropy;
pub use identifier::{is_file, is_identifier, is_reference_number};
pub use login::is_shown;
pub use placeholder::{is_example, is_placeholder, is_sequence, is_spelled_out};
pub use random::{is_password, is_token, looks_random, looks_varied};
pub use words::is_signed_head;

use crate::rule::Least;

/// Whether a text is as much of a secret as `least` asks, and neither a placeholder nor a piece of a
/// program that stands for one.
pub fn is_secret(least: Least, text: &[u8]) -> bool {
    let looks = match least {
        Least::Password => is_password(text) && !term::is_term(text),
        Least::Login => is_password(text) || login::is_login(text),
        Least::Token => is_token(text) && !term::is_term(text),
        Least::Random | Least::Unnamed => {
            text.len() >= 16
                && text.iter().all(u8::is_ascii_graphic)
                && looks_random(text)
                && !is_file(text)
        }
    };
    looks
        && !is_reference(text)
        && !is_placeholder(text)
        && !words::is_encoded(text)
        && !is_public(text)
        && (!matches!(least, Least::Password | Least::Login) || words::is_percent_password(text))
}

/// Whether a text may be read by all: a public key, or the head of a signed text.
pub fn is_open(text: &[u8]) -> bool {
    is_public(text) || is_signed_head(text)
}

/// Whether a text is a public key of SSH (RFC 4253, section 6.6): its base64 begins with its kind.
fn is_public(text: &[u8]) -> bool {
    [&b"AAAAB3NzaC1"[..], b"AAAAC3NzaC1", b"AAAAE2VjZHNh", b"AAAAInNr", b"AAAAGnNr"]
        .iter()
        .any(|kind| text.starts_with(kind))
}

/// Whether a text is a UUID: 8, 4, 4, 4 and 12 digits of base 16 (RFC 9562, section 4).
pub fn is_uuid(text: &[u8]) -> bool {
    is_like_uuid(text) && text.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
}

/// Whether a text has its dashes where a UUID has them, between letters and digits of any kind.
pub fn is_like_uuid(text: &[u8]) -> bool {
    let dash = |at| matches!(at, 8 | 13 | 18 | 23);
    let fits = |(at, byte): (usize, &u8)| match dash(at) {
        true => *byte == b'-',
        false => byte.is_ascii_alphanumeric(),
    };
    text.len() == 36 && text.iter().enumerate().all(fits)
}
