//! Certificates (RFC 5280), as far as an audit asks: whose, by whom, how long, which key. Signatures
//! are not verified here: the machine's own `openssl verify` does that.

use base64::Engine as _;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Most certificates of one file.
const MAX: usize = 64;

/// A certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Certificate {
    /// The issuer's name, as encoded.
    pub issuer: Vec<u8>,
    /// The subject's name, as encoded.
    pub subject: Vec<u8>,
    /// The common name, for people.
    pub name: String,
    /// Names of hosts that it is for.
    pub hosts: Vec<String>,
    /// First second of its life, since 1970-01-01 UTC.
    pub begins: i64,
    /// Last second of its life.
    pub ends: i64,
    /// Its key.
    pub key: Key,
    /// Whether it is signed by way of a digest that can be forged: MD5, SHA-1.
    pub weak_digest: bool,
}

/// A public key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Key {
    /// RSA, with the bits of its modulus.
    Rsa(usize),
    /// On a curve, with the bits of a point's coordinate; 0 where it is not told.
    Curve(usize),
    /// Anything else.
    Other,
}

impl Key {
    /// Whether it can be broken, or could before long.
    pub fn is_weak(self) -> bool {
        match self {
            Self::Rsa(bits) => bits < 2048,
            Self::Curve(bits) => bits != 0 && bits < 224,
            Self::Other => false,
        }
    }
}

/// The certificates of a PEM file, in their order; what is none is left out.
pub fn pem(text: &str) -> Vec<Certificate> {
    let body = |piece: &str| {
        let (body, _) = piece.split_once("-----END CERTIFICATE-----")?;
        let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        der(&base64::engine::general_purpose::STANDARD.decode(body).ok()?)
    };
    text.split("-----BEGIN CERTIFICATE-----").skip(1).take(MAX).filter_map(body).collect()
}

/// A certificate in DER.
pub fn der(bytes: &[u8]) -> Option<Certificate> {
    let mut outer = inside(Some(bytes), SEQUENCE)?;
    let mut body = outer.take(SEQUENCE)?;
    // The version is not there in version 1.
    if body.peek() == Some(0xa0) {
        body.next()?;
    }
    body.take(INTEGER)?;
    let digest = body.take(SEQUENCE)?.take(OID)?.0;
    let issuer = body.take(SEQUENCE)?.0;
    let mut life = body.take(SEQUENCE)?;
    let (begins, ends) = (time(life.next()?)?, time(life.next()?)?);
    let subject = body.take(SEQUENCE)?.0;
    let key = key(body.take(SEQUENCE)?)?;
    let name = common_name(subject).unwrap_or_default();
    let mut hosts = Vec::new();
    while let Some((tag, content)) = body.next() {
        if tag == 0xa3 {
            hosts = alternative_names(content).unwrap_or_default();
        }
    }
    if hosts.is_empty() && !name.is_empty() {
        hosts.push(name.clone());
    }
    Some(Certificate {
        issuer: issuer.to_vec(),
        subject: subject.to_vec(),
        name,
        hosts,
        begins,
        ends,
        key,
        weak_digest: WEAK.contains(&digest),
    })
}

impl Certificate {
    /// Whether it vouches for itself.
    pub fn is_self_signed(&self) -> bool {
        self.issuer == self.subject
    }

    /// Whether it is for a host, itself or by a star for its first label.
    pub fn is_for(&self, host: &str) -> bool {
        let rest = host.split_once('.').map(|(_, rest)| rest);
        self.hosts.iter().any(|name| {
            name.eq_ignore_ascii_case(host)
                || name
                    .strip_prefix("*.")
                    .is_some_and(|tail| rest.is_some_and(|rest| rest.eq_ignore_ascii_case(tail)))
        })
    }
}

const INTEGER: u8 = 0x02;
const BITS: u8 = 0x03;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// Signatures with MD2, MD5 and SHA-1.
const WEAK: &[&[u8]] = &[
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x02],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05],
    &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03],
    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01],
];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// Encoded values, one after the other.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// Tag and content of the next value; a tag of several bytes or an open length is not in DER as
    /// certificates have it.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 3))?;
                (bytes.iter().fold(0, |all, byte| all << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        (tag & 0x1f != 0x1f).then_some((*tag, content))
    }

    fn take(&mut self, tag: u8) -> Option<Self> {
        let (found, content) = self.next()?;
        (found == tag).then_some(Self(content))
    }
}

fn inside(bytes: Option<&[u8]>, tag: u8) -> Option<Der<'_>> {
    Der(bytes?).take(tag)
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn time((tag, content): (u8, &[u8])) -> Option<i64> {
    let text = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        0x17 => {
            let year: i16 = text.get(..2)?.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, text.get(2..)?)
        }
        0x18 => (text.get(..4)?.parse().ok()?, text.get(4..)?),
        _ => return None,
    };
    let part = |at: usize| rest.get(at..at + 2)?.parse::<i8>().ok();
    let time = DateTime::new(year, part(0)?, part(2)?, part(4)?, part(6)?, part(8)?, 0).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

fn key(mut info: Der<'_>) -> Option<Key> {
    let kind = info.take(SEQUENCE)?.take(OID)?.0;
    let bits = info.take(BITS)?.0.get(1..)?;
    Some(if kind == RSA {
        let modulus = inside(Some(bits), SEQUENCE)?.take(INTEGER)?.0;
        let significant =
            modulus.iter().position(|byte| *byte != 0).map_or(&[][..], |at| &modulus[at..]);
        let first = significant.first().map_or(8, |byte| byte.leading_zeros() as usize);
        Key::Rsa((significant.len() * 8).saturating_sub(first))
    } else if kind == EC {
        // An uncompressed point is 4 and two coordinates.
        Key::Curve(if bits.first() == Some(&4) { bits.len() / 2 * 8 } else { 0 })
    } else {
        Key::Other
    })
}

fn common_name(name: &[u8]) -> Option<String> {
    let mut sets = Der(name);
    while let Some((_, set)) = sets.next() {
        let mut pair = inside(Some(set), SEQUENCE)?;
        if pair.take(OID)?.0 == COMMON_NAME {
            return Some(String::from_utf8_lossy(pair.next()?.1).into_owned());
        }
    }
    None
}

fn alternative_names(extensions: &[u8]) -> Option<Vec<String>> {
    let mut all = inside(Some(extensions), SEQUENCE)?;
    while let Some((SEQUENCE, extension)) = all.next() {
        let mut extension = Der(extension);
        if extension.take(OID)?.0 != ALTERNATIVE_NAME {
            continue;
        }
        // Whether it is critical may stand in between.
        let mut value = extension.next()?;
        if value.0 != OCTETS {
            value = extension.next()?;
        }
        let mut names = inside(Some(value.1), SEQUENCE)?;
        let mut hosts = Vec::new();
        while let Some((tag, name)) = names.next() {
            if tag == 0x82 {
                hosts.push(String::from_utf8_lossy(name).into_owned());
            }
        }
        return Some(hosts);
    }
    None
}
