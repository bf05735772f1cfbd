//! A file of the user's that is going to be replaced: opened through no link, remembered as it was
//! read, and replaced whole only if nobody touched it since.
//!
//! A kill leaves the old file or the new one, never a half. It does not notice a writer that comes
//! between the last look and the rename, a few microseconds, nor one that holds the file open.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::PlatformError;
use super::failpoint;
use super::read::{Directory, ReadError, read_all};

const RIGHTS: u32 = 0o7777;
/// Ends the name of what is written beside a file; one that a kill left is replaced.
const UNFINISHED: &str = ".clawvault-new";

/// A file as it was read.
pub struct HeldFile {
    place: Beside,
    seen: Seen,
    bytes: Zeroizing<Vec<u8>>,
}

/// What tells a file from another one, and from itself after a change.
#[derive(Clone, Copy, Eq, PartialEq)]
struct Seen {
    device: u64,
    inode: u64,
    size: i64,
    modified: (i64, i64),
    changed: (i64, i64),
    mode: u32,
    group: u32,
}

/// A name in a directory that is held open.
struct Beside {
    directory: OwnedFd,
    name: OsString,
    path: PathBuf,
}

impl HeldFile {
    /// Opens and reads the file at `relative` below `root`, at most `max` bytes. Links on the way
    /// to `root` are followed, none below it.
    pub fn open(root: &Path, relative: &Path, max: usize) -> Result<Self, PlatformError> {
        let place = Beside::find(root, relative)?;
        let (file, seen) = place.open()?;
        let bytes = read_all(file, max).map_err(|error| PlatformError::read(&place.path, error))?;
        Ok(Self { place, seen, bytes })
    }

    /// The file's path: absolute, no link in it.
    pub fn path(&self) -> &Path {
        &self.place.path
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its rights.
    pub fn mode(&self) -> u32 {
        self.seen.mode & RIGHTS
    }

    /// Puts other bytes and rights in its place, durably, unless it changed since it was read.
    pub fn replace(&self, bytes: &[u8], mode: u32) -> Result<(), PlatformError> {
        self.place.write_beside(bytes, mode, Some(self.seen.group), |from| {
            self.unchanged()?;
            failpoint::hit("held.replace")?;
            let Beside { directory, name, path } = &self.place;
            rustix::fs::renameat(directory, from, directory, name)
                .map_err(|e| PlatformError::io("replace", path, e))
        })
    }

    /// Removes it, durably, unless it changed since it was read.
    pub fn remove(&self) -> Result<(), PlatformError> {
        self.unchanged()?;
        failpoint::hit("held.remove")?;
        let Beside { directory, name, path } = &self.place;
        rustix::fs::unlinkat(directory, name, AtFlags::empty())
            .map_err(|e| PlatformError::io("remove", path, e))?;
        self.place.sync()
    }

    /// Makes the file at `path`, which is absolute and leads through no link, durably; one that is
    /// there is left alone and refused.
    pub fn create(path: &Path, bytes: &[u8], mode: u32) -> Result<(), PlatformError> {
        let place = Beside::find_absolute(path)?;
        place.write_beside(bytes, mode, None, |from| {
            let Beside { directory, name, path } = &place;
            failpoint::hit("held.create")?;
            let flags = RenameFlags::NOREPLACE;
            rustix::fs::renameat_with(directory, from, directory, name, flags)
                .map_err(|e| PlatformError::io("put back", path, e))
        })
    }

    /// As [`HeldFile::open`] with an absolute path that leads through no link.
    pub fn open_absolute(path: &Path, max: usize) -> Result<Self, PlatformError> {
        let relative = path.strip_prefix("/").unwrap_or(path);
        Self::open(Path::new("/"), relative, max)
    }

    /// True where it stands there just as it was read.
    pub fn is_as_read(&self) -> bool {
        self.unchanged().is_ok()
    }

    fn unchanged(&self) -> Result<(), PlatformError> {
        let changed = || self.place.untrusted("was changed by somebody else meanwhile");
        let (file, seen) = self.place.open()?;
        let bytes = read_all(file, self.bytes.len()).map_err(|_| changed())?;
        if seen == self.seen && bytes == self.bytes { Ok(()) } else { Err(changed()) }
    }
}

impl Beside {
    fn find(root: &Path, relative: &Path) -> Result<Self, PlatformError> {
        let root = root.canonicalize().map_err(|e| PlatformError::io("open", root, e))?;
        let path = root.join(relative);
        let name = relative.file_name().map(OsStr::to_owned);
        let refused = |error| PlatformError::read(&path, error);
        let folder = relative.parent().unwrap_or(Path::new(""));
        let directory = Directory::open(&root).and_then(|directory| directory.folder(folder));
        let directory = directory.map_err(refused)?;
        let name = name.ok_or_else(|| refused(ReadError::NotRegular))?;
        Ok(Self { directory, name, path })
    }

    fn find_absolute(path: &Path) -> Result<Self, PlatformError> {
        Self::find(Path::new("/"), path.strip_prefix("/").unwrap_or(path))
    }

    fn open(&self) -> Result<(File, Seen), PlatformError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = match rustix::fs::openat(&self.directory, &self.name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::LOOP) => return Err(self.untrusted("is a symbolic link")),
            Err(e) => return Err(PlatformError::io("open", &self.path, e)),
        };
        let stat =
            rustix::fs::fstat(&fd).map_err(|e| PlatformError::io("inspect", &self.path, e))?;
        if let Some(why) = obstacle(&stat, &fd) {
            return Err(self.untrusted(why));
        }
        Ok((File::from(fd), Seen::of(&stat)))
    }

    /// Writes a new file beside this one and calls `place` with its name; whatever fails, the new
    /// file is gone afterwards.
    fn write_beside(
        &self,
        bytes: &[u8],
        mode: u32,
        group: Option<u32>,
        place: impl FnOnce(&OsStr) -> Result<(), PlatformError>,
    ) -> Result<(), PlatformError> {
        let mut beside = OsString::from(".");
        beside.push(&self.name);
        beside.push(UNFINISHED);
        let drop = || rustix::fs::unlinkat(&self.directory, &beside, AtFlags::empty());
        drop().ok();
        let written = self.write_new(&beside, bytes, mode, group).and_then(|()| place(&beside));
        if written.is_err() {
            drop().ok();
        }
        written.and_then(|()| self.sync())
    }

    fn write_new(
        &self,
        name: &OsStr,
        bytes: &[u8],
        mode: u32,
        group: Option<u32>,
    ) -> Result<(), PlatformError> {
        let failed = |e: Errno| PlatformError::io("write beside", &self.path, e);
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        // Closed to others until it has its rights.
        let owner = Mode::RUSR | Mode::WUSR;
        let fd = rustix::fs::openat(&self.directory, name, flags, owner).map_err(failed)?;
        let new = rustix::fs::fstat(&fd).map_err(failed)?;
        if let Some(group) = group.filter(|group| *group != new.st_gid) {
            rustix::fs::fchown(&fd, None, Some(Gid::from_raw(group))).map_err(failed)?;
        }
        rustix::fs::fchmod(&fd, Mode::from_raw_mode(mode & RIGHTS)).map_err(failed)?;
        let mut file = File::from(fd);
        let written = failpoint::hit_io("held.write")
            .and_then(|()| file.write_all(bytes))
            .and_then(|()| failpoint::hit_io("held.sync"))
            .and_then(|()| file.sync_all());
        written.map_err(|e| PlatformError::io("write beside", &self.path, e))
    }

    fn sync(&self) -> Result<(), PlatformError> {
        failpoint::hit("held.placed")?;
        rustix::fs::fsync(&self.directory).map_err(|e| PlatformError::io("sync", &self.path, e))
    }

    fn untrusted(&self, why: &'static str) -> PlatformError {
        PlatformError::Untrusted { path: self.path.clone(), why }
    }
}

impl Seen {
    fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: stat.st_size,
            modified: (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
            changed: (stat.st_ctime, i64::try_from(stat.st_ctime_nsec).unwrap_or(0)),
            mode: stat.st_mode,
            group: stat.st_gid,
        }
    }
}

/// What forbids to put a new file in this one's place.
fn obstacle(stat: &Stat, fd: &OwnedFd) -> Option<&'static str> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Some("is not a regular file");
    }
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Some("belongs to another user");
    }
    if stat.st_nlink != 1 {
        return Some("has a second name (a hard link)");
    }
    has_attributes(fd).then_some("has an access list or attributes that a new file would lose")
}

/// Whether a new file would lack something: labels of SELinux come by themselves.
fn has_attributes(fd: &OwnedFd) -> bool {
    let mut names = [0_u8; 4096];
    match rustix::fs::flistxattr(fd.as_fd(), &mut names) {
        Ok(length) => names[..length]
            .split(|byte| *byte == 0)
            .any(|name| !name.is_empty() && name != b"security.selinux"),
        Err(Errno::NOTSUP | Errno::NOSYS) => false,
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn why(outcome: Result<impl Sized, PlatformError>) -> String {
        outcome.err().map(|error| error.to_string()).unwrap_or_default()
    }

    fn names(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn bytes_are_replaced_and_rights_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, b"one").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let held = HeldFile::open(folder.path(), Path::new("f"), 9).unwrap();
        std::fs::write(folder.path().join(".f.clawvault-new"), b"left by a kill").unwrap();
        held.replace(b"two", held.mode()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & RIGHTS, 0o640);
        assert_eq!(names(folder.path()), 1);
        // What was read is not there any more.
        assert!(why(held.replace(b"three", 0o600)).contains("changed"));
        assert!(why(held.remove()).contains("changed"));
        assert_eq!(
            (std::fs::read(&path).unwrap().as_slice(), names(folder.path())),
            (&b"two"[..], 1)
        );

        let path = held.path().to_owned();
        let held = HeldFile::open_absolute(&path, 9).unwrap();
        held.remove().unwrap();
        HeldFile::create(&path, b"one", 0o640).unwrap();
        assert!(why(HeldFile::create(&path, b"x", 0o640)).contains("cannot put back"));
        assert_eq!(
            (std::fs::read(&path).unwrap().as_slice(), names(folder.path())),
            (&b"one"[..], 1)
        );
    }

    #[test]
    fn links_second_names_and_folders_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("d")).unwrap();
        std::fs::write(path("d/f"), b"one").unwrap();
        symlink("d", path("linked")).unwrap();
        symlink("d/f", path("link")).unwrap();
        let open = |name: &str| HeldFile::open(folder.path(), Path::new(name), 9);
        assert!(why(open("link")).ends_with("is a symbolic link"));
        assert!(why(open("linked/f")).ends_with("is a symbolic link"));
        assert!(why(open("d")).ends_with("is not a regular file"));
        assert!(why(open("d/g")).contains("No such file"));
        std::fs::hard_link(path("d/f"), path("g")).unwrap();
        assert!(why(open("d/f")).ends_with("(a hard link)"));
    }
}
