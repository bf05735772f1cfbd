//! What can be made again, kept between two runs: a small table on sled, never trusted.
//!
//! Where bits flip, sled loses and mixes records, and may take minutes over it. So a seal, written when
//! the table is closed, holds a digest of its files, and each value carries a check over its key and
//! itself. Whatever is wrong (a seal that does not fit or is missing, a panic of the engine, too many
//! bytes) looks as if nothing was kept: the table is removed whole and begun anew. No secret goes in
//! here.

use std::cell::Cell;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use crate::platform::guard::guarded;
use crate::platform::{Dir, FileLock, PlatformError};

/// Memory that the engine may keep pages in, in bytes.
const MEMORY: u64 = 4 << 20;
/// What the engine writes at once, in bytes: larger values get a file each.
const SEGMENT: usize = 4096;
/// Length of the check before a value, in bytes.
const CHECK: usize = 16;
/// Largest value that is kept, in bytes.
const MAX_VALUE: usize = 16 << 20;
/// Most bytes that the table may take on disk before it is begun anew.
const MAX_SIZE: u64 = 64 << 20;
/// The lock, the seal and the directory of the table, inside the directory of the cache.
const LOCK: &str = "lock";
const SEAL: &str = "seal";
const TABLE: &str = "table";

/// Digest of the engine's files.
type Seal = [u8; blake3::OUT_LEN];

/// Why there is no cache, or a value was not kept. Whoever asked goes on without.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The directory is not one that a cache can lie in, or another process holds it.
    #[error(transparent)]
    Place(#[from] PlatformError),
    /// The engine refused: a full disk, mostly.
    #[error("the cache takes nothing")]
    Refused,
    /// The value is larger than is kept.
    #[error("it is more than a cache keeps")]
    TooLarge,
}

/// The table.
pub struct Cache {
    /// Always there until it is dropped.
    table: Option<sled::Db>,
    directory: Dir,
    place: Dir,
    /// The seal that fits; none once something was put.
    seal: Cell<Option<Seal>>,
    _lock: FileLock,
}

impl Cache {
    /// Opens the table in a directory, which is made for its owner alone where it is missing. Waits
    /// for nobody: a table that another process holds is an error.
    pub fn open(directory: &Path) -> Result<Self, CacheError> {
        let directory = Dir::claim(directory)?;
        let lock = FileLock::take(&directory, LOCK, Duration::ZERO)?;
        let place = Dir::claim(&directory.path().join(TABLE))?;
        let stands = directory.read(SEAL, blake3::OUT_LEN).ok().flatten();
        let fits = |seal: &Seal| stands.is_some_and(|stands| stands[..] == *seal);
        let mut seal = seal_of(&place).filter(fits);
        let mut table = if seal.is_some() { engine(&place) } else { None };
        if table.is_none() {
            directory.remove(SEAL)?;
            place.clear()?;
            seal = None;
            table = engine(&place);
        }
        let table = Some(table.ok_or(CacheError::Refused)?);
        Ok(Self { table, directory, place, seal: Cell::new(seal), _lock: lock })
    }

    /// Closes the table for a process that ends now: to give back what the engine holds takes longer
    /// than to read a value. Until that end nobody can open the table again.
    pub fn leave(mut self) {
        if self.seal.get().is_some()
            && let Some(table) = self.table.take()
        {
            self.seal();
            Box::leak(Box::new(table));
        }
    }

    /// Puts the seal on the files as they are: the engine may change them when it opens them.
    fn seal(&self) {
        let Some(seal) = seal_of(&self.place) else { return };
        if self.seal.get() != Some(seal) {
            // Where that fails, the next one begins anew.
            self.directory.replace(SEAL, &seal).ok();
        }
    }

    /// The value under a key, where there is one that is whole.
    pub fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let table = self.table.as_ref()?;
        let mut found = guarded(|| table.get(key).ok().flatten().map(|found| found.to_vec()))??;
        let (check, value) = found.split_at_checked(CHECK)?;
        if check != check_of(key, value) {
            return None;
        }
        found.drain(..CHECK);
        Some(found)
    }

    /// Keeps a value of at most 16 MiB. It need not be there next time.
    pub fn put(&self, key: &[u8], value: &[u8]) -> Result<(), CacheError> {
        if value.len() > MAX_VALUE {
            return Err(CacheError::TooLarge);
        }
        if self.seal.take().is_some() {
            // Until it is closed in order, nothing is known of the table.
            self.directory.remove(SEAL)?;
        }
        let whole = [&check_of(key, value), value].concat();
        let put = |table: &sled::Db| {
            table.insert(key, whole)?;
            table.flush()
        };
        match self.table.as_ref().and_then(|table| guarded(|| put(table))) {
            Some(Ok(_)) => Ok(()),
            _ => Err(CacheError::Refused),
        }
    }
}

/// The engine writes when it is dropped, and may panic on altered pages then, too.
impl Drop for Cache {
    fn drop(&mut self) {
        let Some(table) = self.table.take() else { return };
        if guarded(move || drop(table)).is_some() {
            self.seal();
        }
    }
}

/// Digest of the engine's files but those that hold one large value each: these have their check.
fn seal_of(place: &Dir) -> Option<Seal> {
    place.make_private().ok()?;
    let mut hasher = blake3::Hasher::new_derive_key("clawvault 2026-11-25 v1 cache seal");
    for entry in place.list().ok()?.into_iter().filter(|entry| !entry.is_dir) {
        let mut bytes = Vec::new();
        let (file, _) = place.open_reading(&entry.name).ok()??;
        file.take(MAX_SIZE).read_to_end(&mut bytes).ok()?;
        hasher.update(&(entry.name.len() as u64).to_le_bytes()).update(entry.name.as_bytes());
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
    }
    Some(hasher.finalize().into())
}

/// The engine on a directory; none where that fails, or where it has grown too large.
fn engine(place: &Dir) -> Option<sled::Db> {
    let config = sled::Config::new().path(place.path()).cache_capacity(MEMORY);
    let config = config.segment_size(SEGMENT).flush_every_ms(None);
    let table = guarded(|| config.open().ok())??;
    let small = guarded(|| table.size_on_disk().is_ok_and(|size| size <= MAX_SIZE));
    if small == Some(true) {
        return Some(table);
    }
    guarded(move || drop(table));
    None
}

fn check_of(key: &[u8], value: &[u8]) -> [u8; CHECK] {
    let mut hasher = blake3::Hasher::new_derive_key("clawvault 2026-11-25 v1 cache check");
    hasher.update(&(key.len() as u64).to_le_bytes()).update(key).update(value);
    let mut check = [0; CHECK];
    hasher.finalize_xof().fill(&mut check);
    check
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    type Tested = Result<(), Box<dyn std::error::Error>>;

    /// Keys and values, small and large.
    fn values() -> Vec<(Vec<u8>, Vec<u8>)> {
        let value = |n: u8| (0..usize::from(n) * 2_000).map(|at| (at * 31) as u8 ^ n).collect();
        (0..40).map(|n| (vec![n; 32], value(n))).collect()
    }

    fn files(directory: &Path, into: &mut Vec<PathBuf>) -> std::io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() { files(&path, into)? } else { into.push(path) }
        }
        Ok(())
    }

    #[test]
    fn values_are_kept_for_their_owner_alone() -> Tested {
        let temporary = tempfile::tempdir()?;
        let place = temporary.path().join("cache");
        fs::create_dir(&place)?;
        fs::set_permissions(&place, PermissionsExt::from_mode(0o755))?;
        let cache = Cache::open(&place)?;
        assert_eq!(fs::metadata(&place)?.permissions().mode() & 0o777, 0o700);
        cache.put(b"key", b"value")?;
        assert_eq!(cache.get(b"key").as_deref(), Some(&b"value"[..]));
        assert_eq!(cache.get(b"other"), None);
        assert!(matches!(cache.put(b"key", &vec![0; MAX_VALUE + 1]), Err(CacheError::TooLarge)));
        assert!(matches!(Cache::open(&place), Err(CacheError::Place(_))), "held by another");
        drop(cache);
        assert_eq!(Cache::open(&place)?.get(b"key").as_deref(), Some(&b"value"[..]));
        Ok(())
    }

    /// One bit in each file in turn, cut ends, other bytes: a value is right or absent, and the next
    /// one is kept.
    #[test]
    fn damage_looks_as_if_nothing_was_kept() -> Tested {
        let temporary = tempfile::tempdir()?;
        let whole = temporary.path().join("whole");
        let cache = Cache::open(&whole)?;
        for (key, value) in values() {
            cache.put(&key, &value)?;
        }
        drop(cache);
        let mut all = Vec::new();
        files(&whole, &mut all)?;
        all.retain(|file| !file.ends_with(LOCK));
        all.sort();
        let kept = Cache::open(&whole)?;
        assert!(values().iter().all(|(key, value)| kept.get(key).as_ref() == Some(value)));
        drop(kept);
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for turn in 0..90 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
            let place = temporary.path().join(format!("{turn}"));
            let file = &all[turn % all.len()];
            for file in &all {
                let copy = place.join(file.strip_prefix(&whole)?);
                fs::create_dir_all(copy.parent().ok_or("no parent")?)?;
                fs::copy(file, copy)?;
            }
            let (copy, mut bytes) = (place.join(file.strip_prefix(&whole)?), fs::read(file)?);
            let at = (state >> 33) as usize % bytes.len().max(1);
            match turn % 3 {
                0 => bytes[at] ^= 1 << (state >> 29 & 7),
                1 => bytes.truncate(at),
                _ => bytes[at..].fill(0xa5),
            }
            fs::write(copy, bytes)?;
            let cache = Cache::open(&place)?;
            for (key, value) in values() {
                let got = cache.get(&key);
                assert!(got.is_none_or(|got| got == value), "turn {turn}, {}", file.display());
            }
            cache.put(b"new", b"value")?;
            let got = cache.get(b"new");
            assert_eq!(got.as_deref(), Some(&b"value"[..]), "turn {turn}, {}", file.display());
            drop(cache);
            fs::remove_dir_all(&place)?;
        }
        Ok(())
    }
}
