//! Public keys of SSH as one line has them (RFC 4253, section 6.6; authorized_keys in sshd(8)).

use std::fmt;

use base64::Engine as _;

/// A public key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicKey {
    /// `ssh-ed25519`, `ssh-rsa`, …
    pub kind: String,
    /// Bits of an RSA modulus; none for other kinds.
    pub bits: Option<usize>,
}

impl PublicKey {
    /// Whether it is DSA, or RSA of fewer bits.
    pub fn is_weaker_than(&self, bits: usize) -> bool {
        self.kind == "ssh-dss" || self.bits.is_some_and(|own| own < bits)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bits {
            Some(bits) => write!(f, "{} of {bits} bits", self.kind),
            None => f.write_str(&self.kind),
        }
    }
}

/// Reads a line; options before the key are passed over. `None` where there is no key.
pub fn parse(line: &str) -> Option<PublicKey> {
    let line = line.lines().next()?.trim();
    if line.starts_with('#') {
        return None;
    }
    let mut words = line.split_whitespace().skip_while(|word| !is_kind(word));
    let kind = words.next()?.to_owned();
    let blob = base64::engine::general_purpose::STANDARD.decode(words.next()?).ok()?;
    let mut rest = blob.as_slice();
    let name = field(&mut rest)?;
    (name == kind.as_bytes()).then_some(())?;
    let bits = match kind.as_str() {
        "ssh-rsa" => {
            field(&mut rest)?;
            let modulus = field(&mut rest)?;
            let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
            let significant = &modulus[zeros..];
            let first = significant.first().map_or(8, |byte| byte.leading_zeros() as usize);
            Some((significant.len() * 8).saturating_sub(first))
        }
        _ => None,
    };
    Some(PublicKey { kind, bits })
}

fn is_kind(word: &&str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|start| word.starts_with(start))
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_at_checked(4)?;
    let length = u32::from_be_bytes(length.try_into().ok()?);
    let (field, tail) = tail.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = tail;
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_behind_their_options() {
        let mut blob = Vec::new();
        for part in [&b"ssh-rsa"[..], &[1, 0, 1], &[&[0, 0x80][..], &[0; 127]].concat()] {
            blob.extend((part.len() as u32).to_be_bytes());
            blob.extend(part);
        }
        let text = base64::engine::general_purpose::STANDARD.encode(&blob);
        let key = parse(&format!("from=\"10.0.0.1\",command=\"x\" ssh-rsa {text} a@b")).unwrap();
        assert_eq!(key.to_string(), "ssh-rsa of 1024 bits");
        assert!(key.is_weaker_than(2048));
        for line in ["", "# ssh-rsa AAAA", "ssh-rsa", "ssh-rsa !!", &format!("ssh-dss {text}")] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
