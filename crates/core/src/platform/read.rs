//! Reading files that others may have prepared: bounded, regular files only, no link followed.
//!
//! A file is opened without following a link at its end, without waiting for a pipe's writer, and
//! its kind is checked on the open descriptor, so that it cannot be swapped in between. Below a
//! [`Directory`] no component at all may be a link. Links above the given path are the caller's.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path};

use rustix::fs::{FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;
use zeroize::Zeroizing;

/// Why a file was not read. Never holds its content or its name; the caller names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is no such file.
    #[error("no such file")]
    Missing,
    /// A symbolic link, or one on the way to it.
    #[error("a symbolic link, which is not followed")]
    Link,
    /// A directory, pipe, socket or device.
    #[error("not a regular file")]
    NotRegular,
    /// A path that leaves the directory it was to stay in.
    #[error("the path leaves its directory")]
    Outside,
    /// Larger than the bound, in bytes.
    #[error("larger than {0} bytes")]
    TooLarge(usize),
    /// A directory of more entries than the bound.
    #[error("more than {0} entries")]
    TooMany(usize),
    /// It grew or shrank while it was read.
    #[error("it changed while it was read")]
    Changed,
    /// The operating system refused.
    #[error("{0}")]
    System(Errno),
}

/// Reads the regular file at `path`, at most `max` bytes, into memory that is wiped.
pub fn read_bounded(path: &Path, max: usize) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    let fd = rustix::fs::open(path, FILE, Mode::empty()).map_err(refused)?;
    read_all(regular(fd)?, max)
}

/// An open directory; nothing below it is reached through a link.
#[derive(Debug)]
pub struct Directory(OwnedFd);

impl Directory {
    /// Opens the directory at `path`; links on the way to it and at its end are followed.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::open(path, flags, Mode::empty()).map(Self).map_err(refused)
    }

    /// Reads the regular file at `relative`, at most `max` bytes, into memory that is wiped.
    pub fn read(&self, relative: &Path, max: usize) -> Result<Zeroizing<Vec<u8>>, ReadError> {
        read_all(self.file(relative)?, max)
    }

    /// Opens the regular file at `relative` for reading.
    pub fn file(&self, relative: &Path) -> Result<File, ReadError> {
        regular(self.descend(relative, FILE)?)
    }

    /// Names in the directory at `relative` (empty: this one), sorted, at most `max` of them.
    pub fn list(&self, relative: &Path, max: usize) -> Result<Vec<OsString>, ReadError> {
        let fd = self.descend(relative, FOLDER)?;
        let mut buffer = Vec::with_capacity(16 * 1024);
        let mut entries = RawDir::new(&fd, buffer.spare_capacity_mut());
        let mut names = Vec::new();
        while let Some(entry) = entries.next() {
            let name = entry.map_err(ReadError::System)?.file_name().to_bytes().to_vec();
            if name == b"." || name == b".." {
                continue;
            }
            if names.len() == max {
                return Err(ReadError::TooMany(max));
            }
            names.push(OsString::from_vec(name));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Opens the directory at `relative` itself.
    pub(super) fn folder(&self, relative: &Path) -> Result<OwnedFd, ReadError> {
        self.descend(relative, FOLDER)
    }

    /// Opens one component after the other, each refused if it is a link.
    fn descend(&self, relative: &Path, last: OFlags) -> Result<OwnedFd, ReadError> {
        let mut parts = Vec::new();
        for component in relative.components() {
            match component {
                Component::Normal(part) => parts.push(part),
                Component::CurDir => {}
                _ => return Err(ReadError::Outside),
            }
        }
        let Some((end, folders)) = parts.split_last() else {
            return rustix::fs::openat(&self.0, c".", last, Mode::empty()).map_err(refused);
        };
        let mut at: Option<OwnedFd> = None;
        for (part, flags) in folders.iter().map(|part| (part, PASSAGE)).chain([(end, last)]) {
            let name = CString::new(part.as_encoded_bytes()).map_err(|_| ReadError::Missing)?;
            let from = at.as_ref().unwrap_or(&self.0);
            at = Some(rustix::fs::openat(from, &name, flags, Mode::empty()).map_err(|error| {
                // The kernel says "not a directory" of a link where a directory was asked for.
                match (error, rustix::fs::readlinkat(from, &name, Vec::new())) {
                    (Errno::NOTDIR, Ok(_)) => ReadError::Link,
                    _ => refused(error),
                }
            })?);
        }
        at.ok_or(ReadError::Missing)
    }
}

// NONBLOCK: opening a pipe that nobody writes to must not wait.
const FILE: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A folder on the way: passing through it takes no right to list it.
const PASSAGE: OFlags =
    OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

fn refused(error: Errno) -> ReadError {
    match error {
        Errno::NOENT => ReadError::Missing,
        Errno::LOOP => ReadError::Link,
        Errno::NOTDIR => ReadError::Missing,
        // A socket, or a device without a driver.
        Errno::NXIO | Errno::NODEV => ReadError::NotRegular,
        other => ReadError::System(other),
    }
}

fn regular(fd: OwnedFd) -> Result<File, ReadError> {
    let stat = rustix::fs::fstat(&fd).map_err(ReadError::System)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(File::from(fd)),
        _ => Err(ReadError::NotRegular),
    }
}

/// One allocation of the right size: a vector that grows would leave copies behind.
pub(super) fn read_all(mut file: File, max: usize) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    let system = |error: std::io::Error| {
        ReadError::System(Errno::from_io_error(&error).unwrap_or(Errno::IO))
    };
    let length = usize::try_from(file.metadata().map_err(system)?.len()).unwrap_or(usize::MAX);
    if length > max {
        return Err(ReadError::TooLarge(max));
    }
    // One byte more than expected, so that growth shows.
    let mut bytes = Zeroizing::new(vec![0; length.saturating_add(1)]);
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(system(error)),
        }
    }
    if filled != length {
        return Err(ReadError::Changed);
    }
    bytes.truncate(length);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_regular_files_within_the_bound_are_read() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        std::fs::write(&file, b"12345").unwrap();
        symlink(&file, home.path().join("link")).unwrap();

        assert_eq!(read_bounded(&file, 5).unwrap().as_slice(), b"12345");
        assert_eq!(read_bounded(&file, 4), Err(ReadError::TooLarge(4)));
        assert_eq!(read_bounded(home.path(), 4), Err(ReadError::NotRegular));
        assert_eq!(read_bounded(&home.path().join("link"), 5), Err(ReadError::Link));
        assert_eq!(read_bounded(&home.path().join("none"), 5), Err(ReadError::Missing));
    }

    #[test]
    fn a_pipe_without_a_writer_does_not_hang() {
        let home = tempfile::tempdir().unwrap();
        let pipe = home.path().join("pipe");
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, mode, 0).unwrap();
        assert_eq!(read_bounded(&pipe, 5), Err(ReadError::NotRegular));
    }

    #[test]
    fn below_a_directory_no_link_and_no_way_out() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("root");
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(root.join("a/b/file"), b"x").unwrap();
        std::fs::write(home.path().join("outside"), b"y").unwrap();
        symlink(root.join("a"), root.join("linked")).unwrap();
        symlink(home.path().join("outside"), root.join("out")).unwrap();
        let directory = Directory::open(&root).unwrap();

        assert_eq!(directory.read(Path::new("a/./b/file"), 9).unwrap().as_slice(), b"x");
        assert_eq!(directory.list(Path::new(""), 9).unwrap(), ["a", "linked", "out"]);
        assert_eq!(directory.list(Path::new(""), 2), Err(ReadError::TooMany(2)));
        for (path, error) in [
            ("linked/b/file", ReadError::Link),
            ("out", ReadError::Link),
            ("../outside", ReadError::Outside),
            ("/etc/hostname", ReadError::Outside),
            ("a/b", ReadError::NotRegular),
            ("a/b/file/c", ReadError::Missing),
        ] {
            assert_eq!(directory.read(Path::new(path), 9), Err(error), "{path}");
        }
    }
}
