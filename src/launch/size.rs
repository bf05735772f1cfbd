//! Whether arguments and environment fit the kernel, said before anything is opened.
//!
//! Linux counts every string with its NUL and a pointer for each against a quarter of the stack
//! limit, at most 6 MiB, and takes no string above 32 pages (execve(2), "Limits on size of
//! arguments and environment").

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use rustix::process::{Resource, getrlimit};

use super::LaunchError;

const MAX_STRING: usize = 128 * 1024;
const MAX_TOTAL: u64 = 6 * 1024 * 1024;
const MIN_TOTAL: u64 = 128 * 1024;
const POINTER: usize = size_of::<usize>();
/// What the kernel adds by itself: the program's name, the auxiliary vector, some padding.
const MARGIN: usize = 8 * 1024;

/// What the kernel takes, and what is there already.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// Most bytes of everything together.
    pub max: usize,
    /// Bytes of the arguments, as the kernel counts them.
    pub arguments: usize,
    /// Length of the value of every variable that is there.
    pub variables: BTreeMap<OsString, usize>,
}

impl Room {
    /// The room of a program that this process becomes.
    pub fn of<'a>(
        arguments: impl IntoIterator<Item = &'a OsStr>,
        variables: impl IntoIterator<Item = (&'a OsStr, usize)>,
    ) -> Self {
        let stack = getrlimit(Resource::Stack).current.unwrap_or(u64::MAX);
        let max = (stack / 4).clamp(MIN_TOTAL, MAX_TOTAL);
        Self {
            max: usize::try_from(max).unwrap_or(usize::MAX),
            arguments: arguments.into_iter().map(|one| one.len() + 1 + POINTER).sum(),
            variables: variables.into_iter().map(|(n, length)| (n.to_owned(), length)).collect(),
        }
    }

    /// Whether these variables fit as well; one that is there already is replaced.
    ///
    /// # Errors
    /// Which variable is too long, or by how much everything is.
    pub fn check<'a>(
        &self,
        more: impl IntoIterator<Item = (&'a OsStr, usize)>,
    ) -> Result<(), LaunchError> {
        let mut lengths = BTreeMap::new();
        for (name, length) in &self.variables {
            lengths.insert(name.as_os_str(), *length);
        }
        for (name, length) in more {
            lengths.insert(name, length);
        }
        let mut total = MARGIN.saturating_add(self.arguments);
        for (name, length) in lengths {
            let length = name.len().saturating_add(length).saturating_add(2);
            if length > MAX_STRING {
                let variable = name.to_string_lossy().into_owned();
                return Err(LaunchError::VariableTooLong { variable, length, max: MAX_STRING });
            }
            total = total.saturating_add(length + POINTER);
        }
        let max = self.max;
        if total > max { Err(LaunchError::TooLarge { total, max }) } else { Ok(()) }
    }
}
