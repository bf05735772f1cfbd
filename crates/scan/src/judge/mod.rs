//! Tells secrets from what only looks like one: by their bytes alone.

mod entropy;

pub use entropy::entropy;

/// Whether a text looks made by chance.
pub fn looks_random(text: &[u8]) -> bool {
    entropy(text) >= 2.5
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
