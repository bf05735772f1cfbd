//! Why a program was not launched.

use std::path::PathBuf;

use clawvault_core::platform::PlatformError;

/// A launch that did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// There is no such program: 127, as a shell says.
    #[error("{0}: no such program")]
    NotFound(String),
    /// It is there and cannot be run: 126, as a shell says.
    #[error("{0}: cannot be run")]
    NotRunnable(String),
    /// One variable is longer than the kernel takes.
    #[error("the value for {variable} is {length} bytes; the kernel takes {max} in one variable")]
    VariableTooLong {
        /// The variable.
        variable: String,
        /// Its length with name and `=`, in bytes.
        length: usize,
        /// The bound, in bytes.
        max: usize,
    },
    /// Arguments and environment together are larger than the kernel takes.
    #[error("arguments and environment are {total} bytes; the kernel takes {max}")]
    TooLarge {
        /// Their size, in bytes.
        total: usize,
        /// The bound, in bytes.
        max: usize,
    },
    /// No directory in memory is at hand for a secret file.
    #[error("no directory in memory (tmpfs) is at hand for a secret file")]
    NoMemoryDirectory,
    /// A rendered template may only be a new file.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// A path that names no file.
    #[error("{} names no file", .0.display())]
    NotAFile(PathBuf),
    /// A directory whose files reach a disk.
    #[error("{} does not lie in memory (tmpfs)", .0.display())]
    NotInMemory(PathBuf),
    /// The operating system refused.
    #[error(transparent)]
    Platform(#[from] PlatformError),
}
