//! Why an OpenClaw home was not read: the file and the kind, never its content.

use std::path::PathBuf;

use clawvault_core::domain::limits::MAX_DOCUMENT;
use clawvault_core::platform::read::ReadError;

use super::config::{MAX_FILES, MAX_LEVELS};
use crate::intake::ParseError;

/// Why an OpenClaw home was not read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// A file could not be read.
    #[error("{}: {error}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What stood in the way.
        error: ReadError,
    },
    /// A file was read and not understood.
    #[error("{}: {error}", file.display())]
    Parse {
        /// The file.
        file: PathBuf,
        /// Where and what.
        error: ParseError,
    },
    /// A file includes another that may not or cannot be included.
    #[error("{}: $include: {error}", file.display())]
    Include {
        /// The file that holds the `$include`.
        file: PathBuf,
        /// What is wrong with it.
        error: IncludeError,
    },
}

/// What is wrong with an `$include`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IncludeError {
    /// Neither a path nor a list of paths.
    #[error("neither a path nor a list of paths")]
    NotAPath,
    /// A path that leaves the directory of the configuration.
    #[error("a path outside the directory of the configuration")]
    Outside,
    /// A file that includes itself, directly or through others.
    #[error("a file includes itself")]
    Cycle,
    /// Includes of includes past the bound.
    #[error("more than {MAX_LEVELS} levels")]
    Levels,
    /// More files than the bound.
    #[error("more than {MAX_FILES} files")]
    TooMany,
    /// All included files together are larger than the bound.
    #[error("more than {MAX_DOCUMENT} bytes in all")]
    TooLarge,
    /// The included file could not be read.
    #[error("an included file: {0}")]
    Read(ReadError),
}
