//! The policy document: where a refusal points, and whom its patterns cover.
#![no_main]

use clawvault_core::domain::{Pattern, Policy, ProfileName, SecretName};
use clawvault_fuzz::assert_inside;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Policy::parse(text) {
        Ok(policy) => {
            let profile = ProfileName::default();
            for name in names(text) {
                let _ = policy.is_admin(&name);
                for agent in policy.agents.values() {
                    let may = agent.may_have(&agent.profile, &name);
                    let covered = agent.secrets.iter().any(|p| p.matches(&agent.profile, &name));
                    assert_eq!(may, covered);
                    assert!(agent.profile == profile || !agent.may_have(&profile, &name));
                }
            }
        }
        Err(error) => {
            assert_inside(text.as_bytes(), error.line, error.column);
            assert!(!error.what.contains('\n'));
        }
    }
    // Patterns stand in few documents; each word is tried as one.
    for word in text.split_whitespace().take(8) {
        let Ok(pattern) = Pattern::parse(word) else { continue };
        let (stars, profile) = word.split_once('@').unwrap_or((word, "default"));
        let profile = ProfileName::parse(profile).expect("the pattern's profile is one");
        for name in names(text) {
            let expected = covers(stars.as_bytes(), name.as_str().as_bytes());
            assert_eq!(pattern.matches(&profile, &name), expected, "{word} {name}");
        }
    }
});

fn names(text: &str) -> impl Iterator<Item = SecretName> {
    text.split_whitespace().take(8).filter_map(|word| SecretName::parse(word).ok())
}

/// What a pattern means, letter by letter: row by row, whether it covers each end of the name.
fn covers(pattern: &[u8], name: &[u8]) -> bool {
    let mut row: Vec<bool> = (0..=name.len()).map(|length| length == 0).collect();
    for letter in pattern {
        row = (0..=name.len())
            .map(|length| match letter {
                b'*' => row[..=length].contains(&true),
                _ => length > 0 && row[length - 1] && name[length - 1] == *letter,
            })
            .collect();
    }
    row[name.len()]
}
