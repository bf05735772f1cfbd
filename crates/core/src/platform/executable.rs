//! Executables: which file one is, and what it holds.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustix::fs::{FileType, Stat};
use sha2::{Digest as _, Sha256};

use crate::domain::FileIdentity;

/// Largest script that is pinned, in bytes.
const MAX_SCRIPT: u64 = 64 * 1024 * 1024;

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

/// Whether a script is the one that a policy names, and nobody else can change it: the why where not.
pub fn is_pinned(path: &Path, sha256: &[u8; 32]) -> Result<(), &'static str> {
    let own = super::process::effective_uid();
    for place in [Some(path), path.parent()].into_iter().flatten() {
        let found = rustix::fs::stat(place).map_err(|_| "there is no such file")?;
        if found.st_mode & 0o022 != 0 || found.st_uid != 0 && found.st_uid != own {
            return Err("others may write to it, or to its directory");
        }
    }
    let identity = identity(path).ok_or("it cannot be read")?;
    match digest(path, &identity, MAX_SCRIPT) {
        Some(digest) if digest == *sha256 => Ok(()),
        Some(_) => Err("it is not what the policy pins: its sha256 differs"),
        None => Err("it changed while it was read, or is no file, or larger than 64 MiB"),
    }
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
