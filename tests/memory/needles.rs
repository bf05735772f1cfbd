//! What is sought: values, the keys of the vault, its identity, a passphrase, in many forms.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use age::secrecy::SecretString;
use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::canary::Canary;

const PIECE: usize = 8;

/// How often each thing was found, by its name.
pub(crate) type Found = BTreeMap<String, usize>;

/// Everything that is sought.
pub(crate) struct Needles {
    /// (what it is a form of, whether as it is, bytes)
    all: Vec<(String, bool, Vec<u8>)>,
    finder: Option<AhoCorasick>,
}

impl Needles {
    pub(crate) fn new() -> Self {
        Self { all: Vec::new(), finder: None }
    }

    /// A value in all forms of a canary.
    pub(crate) fn add_value(&mut self, name: &str, canary: &Canary) {
        let start = &canary.text().as_bytes()[..PIECE];
        self.all.push((name.to_owned(), true, start.to_vec()));
        // A piece without letters of one kind looks the same in upper or lower case.
        let others = canary.forms().iter().filter(|(_, bytes)| bytes != start);
        self.all.extend(others.map(|(_, bytes)| (name.to_owned(), false, bytes.clone())));
    }

    /// Bytes as they are, in hex and in base64, every eight of them.
    pub(crate) fn add_bytes(&mut self, name: &str, bytes: &[u8]) {
        for (at, piece) in bytes.chunks_exact(PIECE).enumerate() {
            let mut add = |first, bytes| self.all.push((name.to_owned(), first, bytes));
            add(at == 0, piece.to_vec());
            add(false, piece.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect());
            add(false, piece.iter().rev().copied().collect());
        }
        for offset in 0..3 {
            let padded = [&[0; 2][..offset], bytes].concat();
            for text in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
                self.all.push((name.to_owned(), false, text.as_bytes()[4..20].to_vec()));
            }
        }
    }

    /// The keys of the vault in `home`, and what opens it.
    pub(crate) fn add_keys(&mut self, home: &Path, passphrase: Option<&str>) {
        let header = fs::read_to_string(home.join("vault.toml")).unwrap();
        let field = |name: &str| {
            let line = header.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(" = \""));
            STANDARD_NO_PAD.decode(line.unwrap().trim_end_matches(['"', '='])).unwrap()
        };
        let text = match passphrase {
            None => fs::read_to_string(home.join("identity.txt")).unwrap(),
            Some(passphrase) => {
                let lock = age::scrypt::Identity::new(SecretString::from(passphrase.to_owned()));
                String::from_utf8(age::decrypt(&lock, &field("locked_identity")).unwrap()).unwrap()
            }
        };
        let line = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
        let identity: age::x25519::Identity = line.parse().unwrap();
        let data = &line["AGE-SECRET-KEY-1".len()..];
        self.add_bytes("identity", &bech32(data));
        self.add_bytes("identity's text", data.as_bytes());
        self.add_bytes("identity's text", data.to_lowercase().as_bytes());
        let key: [u8; 32] = age::decrypt(&identity, &field("wrapped")).unwrap().try_into().unwrap();
        self.add_bytes("vault key", &key);
        let duty = "clawvault 2026-11-22 v1 record sealing";
        self.add_bytes("record key", &blake3::derive_key(duty, &key));
        if let Some(passphrase) = passphrase {
            self.add_bytes("passphrase", passphrase.as_bytes());
        }
    }

    /// Everything that occurs in a dump: how often as it is, and once for any other form of it.
    pub(crate) fn find(&mut self, dump: &[Vec<u8>]) -> Found {
        let finder = self.finder.get_or_insert_with(|| {
            AhoCorasick::new(self.all.iter().map(|(_, _, bytes)| bytes)).unwrap()
        });
        let mut found = Found::new();
        for hit in dump.iter().flat_map(|bytes| finder.find_overlapping_iter(bytes)) {
            let (name, as_it_is, _) = &self.all[hit.pattern().as_usize()];
            if *as_it_is {
                *found.entry(name.clone()).or_default() += 1;
            } else {
                found.entry(name.clone()).or_insert(1);
            }
        }
        found
    }
}

/// The data of a bech32 text (BIP 173) without its checksum of six characters.
fn bech32(text: &str) -> Vec<u8> {
    const LETTERS: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for letter in text[..text.len() - 6].to_lowercase().chars() {
        bits = (bits << 5 | LETTERS.find(letter).unwrap() as u32) & 0xfff;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

#[test]
fn what_is_sought_is_found_and_counted() {
    let (mut needles, canary) = (Needles::new(), Canary::new(7));
    needles.add_value("value", &canary);
    needles.add_bytes("key", &[0xa5; 32]);
    let text = canary.text();
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let count = |found: &Found, name: &str| found.get(name).copied().unwrap_or(0);
    let found = needles.find(&[format!("{text} {text}").into_bytes(), vec![0xa5; 8]]);
    assert_eq!((count(&found, "value"), count(&found, "key")), (2, 1));
    assert_eq!(count(&needles.find(&[hex.into_bytes()]), "value"), 1);
    assert!(needles.find(&[b"nothing of it".to_vec()]).is_empty());
}
