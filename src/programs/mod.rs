//! Other programs that keep secrets encrypted, asked to decrypt them: sops, dotenvx, pass.
//!
//! Their own forms are never read here. Each is run with a list of arguments and no shell, for a
//! bounded time; its stdout goes into one bounded buffer that wipes itself, its stderr nowhere,
//! since it may hold a value. Their keys stay where the programs find them. This feature knows
//! no vault; what a program says is read elsewhere.

mod capture;
mod pass;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use capture::{ProgramError, capture, capture_any};
pub use pass::{Shown, entries, shown};

/// A program to run.
#[derive(Clone, Copy)]
pub struct Program<'a> {
    /// What it is called in messages.
    pub name: &'static str,
    /// The executable.
    pub path: &'a Path,
    /// Its whole environment.
    pub environment: &'a BTreeMap<OsString, OsString>,
}

/// What sops is to print a decrypted file as: `None` for the form that the file's name says.
///
/// The arguments for `sops`.
pub fn sops_arguments(file: &Path, output: Option<&str>) -> Vec<OsString> {
    let mut arguments = vec![OsString::from("--decrypt")];
    if let Some(output) = output {
        arguments.extend(["--output-type".into(), output.into()]);
    }
    arguments.push(operand(file));
    arguments
}

/// The arguments for `dotenvx`: the file as it was before it was encrypted.
///
/// Not `get`, which puts variables of the environment before the file's own.
pub fn dotenvx_arguments(file: &Path) -> Vec<OsString> {
    ["decrypt".into(), "--stdout".into(), "-f".into(), operand(file)].into()
}

/// The arguments for `pass`.
pub fn pass_arguments(entry: &str) -> Vec<OsString> {
    ["show".into(), "--".into(), entry.into()].into()
}

/// A file's name that no program takes for an option.
fn operand(file: &Path) -> OsString {
    if file.is_absolute() {
        return file.into();
    }
    PathBuf::from(".").join(file).into_os_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_never_taken_for_an_option() {
        let last = |file: &str| sops_arguments(Path::new(file), None).pop().unwrap();
        assert_eq!(last("--config"), "./--config");
        assert_eq!(last("/a/b"), "/a/b");
        assert_eq!(pass_arguments("-c"), ["show", "--", "-c"]);
    }
}
