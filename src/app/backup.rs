//! Backup: everything that the vault keeps, to a file that a person named.

use std::path::Path;

use clawvault_core::platform::{Dir, PlatformError, Private};
use clawvault_core::vault::Taken;

use super::session::{Request, Session};
use super::{Access, App, AppError, Code};

impl App {
    /// Writes a backup; one that stands there is replaced only with `replace`.
    pub fn back_up(&self, file: &Path, replace: bool) -> Result<(Session, Taken), AppError> {
        let (dir, name) = parent_of(file)?;
        let mut session = self.session(Access::Read)?;
        let reply = session.ask(Request::Backup(dir.path().to_owned(), name, replace))?;
        let nothing = || AppError::new(Code::Failed, "nothing was written", "Try again.");
        Ok((session, reply.taken.ok_or_else(nothing)?))
    }
}

/// The directory that a named file lies in, which need not be private, and the file's name there.
pub(super) fn parent_of(file: &Path) -> Result<(Dir, String), AppError> {
    let name = file.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        AppError::usage("that names no file", "Name a file, as in vault-backup.age.")
    })?;
    let parent = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // What names no directory is not repeated: it may be something else that was pasted.
    let real = parent.canonicalize().map_err(|error| {
        PlatformError::io("open", Path::new("the directory of the backup"), error)
    })?;
    Ok((Dir::open(&real, Private::Inspect)?, name.to_owned()))
}
