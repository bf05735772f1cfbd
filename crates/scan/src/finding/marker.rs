//! Comments that allow the secret on their line: ours, and those of tools that came before.

use bstr::ByteSlice;

/// Ours; `[rule, rule]` may follow.
const OURS: &str = "clawvault:allow";
/// What other tools take for one. Each allows every secret of its line.
const FOREIGN: &[&str] = &[
    "gitleaks:allow",
    "trufflehog:ignore",
    "pragma: allowlist secret",
    "pragma: whitelist secret",
];
/// Longest list of rules, in bytes.
const MAX_LIST: usize = 512;

/// What a comment allows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Marker {
    /// Every secret of the line.
    All,
    /// What these rules find.
    Rules(Vec<String>),
}

impl Marker {
    /// The marker in a line. A list of rules that does not end allows nothing.
    pub fn find(line: &[u8]) -> Option<Self> {
        if FOREIGN.iter().any(|word| line.contains_str(word)) {
            return Some(Self::All);
        }
        let mut rules = Vec::new();
        for at in line.find_iter(OURS) {
            let rest = &line[at + OURS.len()..];
            match rest.first() {
                Some(b'[') => {
                    let list = &rest[1..rest.len().min(MAX_LIST)];
                    let Some(end) = list.find_byte(b']') else { continue };
                    let names = list[..end].split(|byte| *byte == b',');
                    rules.extend(names.map(|name| name.trim().to_str_lossy().into_owned()));
                }
                // `clawvault:allowance` is another word.
                Some(byte) if byte.is_ascii_alphanumeric() => {}
                _ => return Some(Self::All),
            }
        }
        (!rules.is_empty()).then_some(Self::Rules(rules))
    }

    /// Whether it allows what this rule finds.
    pub fn allows(&self, rule: &str) -> bool {
        match self {
            Self::All => true,
            Self::Rules(rules) => rules.iter().any(|allowed| allowed == rule),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_allow_what_they_name() {
        let rules = |names: &[&str]| {
            Some(Marker::Rules(names.iter().map(|name| (*name).to_owned()).collect()))
        };
        for (line, marker) in [
            ("key = 1 # clawvault:allow", Some(Marker::All)),
            ("key = 1 // clawvault:allow because of tests", Some(Marker::All)),
            ("key = 1 # clawvault:allow[aws-key, x-y]", rules(&["aws-key", "x-y"])),
            ("clawvault:allow[a] clawvault:allow[b]", rules(&["a", "b"])),
            ("key = 1 # clawvault:allow[aws-key", None),
            ("key = 1 # clawvault:allowed", None),
            ("<!-- gitleaks:allow -->", Some(Marker::All)),
            ("x # trufflehog:ignore", Some(Marker::All)),
            ("x # pragma: allowlist secret", Some(Marker::All)),
            ("x # nosecret", None),
        ] {
            assert_eq!(Marker::find(line.as_bytes()), marker, "{line}");
        }
        assert!(Marker::All.allows("x"));
        assert!(!Marker::Rules(vec!["y".to_owned()]).allows("x"));
    }
}
