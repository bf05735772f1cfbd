//! A text as JSON writes it, without a copy of it on the way.

/// Writes `text` in quotes, escaped, at the end of `out`; never more than six bytes for each of its
/// own, and two.
pub fn json_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            other => out.push(other),
        }
    }
    out.push(b'"');
}
