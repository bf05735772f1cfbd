//! Puts back what a scrub took out, where the files are still as the scrub left them.

use std::path::PathBuf;

use clawvault_core::crypto::digest;
use clawvault_core::domain::limits::MAX_DOCUMENT;
use clawvault_core::domain::{ScrubInfo, ScrubbedFile};
use clawvault_core::platform::HeldFile;

use crate::app::{Access, App, AppError, Code};

/// What an undo did.
#[derive(Debug)]
pub struct Undone {
    /// The scrub.
    pub id: u32,
    /// What became of each file.
    pub files: Vec<(PathBuf, PutBack)>,
    /// What a person should know about how the vault was found.
    pub warnings: Vec<String>,
}

/// What became of one file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PutBack {
    /// It is as it was before the scrub.
    Done,
    /// It was not touched, because it is not as the scrub left it.
    Refused(String),
    /// The system refused.
    Failed(String),
}

impl App {
    /// The scrubs that can be undone, oldest first.
    pub fn scrubs(&self) -> Result<Vec<ScrubInfo>, AppError> {
        Ok(self.open(Access::Read)?.scrubs()?)
    }

    /// Undoes a scrub, the last one where none is named. What was put back is forgotten; a file
    /// that somebody changed since stays as it is, and can be tried again.
    pub fn undo_scrub(&self, id: Option<u32>) -> Result<Undone, AppError> {
        let mut vault = self.open(Access::Write)?;
        let mut scrubs = vault.scrubs()?;
        let at = match id {
            Some(id) => scrubs.iter().position(|info| info.id == id),
            None => scrubs.len().checked_sub(1),
        };
        let missing = || {
            let what = "there is no such scrub that can be undone";
            AppError::new(Code::Missing, what, "`clawvault import --undo --list` shows them.")
        };
        let info = scrubs.swap_remove(at.ok_or_else(missing)?);
        let mut undone = Undone { id: info.id, files: Vec::new(), warnings: Vec::new() };
        let mut done = Vec::new();
        for (file, bytes) in vault.reveal_scrub(&self.who(), &info)? {
            let outcome = put_back(&file, &bytes);
            if outcome == PutBack::Done {
                done.push(file.number);
            }
            undone.files.push((file.path().to_owned(), outcome));
        }
        vault.forget_scrubbed(info.id, &done)?;
        undone.warnings = vault.warnings();
        vault.close()?;
        Ok(undone)
    }
}

fn put_back(file: &ScrubbedFile, bytes: &[u8]) -> PutBack {
    let path = file.path();
    let outcome = match (HeldFile::open_absolute(path, MAX_DOCUMENT), file.left) {
        // The scrub, or an earlier undo, was interrupted.
        (Ok(held), _) if held.bytes() == bytes && held.mode() == file.mode => Ok(()),
        (Ok(held), Some(left)) if digest(&[held.bytes()]).0 == left => {
            held.replace(bytes, file.mode)
        }
        (Ok(_), _) => {
            let why = format!("{} was changed since; it stays as it is", path.display());
            return PutBack::Refused(why);
        }
        (Err(error), None) if error.is_missing() => HeldFile::create(path, bytes, file.mode),
        (Err(error), _) => Err(error),
    };
    match outcome {
        Ok(()) => PutBack::Done,
        Err(error) => PutBack::Failed(error.to_string()),
    }
}
