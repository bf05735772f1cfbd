//! A bell: a file whose writing is heard by whoever listens at its directory (inotify(7)).
//!
//! It says nothing but that something changed. It may be rung by whoever may write in the directory, so
//! whoever hears it asks for what is new and believes nothing else.

use std::fs;
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};

use super::process::ProcessId;

/// Most bells of one directory that are looked at when the unheard ones are taken away.
const MANY: usize = 65_536;

/// The name of the bell of a process.
pub fn name_of(process: ProcessId) -> String {
    format!("{}-{}", process.pid, process.started)
}

fn is_heard(name: &str) -> bool {
    let parse = || {
        let (pid, started) = name.split_once('-')?;
        Some(ProcessId { pid: pid.parse().ok()?, started: started.parse().ok()? })
    };
    parse().is_some_and(ProcessId::is_alive)
}

/// Makes the directory of bells; with `for_group` its group may listen, too.
///
/// # Errors
/// Where the system refuses.
pub fn make(dir: &Path, for_group: bool) -> io::Result<()> {
    let mode = if for_group { 0o750 } else { 0o700 };
    match fs::DirBuilder::new().mode(mode).create(dir) {
        Ok(()) => fs::set_permissions(dir, fs::Permissions::from_mode(mode)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Rings these bells, and takes away those whose process is over.
///
/// # Errors
/// Where one cannot be written.
pub fn ring(dir: &Path, names: &[String]) -> io::Result<()> {
    for name in names.iter().filter(|name| is_heard(name)) {
        // No link is followed; what it holds means nothing.
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o640)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(dir.join(name))?;
        file.write_all(b"new\n")?;
    }
    for entry in fs::read_dir(dir)?.flatten().take(MANY) {
        if entry.file_name().to_str().is_some_and(|name| !is_heard(name)) {
            fs::remove_file(entry.path()).ok();
        }
    }
    Ok(())
}

/// One who listens for a bell.
pub struct Ear {
    inotify: OwnedFd,
    name: String,
}

impl Ear {
    /// Listens for the bell of this name from now on.
    ///
    /// # Errors
    /// Where the directory is not there, or may not be read.
    pub fn at(dir: &Path, name: String) -> io::Result<Self> {
        let inotify = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        add_watch(&inotify, dir, WatchFlags::CLOSE_WRITE | WatchFlags::ONLYDIR)?;
        Ok(Self { inotify, name })
    }

    /// True if it was rung since this was last asked, or may have been.
    pub fn has_heard(&self) -> bool {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        let mut heard = false;
        while let Ok(event) = reader.next() {
            // More came than the kernel keeps: it may have been among them.
            let lost = event.events().contains(rustix::fs::inotify::ReadFlags::QUEUE_OVERFLOW);
            heard |=
                lost || event.file_name().is_some_and(|f| f.to_bytes() == self.name.as_bytes());
        }
        heard
    }
}

impl AsFd for Ear {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_one_is_heard_and_the_dead_are_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        let own = name_of(ProcessId::own());
        let ear = Ear::at(dir.path(), own.clone()).unwrap();
        assert!(!ear.has_heard());
        let dead = dir.path().join("4194303-1");
        fs::write(&dead, b"").unwrap();
        ring(dir.path(), &["1-0".to_owned()]).unwrap();
        assert!(!ear.has_heard() && !dead.exists());
        ring(dir.path(), &[own]).unwrap();
        assert!(ear.has_heard() && !ear.has_heard());
        assert!(Ear::at(&dead, String::new()).is_err());
    }
}
