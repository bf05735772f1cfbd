//! Messages and the vault's own types. Outward always works; inward everything is checked again:
//! names, numbers, and that a body holds what the message says.

mod entry;
mod secret;

pub use entry::{digests_of, verdict, verdict_message};
pub use secret::{
    Revealing, name, names, put, put_message, revealed, revealed_message, stage, stored,
};

use crate::frame::FrameError;

/// What does not check is malformed, whatever it is.
fn check<T, E>(parsed: Result<T, E>) -> Result<T, FrameError> {
    parsed.map_err(|_| FrameError::Malformed)
}
