//! Whether arguments and environment fit the kernel, said before anything is opened.
//!
//! Linux counts every string with its NUL and a pointer for each against a quarter of the stack
//! limit, at most 6 MiB, and takes no string above 32 pages (execve(2), "Limits on size of
//! arguments and environment").

use std::ffi::OsStr;

use rustix::process::{Resource, getrlimit};

use super::LaunchError;

const MAX_STRING: usize = 128 * 1024;
const MAX_TOTAL: u64 = 6 * 1024 * 1024;
const MIN_TOTAL: u64 = 128 * 1024;
const POINTER: usize = size_of::<usize>();
/// What the kernel adds by itself: the program's name, the auxiliary vector, some padding.
const MARGIN: usize = 8 * 1024;

/// Checks argument lengths, and (name, length of value) of every variable.
pub fn check<'a>(
    arguments: impl IntoIterator<Item = &'a OsStr>,
    variables: impl IntoIterator<Item = (&'a OsStr, usize)>,
) -> Result<(), LaunchError> {
    let mut total = MARGIN;
    for argument in arguments {
        total += argument.len() + 1 + POINTER;
    }
    for (name, length) in variables {
        let length = name.len() + 1 + length + 1;
        if length > MAX_STRING {
            let variable = name.to_string_lossy().into_owned();
            return Err(LaunchError::VariableTooLong { variable, length, max: MAX_STRING });
        }
        total += length + POINTER;
    }
    let stack = getrlimit(Resource::Stack).current.unwrap_or(u64::MAX);
    let max = usize::try_from((stack / 4).clamp(MIN_TOTAL, MAX_TOTAL)).unwrap_or(usize::MAX);
    if total > max { Err(LaunchError::TooLarge { total, max }) } else { Ok(()) }
}
