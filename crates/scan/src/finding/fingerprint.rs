//! What tells one finding from all others, in every scan: not its line, not its commit.
//!
//! A report travels further than what was scanned. Of a long random value the hash of rule and
//! value says nothing else; a short one could be guessed from its hash, so there it is made of
//! rule, path, and how many others precede it.

use std::collections::HashMap;

use super::Finding;
use crate::judge;

/// Domain of the hash.
const CONTEXT: &str = "clawvault scan 2026-11 fingerprint of a finding";
/// From so many bits on, a value cannot be guessed from its hash.
const STRONG: f32 = 72.0;

/// Gives each finding its fingerprint. They are in the order of a report.
pub fn mark(findings: &mut [Finding]) {
    // By rule and path: the weak values so far, hashed, and their numbers.
    let mut weak: HashMap<_, HashMap<blake3::Hash, usize>> = HashMap::new();
    for finding in findings {
        let Finding { rule, value, place, .. } = &*finding;
        finding.fingerprint = if is_strong(value) {
            of(&[b"value", rule.as_bytes(), value])
        } else {
            let others = weak.entry((rule.to_string(), place.path.clone())).or_default();
            let next = others.len();
            let number = *others.entry(blake3::hash(value)).or_insert(next) as u64;
            of(&[b"place", rule.as_bytes(), &place.path, &number.to_le_bytes()])
        };
    }
}

fn is_strong(value: &[u8]) -> bool {
    judge::entropy(value) * value.len() as f32 >= STRONG
}

fn of(parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    grouped(&hasher.finalize().as_bytes()[..12])
}

/// Digits of base 16 in groups, so that no scanner takes them for a key.
pub fn grouped(bytes: &[u8]) -> String {
    let group = |group: &[u8]| group.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    bytes.chunks(4).map(group).collect::<Vec<_>>().join(":")
}
