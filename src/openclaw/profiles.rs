//! Stored auth profiles: what OpenClaw takes before a reference of the configuration.
//!
//! They lie in a database of each agent, and in files of older versions. Only whether one of a
//! provider is there is looked for: what it says belongs to OpenClaw.

use std::io::Read;
use std::path::{Path, PathBuf};

use clawvault_core::platform::read::Directory;

use super::home::MAX_ENTRIES;

/// Largest database that is searched, in bytes.
const MAX_DATABASE: u64 = 256 * 1024 * 1024;
/// Where one agent keeps profiles.
const FILES: &[&str] =
    &["openclaw-agent.sqlite", "openclaw-agent.sqlite-wal", "auth-profiles.json"];

/// The files of a home that hold a stored key of this provider.
pub fn profiles_for(home: &Path, provider: &str) -> Vec<PathBuf> {
    let Ok(directory) = Directory::open(home) else { return Vec::new() };
    let agents = directory.list(Path::new("agents"), MAX_ENTRIES).unwrap_or_default();
    let mut found = Vec::new();
    for agent in agents {
        for file in FILES {
            let path = Path::new("agents").join(&agent).join("agent").join(file);
            let Ok(opened) = directory.file(&path) else { continue };
            let mut bytes = Vec::new();
            if opened.take(MAX_DATABASE).read_to_end(&mut bytes).is_ok() && holds(&bytes, provider)
            {
                found.push(path);
            }
        }
    }
    found
}

/// Whether there is an object that names the provider and has a key or token beside it.
fn holds(bytes: &[u8], provider: &str) -> bool {
    let needle = format!("\"{provider}\"");
    let places = bytes.windows(needle.len()).enumerate();
    let mut places = places.filter(|(_, window)| *window == needle.as_bytes());
    places.any(|(at, _)| {
        let before = bytes[..at].trim_ascii_end();
        let Some(before) = before.strip_suffix(b":") else { return false };
        if !before.trim_ascii_end().ends_with(b"\"provider\"") {
            return false;
        }
        let start = bytes[..at].iter().rposition(|byte| *byte == b'{').unwrap_or(at);
        let end = bytes[at..].iter().position(|byte| *byte == b'}').map_or(bytes.len(), |n| at + n);
        let object = &bytes[start..end];
        [&b"\"key\":"[..], b"\"key\" :", b"\"token\":"]
            .iter()
            .any(|part| object.windows(part.len()).any(|window| window == *part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_key_of_the_provider_is_seen() {
        let one =
            br#"x{"profiles":{"openai:default":{"type":"api_key","provider":"openai","key":"v"}}}"#;
        assert!(holds(one, "openai") && !holds(one, "groq"));
        let two = b"{\"o\": {\"provider\": \"openai\",\n \"token\": \"v\"}}";
        assert!(holds(two, "openai"));
        assert!(!holds(br#"{"provider":"openai","keyRef":{"source":"exec"}}"#, "openai"));
        assert!(!holds(br#"{"message":{"provider":"openai","usage":1}}"#, "openai"));
    }
}
