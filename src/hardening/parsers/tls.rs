//! The first words of TLS: a greeting that offers old versions or weak ciphers only, and what the
//! other side says to it. No key is ever agreed on: it is asked what it would take, and left.
//!
//! Up to TLS 1.2 (RFC 5246) the certificates come in clear with the answer.

/// What a greeting offers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Offer {
    /// TLS 1.0 alone.
    Tls10,
    /// TLS 1.1 alone.
    Tls11,
    /// TLS 1.2, with the ciphers that are in use.
    Tls12,
    /// TLS 1.2, with ciphers that are broken or do without a secret: RC4, 3DES, NULL, export, anonymous.
    Weak,
}

/// What a listener said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// It takes the offer.
    Takes {
        /// As it says it: 0x0301 is TLS 1.0, 0x0303 is TLS 1.2.
        version: u16,
        /// The number of the cipher.
        cipher: u16,
        /// Its certificates in DER, its own first.
        certificates: Vec<Vec<u8>>,
    },
    /// It speaks TLS and refuses the offer, with the number of an alert.
    Refuses(u8),
    /// It speaks something else, or nothing.
    Other,
}

/// Ciphers of today, for TLS 1.0 to 1.2.
const GOOD: &[u16] = &[
    0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9, 0xc009, 0xc00a, 0xc013, 0xc014, 0xc023, 0xc027,
    0x009c, 0x009d, 0x002f, 0x0035, 0x003c, 0x009e, 0x009f, 0x0033, 0x0039,
];
/// NULL, RC4, export, DES, 3DES, anonymous.
const WEAK: &[u16] = &[
    0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0006, 0x0008, 0x0009, 0x000a, 0x0011, 0x0012, 0x0013,
    0x0014, 0x0015, 0x0016, 0x0017, 0x0018, 0x001a, 0x001b, 0x0034, 0x003a, 0x003b, 0xc002, 0xc003,
    0xc006, 0xc007, 0xc008, 0xc00d, 0xc010, 0xc011, 0xc012, 0xc015, 0xc016, 0xc017, 0xc018, 0xc019,
];
/// Most certificates of one answer.
const MAX: usize = 16;

/// The greeting, for a host of this name; none where it is an address.
pub fn hello(offer: Offer, host: Option<&str>) -> Vec<u8> {
    let (version, ciphers): (u16, &[u16]) = match offer {
        Offer::Tls10 => (0x0301, GOOD),
        Offer::Tls11 => (0x0302, GOOD),
        Offer::Tls12 => (0x0303, GOOD),
        Offer::Weak => (0x0303, WEAK),
    };
    let mut body = version.to_be_bytes().to_vec();
    // Random by form only: nothing is agreed on.
    body.extend([0x5a; 32]);
    body.push(0);
    body.extend(sized16(&ciphers.iter().flat_map(|one| one.to_be_bytes()).collect::<Vec<u8>>()));
    body.extend([1, 0]);
    let mut extensions = Vec::new();
    if let Some(host) = host.filter(|host| host.len() < 256) {
        let name = [&[0][..], &sized16(host.as_bytes())].concat();
        extensions.extend(extension(0, &sized16(&name)));
    }
    // Curves: x25519, P-256, P-384, P-521. Points: uncompressed.
    extensions.extend(extension(10, &sized16(&[0, 29, 0, 23, 0, 24, 0, 25])));
    extensions.extend(extension(11, &[1, 0]));
    if version == 0x0303 {
        // Signatures: ECDSA, RSA-PSS and RSA with SHA-256 to SHA-512, Ed25519, RSA and ECDSA with SHA-1.
        let all = [4, 3, 5, 3, 6, 3, 8, 4, 8, 5, 8, 6, 4, 1, 5, 1, 6, 1, 8, 7, 2, 1, 2, 3];
        extensions.extend(extension(13, &sized16(&all)));
    }
    extensions.extend(extension(0xff01, &[0]));
    body.extend(sized16(&extensions));
    let mut message = vec![1];
    message.extend(&(body.len() as u32).to_be_bytes()[1..]);
    message.extend(body);
    let mut record = vec![22, 3, 1];
    record.extend(sized16(&message));
    record
}

fn sized16(bytes: &[u8]) -> Vec<u8> {
    let mut all = (bytes.len() as u16).to_be_bytes().to_vec();
    all.extend(bytes);
    all
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &sized16(content)].concat()
}

/// Reads what came back.
pub fn answer(bytes: &[u8]) -> Answer {
    let mut messages = Vec::new();
    let mut rest = bytes;
    while let [kind, 3, _, high, low, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let content = tail.get(..length).unwrap_or(tail);
        match (kind, content) {
            (21, [_, alert, ..]) if messages.is_empty() => return Answer::Refuses(*alert),
            (22, content) => messages.extend_from_slice(content),
            _ => break,
        }
        rest = tail.get(length..).unwrap_or_default();
    }
    let mut found = None;
    let mut certificates = Vec::new();
    let mut rest = messages.as_slice();
    while let [kind, a, b, c, tail @ ..] = rest {
        let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).unwrap_or(usize::MAX);
        let content = tail.get(..length).unwrap_or(tail);
        match kind {
            2 => found = server_hello(content),
            11 => certificates = chain(content),
            _ => {}
        }
        rest = tail.get(length..).unwrap_or_default();
    }
    match found {
        Some((version, cipher)) => Answer::Takes { version, cipher, certificates },
        None => Answer::Other,
    }
}

fn server_hello(content: &[u8]) -> Option<(u16, u16)> {
    let [high, low, rest @ ..] = content else { return None };
    let session = usize::from(*rest.get(32)?);
    let cipher = rest.get(33 + session..35 + session)?;
    Some((u16::from_be_bytes([*high, *low]), u16::from_be_bytes([cipher[0], cipher[1]])))
}

fn chain(content: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut rest = content.get(3..).unwrap_or_default();
    while let [a, b, c, tail @ ..] = rest {
        let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).unwrap_or(usize::MAX);
        let Some(one) = tail.get(..length) else { break };
        if all.len() == MAX {
            break;
        }
        all.push(one.to_vec());
        rest = &tail[length..];
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        assert_eq!(answer(&[21, 3, 3, 0, 2, 2, 70]), Answer::Refuses(70));
        assert_eq!(answer(b"HTTP/1.1 400 Bad Request\r\n"), Answer::Other);
        assert_eq!(answer(b""), Answer::Other);
        let mut hello = vec![22, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3];
        hello.extend([0; 32]);
        hello.extend([0, 0xc0, 0x2f, 0]);
        let Answer::Takes { version, cipher, certificates } = answer(&hello) else { panic!() };
        assert_eq!((version, cipher, certificates.len()), (0x0303, 0xc02f, 0));
    }

    #[test]
    fn lengths_of_a_greeting_add_up() {
        for offer in [Offer::Tls10, Offer::Tls12, Offer::Weak] {
            let hello = hello(offer, Some("a.example"));
            assert_eq!(usize::from(u16::from_be_bytes([hello[3], hello[4]])), hello.len() - 5);
            assert_eq!(usize::from(u16::from_be_bytes([hello[7], hello[8]])), hello.len() - 9);
        }
    }
}
