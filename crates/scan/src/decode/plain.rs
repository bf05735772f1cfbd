//! Whether bytes are a text.

use zeroize::Zeroizing;

/// So many bytes are looked at to tell.
pub(super) const LOOK: usize = 12;

/// Whether bytes could be what a text begins with: characters, and no control characters but those
/// that break lines. The last character may be cut.
pub(super) fn begins_text(bytes: &[u8]) -> bool {
    let control = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r');
    if bytes.iter().any(control) {
        return false;
    }
    match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

/// Whether bytes could be what a text of two bytes for each character begins with: ASCII, the lower
/// byte first.
pub(super) fn begins_utf16(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xff\xfe").unwrap_or(bytes);
    bytes.len() >= 8 && bytes.chunks_exact(2).all(|pair| begins_text(&pair[..1]) && pair[1] == 0)
}

/// Whether a text says of itself that it is of two bytes for each character.
pub(crate) fn has_mark(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..])
}

/// A text of two bytes for each character, as UTF-8; `None` where it is none. It begins with the
/// mark of their order, or, the lower byte first, with eight characters of ASCII.
pub(crate) fn utf16(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (rest, little) = match bytes {
        [0xff, 0xfe, rest @ ..] => (rest, true),
        [0xfe, 0xff, rest @ ..] => (rest, false),
        _ if bytes.len() >= 16 && begins_utf16(&bytes[..16]) => (bytes, true),
        _ => return None,
    };
    let units = rest.chunks_exact(2).map(|pair| match little {
        true => u16::from_le_bytes([pair[0], pair[1]]),
        false => u16::from_be_bytes([pair[0], pair[1]]),
    });
    // A unit is at most three bytes: nothing is copied while it grows.
    let mut text = Zeroizing::new(Vec::with_capacity(rest.len() / 2 * 3));
    for char in char::decode_utf16(units) {
        let char = char.unwrap_or(char::REPLACEMENT_CHARACTER);
        text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Some(text)
}
