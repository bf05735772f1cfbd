//! Rights of one file or directory, changed if they are still what they were.

use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Mode, fchmod, fstat};

use super::PlatformError;
use super::read::{Directory, ReadError};

const RIGHTS: u32 = 0o7777;

/// Gives what lies at `path` the rights `to`, where it has the rights `from`. The path is absolute and
/// leads through no link.
pub fn set_mode(path: &Path, from: u32, to: u32) -> Result<(), PlatformError> {
    let refused = |error| PlatformError::read(path, error);
    let root = Directory::open(Path::new("/")).map_err(refused)?;
    let relative = path.strip_prefix("/").unwrap_or(path);
    match root.file(relative) {
        Ok(file) => change(file, path, from, to),
        Err(ReadError::NotRegular) => {
            change(root.folder(relative).map_err(refused)?, path, from, to)
        }
        Err(error) => Err(refused(error)),
    }
}

fn change(fd: impl AsFd, path: &Path, from: u32, to: u32) -> Result<(), PlatformError> {
    let failed = |error| PlatformError::io("change the rights of", path, error);
    let stat = fstat(&fd).map_err(failed)?;
    if stat.st_mode & RIGHTS != from {
        let why = "was changed by somebody else meanwhile";
        return Err(PlatformError::Untrusted { path: path.to_owned(), why });
    }
    fchmod(&fd, Mode::from_raw_mode(to)).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn only_what_is_as_it_was_is_changed() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        let (file, link) = (home.join("file"), home.join("link"));
        std::fs::write(&file, b"x").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
        symlink(&file, &link).unwrap();
        let mode = || std::fs::metadata(&file).unwrap().permissions().mode() & RIGHTS;
        assert!(set_mode(&file, 0o644, 0o600).is_err());
        assert!(set_mode(&link, 0o666, 0o600).is_err());
        assert_eq!(mode(), 0o666);
        set_mode(&file, 0o666, 0o644).unwrap();
        assert_eq!(mode(), 0o644);
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o700)).unwrap();
        set_mode(&home, 0o700, 0o755).unwrap();
    }
}
