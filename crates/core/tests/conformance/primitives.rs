//! Project Wycheproof's vectors against the primitives: the AEAD of records (XChaCha20-Poly1305),
//! its inner form, and what age and the sealed boxes build on (X25519, HKDF-SHA-256).

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};
use hkdf::Hkdf;
use sha2::Sha256;
use wycheproof::{TestResult, aead, hkdf as kdf, xdh};
use x25519_dalek::{PublicKey, StaticSecret};

/// Seals and opens every vector of one AEAD; a nonce of another length must not fit its type.
fn run_aead<A: Aead + KeyInit>(name: aead::TestName, at_least: usize) {
    let set = aead::TestSet::load(name).expect("the vectors load");
    let mut count = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        count += 1;
        let valid = test.result == TestResult::Valid;
        let cipher = A::new_from_slice(&test.key).expect("the key is 32 bytes");
        let Ok(nonce) = test.nonce.as_ref().try_into() else {
            assert!(!valid, "{name:?} {}: a valid nonce is refused", test.tc_id);
            continue;
        };
        let sealed = [test.ct.as_ref(), test.tag.as_ref()].concat();
        let opened = cipher.decrypt(nonce, Payload { msg: &sealed, aad: &test.aad }).ok();
        let expected = valid.then(|| test.pt.to_vec());
        assert_eq!(opened, expected, "{name:?} {}: {}", test.tc_id, test.comment);
        if valid {
            let again = cipher.encrypt(nonce, Payload { msg: &test.pt, aad: &test.aad });
            assert_eq!(again.ok(), Some(sealed), "{name:?} {}", test.tc_id);
        }
    }
    assert!(count >= at_least, "{name:?}: {count} vectors, at least {at_least} expected");
    println!("{name:?}: {count} vectors");
}

#[test]
fn xchacha20_poly1305() {
    run_aead::<XChaCha20Poly1305>(aead::TestName::XChaCha20Poly1305, 315);
}

#[test]
fn chacha20_poly1305() {
    run_aead::<ChaCha20Poly1305>(aead::TestName::ChaCha20Poly1305, 325);
}

/// The shared secret is exact even for odd keys, and one that an attacker chose alone is told apart.
#[test]
fn x25519() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).expect("the vectors load");
    let mut count = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        count += 1;
        let bytes = |value: &[u8]| <[u8; 32]>::try_from(value).expect("keys are 32 bytes");
        let secret = StaticSecret::from(bytes(&test.private_key));
        let shared = secret.diffie_hellman(&PublicKey::from(bytes(&test.public_key)));
        assert_eq!(shared.as_bytes()[..], test.shared_secret[..], "{}", test.tc_id);
        let zero = test.flags.contains(&xdh::TestFlag::ZeroSharedSecret);
        assert_eq!(shared.was_contributory(), !zero, "{}", test.tc_id);
    }
    assert!(count >= 518, "{count} vectors");
    println!("X25519: {count} vectors");
}

#[test]
fn hkdf_sha256() {
    let set = kdf::TestSet::load(kdf::TestName::HkdfSha256).expect("the vectors load");
    let mut count = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        count += 1;
        let mut okm = vec![0; test.size];
        let expanded =
            Hkdf::<Sha256>::new(Some(&test.salt), &test.ikm).expand(&test.info, &mut okm);
        let valid = test.result == TestResult::Valid;
        assert_eq!(expanded.is_ok(), valid, "{}: {}", test.tc_id, test.comment);
        assert!(!valid || okm[..] == test.okm[..], "{}: {}", test.tc_id, test.comment);
    }
    assert!(count >= 86, "{count} vectors");
    println!("HKDF-SHA-256: {count} vectors");
}
