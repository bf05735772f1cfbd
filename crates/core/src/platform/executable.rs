//! Executables: which file one is, and what it holds.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustix::fs::{FileType, Stat};
use sha2::{Digest as _, Sha256};

use crate::domain::FileIdentity;

/// Which file lies at a path; links are followed.
pub fn identity(path: &Path) -> Option<FileIdentity> {
    rustix::fs::stat(path).ok().map(|stat| of(&stat))
}

/// SHA-256 of the file at a path, if it is that very file before and after it is read.
pub fn digest(path: &Path, wanted: &FileIdentity, max: u64) -> Option<[u8; 32]> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut file = File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
    let stat = rustix::fs::fstat(&file).ok()?;
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    if !is_file || of(&stat) != *wanted || wanted.size > max {
        return None;
    }
    let mut hasher = Sha256::new();
    let mut block = vec![0; 1 << 16];
    let mut left = wanted.size;
    while left > 0 {
        let length = file.read(&mut block).ok().filter(|length| *length > 0)?;
        left = left.checked_sub(length as u64)?;
        hasher.update(&block[..length]);
    }
    let stat = rustix::fs::fstat(&file).ok()?;
    (of(&stat) == *wanted).then(|| hasher.finalize().into())
}

fn of(stat: &Stat) -> FileIdentity {
    let time = |seconds: i64, nanoseconds: i64| {
        seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
    };
    FileIdentity {
        device: stat.st_dev,
        inode: stat.st_ino,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: time(stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
        changed: time(stat.st_ctime, i64::try_from(stat.st_ctime_nsec).unwrap_or(0)),
    }
}
