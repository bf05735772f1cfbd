//! What the operating system refused, and where.

use std::io;
use std::path::{Path, PathBuf};

use super::read::ReadError;

/// A refusal of the operating system, or of a rule about files that this floor enforces.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlatformError {
    /// Another process holds the lock.
    #[error("{path} is in use by {holder}")]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, as far as it said: `pid 123 (clawvault)`.
        holder: String,
    },
    /// The system call failed.
    #[error("cannot {action} {path}: {}", reason(.source))]
    Io {
        /// What was tried, as a verb: `open`, `write`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's own reason.
        source: io::Error,
    },
    /// The file is larger than anything we would have written there.
    #[error("{path} is larger than {max} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound, in bytes.
        max: usize,
    },
    /// Not private, not a plain file, or not ours: opening it would trust somebody else.
    #[error("{path} {why}")]
    Untrusted {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it, as the end of a sentence.
        why: &'static str,
    },
}

/// The system's words without the number that `io::Error` appends.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

impl PlatformError {
    /// Builds the error of a failed call.
    pub fn io(action: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io { action, path: path.to_owned(), source: source.into() }
    }

    /// Builds the error of a file that could not be read.
    pub fn read(path: &Path, error: ReadError) -> Self {
        let path = path.to_owned();
        let untrusted = |why| Self::Untrusted { path: path.clone(), why };
        match error {
            ReadError::Missing => Self::io("open", &path, rustix::io::Errno::NOENT),
            ReadError::Link => untrusted("is a symbolic link"),
            ReadError::NotRegular => untrusted("is not a regular file"),
            ReadError::Outside => untrusted("leads out of its directory"),
            ReadError::TooLarge(max) => Self::TooLarge { path, max },
            ReadError::TooMany(_) => untrusted("has too many entries"),
            ReadError::Changed => untrusted("changed while it was read"),
            ReadError::System(errno) => Self::io("read", &path, errno),
        }
    }

    /// True when whoever started this process allowed it too few open files.
    pub fn is_descriptor_limit(&self) -> bool {
        let limit = Some(rustix::io::Errno::MFILE);
        matches!(self, Self::Io { source, .. } if rustix::io::Errno::from_io_error(source) == limit)
    }

    /// True when the file or directory does not exist.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}
