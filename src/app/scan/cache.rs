//! Keeps what scans of histories found to be clean, until the next one.

use std::cell::{OnceCell, RefCell};
use std::path::PathBuf;

use clawvault_core::store::{Cache, CacheError};
use clawvault_scan::source::git::Keeper;

/// A cache that is opened when it is first asked.
pub(super) struct Remembered {
    directory: PathBuf,
    cache: OnceCell<Option<Cache>>,
    /// What is wrong with it, the first time.
    wrong: RefCell<Option<String>>,
}

impl Remembered {
    pub(super) fn in_directory(directory: PathBuf) -> Self {
        Self { directory, cache: OnceCell::new(), wrong: RefCell::default() }
    }

    /// Closes the cache of a command that has only to tell what it found. What to tell of it: that
    /// the next scan will take as long, and why.
    pub(super) fn leave(self) -> Option<String> {
        if let Some(Some(cache)) = self.cache.into_inner() {
            cache.leave();
        }
        let why = self.wrong.into_inner();
        why.map(|why| format!("nothing is remembered for the next scan: {why}"))
    }

    fn cache(&self) -> Option<&Cache> {
        let open = || Cache::open(&self.directory).map_err(|error| self.is_wrong(&error)).ok();
        self.cache.get_or_init(open).as_ref()
    }

    fn is_wrong(&self, error: &CacheError) {
        self.wrong.borrow_mut().get_or_insert_with(|| error.to_string());
    }
}

impl Keeper for Remembered {
    fn get(&self, key: &[u8; 32]) -> Option<Vec<u8>> {
        self.cache()?.get(key)
    }

    fn put(&self, key: &[u8; 32], value: &[u8]) {
        let kept = self.cache().map(|cache| cache.put(key, value));
        if let Some(Err(error)) = kept {
            self.is_wrong(&error);
        }
    }
}
