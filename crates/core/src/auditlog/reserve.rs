//! Space that is really allocated, and given up when a removal meets a full disk: the way to take
//! a key away must not depend on who filled the disk.

use crate::crypto::digest;
use crate::domain::limits::LOG_RESERVE;
use crate::platform::{Dir, PlatformError, failpoint};

const FILE: &str = "reserve";

/// Puts the reserve in its place where it is missing and there is room for more than itself.
/// Returns whether it stands.
pub fn keep(dir: &Dir) -> Result<bool, PlatformError> {
    if dir.open_reading(FILE)?.is_some_and(|(_, size)| size == LOG_RESERVE) {
        return Ok(true);
    }
    if dir.free_space().is_some_and(|free| free < 3 * LOG_RESERVE as u64) {
        return Ok(false);
    }
    // Zeros would take no space on a file system that compresses or leaves holes.
    let mut bytes = Vec::with_capacity(LOG_RESERVE);
    for block in 0..LOG_RESERVE as u64 / 32 {
        bytes.extend_from_slice(&digest(&[b"clawvault reserve", &block.to_be_bytes()]).0);
    }
    failpoint::hit("log.reserve")?;
    dir.replace(FILE, &bytes)?;
    Ok(true)
}

/// Gives the space up. Returns false where there was none.
pub fn give_up(dir: &Dir) -> bool {
    dir.has(FILE) && dir.remove(FILE).and_then(|()| dir.sync()).is_ok()
}
