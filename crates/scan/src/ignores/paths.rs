//! Lines `path:GLOB`, with the globs of `.gitignore`.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bstr::ByteSlice;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Which paths are left out whole.
pub(super) struct Paths(Gitignore);

impl Paths {
    /// None.
    pub(super) fn none() -> Self {
        Self(Gitignore::empty())
    }

    /// The globs of `lines`, each with its number; or the number of one that is none.
    pub(super) fn parse<'a>(
        lines: impl Iterator<Item = (usize, &'a str)>,
    ) -> Result<Self, Option<usize>> {
        let mut builder = GitignoreBuilder::new("");
        for (number, glob) in lines {
            builder.add_line(None, glob).map_err(|_| Some(number))?;
        }
        builder.build().map(Self).map_err(|_| None)
    }

    /// Whether a path, relative to the file's root, is left out.
    pub(super) fn have(&self, path: &[u8]) -> bool {
        if self.0.is_empty() {
            return false;
        }
        // The matcher takes no absolute path, and nothing above its root.
        let path = Path::new(std::ffi::OsStr::from_bytes(path.trim_start_with(|c| c == '/')));
        self.0.matched_path_or_any_parents(path, false).is_ignore()
    }
}
