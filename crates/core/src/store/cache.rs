//! What can be made again, kept between two runs: a small table on sled, never trusted.
//!
//! Whatever is wrong with it (bytes that are not its own, a panic of the engine, another process
//! that holds it) looks as if it were empty; a caller gets no error. Each value carries a check over
//! its key and itself, for sled loses and mixes records where bits flip. No secret goes in here.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Memory that sled may keep pages in, in bytes.
const MEMORY: u64 = 4 << 20;
/// Length of the check before a value, in bytes.
const CHECK: usize = 16;
/// Largest value that is kept, in bytes.
const MAX_VALUE: usize = 16 << 20;

/// The table; empty, and keeping nothing, where it could not be opened.
pub struct Cache {
    table: Option<sled::Db>,
}

impl Cache {
    /// Opens the table in a directory, which is made for its owner alone where it is missing.
    pub fn open(directory: &Path) -> Self {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        let open = || {
            let config = sled::Config::new().path(directory).cache_capacity(MEMORY);
            config.flush_every_ms(None).open().ok()
        };
        Self { table: made.ok().and_then(|()| guarded(open)) }
    }

    /// The value under a key, where there is one that is whole.
    pub fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let table = self.table.as_ref()?;
        let found = guarded(|| table.get(key).ok().flatten().map(|found| found.to_vec()))?;
        let (check, value) = found.split_at_checked(CHECK)?;
        (check == check_of(key, value)).then(|| value.to_vec())
    }

    /// Keeps a value of at most 16 MiB, if that can be done.
    pub fn put(&self, key: &[u8], value: &[u8]) {
        let Some(table) = self.table.as_ref().filter(|_| value.len() <= MAX_VALUE) else { return };
        let whole = [&check_of(key, value), value].concat();
        guarded(|| table.insert(key, whole).ok().and_then(|_| table.flush().ok()));
    }
}

/// Does work of the engine; its panics are taken for nothing found.
fn guarded<T>(work: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok().flatten()
}

fn check_of(key: &[u8], value: &[u8]) -> [u8; CHECK] {
    let mut hasher = blake3::Hasher::new_derive_key("clawvault 2026 cache check");
    hasher.update(&(key.len() as u64).to_le_bytes()).update(key).update(value);
    let mut check = [0; CHECK];
    hasher.finalize_xof().fill(&mut check);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_values_and_is_empty_where_anything_is_wrong() -> Result<(), Box<dyn std::error::Error>>
    {
        let directory = tempfile::tempdir()?;
        let place = directory.path().join("cache");
        let cache = Cache::open(&place);
        cache.put(b"key", b"value");
        assert_eq!(cache.get(b"key").as_deref(), Some(&b"value"[..]));
        assert_eq!(cache.get(b"other"), None);
        let held = Cache::open(&place);
        held.put(b"key", b"not kept");
        assert_eq!(held.get(b"key"), None, "held by another");
        drop((held, cache));
        assert_eq!(Cache::open(&place).get(b"key").as_deref(), Some(&b"value"[..]));
        for length in [0, 7, 100_000] {
            for file in ["db", "conf"] {
                std::fs::write(place.join(file), vec![0xa5; length])?;
            }
            let got = Cache::open(&place).get(b"key");
            assert!(got.is_none_or(|value| value == b"value"), "{length} bytes of garbage");
        }
        Ok(())
    }
}
