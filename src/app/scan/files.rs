//! Reports in files: each whole or not at all, for their owner alone.

use std::path::Path;

use crate::app::AppError;
use crate::app::backup::parent_of;

/// Writes a report into a file; one that stands there is replaced.
pub fn write_report(file: &Path, bytes: &[u8]) -> Result<(), AppError> {
    let (directory, name) = parent_of(file)?;
    Ok(directory.replace(&name, bytes)?)
}
