//! pass, the standard Unix password manager: the entries of a store, and what an entry says.
//!
//! The names are those of the store's files, as pass itself lists them. What the first line of an
//! entry is, pass leaves to its user and calls the password by custom; all of an entry is the
//! value only where it is a PEM block, which has no meaning by the line.

use std::path::{Path, PathBuf};

use clawvault_core::platform::read::{Directory, ReadError};

use super::ProgramError;

/// Most entries that are asked for: each is a run of pass.
const MAX_ENTRIES: usize = 10_000;
/// Deepest directory of a store that is looked into.
const MAX_LEVELS: usize = 32;
const SUFFIX: &str = ".gpg";

/// The names of the entries below `prefix` (empty: all), sorted; also an entry of that very name.
/// Links and names that are not UTF-8 are passed over.
pub fn entries(store: &Path, prefix: &str) -> Result<Vec<String>, ProgramError> {
    let failed = |error| ProgramError::Store("pass", error);
    let directory = Directory::open(store).map_err(failed)?;
    let prefix = prefix.trim_matches('/');
    let mut names = Vec::new();
    if !prefix.is_empty() && directory.file(Path::new(&format!("{prefix}{SUFFIX}"))).is_ok() {
        names.push(prefix.to_owned());
    }
    let mut folders = vec![PathBuf::from(prefix)];
    while let Some(folder) = folders.pop() {
        let listed = match directory.list(&folder, MAX_ENTRIES) {
            Ok(listed) => listed,
            // What is no directory is of no interest here, and neither is a link to one.
            Err(ReadError::Missing | ReadError::NotRegular | ReadError::Link) => continue,
            Err(error) => return Err(failed(error)),
        };
        for name in listed.iter().filter_map(|name| name.to_str()) {
            let path = folder.join(name);
            match path.to_str().and_then(|path| path.strip_suffix(SUFFIX)) {
                _ if name.starts_with('.') => {}
                Some(entry) if directory.file(&path).is_ok() => names.push(entry.to_owned()),
                _ if path.components().count() <= MAX_LEVELS => folders.push(path),
                _ => {}
            }
        }
        if names.len() > MAX_ENTRIES || folders.len() > MAX_ENTRIES {
            return Err(failed(ReadError::TooMany(MAX_ENTRIES)));
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// What an entry says.
#[derive(Eq, PartialEq)]
pub struct Shown<'a> {
    /// Its value.
    pub value: &'a [u8],
    /// True where further lines say something else.
    pub has_more: bool,
}

/// Tells the value of an entry from what else it says.
pub fn shown(bytes: &[u8]) -> Shown<'_> {
    let is_pem = bytes.starts_with(b"-----BEGIN ")
        && bytes
            .trim_ascii_end()
            .rsplit(|byte| *byte == b'\n')
            .next()
            .is_some_and(|last| last.starts_with(b"-----END ") && last.ends_with(b"-----"));
    if is_pem {
        return Shown { value: bytes, has_more: false };
    }
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (value, rest) = bytes.split_at(end);
    Shown { value, has_more: !rest.trim_ascii().is_empty() }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_store_is_listed_as_pass_lists_it() {
        let store = tempfile::tempdir().unwrap();
        let root = store.path();
        for folder in ["a/b", "odd.gpg", ".git", "a/.extensions"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in [
            ".gpg-id",
            "top.gpg",
            "a/one.gpg",
            "a/b/two.gpg",
            "a/notes.txt",
            "odd.gpg/in.gpg",
            ".git/x.gpg",
            "a.gpg",
        ] {
            fs::write(root.join(file), "x").unwrap();
        }
        symlink(root.join("top.gpg"), root.join("link.gpg")).unwrap();
        symlink(root.join("a"), root.join("also")).unwrap();
        let all = ["a", "a/b/two", "a/one", "odd.gpg/in", "top"];
        assert_eq!(entries(root, "").unwrap(), all);
        assert_eq!(entries(root, "a/").unwrap(), ["a", "a/b/two", "a/one"]);
        assert_eq!(entries(root, "a/one").unwrap(), ["a/one"]);
        assert!(entries(root, "none").unwrap().is_empty());
        assert!(matches!(entries(root, "../x"), Err(ProgramError::Store(_, ReadError::Outside))));
        assert!(entries(&root.join("none"), "").is_err());
    }

    #[test]
    fn the_first_line_is_the_value_and_a_pem_block_is_whole() {
        let pem = b"-----BEGIN KEY-----\nabc\n-----END KEY-----\n";
        for (bytes, value, has_more) in [
            (&b"pw\n"[..], &b"pw"[..], false),
            (b"pw", b"pw", false),
            (b" p w \n\n", b" p w ", false),
            (b"pw\nurl: x\n", b"pw", true),
            (b"", b"", false),
            (pem, pem, false),
            (b"-----BEGIN KEY-----\nabc\n", b"-----BEGIN KEY-----", true),
        ] {
            assert!(shown(bytes) == Shown { value, has_more });
        }
    }
}
