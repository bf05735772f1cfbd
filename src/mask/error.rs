//! Why a program does not run masked.

use clawvault_needles::TooMuch;

/// A masked run that did not begin, or could not be watched to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaskError {
    /// There is no such program: 127, as a shell says.
    #[error("{0}: no such program")]
    NotFound(String),
    /// It is there and cannot be run: 126, as a shell says.
    #[error("{0}: cannot be run")]
    NotRunnable(String),
    /// The values are too large.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// The operating system refused.
    #[error("the system refused to {what}: {error}")]
    System {
        /// What was asked of it.
        what: &'static str,
        /// What it said.
        error: std::io::Error,
    },
}

impl MaskError {
    /// Names what was asked of the system when it refused.
    pub(super) fn system<E: Into<std::io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::System { what, error: error.into() }
    }
}
