//! What executables were: SHA-256 digests by the file's identity, remembered beside the log.
//!
//! An entry carries the identity alone, so that nothing is read on the way to a launch. A digest is
//! computed by commands that nobody waits for, and only from a file that is still the very one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::crypto::{self, Keys};
use crate::domain::FileIdentity;
use crate::domain::limits::{MAX_DIGESTS, MAX_EXECUTABLE};
use crate::platform::{Dir, PlatformError, executable};

use super::LogError;

const FILE: &str = "digests";
const PLACE: &[u8] = b"clawvault digests 1";
/// Largest file of digests, in bytes.
const MAX_FILE: usize = MAX_DIGESTS * 128 + 64;

type Known = Vec<(FileIdentity, [u8; 32])>;

/// Digests of executables.
#[derive(Debug, Default)]
pub struct Digests {
    /// Oldest first.
    known: Known,
    index: BTreeMap<FileIdentity, [u8; 32]>,
    /// Files that are gone or changed: not looked for again.
    lost: BTreeSet<FileIdentity>,
    changed: bool,
}

impl Digests {
    /// Reads what is remembered; what was not sealed by the vault's holder counts for nothing.
    pub fn load(dir: &Dir, keys: &Keys) -> Self {
        let sealed = dir.read(FILE, MAX_FILE).ok().flatten().unwrap_or_default();
        let plain = crypto::open(keys.entries(), PLACE, &sealed).unwrap_or_default();
        let known: Known = postcard::from_bytes(&plain).unwrap_or_default();
        Self { index: known.iter().copied().collect(), known, ..Self::default() }
    }

    /// The digest of the file that lay at `path`; computed where that very file still lies there.
    pub fn of(&mut self, path: &str, identity: &FileIdentity) -> Option<[u8; 32]> {
        if let Some(digest) = self.index.get(identity) {
            return Some(*digest);
        }
        if self.lost.contains(identity) {
            return None;
        }
        let Some(digest) = executable::digest(Path::new(path), identity, MAX_EXECUTABLE) else {
            self.lost.insert(*identity);
            return None;
        };
        self.index.insert(*identity, digest);
        self.known.push((*identity, digest));
        self.changed = true;
        Some(digest)
    }

    /// Takes in a digest that somebody else computed.
    pub fn know(&mut self, identity: FileIdentity, digest: [u8; 32]) {
        self.index.insert(identity, digest);
    }

    /// Writes down what was learnt; the oldest go where there are too many.
    pub fn save(mut self, dir: &Dir, keys: &Keys) -> Result<(), LogError> {
        if !self.changed {
            return Ok(());
        }
        let surplus = self.known.len().saturating_sub(MAX_DIGESTS);
        self.known.drain(..surplus);
        let plain = postcard::to_stdvec(&self.known).map_err(|_| LogError::Entry)?;
        let sealed = crypto::seal(keys.entries(), PLACE, &plain)?;
        Ok(dir.replace(FILE, &sealed).map_err(|error: PlatformError| error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::VaultKey;

    #[test]
    fn a_digest_outlives_its_file_and_a_changed_file_has_none() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::create(&temporary.path().join("log")).unwrap();
        let keys = VaultKey::from_slot(&mut [5; 32]).derive();
        let file = temporary.path().join("program");
        let path = file.to_str().unwrap();
        std::fs::write(&file, "abc").unwrap();
        let first = executable::identity(&file).unwrap();
        let mut digests = Digests::load(&dir, &keys);
        let digest = digests.of(path, &first).unwrap();
        assert_eq!(crate::domain::hex(&digest)[..8], *"ba7816bf");
        digests.save(&dir, &keys).unwrap();

        std::fs::write(&file, "abcd").unwrap();
        let second = executable::identity(&file).unwrap();
        std::fs::write(&file, "abcde").unwrap();
        let mut digests = Digests::load(&dir, &keys);
        assert_eq!(digests.of(path, &first), Some(digest));
        assert_eq!(digests.of(path, &second), None);
        let other = VaultKey::from_slot(&mut [6; 32]).derive();
        assert_eq!(Digests::load(&dir, &other).of(path, &first), None);
    }
}
