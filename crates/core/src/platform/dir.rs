//! A directory that is ours alone, held open: every file in it is reached from its descriptor.
//!
//! No link is followed from here downward, so nobody can swap a file for a path elsewhere between
//! check and use. Every file must be a regular one of ours, with one name and no rights for others.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, Stat, renameat, renameat_with};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::PlatformError;
use super::failpoint;
use super::read::read_all;

const OWNER_DIR: Mode = Mode::RWXU;
const OWNER_FILE: Mode = Mode::from_raw_mode(0o600);
const FOR_OTHERS: u32 = 0o077;

/// A private directory, held open.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

/// Whether a rule about privacy is enforced or only looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Private {
    /// Opens it whatever its rights are: `doctor` does, to say what is wrong, and whoever removes
    /// a file that it knows by device and inode.
    Inspect,
    /// Anything that others may read or write is refused.
    Required,
}

/// One entry of a directory.
#[derive(Debug)]
pub struct Found {
    /// File name; entries that are not UTF-8 are not ours and not listed.
    pub name: String,
    /// True for a directory.
    pub is_dir: bool,
}

impl Dir {
    /// Opens the directory at `path`. Links above it are followed once; itself may not be one.
    pub fn open(path: &Path, private: Private) -> Result<Self, PlatformError> {
        let (parent, name) = open_parent(path)?;
        let fd = rustix::fs::openat(&parent, name, dir_flags(), Mode::empty())
            .map_err(|e| open_error(path, e))?;
        Self::checked(fd, path.to_owned(), private)
    }

    /// Opens the directory, making it (and missing parents) first where it does not exist.
    pub fn create(path: &Path) -> Result<Self, PlatformError> {
        match Self::open(path, Private::Required) {
            Err(error) if error.is_missing() => {}
            other => return other,
        }
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            use std::os::unix::fs::DirBuilderExt;
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(parent)
                .map_err(|e| PlatformError::io("create", parent, e))?;
        }
        let (parent, name) = open_parent(path)?;
        match rustix::fs::mkdirat(&parent, name, OWNER_DIR) {
            // Somebody else may have made it meanwhile: it is checked like any other.
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(PlatformError::io("create", path, e)),
        }
        failpoint::hit("dir.made")?;
        let fd = rustix::fs::openat(&parent, name, dir_flags(), Mode::empty())
            .map_err(|e| open_error(path, e))?;
        let dir = Self::checked(fd, path.to_owned(), Private::Inspect)?.with_exact_mode()?;
        rustix::fs::fsync(&parent).ok();
        Ok(dir)
    }

    /// As [`Dir::create`]; one of ours that others may enter is closed to them first.
    pub fn claim(path: &Path) -> Result<Self, PlatformError> {
        match Self::open(path, Private::Inspect) {
            Err(error) if error.is_missing() => Self::create(path),
            other => other?.with_exact_mode(),
        }
    }

    /// Opens a directory inside this one.
    pub fn dir(&self, name: &str) -> Result<Self, PlatformError> {
        let path = self.path.join(name);
        let fd = rustix::fs::openat(&self.fd, name, dir_flags(), Mode::empty())
            .map_err(|e| open_error(&path, e))?;
        Self::checked(fd, path, Private::Required)
    }

    /// Opens a directory inside this one, making it first where it does not exist.
    pub fn create_dir(&self, name: &str) -> Result<Self, PlatformError> {
        match self.dir(name) {
            Err(error) if error.is_missing() => {}
            other => return other,
        }
        let path = self.path.join(name);
        match rustix::fs::mkdirat(&self.fd, name, OWNER_DIR) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(PlatformError::io("create", &path, e)),
        }
        failpoint::hit("dir.made-inside")?;
        let fd = rustix::fs::openat(&self.fd, name, dir_flags(), Mode::empty())
            .map_err(|e| open_error(&path, e))?;
        let dir = Self::checked(fd, path, Private::Inspect)?.with_exact_mode()?;
        self.sync()?;
        Ok(dir)
    }

    /// The directory's path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a file of ours whole; `None` where there is none.
    pub fn read(
        &self,
        name: &str,
        max: usize,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, PlatformError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let Some((file, _)) = self.open_existing(name, flags)? else { return Ok(None) };
        read_all(file, max).map(Some).map_err(|e| PlatformError::read(&self.path.join(name), e))
    }

    /// Opens a file of ours for reading; `None` where there is none.
    pub fn open_reading(&self, name: &str) -> Result<Option<(File, usize)>, PlatformError> {
        self.open_existing(name, OFlags::RDONLY | OFlags::NONBLOCK)
    }

    /// Opens a file of ours for reading and writing; `None` where there is none.
    pub fn open_file(&self, name: &str) -> Result<Option<(File, usize)>, PlatformError> {
        self.open_existing(name, OFlags::RDWR | OFlags::NONBLOCK)
    }

    /// Opens a file of ours for reading and writing, making an empty one where there is none.
    pub fn create_file(&self, name: &str) -> Result<(File, usize), PlatformError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK;
        let opened = self.open_existing(name, flags)?;
        opened.ok_or_else(|| PlatformError::io("create", &self.path.join(name), Errno::NOENT))
    }

    /// Makes a new file; one that exists already is an error.
    pub fn create_new(&self, name: &str) -> Result<File, PlatformError> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        failpoint::hit("dir.create-new")?;
        let fd = rustix::fs::openat(&self.fd, name, flags, OWNER_FILE)
            .map_err(|e| PlatformError::io("create", &self.path.join(name), e))?;
        Ok(File::from(fd))
    }

    /// Replaces a file whole or not at all: new file, fsync, rename, fsync of the directory.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), PlatformError> {
        let temporary = format!(".{name}.new");
        failpoint::hit("dir.replace")?;
        self.remove(&temporary)?;
        self.write_whole(&temporary, name, bytes, RenameFlags::empty())
    }

    /// Makes a new file whole or not at all; one that exists already is an error, also where
    /// another process makes it at the same time.
    pub fn write_new(&self, name: &str, bytes: &[u8]) -> Result<(), PlatformError> {
        let temporary = format!(".{name}.{}.new", std::process::id());
        self.write_whole(&temporary, name, bytes, RenameFlags::NOREPLACE)
    }

    /// Removes what a crash left before it was renamed into place; its writer must be gone.
    pub fn remove_unfinished(&self) -> Result<(), PlatformError> {
        let unfinished = |f: &Found| f.name.starts_with('.') && f.name.ends_with(".new");
        self.list()?.iter().filter(|f| unfinished(f)).try_for_each(|f| self.remove(&f.name))
    }

    fn write_whole(
        &self,
        temporary: &str,
        name: &str,
        bytes: &[u8],
        how: RenameFlags,
    ) -> Result<(), PlatformError> {
        let outcome = self.create_new(temporary).and_then(|mut file| {
            let path = self.path.join(name);
            let write = |e| PlatformError::io("write", &path, e);
            failpoint::hit("dir.replace.write")?;
            file.write_all(bytes).map_err(write)?;
            failpoint::hit("dir.replace.sync")?;
            file.sync_all().map_err(write)?;
            self.rename_as(temporary, name, how)
        });
        if outcome.is_err() {
            self.remove(temporary).ok();
        }
        outcome
    }

    /// Renames a file within the directory and makes the change durable.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), PlatformError> {
        self.rename_as(from, to, RenameFlags::empty())
    }

    fn rename_as(&self, from: &str, to: &str, how: RenameFlags) -> Result<(), PlatformError> {
        failpoint::hit("dir.rename")?;
        let renamed = match renameat_with(&self.fd, from, &self.fd, to, how) {
            // A file system without this way of renaming (NFS); the window is a moment.
            Err(Errno::INVAL) if !self.has(to) => renameat(&self.fd, from, &self.fd, to),
            other => other,
        };
        renamed.map_err(|e| PlatformError::io("rename", &self.path.join(from), e))?;
        failpoint::hit("dir.renamed")?;
        self.sync()
    }

    /// Gives a file its name within the directory unless something stands there, durably.
    pub fn settle(&self, from: &str, to: &str) -> Result<(), PlatformError> {
        use rustix::fs::{RenameFlags, renameat_with};
        match renameat_with(&self.fd, from, &self.fd, to, RenameFlags::NOREPLACE) {
            Ok(()) => self.sync(),
            // A file system without such a rename; that nothing stands there was looked at before.
            Err(Errno::INVAL | Errno::NOSYS) if !self.has(to) => self.rename(from, to),
            Err(e) => Err(PlatformError::io("create", &self.path.join(to), e)),
        }
    }

    /// Lets two files change names in one step, and makes that durable.
    pub fn exchange(&self, one: &str, other: &str) -> Result<(), PlatformError> {
        failpoint::hit("dir.exchange")?;
        renameat_with(&self.fd, one, &self.fd, other, RenameFlags::EXCHANGE)
            .map_err(|e| PlatformError::io("rename", &self.path.join(one), e))?;
        failpoint::hit("dir.exchanged")?;
        self.sync()
    }

    /// Removes a file; a missing one is fine.
    pub fn remove(&self, name: &str) -> Result<(), PlatformError> {
        self.unlink(name, AtFlags::empty())
    }

    /// Removes an empty directory inside this one; a missing one is fine.
    pub fn remove_dir(&self, name: &str) -> Result<(), PlatformError> {
        self.unlink(name, AtFlags::REMOVEDIR)
    }

    /// Removes all that is in the directory; no link in it is followed.
    pub fn clear(&self) -> Result<(), PlatformError> {
        for entry in self.list()? {
            if entry.is_dir {
                let path = self.path.join(&entry.name);
                let fd = rustix::fs::openat(&self.fd, &entry.name, dir_flags(), Mode::empty())
                    .map_err(|e| open_error(&path, e))?;
                Self::checked(fd, path, Private::Inspect)?.clear()?;
                self.remove_dir(&entry.name)?;
            } else {
                self.remove(&entry.name)?;
            }
        }
        Ok(())
    }

    /// Lists the directory, sorted by name.
    pub fn list(&self) -> Result<Vec<Found>, PlatformError> {
        let fail = |e| PlatformError::io("list", &self.path, e);
        let mut found = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name != "." && name != ".." {
                let is_dir = entry.file_type() == FileType::Directory;
                found.push(Found { name: name.to_owned(), is_dir });
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// True where an entry of this name exists, of whatever kind.
    pub fn has(&self, name: &str) -> bool {
        rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Device and inode of an entry, of whatever kind; `None` where there is none.
    pub fn identity(&self, name: &str) -> Option<(u64, u64)> {
        let stat = rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some((stat.st_dev, stat.st_ino))
    }

    /// Makes creations, renames and removals in this directory durable.
    pub fn sync(&self) -> Result<(), PlatformError> {
        failpoint::hit("dir.sync")?;
        rustix::fs::fsync(&self.fd).map_err(|e| PlatformError::io("sync", &self.path, e))
    }

    /// Bytes that are free for us where the directory lies; `None` where the system does not say.
    pub fn free_space(&self) -> Option<u64> {
        let stat = rustix::fs::fstatvfs(&self.fd).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// True where the directory lies in memory (tmpfs or ramfs), so that no disk ever sees a file.
    pub fn is_in_memory(&self) -> bool {
        const TMPFS_MAGIC: rustix::fs::FsWord = 0x0102_1994;
        const RAMFS_MAGIC: rustix::fs::FsWord = 0x8584_58f6;
        rustix::fs::fstatfs(&self.fd).is_ok_and(|s| [TMPFS_MAGIC, RAMFS_MAGIC].contains(&s.f_type))
    }

    /// Sets the rights of the directory and of every file of ours in it to the owner's alone.
    pub fn make_private(&self) -> Result<(), PlatformError> {
        failpoint::hit("dir.private")?;
        rustix::fs::fchmod(&self.fd, OWNER_DIR)
            .map_err(|e| PlatformError::io("change the rights of", &self.path, e))?;
        for entry in self.list()? {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
            let mode = if entry.is_dir { OWNER_DIR } else { OWNER_FILE };
            if let Ok(fd) = rustix::fs::openat(&self.fd, entry.name.as_str(), flags, Mode::empty())
            {
                rustix::fs::fchmod(&fd, mode).map_err(|e| {
                    PlatformError::io("change the rights of", &self.path.join(&entry.name), e)
                })?;
            }
        }
        Ok(())
    }

    fn checked(fd: OwnedFd, path: PathBuf, private: Private) -> Result<Self, PlatformError> {
        let stat = rustix::fs::fstat(&fd).map_err(|e| PlatformError::io("inspect", &path, e))?;
        if private == Private::Required {
            ours(&stat, &path)?;
        }
        Ok(Self { fd, path })
    }

    /// A directory just made gets its exact mode whatever the umask was.
    fn with_exact_mode(self) -> Result<Self, PlatformError> {
        let stat =
            rustix::fs::fstat(&self.fd).map_err(|e| PlatformError::io("inspect", &self.path, e))?;
        // One that somebody else put there meanwhile is not ours to change.
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            return Err(PlatformError::Untrusted {
                path: self.path,
                why: "belongs to another user",
            });
        }
        rustix::fs::fchmod(&self.fd, OWNER_DIR)
            .map_err(|e| PlatformError::io("change the rights of", &self.path, e))?;
        Ok(self)
    }

    fn open_existing(
        &self,
        name: &str,
        flags: OFlags,
    ) -> Result<Option<(File, usize)>, PlatformError> {
        let path = self.path.join(name);
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let fd = match rustix::fs::openat(&self.fd, name, flags, OWNER_FILE) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(e) => return Err(open_error(&path, e)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(|e| PlatformError::io("inspect", &path, e))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(PlatformError::Untrusted { path, why: "is not a regular file" });
        }
        if stat.st_nlink != 1 {
            return Err(PlatformError::Untrusted { path, why: "has a second name (a hard link)" });
        }
        ours(&stat, &path)?;
        Ok(Some((File::from(fd), usize::try_from(stat.st_size).unwrap_or(usize::MAX))))
    }

    fn unlink(&self, name: &str, flags: AtFlags) -> Result<(), PlatformError> {
        failpoint::hit("dir.remove")?;
        match rustix::fs::unlinkat(&self.fd, name, flags) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(PlatformError::io("remove", &self.path.join(name), e)),
        }
    }
}

fn dir_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW
}

/// `ELOOP` and `ENOTDIR` of a no-follow open mean a link, or something else, stands there.
fn open_error(path: &Path, errno: Errno) -> PlatformError {
    match errno {
        Errno::LOOP => PlatformError::Untrusted { path: path.into(), why: "is a symbolic link" },
        Errno::NOTDIR => {
            PlatformError::Untrusted { path: path.into(), why: "is a link or not a directory" }
        }
        Errno::NXIO | Errno::ISDIR => {
            PlatformError::Untrusted { path: path.into(), why: "is not a regular file" }
        }
        other => PlatformError::io("open", path, other),
    }
}

fn ours(stat: &Stat, path: &Path) -> Result<(), PlatformError> {
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(PlatformError::Untrusted { path: path.into(), why: "belongs to another user" });
    }
    if stat.st_mode & FOR_OTHERS != 0 {
        return Err(PlatformError::Untrusted { path: path.into(), why: "is open to other users" });
    }
    Ok(())
}

/// Opens what a path's last part lies in: from here on nobody can put a link above it.
fn open_parent(path: &Path) -> Result<(OwnedFd, &OsStr), PlatformError> {
    let invalid = || PlatformError::Untrusted { path: path.into(), why: "is not a usable path" };
    let name = path.file_name().ok_or_else(invalid)?;
    let parent = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open = |how| rustix::fs::open(parent, flags | how, Mode::empty());
    // A directory that we may pass through but not list, such as one of mode 0711, will do.
    let fd = match open(OFlags::RDONLY) {
        Err(Errno::ACCESS) => open(OFlags::PATH),
        other => other,
    };
    Ok((fd.map_err(|e| PlatformError::io("open", parent, e))?, name))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn scratch() -> (tempfile::TempDir, Dir) {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::create(&temporary.path().join("home")).unwrap();
        (temporary, dir)
    }

    #[test]
    fn a_file_is_replaced_whole_and_private() {
        let (_keep, dir) = scratch();
        dir.replace("f", b"one").unwrap();
        dir.replace("f", b"two").unwrap();
        assert_eq!(dir.read("f", 10).unwrap().unwrap().as_slice(), b"two");
        let mode = std::fs::metadata(dir.path().join("f")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(dir.read("f", 2), Err(PlatformError::TooLarge { .. })));
        assert!(dir.read("missing", 10).unwrap().is_none());
        assert!(dir.write_new("f", b"three").is_err());
        dir.write_new("g", b"three").unwrap();
        assert_eq!(dir.read("f", 10).unwrap().unwrap().as_slice(), b"two");
        assert_eq!(dir.read("g", 10).unwrap().unwrap().as_slice(), b"three");
        dir.create_new(".h.new").unwrap();
        dir.remove_unfinished().unwrap();
        assert_eq!(dir.list().unwrap().len(), 2);
    }

    #[test]
    fn links_fifos_and_open_rights_are_refused() {
        let (_keep, dir) = scratch();
        dir.replace("f", b"one").unwrap();
        symlink("f", dir.path().join("link")).unwrap();
        assert!(dir.read("link", 10).is_err());
        std::fs::hard_link(dir.path().join("f"), dir.path().join("g")).unwrap();
        assert!(dir.read("f", 10).is_err());
        std::fs::remove_file(dir.path().join("g")).unwrap();
        let fifo = rustix::fs::mkfifoat(&dir.fd, "fifo", OWNER_FILE);
        assert!(fifo.is_ok() && dir.read("fifo", 10).is_err());
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(dir.path().join("f"), open).unwrap();
        assert!(dir.read("f", 10).is_err());
        dir.make_private().unwrap();
        assert!(dir.read("f", 10).is_ok());
    }

    #[test]
    fn a_home_that_is_a_link_is_refused_and_one_below_a_link_is_not() {
        let (keep, dir) = scratch();
        symlink(dir.path(), keep.path().join("alias")).unwrap();
        assert!(Dir::open(&keep.path().join("alias"), Private::Required).is_err());
        symlink(keep.path(), keep.path().join("up")).unwrap();
        assert!(Dir::open(&keep.path().join("up/home"), Private::Required).is_ok());
    }
}
