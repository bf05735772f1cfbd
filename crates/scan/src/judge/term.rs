//! Names of algorithms, encodings and formats that look like passwords: `PBKDF2`, `latin1`.

/// In lower case, without signs, sorted.
#[rustfmt::skip]
const TERMS: [&[u8]; 67] = [
    b"a128cbchs256",
    b"a128gcmkw",
    b"a192cbchs384",
    b"a192gcmkw",
    b"a256cbchs512",
    b"a256gcmkw",
    b"aes128",
    b"aes128cbc",
    b"aes128gcm",
    b"aes256",
    b"aes256cbc",
    b"aes256ctr",
    b"aes256gcm",
    b"argon2",
    b"argon2d",
    b"argon2i",
    b"argon2id",
    b"ascii85",
    b"base32",
    b"base58",
    b"base64",
    b"base64url",
    b"blake2b",
    b"blake2s",
    b"blake3",
    b"chacha20",
    b"chacha20poly1305",
    b"cp1252",
    b"curve25519",
    b"ecdhesa128kw",
    b"ecdhesa256kw",
    b"ed25519",
    b"es256",
    b"es384",
    b"es512",
    b"hmacsha1",
    b"hmacsha256",
    b"hmacsha512",
    b"hs256",
    b"hs384",
    b"hs512",
    b"iso8601",
    b"iso88591",
    b"latin1",
    b"mongodbx509",
    b"mysql41",
    b"oauth2",
    b"pbkdf2",
    b"pkcs11",
    b"pkcs12",
    b"pkcs5",
    b"pkcs8",
    b"rfc3339",
    b"ripemd160",
    b"rs256",
    b"rs384",
    b"rs512",
    b"scramsha1",
    b"scramsha256",
    b"scramsha512",
    b"secp256k1",
    b"sha256crypt",
    b"sha512crypt",
    b"utf16",
    b"utf16le",
    b"utf8",
    b"x25519",
];

/// Longest term, in bytes, with signs in it.
const MAX_TERM: usize = 24;

/// Whether `text` is such a name, whatever its case and the signs in it.
pub(super) fn is_term(text: &[u8]) -> bool {
    if text.len() > MAX_TERM {
        return false;
    }
    let plain = text.iter().filter(|byte| !matches!(byte, b'-' | b'_'));
    let plain: Vec<u8> = plain.map(u8::to_ascii_lowercase).collect();
    TERMS.binary_search(&plain.as_slice()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_told_in_any_writing_and_nothing_else_is() {
        assert!(TERMS.is_sorted());
        for term in ["PBKDF2", "scram-sha-256", "ISO_8859-1", "latin1"] {
            assert!(is_term(term.as_bytes()), "{term}");
        }
        assert!(!is_term(b"latin1!"));
        assert!(!is_term(b"Pbkdf2Pass"));
    }
}
