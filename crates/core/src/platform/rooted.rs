//! A file system seen from its own root: a mounted disk or image, or this machine's `/`.
//!
//! Links are followed as the system that lies there would follow them: an absolute one starts at
//! that root again, and none leads out of it. It is the kernel that holds to that (`openat2`, since
//! Linux 5.6); an older kernel reads `/` alone. Nothing is written, and every read is bounded.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, ResolveFlags, Stat};
use rustix::io::Errno;

use super::read::ReadError;

/// A root, held open.
#[derive(Debug)]
pub struct Rooted {
    root: OwnedFd,
    /// Where no other root is named, a kernel without `openat2` follows links as always.
    is_own: bool,
}

/// What a path is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Meta {
    /// Its kind.
    pub kind: EntryKind,
    /// Its rights: the lowest twelve bits of its mode.
    pub mode: u32,
    /// Whose it is.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// When it was last written, in seconds since 1970-01-01 UTC.
    pub modified: i64,
    /// The file system that it lies on.
    pub device: u64,
}

/// The kind of an entry of a directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A pipe, socket or device.
    Other,
}

/// How far a walk goes.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most entries that are visited.
    pub entries: usize,
    /// Most levels below the top.
    pub depth: usize,
}

/// What a visitor wants next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// Go on, into the entry where it is a directory.
    On,
    /// Leave out what lies below it.
    Past,
    /// Enough is known.
    Stop,
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Walked {
    /// Entries that were visited.
    pub entries: usize,
    /// Directories that could not be read.
    pub unread: usize,
    /// Whether a bound cut it short.
    pub cut: bool,
}

impl Rooted {
    /// Opens the directory at `root`; links on the way to it are followed.
    pub fn open(root: &Path) -> Result<Self, ReadError> {
        let fd = rustix::fs::open(root, FOLDER, Mode::empty()).map_err(refused)?;
        Ok(Self { root: fd, is_own: root == Path::new("/") })
    }

    /// Opens a regular file for reading.
    pub fn file(&self, path: &Path) -> Result<File, ReadError> {
        // What is no regular file is not even opened for reading: a device may act on it.
        let fd = self.descend(path, OFlags::PATH)?;
        if kind(&rustix::fs::fstat(&fd).map_err(refused)?) != EntryKind::File {
            return Err(ReadError::NotRegular);
        }
        let fd = self.descend(path, OFlags::RDONLY | OFlags::NONBLOCK)?;
        if kind(&rustix::fs::fstat(&fd).map_err(refused)?) != EntryKind::File {
            return Err(ReadError::NotRegular);
        }
        Ok(File::from(fd))
    }

    /// Reads a regular file, at most `max` bytes; also one of procfs, which says no length.
    pub fn read(&self, path: &Path, max: usize) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        let read = self.file(path)?.take(max as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| ReadError::System(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
        if bytes.len() > max { Err(ReadError::TooLarge(max)) } else { Ok(bytes) }
    }

    /// What a path is, where it leads to another: what that is.
    pub fn meta(&self, path: &Path) -> Result<Meta, ReadError> {
        let fd = self.descend(path, OFlags::PATH)?;
        rustix::fs::fstat(&fd).map(|stat| meta(&stat)).map_err(refused)
    }

    /// What a link says, without following it.
    pub fn link(&self, path: &Path) -> Result<PathBuf, ReadError> {
        let fd = self.descend(path, OFlags::PATH | OFlags::NOFOLLOW)?;
        let target = rustix::fs::readlinkat(&fd, c"", Vec::new()).map_err(refused)?;
        Ok(PathBuf::from(OsString::from_vec(target.into_bytes())))
    }

    /// Whether no part of a path is a link, so that any way of opening it stays inside.
    pub fn is_plain(&self, path: &Path) -> bool {
        let parts = path.ancestors().filter(|part| part.file_name().is_some());
        !path.components().any(|part| part == std::path::Component::ParentDir)
            && parts
                .into_iter()
                .all(|part| !self.link(part).is_ok_and(|to| !to.as_os_str().is_empty()))
    }

    /// Names in a directory, sorted, at most `max` of them.
    pub fn list(&self, path: &Path, max: usize) -> Result<Vec<OsString>, ReadError> {
        let mut names = names(&self.descend(path, FOLDER)?, max)?;
        names.sort_unstable();
        Ok(names)
    }

    /// Visits what lies below a directory, a directory before what is in it. Links are visited and
    /// not followed, other file systems are visited and not entered.
    pub fn walk(
        &self,
        top: &Path,
        bounds: Bounds,
        visit: &mut dyn FnMut(&Path, &Meta) -> Step,
    ) -> Result<Walked, ReadError> {
        let device = self.meta(top)?.device;
        // The top must be readable; what is not below it is counted.
        self.descend(top, FOLDER)?;
        let mut walked = Walked::default();
        let mut open = vec![(top.to_owned(), 0)];
        while let Some((path, depth)) = open.pop() {
            let left = bounds.entries - walked.entries;
            let listed = self.descend(&path, FOLDER | OFlags::NOFOLLOW).and_then(|fd| {
                let mut names = names(&fd, left)?;
                names.sort_unstable();
                Ok((fd, names))
            });
            let (fd, names) = match listed {
                Ok(listed) => listed,
                Err(ReadError::TooMany(_)) => {
                    walked.cut = true;
                    continue;
                }
                Err(_) => {
                    walked.unread += 1;
                    continue;
                }
            };
            for name in names {
                walked.entries += 1;
                // It may have gone since.
                let Ok(stat) = rustix::fs::statat(&fd, &name, AtFlags::SYMLINK_NOFOLLOW) else {
                    continue;
                };
                let (path, meta) = (path.join(&name), meta(&stat));
                match visit(&path, &meta) {
                    Step::Stop => return Ok(walked),
                    Step::On if meta.kind == EntryKind::Directory && meta.device == device => {
                        if depth < bounds.depth {
                            open.push((path, depth + 1));
                        } else {
                            walked.cut = true;
                        }
                    }
                    Step::On | Step::Past => {}
                }
            }
        }
        Ok(walked)
    }

    fn descend(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, ReadError> {
        let flags = flags | OFlags::CLOEXEC;
        let inside = path.strip_prefix("/").unwrap_or(path);
        let inside = if inside.as_os_str().is_empty() { Path::new(".") } else { inside };
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(&self.root, inside, flags, Mode::empty(), resolve) {
            Err(Errno::NOSYS) if self.is_own => {
                rustix::fs::openat(&self.root, inside, flags, Mode::empty()).map_err(refused)
            }
            opened => opened.map_err(refused),
        }
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

fn names(fd: impl AsFd, max: usize) -> Result<Vec<OsString>, ReadError> {
    let mut buffer = Vec::with_capacity(16 * 1024);
    let mut entries = RawDir::new(fd, buffer.spare_capacity_mut());
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        let name = entry.map_err(refused)?.file_name().to_bytes().to_vec();
        if name == b"." || name == b".." {
            continue;
        }
        if names.len() == max {
            return Err(ReadError::TooMany(max));
        }
        names.push(OsString::from_vec(name));
    }
    Ok(names)
}

fn meta(stat: &Stat) -> Meta {
    Meta {
        kind: kind(stat),
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: stat.st_mtime,
        device: stat.st_dev,
    }
}

fn kind(stat: &Stat) -> EntryKind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Link,
        _ => EntryKind::Other,
    }
}

fn refused(error: Errno) -> ReadError {
    match error {
        Errno::NOENT | Errno::NOTDIR => ReadError::Missing,
        Errno::LOOP => ReadError::Link,
        Errno::XDEV => ReadError::Outside,
        Errno::NXIO | Errno::NODEV => ReadError::NotRegular,
        other => ReadError::System(other),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_inside_and_never_out() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        std::fs::create_dir_all(root.join("usr/lib")).unwrap();
        std::fs::create_dir_all(root.join("etc")).unwrap();
        std::fs::write(root.join("usr/lib/os-release"), b"ID=debian").unwrap();
        std::fs::write(outer.path().join("secret"), b"outside").unwrap();
        symlink("../usr/lib/os-release", root.join("etc/os-release")).unwrap();
        symlink("/usr/lib/os-release", root.join("etc/absolute")).unwrap();
        symlink("../../../../secret", root.join("etc/up")).unwrap();
        symlink(outer.path().join("secret"), root.join("etc/out")).unwrap();
        symlink("loop", root.join("etc/loop")).unwrap();
        let tree = Rooted::open(&root).unwrap();

        let read = |path: &str| tree.read(Path::new(path), 9);
        assert_eq!(read("/etc/os-release").unwrap(), b"ID=debian");
        assert_eq!(read("etc/absolute").unwrap(), b"ID=debian");
        assert_eq!(read("/etc/up"), Err(ReadError::Missing));
        assert_eq!(read("/etc/out"), Err(ReadError::Missing));
        assert_eq!(read("/../secret"), Err(ReadError::Missing));
        assert_eq!(read("/etc/loop"), Err(ReadError::Link));
        assert_eq!(read("/etc"), Err(ReadError::NotRegular));
        assert_eq!(tree.read(Path::new("/etc/absolute"), 8), Err(ReadError::TooLarge(8)));
        assert_eq!(
            tree.link(Path::new("/etc/absolute")).unwrap(),
            Path::new("/usr/lib/os-release")
        );
        assert_eq!(tree.list(Path::new("/"), 2).unwrap(), ["etc", "usr"]);
        assert_eq!(tree.meta(Path::new("/etc/os-release")).unwrap().size, 9);
    }

    #[test]
    fn walks_are_bounded_and_follow_nothing() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("a/b/c")).unwrap();
        std::fs::write(root.path().join("a/b/file"), b"x").unwrap();
        symlink("/", root.path().join("a/link")).unwrap();
        let tree = Rooted::open(root.path()).unwrap();
        let walk = |entries, depth| {
            let mut seen = Vec::new();
            let bounds = Bounds { entries, depth };
            let walked = tree
                .walk(Path::new("/"), bounds, &mut |path, _| {
                    seen.push(path.display().to_string());
                    if path.ends_with("c") { Step::Past } else { Step::On }
                })
                .unwrap();
            (seen, walked.cut)
        };
        let all = ["/a", "/a/b", "/a/link", "/a/b/c", "/a/b/file"].map(String::from);
        assert_eq!(walk(100, 9), (all.to_vec(), false));
        assert_eq!(walk(100, 1), (all[..3].to_vec(), true));
        assert!(walk(2, 9).1);
    }

    #[test]
    fn files_without_a_length_are_read() {
        let tree = Rooted::open(Path::new("/")).unwrap();
        assert!(!tree.read(Path::new("/proc/self/status"), 1 << 16).unwrap().is_empty());
    }
}
