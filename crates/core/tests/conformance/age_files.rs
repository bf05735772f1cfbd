//! The C2SP age testkit against the age crate as the vault uses it: X25519 and passphrase
//! identities, binary and armored. Each vector must end as its head says, down to the kind of
//! failure and the bytes released before it; where the age crate is known to differ, a table says so.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use age::armor::{ArmoredReadError, ArmoredReader};
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Identity, scrypt, x25519};
use clawvault_core::crypto::slot::MAX_WORK;
use sha2::{Digest, Sha256};

/// Vectors of the whole testkit, run or not.
const VECTORS: usize = 143;

/// The largest age file in the testkit is 17 MB.
const MAX_FILE: usize = 20 << 20;

/// The head's line that marks an identity which the linked age crate cannot hold.
const HYBRID: &str = "AGE-SECRET-KEY-PQ-1";

/// Vectors that need a post-quantum hybrid identity (`mlkem768x25519`): not linked, so not run.
const NOT_LINKED: &[&str] = &[
    "armor_hybrid",
    "hybrid",
    "hybrid_and_x25519",
    "hybrid_bad_tag",
    "hybrid_currupted_enc_mlkem",
    "hybrid_currupted_enc_x25519",
    "hybrid_extra_argument",
    "hybrid_grease",
    "hybrid_identity",
    "hybrid_long_file_key",
    "hybrid_long_share",
    "hybrid_low_order",
    "hybrid_multiple_recipients",
    "hybrid_no_match",
    "hybrid_not_canonical_body",
    "hybrid_not_canonical_enc",
    "hybrid_short_share",
    "hybrid_uppercase",
    "hybrid_x25519_arg",
];

/// Where the linked age crate ends otherwise than the testkit says, and how. Each is asserted: a
/// release that mends one fails this test, and its line goes.
const DEVIATES: &[(&str, Kind)] = &[
    // Read as binary where the first line is no begin marker: refused, under another kind.
    ("armor_garbage_leading", Kind::HeaderFailure),
    ("armor_lowercase", Kind::HeaderFailure),
    ("armor_whitespace_begin", Kind::HeaderFailure),
    ("armor_wrong_type", Kind::HeaderFailure),
    // For the same reason blank lines before the marker, which a reader should pass over.
    ("armor_whitespace_outside", Kind::HeaderFailure),
    // A stanza without its short last line is accepted, as age beta versions wrote it. The header's
    // MAC still covers it.
    ("stanza_missing_body", Kind::Success),
    ("stanza_missing_final_line", Kind::Success),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Success,
    NoMatch,
    HmacFailure,
    HeaderFailure,
    PayloadFailure,
    ArmorFailure,
}

struct Vector {
    name: String,
    expect: Kind,
    /// SHA-256 in hex of all that may be released.
    payload: Option<String>,
    identities: Vec<String>,
    passphrases: Vec<String>,
    armored: bool,
    file: Vec<u8>,
}

#[test]
fn every_vector_ends_as_it_must() {
    let vectors = load();
    assert_eq!(vectors.len(), VECTORS);
    let (mut counts, mut wrong, mut not_linked) = (BTreeMap::new(), Vec::new(), Vec::new());
    for vector in &vectors {
        if vector.identities.iter().any(|identity| identity.starts_with(HYBRID)) {
            not_linked.push(vector.name.as_str());
            continue;
        }
        *counts.entry(vector.expect).or_insert(0) += 1;
        let deviates = DEVIATES.iter().find(|(name, _)| *name == vector.name);
        let expect = deviates.map_or(vector.expect, |(_, kind)| *kind);
        let (kind, released) = open(vector);
        if kind != expect {
            wrong.push(format!("{}: {kind:?}, not {expect:?}", vector.name));
        }
        if deviates.is_none()
            && vector.payload.as_ref().is_some_and(|hash| *hash != hex(&Sha256::digest(&released)))
        {
            wrong.push(format!("{}: {} bytes released, not those", vector.name, released.len()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(not_linked, NOT_LINKED);
    let run: usize = counts.values().sum();
    assert!(run >= 120, "{run} vectors run");
    println!("age testkit: {run} vectors run {counts:?}; of these the age crate deviates in:");
    println!("  {DEVIATES:?}");
    println!("age testkit: {} not linked (hybrid identities): {NOT_LINKED:?}", not_linked.len());
}

/// Opens a vector's file, and gives how that ended and what was released.
fn open(vector: &Vector) -> (Kind, Vec<u8>) {
    let mut released = Vec::new();
    let ended = if vector.armored {
        read_all(ArmoredReader::new(&vector.file[..]), vector, &mut released)
    } else {
        read_all(&vector.file[..], vector, &mut released)
    };
    (ended.err().unwrap_or(Kind::Success), released)
}

fn read_all(file: impl Read, vector: &Vector, released: &mut Vec<u8>) -> Result<(), Kind> {
    let identities = identities(vector);
    let header = Decryptor::new(file).map_err(|error| refused(&error))?;
    let mut payload =
        header.decrypt(identities.iter().map(AsRef::as_ref)).map_err(|error| refused(&error))?;
    payload.read_to_end(released).map_err(|error| {
        if is_armor(&error) { Kind::ArmorFailure } else { Kind::PayloadFailure }
    })?;
    Ok(())
}

fn refused(error: &DecryptError) -> Kind {
    match error {
        DecryptError::Io(error) if is_armor(error) => Kind::ArmorFailure,
        DecryptError::InvalidMac => Kind::HmacFailure,
        DecryptError::NoMatchingKeys | DecryptError::DecryptionFailed => Kind::NoMatch,
        _ => Kind::HeaderFailure,
    }
}

fn is_armor(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<ArmoredReadError>())
}

fn identities(vector: &Vector) -> Vec<Box<dyn Identity>> {
    let keys = vector.identities.iter().map(|text| {
        let key: x25519::Identity = text.parse().expect("an X25519 identity");
        Box::new(key) as Box<dyn Identity>
    });
    let passphrases = vector.passphrases.iter().map(|text| {
        let mut passphrase = scrypt::Identity::new(SecretString::from(text.clone()));
        passphrase.set_max_work_factor(MAX_WORK);
        Box::new(passphrase) as Box<dyn Identity>
    });
    keys.chain(passphrases).collect()
}

/// Reads all vectors, in the order of their names.
fn load() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/age-testkit/vectors");
    let mut vectors: Vec<Vector> = fs::read_dir(&folder)
        .expect("the vectors are there")
        .map(|entry| {
            let entry = entry.expect("an entry");
            let bytes = fs::read(entry.path()).expect("a vector");
            parse(entry.file_name().to_str().expect("a plain name"), &bytes)
        })
        .collect();
    vectors.sort_by(|one, other| one.name.cmp(&other.name));
    vectors
}

fn parse(name: &str, bytes: &[u8]) -> Vector {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").expect("an empty line");
    let head = str::from_utf8(&bytes[..end]).expect("a textual head");
    let body = &bytes[end + 2..];
    let mut vector = Vector {
        name: name.to_string(),
        expect: Kind::Success,
        payload: None,
        identities: Vec::new(),
        passphrases: Vec::new(),
        armored: false,
        file: body.to_vec(),
    };
    let mut expects = 0;
    for line in head.lines() {
        let (key, value) = line.split_once(": ").expect("key: value");
        match (key, value) {
            ("expect", _) => (vector.expect, expects) = (kind(value), expects + 1),
            ("payload", _) => vector.payload = Some(value.to_string()),
            ("identity", _) => vector.identities.push(value.to_string()),
            ("passphrase", _) => vector.passphrases.push(value.to_string()),
            ("armored", "yes") => vector.armored = true,
            ("compressed", "zlib") => {
                vector.file =
                    miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(body, MAX_FILE)
                        .expect("zlib data");
            }
            ("file key" | "comment", _) => {}
            _ => panic!("{name}: unknown line `{line}`"),
        }
    }
    assert_eq!(expects, 1, "{name}");
    vector
}

fn kind(text: &str) -> Kind {
    match text {
        "success" => Kind::Success,
        "no match" => Kind::NoMatch,
        "HMAC failure" => Kind::HmacFailure,
        "header failure" => Kind::HeaderFailure,
        "payload failure" => Kind::PayloadFailure,
        "armor failure" => Kind::ArmorFailure,
        _ => panic!("unknown outcome `{text}`"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
