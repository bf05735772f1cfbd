//! Reads a file of somebody else: bounded, never through a link, never from a pipe or device.

use std::io::Read;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use zeroize::Zeroizing;

use super::PlatformError;

/// Reads the regular file at `path`, at most `max` bytes, into a buffer that wipes itself.
///
/// The last part of the path must not be a symbolic link. The buffer never grows past its first
/// allocation, so no copy stays behind.
pub fn read_bounded(path: &Path, max: usize) -> Result<Zeroizing<Vec<u8>>, PlatformError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let fd = open(path, flags, Mode::empty()).map_err(|e| PlatformError::io("open", path, e))?;
    let stat = fstat(&fd).map_err(|e| PlatformError::io("inspect", path, e))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(PlatformError::Untrusted { path: path.into(), why: "is not a regular file" });
    }
    read_all(
        std::fs::File::from(fd),
        usize::try_from(stat.st_size).unwrap_or(usize::MAX),
        max,
        path,
    )
}

/// Reads an open file whole; `size` is what it claims, `max` what is believed.
pub(super) fn read_all(
    file: std::fs::File,
    size: usize,
    max: usize,
    path: &Path,
) -> Result<Zeroizing<Vec<u8>>, PlatformError> {
    let too_large = || PlatformError::TooLarge { path: path.into(), max };
    if size > max {
        return Err(too_large());
    }
    // One byte more than it claims: a file that grew meanwhile is noticed, not cut.
    let mut bytes = Zeroizing::new(Vec::with_capacity(size + 1));
    file.take(size as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| PlatformError::io("read", path, e))?;
    if bytes.len() > size {
        return Err(too_large());
    }
    Ok(bytes)
}
